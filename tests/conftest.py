"""What every test shares: a running app, a browser, and where things are."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.browser.witness import Witness

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
PAGES = ("home", "tokenizer", "attention", "sampling", "search", "topics")

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass(frozen=True)
class Server:
    """A running app: its address and its process."""

    url: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def page(self, name: str) -> str:
        return self.url + ("/" if name == "home" else f"/{name}")


@contextmanager
def serve(
    log: Path, environ: dict[str, str] | None = None, script: str = "app.py", watch: Path | None = None
) -> Iterator[Server]:
    """The app as `streamlit run` starts it, ended with the block. `watch`: where it lists its modules on SIGUSR1."""
    start = ["-m", "streamlit", "run"] if watch is None else [str(ROOT / "tests" / "watched_server.py"), str(watch)]
    port = free_port()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                sys.executable, *start, script, "--server.port", str(port),
                "--server.address", "127.0.0.1", "--server.headless", "true",
            ],
            cwd=ROOT, env={**os.environ, **(environ or {})}, stdout=out, stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            for _ in range(600):
                if process.poll() is not None:
                    raise RuntimeError(f"the app ended at once: {log.read_text('utf-8')[-2000:]}")
                try:
                    with urllib.request.urlopen(url + "/_stcore/health", timeout=2) as answer:
                        if answer.status == 200:
                            break
                except OSError:
                    time.sleep(0.1)
            else:
                raise RuntimeError(f"the app did not answer: {log.read_text('utf-8')[-2000:]}")
            yield Server(url, port, process, log)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One running app for the whole session (of a worker)."""
    with serve(tmp_path_factory.mktemp("server") / "log.txt") as running:
        yield running


def chromium() -> str | None:
    """A Chromium on PATH; `None` lets Playwright use its own."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    from playwright.sync_api import Error, expect, sync_playwright

    expect.set_options(timeout=30_000)  # a busy machine may need long; what never comes is told all the same
    with sync_playwright() as playwright:
        try:
            found = playwright.chromium.launch(
                executable_path=chromium(),
                args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"],
            )
        except Error as error:
            pytest.skip(f"no Chromium here ({str(error).splitlines()[0]}); install one or run `bash tests/run`")
        yield found
        found.close()


READY = "[data-testid=stApp][data-test-script-state=notRunning][data-test-connection-state=CONNECTED]"


def settle(page: Any, timeout: float = 90_000) -> None:
    """Wait until the script has run and the page's components have been drawn."""
    page.wait_for_selector(READY, timeout=timeout)
    page.wait_for_function("() => !document.querySelector('[data-stale=true]')", timeout=timeout)
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')", timeout=timeout)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.wait_for_selector(READY, timeout=timeout)


_WITNESSES = pytest.StashKey[list[Witness]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed browser test tells what its pages saw."""
    report = yield
    if report.when == "call" and report.failed:
        report.sections += [("what the browser saw", witness.tell()) for witness in item.stash.get(_WITNESSES, [])]
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser on a busy machine can be starved, so a browser test that fails is run once more; failing twice fails.

    What was run again is told in full at the end: it is either a test that waits for the wrong thing, or a fault.
    """
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"run again: {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)
        for title, text in report.sections:
            terminalreporter.write_line(f"-- {title}\n{text}")


@pytest.fixture
def open_page(browser: Any, server: Server, request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """`open_page("attention", width=400, dark=True, query="...")` gives a Playwright page that has settled."""
    contexts = []
    witnesses = request.node.stash.setdefault(_WITNESSES, [])

    def opened(name: str, *, width: int = 1400, height: int = 1000, dark: bool = False, query: str = "") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        witnesses.append(Witness(page))
        page.goto(server.page(name) + (f"?{query}" if query else ""))
        settle(page)
        return page

    yield opened
    for context in contexts:
        context.close()


def here(name: str) -> bool:
    """Whether a catalog entry can be used now."""
    from components.models import sources

    return sources.state(name).here


def needs(name: str) -> pytest.MarkDecorator:
    """Skip, with a reason a reader can act on, where a model is not here."""
    return pytest.mark.skipif(
        not here(name), reason=f"{name} is not here; `python -m components.models fetch {name}` brings it"
    )


def needs_shared(part: str) -> pytest.MarkDecorator:
    """Skip where the training material beside the project is absent."""
    return pytest.mark.skipif(
        not (SHARED / part).exists(), reason=f"needs ../shared/{part}, which is not beside this copy"
    )


def app_test(page: str, **query: str) -> Any:
    """A page under AppTest, run once, free of exceptions."""
    from streamlit.testing.v1 import AppTest

    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    for key, value in query.items():
        test.query_params[key] = value
    test.run()
    if page != "home":
        test.switch_page(f"pages/{page}.py").run()
    assert not test.exception, [item.value for item in test.exception]
    return test
