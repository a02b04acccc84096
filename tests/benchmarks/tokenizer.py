"""How fast Tokens is against the bare libraries, what it weighs, and how soon a keystroke is drawn."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from components import corpora
from components.models import catalog
from components.models.open import OpenTokenizer, open_tokenizer
from components.tokenization import replay, trace
from tests.benchmarks.parts import Parts, say
from tests.benchmarks.startup import against_hello, megabytes, visit
from tests.conftest import ROOT, chromium, here, serve
from tests.load.client import run

#: The four that a small class has open at once.
FOUR = {"left": "storyteller", "right": "bert", "third": "smollm2", "fourth": "mistral-v1"}


def prose(size: int) -> str:
    """So many bytes of the shipped texts: English, the messages' odd spelling, every fortieth line in 34 languages."""
    lines = [text for name in corpora.BUNDLED for text in corpora.bundled(name).texts]
    foreign = [one.text for one in corpora.parallel()]
    mixed = [line for at, text in enumerate(lines) for line in ((text, foreign[at // 40 % len(foreign)])
                                                               if at % 40 == 0 else (text,))]
    whole = "\n".join(mixed)
    whole *= size // len(whole.encode()) + 1
    return whole.encode()[:size].decode(errors="ignore")


def names() -> list[str]:
    """Every tokenizer that is here."""
    return [entry.id for entry in catalog.with_tokenizer() if here(entry.id)]


def bare(tokenizer: OpenTokenizer) -> Callable[[str], Any]:
    """What the library itself does for ids and places."""
    library = tokenizer.library_object
    if tokenizer.kind == "tiktoken":
        return lambda text: library.encode_to_numpy(text, disallowed_special=())
    if tokenizer.kind == "sentencepiece":
        return lambda text: library.encode(text, return_type="proto")
    return lambda text: library.encode_batch([text], add_special_tokens=False)


def traces(repeats: int = 3) -> dict[str, Any]:
    """Seconds of `trace` and of the bare library for 1 MB, in turn; the medians' ratio for each tokenizer."""
    text = prose(1_000_000)
    found = {}
    for name in names():
        tokenizer = open_tokenizer(name)
        library = bare(tokenizer)
        library(text[:1000])
        trace(tokenizer, text[:1000])
        seconds: dict[str, list[float]] = {"trace": [], "bare": []}
        for _ in range(repeats):
            for which, work in (("bare", library), ("trace", lambda text, tokenizer=tokenizer: trace(tokenizer, text))):
                begun = time.perf_counter()
                work(text)
                seconds[which].append(time.perf_counter() - begun)
        middle = {which: statistics.median(values) for which, values in seconds.items()}
        found[name] = {"ratio": round(middle["trace"] / middle["bare"], 3),
                       **{which: round(value, 3) for which, value in middle.items()}}
        say(f"  {name} {found[name]}")
    return found


def single(name: str) -> float:
    """Megabytes that one tokenizer and its table add, in a process of its own."""
    code = ("import sys, psutil, tokenizers, tiktoken, sentencepiece, regex, numpy\n"
            "from components.models.open import open_tokenizer\nfrom components.tokenization import trace\n"
            "own = psutil.Process()\nbefore = own.memory_info().rss\n"
            "found = trace(open_tokenizer(sys.argv[1]), 'The old king 1234')\n"
            "print((own.memory_info().rss - before) / 1e6)")
    done = subprocess.run([sys.executable, "-c", code, name], cwd=ROOT, capture_output=True, text=True, check=True)
    return round(float(done.stdout.split()[-1]), 1)


def weigh(folder: Path) -> dict[str, Any]:
    """The server with four tokenizers open over one with a one-line app; and each tokenizer alone."""
    hello = folder / "hello.py"
    hello.write_text('import streamlit as st; st.write("Hello")\n', "utf-8")

    async def look(server: Any, page: str, query: str = "") -> None:
        await (await visit(server, page, query)).close()

    with serve(folder / "hello.log", script=str(hello)) as server:
        run(look(server, ""))
        plain = megabytes(server)
    chosen = "&".join(f"tokenizer_{side}={name}" for side, name in FOUR.items())
    with serve(folder / "tokens.log") as server:
        run(look(server, "tokenizer", f"text={quote('The old king lived by the sea, 1234.')}&{chosen}"))
        ours = megabytes(server)
    alone = {name: single(name) for name in names()}
    return {"over_hello_mb": round(ours - plain, 1), "hello_mb": plain, "tokens_mb": ours, "single_mb": alone}


def payload(folder: Path) -> dict[str, Any]:
    """Bytes of the picture for about 1,000 tokens in both columns."""
    text = prose(20_000)
    tokenizer = open_tokenizer("storyteller")
    end = int(trace(tokenizer, text).char_end[999])

    async def look(server: Any) -> int:
        client = await visit(server, "tokenizer",
                             f"text={quote(text[:end])}&tokenizer_left=storyteller&tokenizer_right=storyteller-wordpiece")
        size = len(client.components["looking_glass_tokenizer"])
        await client.close()
        return size

    with serve(folder / "payload.log") as server:
        return {"kb": round(run(look(server)) / 1000, 1), "tokens": 1000}


def redraw(folder: Path, repeats: int = 12) -> dict[str, Any]:
    """Keystroke to new chips in Chromium, 1,000 tokens; the box waits 250 ms after a keystroke before it sends."""
    from playwright.sync_api import sync_playwright

    text = prose(20_000)
    text = text[: int(trace(open_tokenizer("storyteller"), text).char_end[990])].rstrip() + " z"
    with serve(folder / "redraw.log") as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(f"{server.url.rstrip('/')}/tokenizer?tokenizer_left=storyteller&tokenizer_right=storyteller-wordpiece")
        box = page.locator("textarea").first
        box.fill(text)
        last = page.locator(".flow").nth(0).locator(".chip").last
        last.wait_for(timeout=60_000)
        took = []
        for turn in range(repeats + 2):
            before = page.locator(".tk .facts").first.inner_text()
            box.focus()
            page.keyboard.press("End")
            page.keyboard.press("Control+End")
            begun = time.perf_counter()
            page.keyboard.type(" q")
            page.wait_for_function(
                "before => { const every = [...document.querySelectorAll('*')];"
                "const roots = every.map(node => node.shadowRoot).filter(Boolean);"
                "const found = roots.map(root => root.querySelector('.tk .facts')).find(Boolean);"
                "return found && found.innerText !== before; }",
                arg=before, timeout=60_000)
            if turn >= 2:
                took.append((time.perf_counter() - begun) * 1000)
        browser.close()
    return {"ms": round(statistics.median(took)), "of_which_waiting_for_the_next_key_ms": 250,
            "every_turn_ms": [round(value) for value in took]}


def replays(repeats: int = 3) -> dict[str, Any]:
    """Milliseconds of `replay` for 2,000 characters."""
    text = prose(4_000)[:2_000]
    found = {}
    for name in names():
        tokenizer = open_tokenizer(name)
        replay(tokenizer, text[:50])
        took = []
        for _ in range(repeats):
            begun = time.perf_counter()
            replay(tokenizer, text)
            took.append((time.perf_counter() - begun) * 1000)
        found[name] = round(statistics.median(took), 1)
    return found


def measure() -> dict[str, Any]:
    figures: dict[str, Any] = {}
    part = Parts("trace,page,weigh,payload,redraw,replay")
    if found := part("trace", "1 MB against the bare library", lambda folder: traces()):
        figures["trace_vs_bare_1mb"] = max(one["ratio"] for one in found.values())
    if found := part("page", "Tokens against a one-line app",
                     lambda folder: against_hello(folder, "/tokenizer", ".tk .chip")):
        figures["page_vs_hello"] = found["ratio"]
    if found := part("weigh", "memory", weigh):
        figures["rss_mb_over_hello"] = found["over_hello_mb"]
        figures["largest_tokenizer_mb"] = max(found["single_mb"].values())
    if found := part("payload", "the picture's payload", payload):
        figures["payload_kb_1000_tokens"] = found["kb"]
    if found := part("redraw", "from a keystroke to new chips", redraw):
        figures["redraw_ms_1000_tokens"] = found["ms"]
    if found := part("replay", "replay of 2,000 characters", lambda folder: replays()):
        figures["replay_ms_2000_chars"] = max(found.values())
    return figures | {"cases": part.cases}
