"""The panel "While it writes" in a browser: playing, stepping, scrubbing, another head, a link, a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

TEXT = "The old miller had a cat. One day the cat said to the old"


def opened(open_page: Callable[..., Any], query: str = "", **options: Any) -> Any:
    page = open_page("attention", query="attention_model=storyteller&attention_panel=While+it+writes"
                     f"&attention_layer=3&attention_head=0&attention_writing_tokens=6&text={quote(TEXT)}{query}",
                     **options)
    page.locator(".aw .text .chip").first.wait_for()
    return page


def test_written_token_by_token(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page)
    root = page.locator(".aw")
    written = root.locator(".text .chip.written")
    rows = root.locator("tbody tr")
    expect(rows).to_have_count(6)
    expect(root.locator(".count b")).to_have_text("6 of 6")
    expect(root.locator(".text .chip.later")).to_have_count(0)
    words = [row.strip() for row in root.locator("tbody th").all_inner_texts()]
    root.locator(".text").focus()
    page.keyboard.press("Home")
    expect(root.locator(".count b")).to_have_text("1 of 6")
    expect(root.locator(".text .chip.later")).to_have_count(5)
    expect(written).to_have_text(words[0])
    page.keyboard.press("ArrowRight")
    expect(written).to_have_text(words[1])
    expect(root.locator(".text .chip.asks")).to_have_text(words[0])  # it is written from the token before it
    root.get_by_role("button", name="Step 4:").click()
    expect(written).to_have_text(words[3])
    expect(rows.nth(3)).to_have_attribute("aria-current", "step")
    told = rows.nth(3).locator("td").nth(1).inner_text().split()
    expect(root.locator(".say")).to_contain_text(f"({told[-1]})")
    root.get_by_role("slider").fill("0")
    expect(written).to_have_text(words[0])
    root.get_by_role("button", name="Play").click()
    expect(written).to_have_text(words[2], timeout=8_000)
    root.get_by_role("button", name="Pause").click()
    page.wait_for_url("**attention_writing_step=**", timeout=10_000)


def test_another_head_is_shown_at_once_and_told_to_the_page(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "&attention_writing_step=2")
    root = page.locator(".aw")
    expect(root.locator(".count b")).to_have_text("3 of 6")
    name = root.get_by_role("button", name="Head 5:")
    looked = (name.get_attribute("aria-label") or "").rsplit(" ", 1)[-1]
    name.click()
    expect(root.locator(".say")).to_contain_text("Layer 3, head 5")
    expect(root.locator(".say")).to_contain_text(f"({looked})")
    page.wait_for_url("**attention_head=5**", timeout=10_000)
    settle(page)
    expect(page.locator(".one h3")).to_have_text("Layer 3, head 5")
    expect(root.locator(".count b")).to_have_text("3 of 6")


def test_a_phone_shows_it_without_sideways_scroll(open_page: Callable[..., Any]) -> None:
    page = opened(open_page, width=400, height=850, dark=True)
    over = page.evaluate(
        "() => [document.documentElement, document.querySelector('[data-testid=stMain]')]"
        ".map(node => node.scrollWidth - node.clientWidth)")
    assert max(over) <= 0
    strips, firsts = page.locator(".aw .lane canvas").bounding_box(), page.locator(".aw .firsts").bounding_box()
    assert strips["x"] + strips["width"] <= firsts["x"] + 1
