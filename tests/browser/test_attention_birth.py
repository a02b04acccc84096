"""How a head is born in a real browser: scrubbing by pointer, keys and slider, playing, a phone, a link."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
PANEL = "attention_panel=How+a+head+is+born&attention_model=storyteller"


def test_the_moment_is_chosen_by_pointer_keys_and_marks(open_page: Callable[..., Any]) -> None:
    page = open_page("attention", query=PANEL)
    moment = page.locator(".birth .moment")
    moment.wait_for(timeout=240_000)
    assert page.locator(".birth .mark").count() == 3
    page.locator(".birth .mark").first.click()
    assert "row 78 of 106" in moment.inner_text()
    slider = page.get_by_role("slider", name="Moment of training")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert "row 79 of 106" in moment.inner_text()
    page.keyboard.press("Home")
    assert moment.inner_text().startswith("0.00 million tokens")
    values = page.locator(".birth .both figure").first.locator(".cellvalue").all_text_contents()
    assert set(values) == {""}  # no head does anything before training
    page.keyboard.press("End")
    assert ".98" in page.locator(".birth .both figure").first.locator(".cellvalue").all_text_contents()
    page.locator(".birth .curves svg").hover(position={"x": 400, "y": 120})
    assert "row 106 of" not in moment.inner_text()
    page.locator(".birth").get_by_role("button", name="One token back", exact=True).click()
    page.wait_for_url("**attention_birth_score=previous**")
    row = page.url.split("attention_birth_row=")[1].split("&")[0]
    shown = moment.inner_text()
    page.goto(page.url)
    settle(page)
    page.locator(".birth .moment").wait_for(timeout=240_000)
    assert f"row {int(row) + 1} of 106" in shown
    assert page.locator(".birth .moment").inner_text() == shown
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("text => { const find = root => { for (const node of root.querySelectorAll('*')) {"
                           " if (node.classList.contains('moment')) return node;"
                           " const inner = node.shadowRoot && find(node.shadowRoot); if (inner) return inner; } };"
                           " return find(document).textContent !== text; }", arg=shown)
    page.get_by_role("button", name="Pause").click()
    assert "training log" in page.locator(".birth .sr-only table caption").text_content()


def test_a_phone_shows_it_without_sideways_scroll(open_page: Callable[..., Any]) -> None:
    page = open_page("attention", query=PANEL, width=400, height=850, dark=True)
    page.locator(".birth .moment").wait_for(timeout=240_000)
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("node => node.scrollWidth <= node.clientWidth")
    assert page.locator(".birth .curves svg").bounding_box()["width"] <= 400
