"""The panel "Turn heads off" in a browser: picking by click and by key, the sweep, a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

TEXT = "The fox saw the hen, and the fox saw the"


def test_pick_sweep_and_choose(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = open_page(
        "attention",
        query="attention_model=storyteller&attention_panel=Turn+heads+off&attention_ablation_scope=picked"
        f"&attention_ablation_heads=1.1&text={quote(TEXT)}",
    )
    panel = page.locator(".ab")
    expect(panel.locator("h3").first).to_have_text("Without layer 1, head 1", timeout=60_000)
    assert panel.locator(".verdict").inner_text().split(":")[0].endswith("chance")
    assert panel.locator(".bar").count() >= 5

    # A click adds a head, the keyboard moves on and adds another; both stand in the link.
    panel.locator("[data-at='0,6']").first.click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(panel.locator("h3").first).to_have_text("Without 3 heads", timeout=60_000)
    page.wait_for_url(re.compile("attention_ablation_heads=0.6_1.1_1.6"))
    settle(page)
    assert panel.locator(".maps [aria-pressed=true]").count() == 3

    panel.get_by_role("button", name="Sweep all 48 heads").click()
    expect(panel.locator("figure")).to_have_count(2, timeout=120_000)
    settle(page)
    assert "Direct effects only" in panel.locator(".fine").all_inner_texts()[-2]
    figure = panel.locator("figure").first
    figure.locator("[data-at='0,6']").hover()
    expect(page.locator(".lg-tip:visible")).to_contain_text("the target loses without it")
    panel.get_by_role("button", name="whole prediction").click()
    expect(panel.locator("figcaption").first).to_contain_text("probabilities move")
    assert "Without 3 heads" in str(panel.locator(".sr-only caption").first.text_content())

    page.set_viewport_size({"width": 400, "height": 850})
    settle(page)
    over = page.evaluate(
        "() => [document.documentElement, document.querySelector('[data-testid=stMain]')]"
        ".map(node => node.scrollWidth - node.clientWidth)"
    )
    assert max(over) <= 0
