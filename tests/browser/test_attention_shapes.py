"""Shapes and memory in a real browser: a preset by its link, the slider, a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
PANEL = "attention_panel=Shapes+and+memory&attention_shapes_of=GPT-3+175B"


@pytest.mark.parametrize("width", [1400, 400])
def test_gpt3_and_the_length_of_a_text(open_page: Callable[..., Any], width: int) -> None:
    page = open_page("attention", query=PANEL, width=width)
    page.locator(".shapes h3").wait_for()
    assert page.locator(".shapes h3").inner_text() == "GPT-3 175B: 175 billion parameters"
    assert "174,604,259,328" in page.locator(".shapes .top").inner_text()
    bytes_of = page.locator("section[aria-label='Weights in four precisions'] .number").all_inner_texts()
    assert [text.replace("\u00a0", " ") for text in bytes_of] == ["698 GB", "349 GB", "175 GB", "87.3 GB"]
    page.get_by_role("slider", name="Length of the text in tokens").focus()
    before = page.locator(".length b").inner_text()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    after = page.locator(".length b").inner_text()
    assert [int(text.split()[0].replace(",", "")) for text in (before, after)] == [2048, 4096]
    cached = page.locator(".cache .number").all_inner_texts()[0].replace("\u00a0", " ")
    assert cached == "19.3 GB"
    assert "reads at most 2,048" in page.locator(".length label").inner_text()
    page.wait_for_url("**attention_shapes_tokens=4096**")
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("node => node.scrollWidth <= node.clientWidth")
