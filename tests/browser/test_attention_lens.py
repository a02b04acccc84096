"""The panels "Logit lens" and "Two sentences" in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_the_lens_is_read_with_the_keyboard(open_page: Callable[..., Any]) -> None:
    page = open_page("attention", query="attention_model=storyteller&attention_panel=Logit+lens&text=Once+upon+a")
    page.locator(".lens table").wait_for()
    answer = page.locator(".lens tbody tr").last.locator("button").last
    assert "answer" in (answer.get_attribute("class") or "")
    assert page.locator(".lens .side .chip").inner_text() == answer.inner_text()
    answer.focus()
    page.keyboard.press("ArrowUp")
    page.locator(".lens .side h4").filter(has_text="After layer 5 it would say").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_words_follow_the_layer(open_page: Callable[..., Any]) -> None:
    page = open_page("attention", query="attention_model=storyteller&attention_panel=Two+sentences", width=400)
    slider = page.locator(".part [role=slider]")
    slider.wait_for()
    assert page.locator(".part .words h4").inner_text() == "What its neighbours had done by layer 6"
    slider.focus()
    page.keyboard.press("Home")
    page.locator(".part .words h4").filter(has_text="nothing yet").wait_for()
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
