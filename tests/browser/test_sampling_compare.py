"""The panel "Compare settings" in a browser: edits that the address keeps, writing with Stop, draws, a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.browser.pressing import press_when
from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

TEXT = "The old miller had a cat. One day"
WAIT = 60_000


def opened(open_page: Callable[..., Any], query: str = "", **options: Any) -> Any:
    page = open_page("sampling", query="sampling_model=storyteller&sampling_panel=Compare+settings"
                     f"&text={quote(TEXT)}{query}", **options)
    page.locator(".cmp .card").first.wait_for(timeout=WAIT)
    return page


def test_edits_write_their_text_and_stay_in_the_address(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "&sampling_compare_tokens=8")
    cards = page.locator(".cmp .card")
    expect(cards).to_have_count(3, timeout=WAIT)
    expect(cards.nth(2).locator(".token").first).to_be_visible(timeout=WAIT)
    expect(cards.nth(2).locator(".parts")).to_have_text("not A")
    alike = cards.nth(2).locator(".token.alike").count()
    expect(cards.nth(2).locator(".where")).to_contain_text(f"token {alike + 1}" if alike else "first token")
    tokens = cards.first.locator(".token")
    tokens.first.focus()
    page.keyboard.press("ArrowRight")
    expect(tokens.nth(1)).to_be_focused()
    expect(page.locator(".cmp .lg-tip, .lg-tip").filter(has_text="new token 2")).to_be_visible()
    # A temperature of almost nothing is greedy decoding.
    heat = page.get_by_label("temperature of C")
    heat.fill("0.01")
    heat.press("Enter")
    expect(cards.nth(2).locator(".where")).to_contain_text("the same text as A", timeout=WAIT)
    page.wait_for_url("**temperature*0.01**", timeout=WAIT)
    page.get_by_role("button", name="Duplicate B").click()
    expect(cards).to_have_count(4, timeout=WAIT)
    expect(page.get_by_label("top_k of C")).to_have_value("50")
    page.get_by_role("button", name="Take top_k off C").click()
    expect(page.get_by_label("top_k of C")).to_have_count(0, timeout=WAIT)
    page.get_by_role("button", name="Remove A").click()
    expect(cards).to_have_count(3, timeout=WAIT)
    page.get_by_role("button", name="compare with B").click()
    expect(cards.nth(1).locator(".where")).to_contain_text("the others are compared with this one")


def test_all_texts_grow_together_and_stop_keeps_them(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "&sampling_compare_tokens=200&sampling_compare_settings=page%7Ctemperature%3D1.5%7C")
    generate = page.locator(".st-key-sampling_compare_go button")
    generate.click()
    texts = page.locator(".cmp .card")
    press_when(page, ".st-key-sampling_compare_stop button", ".cmp .card .token", 9)
    expect(generate).to_be_enabled(timeout=WAIT)
    settle(page)
    counts = [texts.nth(place).locator(".token").count() for place in range(3)]
    assert min(counts) >= 3
    assert max(counts) - min(counts) <= 1
    assert max(counts) < 200
    expect(texts.first.locator(".facts")).to_contain_text("stopped")


def test_many_draws_stand_beside_each_other(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "&sampling_compare_tokens=2")
    page.get_by_role("button", name="Draw", exact=True).click()
    sides = page.locator(".cmp .side")
    expect(sides).to_have_count(2, timeout=WAIT)
    for place in range(2):
        expect(sides.nth(place).locator(".says")).to_contain_text("in 40 draws", timeout=WAIT)
    counted = [int(said.split(" of ")[0]) for said in sides.first.locator(".outcome .count b").all_inner_texts()]
    assert sum(counted) == 40
    assert counted[0] == max(counted[: len(counted) - 1] or counted)


def test_a_phone_shows_one_column_without_sideways_scroll(open_page: Callable[..., Any]) -> None:
    page = opened(open_page, "&sampling_compare_tokens=5", width=400, height=850, dark=True)
    settle(page)
    boxes = [card.bounding_box() for card in page.locator(".cmp .card").all()]
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]
    assert max(box["x"] + box["width"] for box in boxes) <= 400
    over = page.evaluate(
        "() => [document.documentElement, document.querySelector('[data-testid=stMain]')]"
        ".map(node => node.scrollWidth - node.clientWidth)")
    assert max(over) <= 0
