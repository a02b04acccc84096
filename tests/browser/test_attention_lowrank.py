"""Low rank in a real browser: the rank by slider and by the chart, the numbers that follow it, a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
PANEL = (
    "attention_panel=Low+rank&attention_model=storyteller&text=The+fox+saw+the+fox."
    "&attention_lowrank_where=this+layer&attention_lowrank_rank=8"
)
INK = """node => { const data = node.getContext('2d').getImageData(0, 0, node.width, node.height).data;
  let sum = 0; for (let at = 0; at < data.length; at += 4) sum += Math.abs(data[at] - data[at + 2]); return sum; }"""


@pytest.mark.parametrize("width", [1400, 400])
def test_the_rank_moves_pictures_and_numbers(open_page: Callable[..., Any], width: int) -> None:
    page = open_page("attention", query=PANEL, width=width)
    page.locator(".lowrank h3").wait_for(timeout=240_000)
    assert page.locator(".rank label b").inner_text() == "8"
    assert "8 × (256 + 256) = 4,096 numbers in place of 65,536" in page.locator(".lowrank").inner_text()
    page.get_by_role("slider", name="Rank").focus()
    page.keyboard.press("End")
    assert page.locator(".rank label b").inner_text() == "256"
    text = page.locator(".lowrank").inner_text()
    assert "Rank 256 keeps 100 %" in text
    assert "no saving any more" in text
    assert "(+0.000)" in text or "(−0.000)" in text
    pictures = page.locator(".pictures canvas")
    paper = pictures.nth(2).evaluate(INK)
    assert paper < 0.05 * pictures.nth(1).evaluate(INK) + 300_000
    page.keyboard.press("Home")
    assert pictures.nth(2).evaluate(INK) > paper
    assert "12 matrices" in page.locator(".lowrank .bars").inner_text()
    page.wait_for_url("**attention_lowrank_rank=1**")
    assert page.locator(".lowrank .sr-only table tbody tr").count() == 10
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("node => node.scrollWidth <= node.clientWidth")
