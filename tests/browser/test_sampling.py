"""The Sampling page in a browser: knobs, writing with Stop, rows that open, a phone."""

from __future__ import annotations

import re

import pytest

from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

STORYTELLER = "sampling_model=storyteller"


def written(page) -> int:  # type: ignore[no-untyped-def]
    return page.locator(".token.new").count()


def wait_written(page, least: int) -> None:  # type: ignore[no-untyped-def]
    from playwright.sync_api import expect

    expect(page.locator(".token.new").nth(least - 1)).to_be_attached(timeout=60_000)


def test_a_knob_moves_the_bars(open_page) -> None:  # type: ignore[no-untyped-def]
    from playwright.sync_api import expect

    page = open_page("sampling", query=STORYTELLER)
    left = page.locator(".stage-row").filter(has_text="top_k").locator(".left")
    before = left.inner_text()
    assert before == "50"
    slider = page.get_by_role("slider", name=re.compile("top_k"))
    slider.focus()
    slider.press("ArrowRight")
    expect(left).to_have_text("51", timeout=60_000)
    assert "sampling_top_k=51" in page.url
    assert page.locator(".bar").count() == 21


def test_next_generate_and_stop(open_page) -> None:  # type: ignore[no-untyped-def]
    from playwright.sync_api import expect

    # Long enough that a busy machine stops it before its end.
    page = open_page("sampling", query=f"{STORYTELLER}&sampling_max_new_tokens=200")
    pending = page.locator(".token.pending").inner_text()
    page.get_by_role("button", name="Next token").click()
    wait_written(page, 1)
    assert page.locator(".token.new").first.inner_text() == pending
    page.get_by_role("button", name="Generate").click()
    wait_written(page, 4)
    stop = page.get_by_role("button", name="Stop")
    expect(stop).to_be_visible()
    stop.click()
    expect(stop).to_be_hidden(timeout=60_000)
    settle(page)
    count = written(page)
    assert 4 <= count < 201
    expect(page.get_by_text(f"Stopped. {count} tokens written, all kept.")).to_be_visible()
    page.get_by_role("button", name="Back one token").click()
    expect(page.locator(".token.new")).to_have_count(count - 1, timeout=60_000)
    expect(page.get_by_role("row").nth(1)).to_be_attached()


def test_stages_open_in_place_and_say_what_they_did(open_page) -> None:  # type: ignore[no-untyped-def]
    from playwright.sync_api import expect

    page = open_page("sampling", query=STORYTELLER)
    row = page.locator(".stage-row").filter(has_text="temperature")
    row.locator("button").press("Enter")
    expect(row.locator("button")).to_have_attribute("aria-expanded", "true")
    expect(row.locator("svg")).to_be_visible()
    expect(row.locator(".says")).to_contain_text("the order stays")
    assert page.locator(".stage-row.open").count() == 1


def test_a_phone_sees_one_column_and_never_scrolls_sideways(open_page) -> None:  # type: ignore[no-untyped-def]
    page = open_page("sampling", width=400, query=STORYTELLER)
    for tab in ("The whole vocabulary", "Token by token"):
        page.get_by_role("tab", name=tab).click()
        settle(page)
        wide = page.evaluate("() => [...document.querySelectorAll('[data-testid=stMain]')].map(e => e.scrollWidth)")
        assert max(wide) <= 400
    boxes = [page.locator(name).bounding_box() for name in (".may-come", ".chain", ".drawn")]
    assert boxes[0]["y"] < boxes[1]["y"] < boxes[2]["y"]
    assert max(box["x"] + box["width"] for box in boxes) <= 400
