"""The panel "Three architectures" in a browser: a date read with a finger, a hidden word, two models' heads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import needs

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

OPEN = "attention_model=storyteller&attention_panel=Three+architectures"


def test_a_date_is_read_with_a_finger_on_a_phone(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = open_page("attention", width=400, query=OPEN)
    root = page.locator(".cx")
    best, asks = root.locator(".key.best .chip"), root.locator(".ask")
    asks.nth(9).wait_for()
    expect(best).to_have_text("third")
    assert "".join(asks.all_inner_texts()[:10]) == "1998-05-03"
    asks.nth(9).focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(root.locator(".ask[aria-current]")).to_have_attribute("data-row", "6")
    expect(best).to_have_text("May")
    box = asks.nth(8).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(best).to_have_text("third")
    root.get_by_role("button", name="Layer 0, mean of its heads").click()
    expect(root.locator(".say")).to_contain_text("Layer 0, mean of its heads")
    root.get_by_role("button", name="writing").click()
    expect(root.locator(".key .chip").first).to_have_text("start")
    page.wait_for_url("**attention_crossing_view=decoder-0-mean-8**", timeout=20_000)
    over = page.evaluate(
        "() => [document.documentElement, document.querySelector('[data-testid=stMain]')]"
        ".map(node => node.scrollWidth - node.clientWidth)")
    assert max(over) <= 0


@needs("gapfiller")
def test_another_word_is_hidden_and_heads_are_paired(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = open_page("attention", query=f"{OPEN}&attention_architecture=gap&text=A+cat+sat+on+the+mat.")
    words = page.locator(".ag .word")
    words.first.wait_for()
    expect(words).to_have_count(6)
    page.locator(".ag .word[aria-pressed=true]").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(words.nth(1)).to_have_attribute("aria-pressed", "true")
    sees = page.locator(".ag .sees")
    expect(sees.first).to_have_text("A? sat on the mat.")
    assert sees.nth(1).locator(".hidden").inner_text().strip() == "sat on the mat."
    expect(page.locator(".ag .bar")).to_have_count(10)
    page.wait_for_url("**attention_gap_word=1**", timeout=20_000)
    page.get_by_text("side by side", exact=True).click()
    heads = page.locator(".as .grid button")
    heads.first.wait_for()
    expect(heads).to_have_count(96)
    heads.nth(10).focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".as .grid button[aria-pressed=true]")).to_have_count(2)
    expect(page.locator(".as .large b")).to_have_text(["Layer 2, head 2"] * 2)
