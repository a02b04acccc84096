"""How fast the first page is drawn, what the server weighs, and how it answers thirty readers at once."""

from __future__ import annotations

import asyncio
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

from tests.benchmarks.parts import Parts
from tests.conftest import READY, ROOT, Server, chromium, serve
from tests.load.client import Client, run

#: For each page a bound knob and two of its values; both results are in the shared cache before the clock starts.
KNOBS: dict[str, tuple[str, tuple[Any, Any]]] = {
    "tokenizer": ("tokenizer_right", ("bert", "storyteller")),
    "attention": ("attention_at_least", (0.4, 0.6)),
    "sampling": ("sampling_temperature", (0.7, 1.3)),
    "search": ("search_rrf_k", (30, 60)),
    "topics": ("topics_min_cluster_size", (10, 14)),
}
TEXTS = {
    "tokenizer": "Seven grey geese flew over the mill at dusk.",
    "attention": "The miller's daughter gave the fox a golden key, and the fox gave",
    "sampling": "Once upon a time there was a miller who",
    "search": "Why do tides rise twice a day?",
    "topics": "The lamp outside number nine has been dark for two weeks now.",
}
SMALL = {"LOOKING_GLASS_MODEL": "storyteller"}


def megabytes(server: Server) -> float:
    return round(psutil.Process(server.process.pid).memory_info().rss / 1e6, 1)


def against_hello(folder: Path, path: str, mark: str, repeats: int = 15) -> dict[str, Any]:
    """Navigation to the first complete picture against a one-line app, alternating, medians, both servers warm.

    `path` is the page's address below the server's; `mark` is a selector that only the complete picture has.
    """
    from playwright.sync_api import sync_playwright

    hello = folder / "hello.py"
    hello.write_text('import streamlit as st; st.write("Hello")\n', "utf-8")
    seconds: dict[str, list[float]] = {"page": [], "hello": []}
    with serve(folder / "page.log") as ours, serve(folder / "hello.log", script=str(hello)) as plain:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium(), args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
            )
            contexts = {name: browser.new_context(viewport={"width": 1400, "height": 1000}) for name in seconds}
            sides = {"page": (ours.url.rstrip("/") + path, mark), "hello": (plain.url, "text=Hello")}
            for turn in range(repeats + 2):
                for name, (address, wanted) in sides.items():
                    page = contexts[name].new_page()
                    start = time.perf_counter()
                    page.goto(address, wait_until="commit")
                    page.wait_for_selector(wanted, timeout=60_000, state="attached")
                    if turn >= 2:
                        seconds[name].append(time.perf_counter() - start)
                    page.wait_for_selector(READY, timeout=60_000)
                    page.close()
            browser.close()
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "ratio": round(middle["page"] / middle["hello"], 3),
        "seconds": {name: round(value, 3) for name, value in middle.items()},
        "every_turn": {name: [round(value, 2) for value in values] for name, values in seconds.items()},
    }


def home_vs_hello(folder: Path) -> dict[str, Any]:
    return against_hello(folder, "", "[data-picture=complete]")


async def visit(server: Server, page: str, query: str = "") -> Client:
    client = await Client(server.url, page, query).open()
    assert not client.exceptions, (page, client.exceptions)
    return client


def weigh(folder: Path) -> dict[str, Any]:
    """Resident memory after Home alone, and after every page has computed something of its own."""
    figures: dict[str, Any] = {}

    async def home(server: Server) -> None:
        await (await visit(server, "home")).close()

    with serve(folder / "weigh.log") as server:
        run(home(server))
        figures["rss_mb_home"] = megabytes(server)

    async def every(server: Server) -> None:
        for page, text in TEXTS.items():
            client = await visit(server, page, f"text={quote(text)}")
            await client.close()
            figures.setdefault("after", {})[page] = megabytes(server)
        # Another neighbourhood makes Topics reduce and cluster anew.
        await (await visit(server, "topics", "topics_n_neighbors=10")).close()
        figures["after"]["topics, refitted"] = megabytes(server)

    with serve(folder / "weigh2.log", SMALL) as server:
        run(every(server))
        figures["rss_mb_all_pages"] = megabytes(server)
    return figures


def p95(values: list[float]) -> float:
    return round(sorted(values)[max(0, int(len(values) * 0.95) - 1)] * 1000, 1)


def clicks(folder: Path, *, fresh: bool, seconds: float = 20.0) -> dict[str, Any]:
    """Thirty readers, six on each page, one click a second each; `fresh` asks for a text nobody asked for before."""
    times: dict[str, list[float]] = {page: [] for page in KNOBS}

    async def reader(server: Server, page: str, number: int) -> None:
        client = await visit(server, page, f"text={quote(TEXTS[page])}")
        knob, values = KNOBS[page]
        chance = random.Random(number)
        await asyncio.sleep(chance.random())
        until = time.monotonic() + seconds
        turn = 0
        while time.monotonic() < until:
            begun = time.monotonic()
            if fresh:
                client.query = "text=" + quote(f"{TEXTS[page]} ({number}-{turn})")
                times[page].append(await client.rerun())
            else:
                times[page].append(await client.rerun(**{knob: values[turn % 2]}))
            turn += 1
            await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - begun)))
        assert not client.exceptions, (page, client.exceptions)
        await client.close()

    async def warm(server: Server) -> None:
        for page, (knob, values) in KNOBS.items():
            client = await visit(server, page, f"text={quote(TEXTS[page])}")
            for value in values:
                await client.rerun(**{knob: value})
            await client.close()

    async def everybody(server: Server) -> None:
        await warm(server)
        await asyncio.gather(*(reader(server, page, 10 * i + j) for i, page in enumerate(KNOBS) for j in range(6)))

    with serve(folder / "clicks.log", SMALL) as server:
        run(everybody(server))
    every = [value for values in times.values() for value in values]
    return {
        "p95_ms": p95(every),
        "p50_ms": round(statistics.median(every) * 1000, 1),
        "clicks": len(every),
        "p95_ms_by_page": {page: p95(values) for page, values in times.items()},
    }


def attention_payload(folder: Path) -> dict[str, Any]:
    """Bytes that the attention picture receives for a text of 128 tokens, for each model that is here."""
    from components.models.open import open_tokenizer
    from components.tokenization import trace
    from tests.conftest import here

    words = (ROOT / "README.md").read_text("utf-8").split()
    figures: dict[str, Any] = {}

    async def weigh_one(server: Server, name: str, text: str) -> float:
        client = await visit(server, "attention", f"attention_model={name}&text={quote(text)}")
        size = len(client.components["looking_glass_attention"]) / 1e6
        await client.close()
        return round(size, 3)

    with serve(folder / "payload.log") as server:
        for name in ("storyteller", "smollm2"):
            if not here(name):
                figures[name] = None
                continue
            tokenizer = open_tokenizer(name)
            count = next(n for n in range(10, 400) if len(trace(tokenizer, " ".join(words[: n + 1])).ids) > 127)
            figures[name] = run(weigh_one(server, name, " ".join(words[:count])))
    return figures


def install(folder: Path) -> dict[str, Any]:
    """A new virtual environment with requirements.txt: seconds and megabytes."""
    home = folder / "env"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    python = home / "bin" / "python"
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    torch = next(line.split()[0] for line in lines if line.startswith("torch=="))
    start = time.perf_counter()
    for what in ([torch], ["-r", str(ROOT / "requirements.txt")]):
        done = subprocess.run([str(python), "-m", "pip", "install", "-q", *what], capture_output=True, text=True)
        if done.returncode:
            return {"install_s": None, "install_mb": None, "note": done.stderr[-300:]}
    seconds = time.perf_counter() - start
    size = sum(path.lstat().st_size for path in home.rglob("*") if not path.is_symlink())
    listing = [str(python), "-m", "pip", "list", "--format=freeze"]
    installed = subprocess.run(listing, capture_output=True, text=True, check=True).stdout
    cuda = [line for line in installed.splitlines() if line.startswith("nvidia-")]
    return {"install_s": round(seconds, 1), "install_mb": round(size / 1e6, 1), "nvidia_packages": len(cuda)}


def measure() -> dict[str, Any]:
    figures: dict[str, Any] = {}
    part = Parts("home,weigh,cached,uncached,payload,install")
    if found := part("home", "Home against a one-line app", home_vs_hello):
        figures["home_vs_hello"] = found["ratio"]
    if found := part("weigh", "memory", weigh):
        figures |= {key: found[key] for key in ("rss_mb_home", "rss_mb_all_pages")}
    if found := part("cached", "thirty readers, results in the cache", lambda folder: clicks(folder, fresh=False)):
        figures["click_p95_ms_30_clients"] = found["p95_ms"]
    if found := part("uncached", "thirty readers, results to be computed", lambda folder: clicks(folder, fresh=True)):
        figures["click_p95_ms_uncached"] = found["p95_ms"]
    if found := part("payload", "the attention picture's payload", attention_payload):
        sizes = [size for size in found.values() if size is not None]
        figures["attention_payload_mb_128"] = max(sizes) if sizes else None
    if found := part("install", "a new environment", install):
        figures |= {key: found[key] for key in ("install_s", "install_mb")}
    return figures | {"cases": part.cases}
