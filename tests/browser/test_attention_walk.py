"""The panel "Inside, step by step" in a browser: through all stations, another token, a link, a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

TEXT = "The old miller had a cat. One day the cat said to the old"
WORDS = ["embedding", "layers 0–2", "normalise", "query, key, value", "position", "scores", "scale", "mask", "softmax",
         "weighted sum", "heads joined", "added", "feed-forward", "out of the layer", "layers 4–5", "next token"]
COLOURS = """node => Math.max(0, ...[...node.querySelectorAll('canvas')].map(canvas => {
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, Math.min(60, canvas.height)).data;
  const seen = new Set();
  for (let at = 0; at < data.length; at += 4) seen.add((data[at] << 16) + (data[at + 1] << 8) + data[at + 2]);
  return seen.size;
}))"""
WIDEST = "node => Math.max(0, ...[...node.querySelectorAll('canvas')].map(one => one.getBoundingClientRect().width))"


def opened(open_page: Callable[..., Any], query: str = "", **options: Any) -> Any:
    page = open_page("attention", query="attention_model=storyteller&attention_panel=Inside%2C+step+by+step"
                     f"&attention_layer=3&attention_head=1&text={quote(TEXT)}{query}", **options)
    page.locator(".ak .picture .part").first.wait_for()
    return page


def test_through_all_stations_with_the_keyboard(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page)
    root = page.locator(".ak")
    expect(root.locator(".short")).to_have_text(WORDS)
    root.locator(".stage").focus()
    for index in range(len(WORDS)):
        expect(root.locator("h3 .number")).to_have_text(str(index + 1))
        expect(root.locator(".stop[aria-current=step] .short")).to_have_text(WORDS[index])
        assert root.locator(".seen").inner_text().strip()
        assert root.locator(".picture").evaluate(COLOURS) > 3, WORDS[index]
        check = root.locator(".check").inner_text()
        assert "≠" not in check
        if WORDS[index] in ("normalise", "softmax", "heads joined", "feed-forward", "next token"):
            here, model = re.findall(r"[−\d.e]+\d", check)[:2]
            assert here[:6] == model[:6]
        page.keyboard.press("ArrowRight")
    expect(root.get_by_role("button", name="Next", exact=True)).to_be_disabled()
    expect(root.locator(".choice")).to_have_count(5)
    page.wait_for_url("**attention_walk_station=logits**", timeout=15_000)
    settle(page)
    root.get_by_role("button", name="Back", exact=True).click()
    expect(root.locator("h3 .number")).to_have_text("15")


def test_another_token_keeps_the_station(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "&attention_walk_station=mask")
    root = page.locator(".ak")
    expect(root.locator(".seen")).to_contain_text("nothing has to be hidden")
    root.get_by_role("button", name="Token 2:").click()
    expect(root.locator(".seen")).to_contain_text("3 tokens", timeout=30_000)
    expect(root.locator(".token.on")).to_have_count(1)
    expect(page).to_have_url(re.compile("attention_walk_at=2"))
    assert "hidden" in root.locator(".sr-only").inner_text()


def test_a_phone_shows_every_station_without_sideways_scroll(open_page: Callable[..., Any]) -> None:
    page = opened(open_page, width=400, height=850, dark=True)
    for index in range(len(WORDS)):
        page.locator(".ak .stop").nth(index).click()
        over = page.evaluate(
            "() => [document.documentElement, document.querySelector('[data-testid=stMain]')]"
            ".map(node => node.scrollWidth - node.clientWidth)")
        assert max(over) <= 0
        assert page.locator(".ak .picture").evaluate(WIDEST) <= 400
