"""The panel "Force a shape" in a browser: the strip by mouse and keys, Stop, a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.pressing import press_when
from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

QUERY = "sampling_model=storyteller&sampling_panel=Force+a+shape"


def sideways(page: Any) -> int:
    found: list[int] = page.evaluate(
        "() => [document.documentElement, document.querySelector('[data-testid=stMain]')]"
        ".map(node => node.scrollWidth - node.clientWidth)")
    return max(found)


def test_the_strip_is_read_by_mouse_and_by_keys(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = open_page("sampling", query=QUERY)
    root = page.locator(".sh")
    expect(root.locator(".odds tbody tr")).to_have_count(3, timeout=60_000)
    tokens = root.locator(".tok")
    assert tokens.count() >= 2
    assert root.locator("mark").inner_text().strip() in (
        row.replace("·", " ").strip() for row in root.locator(".odds tbody th").all_inner_texts())
    tokens.first.click()
    expect(root.locator(".detail h4")).to_contain_text("Step 1")
    page.keyboard.press("ArrowRight")
    expect(root.locator(".detail h4")).to_contain_text("Step 2")
    expect(tokens.nth(1)).to_have_attribute("aria-pressed", "true")
    assert "of the model's probability was forbidden" in (tokens.first.get_attribute("aria-label") or "")
    assert root.locator(".sr-only tbody tr").count() == tokens.count()
    assert "null" not in root.inner_text().split()

    page.set_viewport_size({"width": 400, "height": 850})
    settle(page)
    assert sideways(page) <= 0
    box = root.locator(".detail").bounding_box()
    assert box["x"] + box["width"] <= 400


def test_run_stop_and_what_was_written_is_kept(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    # Letters and spaces without an end: only max_new_tokens or Stop ends it.
    page = open_page("sampling", query=QUERY + "&sampling_shape_kind=regex&sampling_shape_tokens=200"
                     "&sampling_shape_regex_t_text=%5Ba-z+%5D%7B600%7D")
    root = page.locator(".sh")
    page.get_by_role("button", name="Run", exact=True).click()
    press_when(page, "[class*=sampling_shape_running_stop] button", ".sh .tok", 2)
    expect(page.locator("[class*=sampling_shape_running_stop] button")).to_be_hidden(timeout=60_000)
    settle(page)
    count = root.locator(".tok").count()
    assert 2 <= count < 200
    expect(page.get_by_text("What was written until then is kept.")).to_be_visible()


def test_trouble_is_one_sentence(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = open_page("sampling", query=QUERY + "&sampling_shape_kind=regex&sampling_shape_regex_t_text=(a")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("unclosed group")).to_be_visible(timeout=60_000)
    assert page.get_by_label("Regular expression", exact=True).input_value() == "(a"
