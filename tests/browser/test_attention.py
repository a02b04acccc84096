"""The Attention picture in a real browser: choosing, hovering, pinning, keys, a phone, a long text."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

QUERY = "attention_model=storyteller"
NODES = """() => {
  let count = 0;
  const walk = root => root.querySelectorAll('*').forEach(node => {
    count++;
    if (node.shadowRoot) walk(node.shadowRoot);
  });
  walk(document);
  return count;
}"""


def opened(open_page: Callable[..., Any], query: str = "", **options: Any) -> Any:
    page = open_page("attention", query="&".join(part for part in (QUERY, query) if part), **options)
    page.locator(".one h3").wait_for()
    # The address names a model by its title, so the choice is made on the page where another one is the default.
    if "All 48 heads" not in page.locator(".map h3").inner_text():
        page.get_by_role("combobox", name="Model").first.click()
        page.get_by_role("option").filter(has_text="toryteller").first.click()
        page.locator(".map h3").filter(has_text="All 48 heads").wait_for()
        settle(page)
    return page


def title(page: Any) -> str:
    return str(page.locator(".one h3").inner_text())


def test_click_choose_and_share(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page)
    page.locator("[data-at='4,3']").click()
    assert title(page) == "Layer 4, head 3"
    assert page.locator("[data-at='4,3']").get_attribute("aria-pressed") == "true"
    page.wait_for_url("**attention_head=3**")
    settle(page)
    expect(page).to_have_url(re.compile("attention_layer=4"))
    assert page.get_by_role("spinbutton", name="Layer").input_value() == "4"
    assert title(page) == "Layer 4, head 3"
    page.goto(page.url)
    settle(page)
    page.locator(".one h3").filter(has_text="Layer 4, head 3").wait_for()


def test_arrow_keys_move_between_heads(open_page: Callable[..., Any]) -> None:
    page = opened(open_page)
    page.locator("[data-at='2,2']").click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert title(page) == "Layer 3, head 3"
    page.keyboard.press("Home")
    assert title(page) == "Layer 0, head 0"
    page.keyboard.press("ArrowLeft")
    assert title(page) == "Layer 0, head 0"
    page.wait_for_url("**attention_layer=0**")
    settle(page)
    focused = page.evaluate(
        """() => {
             let at = document.activeElement;
             while (at.shadowRoot) at = at.shadowRoot.activeElement;
             return at.dataset.at;
           }"""
    )
    assert focused == "0,0"


def test_one_hover_for_words_matrix_and_list(open_page: Callable[..., Any]) -> None:
    page = opened(open_page)
    words = page.locator(".word")
    count = words.count()
    words.nth(count - 1).hover()
    last = words.nth(count - 1).inner_text()
    assert page.locator(".looks .chip").inner_text() == last
    numbers = [float(text) for text in page.locator(".looks .number").all_inner_texts()]
    assert sum(numbers) == pytest.approx(1, abs=0.01)
    assert page.locator(".rowname.on").inner_text() == last
    box = page.locator(".matrix canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 1.5 / count, box["y"] + box["height"] * 4.5 / count)
    assert page.locator(".looks .chip").inner_text() == words.nth(4).inner_text()
    assert page.locator(".word.key").inner_text() == words.nth(1).inner_text()
    assert "→" in page.locator(".lg-tip:visible").inner_text()
    page.mouse.move(box["x"] + box["width"] * 0.95, box["y"] + 4)  # the future: nothing there
    assert page.locator(".lg-tip:visible").count() == 0


def test_a_click_pins_and_a_second_one_lets_go(open_page: Callable[..., Any]) -> None:
    page = opened(open_page)
    word = page.locator(".word").nth(3)
    word.click()
    page.mouse.move(5, 5)
    assert page.locator(".looks .chip").inner_text() == word.inner_text()
    assert word.get_attribute("aria-pressed") == "true"
    word.click()
    assert word.get_attribute("aria-pressed") == "false"


def test_words_can_be_walked_with_the_keyboard(open_page: Callable[..., Any]) -> None:
    page = opened(open_page)
    page.locator(".word").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.locator(".looks .chip").inner_text() == page.locator(".word").nth(2).inner_text()
    assert "looks at" in page.locator(".word").nth(2).get_attribute("aria-label")
    page.keyboard.press("Enter")  # pins the row, from where the matrix goes on
    page.locator(".matrix").focus()
    page.keyboard.press("ArrowDown")
    assert page.locator(".looks .chip").inner_text() == page.locator(".word").nth(3).inner_text()
    page.keyboard.press("Home")
    assert page.locator("#att-said").text_content().split(" looks at ")[1].startswith("The: ")
    page.keyboard.press("Enter")
    assert page.locator(".word").nth(3).get_attribute("aria-pressed") == "true"
    page.keyboard.press("Escape")
    assert page.locator(".word").nth(3).get_attribute("aria-pressed") == "false"


def test_the_same_facts_stand_in_a_table_for_screen_readers(open_page: Callable[..., Any]) -> None:
    page = opened(open_page)
    table = page.locator("table.sr-only")
    assert "Strongest pairs" in table.locator("caption").text_content()
    assert table.locator("tbody tr").count() >= 10


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_phone_shows_it_in_one_column(open_page: Callable[..., Any], dark: bool) -> None:
    page = opened(open_page, width=400, height=850, dark=dark)
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("node => node.scrollWidth <= node.clientWidth")
    assert page.locator(".arcs.column").count() == 1
    assert page.locator(".matrix").bounding_box()["width"] <= 400
    grid, one = page.locator(".map").bounding_box(), page.locator(".one").bounding_box()
    assert one["y"] > grid["y"] + grid["height"] - 1
    knobs = page.locator(".st-key-attention_knobs").bounding_box()
    assert knobs["y"] > one["y"]


def test_a_long_text_stays_light_and_its_layers_come_on_demand(open_page: Callable[..., Any]) -> None:
    animals = ("fox", "hen", "goat", "bear", "owl") * 4
    text = " ".join(f"The {animal} met the miller at the river." for animal in animals)
    page = opened(open_page, "text=" + quote(text))
    page.locator(".word").nth(120).wait_for()
    assert page.evaluate(NODES) < 2_000
    page.locator("[data-at='5,1']").click()
    assert title(page) == "Layer 5, head 1"
    page.wait_for_url("**attention_layer=5**")
    settle(page)
    page.wait_for_function(
        """() => { const find = root => { for (const node of root.querySelectorAll('*')) {
             if (node.classList.contains('one')) return node;
             const inner = node.shadowRoot && find(node.shadowRoot); if (inner) return inner; } };
           const one = find(document); return one && !one.classList.contains('coming'); }"""
    )
    numbers = [float(text) for text in page.locator(".looks .number").all_inner_texts()]
    assert sum(numbers) == pytest.approx(1, abs=0.01)
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("node => node.scrollWidth <= node.clientWidth")


def numbers(page: Any) -> list[float]:
    return [float(text) for text in page.locator(".looks .number").all_inner_texts()]


def test_whole_words_and_rollout_agree_with_python(open_page: Callable[..., Any]) -> None:
    from components.attention import map_text, rollout, whole_words
    from components.models.open import open_model

    text = "Rumpelstiltskin met Rumpelstiltskin."
    heads = map_text(open_model("storyteller"), text)
    assert len(set(heads.words.tolist())) < heads.tokens
    page = opened(open_page, "attention_layer=2&attention_head=2&text=" + quote(text))
    page.locator(".switch").filter(has_text="Whole words").click()
    assert page.locator(".line:not(.keys) .word").count() == len(set(heads.words.tolist()))
    page.locator(".line:not(.keys) .word").last.hover()
    row = sorted(whole_words(heads.matrix(2, 2), heads.words)[-1], reverse=True)
    assert numbers(page)[: len(row)] == pytest.approx([float(one) for one in row], abs=2e-3)
    page.wait_for_url("**attention_words=true**")
    page.locator(".switch").filter(has_text="Whole words").click()
    page.locator(".segments button").filter(has_text="rollout").first.click()
    page.locator(".one h3").filter(has_text="Rollout up to layer 2").wait_for()
    page.locator(".one:not(.coming) .beside-null").wait_for()
    page.locator(".word").last.hover()
    row = sorted(rollout(heads, 2)[-1], reverse=True)[:6]
    assert numbers(page)[:6] == pytest.approx([float(one) for one in row], abs=2e-3)
    assert "evenly spread" in page.locator(".beside-null").inner_text()


def test_two_columns_and_the_weight_of_values(open_page: Callable[..., Any]) -> None:
    from components.attention import HeadMap
    from components.first_views import load

    page = opened(open_page, "attention_layout=columns&attention_value=true&attention_layer=1&attention_head=1")
    view = load("attention.storyteller")
    assert view is not None
    heads = HeadMap.restore(view.header, view.arrays)
    assert page.locator(".keys .word").count() == heads.tokens
    page.locator(".line:not(.keys) .word").nth(5).hover()
    longest = float((heads.matrix(1, 1)[5] * heads.norms[1, 1]).max())
    assert numbers(page)[0] == pytest.approx(longest, rel=0.01)
    page.locator(".pill").click()
    assert page.locator(".cell.like").count() >= 2
    page.wait_for_url("**attention_like=true**")


def test_it_is_drawn_on_a_page_without_streamlit(browser: Any, tmp_path: Path) -> None:
    """The sources, a payload and two functions that do nothing: what an export in one file needs."""
    from components.views.attention.payload import Look, payload
    from components.views.component import bundle
    from tests.app.test_attention import random_map

    buffer = payload(random_map(12, 12, 256), Look("random", (5, 3), 1, (5, 3), "previous", 0.5, "place", True))
    assert len(buffer) <= 600_000
    js, css = bundle("attention")
    (tmp_path / "attention.mjs").write_text(js, "utf-8")
    (tmp_path / "view.bin").write_bytes(buffer)
    (tmp_path / "index.html").write_text(
        "<!doctype html><meta charset=utf-8><style>#host{--st-background-color:#FCFBF8;--st-text-color:#1D1C24;"
        "--st-secondary-background-color:#F3F0E9;--st-primary-color:#1F5FA8;--st-border-color:#DDD;"
        f"--st-font:sans-serif;--st-code-font:monospace}}{css}</style><div id=host></div><script type=module>"
        "import draw from './attention.mjs';"
        "const data = new Uint8Array(await (await fetch('view.bin')).arrayBuffer());"
        "draw({parentElement: document.getElementById('host'), data, setStateValue() {}, setTriggerValue() {}});"
        "</script>", "utf-8",
    )
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    try:
        page.goto(f"http://127.0.0.1:{server.server_address[1]}/index.html")
        page.locator(".one h3").wait_for()
        assert title(page) == "Layer 5, head 3"
        assert page.locator(".word").count() == 256
        assert page.evaluate(NODES) < 2_000
        page.locator(".word").nth(139).dispatch_event("pointerenter", {"pointerType": "mouse"})
        assert page.locator(".looks .chip").inner_text() == page.locator(".word").nth(139).inner_text()
    finally:
        page.close()
        server.shutdown()


def test_the_theme_changes_the_colours(open_page: Callable[..., Any]) -> None:
    brightness = """node => {
      const data = node.getContext('2d').getImageData(0, 0, node.width, node.height).data;
      let sum = 0, count = 0;
      for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255) { sum += data[at + 1]; count++; }
      return sum / count;
    }"""
    light = opened(open_page).locator(".board canvas").first.evaluate(brightness)
    dark = opened(open_page, dark=True).locator(".board canvas").first.evaluate(brightness)
    assert light > 150 > 100 > dark
