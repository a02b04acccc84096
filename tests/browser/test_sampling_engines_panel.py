"""The panel "Other engines" in a browser: asked, stepped through, replayed, on a phone, and the key kept to itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import Server, serve, settle
from tests.imitation_server import Handler, Imitation, chat, imitation, listed, tidy

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

KEY = "sk-typed-by-a-reader-5551"
QUERY = "sampling_model=storyteller&sampling_panel=Other+engines&sampling_engines_top=2&sampling_top_k=1"


@pytest.fixture(scope="module")
def engine() -> Iterator[Imitation]:
    with imitation() as found:
        yield found


@pytest.fixture(scope="module")
def app(engine: Imitation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("engines") / "log.txt"
    with serve(log, {"LOOKING_GLASS_REMOTE": engine.address}) as running:
        yield running


@pytest.fixture
def opened(browser: Any, app: Server, engine: Imitation) -> Iterator[Callable[..., Any]]:
    contexts = []
    engine.play = tidy
    engine.asked.clear()
    engine.gone.clear()

    def open_(*, width: int = 1400, dark: bool = False, query: str = "") -> Any:
        context = browser.new_context(viewport={"width": width, "height": 1000}, reduced_motion="reduce",
                                      color_scheme="dark" if dark else "light")
        contexts.append(context)
        page = context.new_page()
        page.heard = []
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: page.heard.append(frame)))
        page.goto(f"{app.page('sampling')}?{QUERY}{query}")
        settle(page)
        return page

    yield open_
    engine.gone.set()
    for context in contexts:
        context.close()


def ask(page: Any) -> None:
    page.get_by_role("button", name="Ask", exact=True).click()
    page.locator(".en .own-line .label").first.wait_for(timeout=60_000)
    settle(page)


def test_an_answer_is_stepped_through_and_replayed(opened: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened()
    ask(page)
    chips, rows, stages = page.locator(".en .chip"), page.locator(".en .row"), page.locator(".en .stage")
    expect(chips).to_have_text([" one", " two", "é"])
    expect(rows).to_have_count(3)
    expect(rows.nth(0).locator(".n")).to_contain_text("60.7 %")
    expect(rows.nth(2).locator(".n")).to_contain_text("17 %")
    expect(stages.locator(".verdict")).to_have_text(["exact", "bound", "exact", "exact", "exact"])
    # Arrow keys move among tokens and among stages; the page's own model follows.
    chips.nth(0).press("ArrowRight")
    expect(chips.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".en .one")).to_contain_text("number 2 on the list")
    expect(page.locator(".en .own-line .label").first).to_be_visible(timeout=60_000)
    expect(page.locator(".en .row .own").first).to_be_attached(timeout=60_000)
    stages.nth(0).press("ArrowDown")
    expect(stages.nth(1)).to_have_attribute("aria-checked", "true")
    expect(page.locator(".en .say")).to_contain_text("Bound.")
    expect(rows.nth(0).locator(".n")).to_contain_text(" to ")
    stages.nth(1).press("ArrowDown")
    expect(page.locator(".en .say")).to_contain_text("Exact.")
    expect(rows.nth(0).locator(".n")).to_contain_text("100 %")
    expect(rows.nth(2).locator(".n")).to_contain_text("gone")
    # The same for a screen reader.
    expect(page.locator(".en .bars caption")).to_contain_text("after top_k, exact")
    cells = page.locator(".en .bars tbody tr").nth(0).locator("td")
    expect(cells.nth(1)).to_have_text("100 %")
    page.locator(".en summary").click()
    expect(page.locator(".en .sent tr.off")).to_contain_text(["top_k"])


def test_stop_ends_it_and_keeps_what_came(opened: Callable[..., Any], engine: Imitation) -> None:
    from playwright.sync_api import expect

    def slow(handler: Handler) -> None:
        if handler.path.endswith("/models"):
            tidy(handler)
            return
        handler.stream(chat("once", listed("once", -0.5, [("once", -0.5), ("upon", -1.5)])), done=False)
        while not handler.imitation.gone.wait(0.2):
            handler.event(": still here\n\n")

    engine.play = slow
    page = opened(query="&sampling_engines_way=answers+it+as+a+chat")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".en .chip")).to_have_text(["once"], timeout=60_000)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_hidden(timeout=60_000)
    expect(page.locator(".en")).to_contain_text("Stopped; what had come is kept.", timeout=60_000)
    expect(page.locator(".en .chip")).to_have_text(["once"])
    assert engine.gone.wait(30), "the server is hung up on"


def test_a_typed_key_stays_with_the_server(opened: Callable[..., Any], engine: Imitation, app: Server) -> None:
    page = opened()
    box = page.locator("input[type=password]")
    box.fill(KEY)
    box.press("Enter")
    settle(page)
    ask(page)
    assert engine.asked[-1]["headers"]["Authorization"] == f"Bearer {KEY}"
    page.get_by_role("button", name="Reproduce this question").click()
    page.get_by_text("client = OpenAI").wait_for(timeout=60_000)
    assert KEY not in page.url
    assert page.heard
    assert not any(KEY.encode() in (frame if isinstance(frame, bytes) else frame.encode()) for frame in page.heard)
    assert KEY not in app.log.read_text("utf-8")
    assert KEY not in page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    page.reload()
    settle(page)
    assert page.locator("input[type=password]").input_value() == ""


def test_a_phone_shows_it_without_sideways_scroll(opened: Callable[..., Any]) -> None:
    page = opened(width=400, dark=True)
    ask(page)
    page.locator(".en summary").click()
    inside = page.evaluate("""() => {
        const root = [...document.querySelectorAll('*')].map(node => node.shadowRoot).find(
            found => found && found.querySelector('.en'));
        const host = root.host.getBoundingClientRect();
        return [...root.querySelectorAll('.three > *, .row, .stage, .facts, .sent')].map(
            node => node.getBoundingClientRect().right - host.right);
    }""")
    assert max(inside) <= 1
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 400
