"""The Topics picture in a real browser: one choice in list, map and documents; a knob; a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def heading(page: Any) -> str:
    return str(page.locator(".topics .detail h3").inner_text())


def pressed(page: Any) -> str:
    return str(page.locator(".topics button.topic[aria-pressed=true] .name").inner_text())


def test_it_opens_with_the_readers_document_on_the_map(open_page: Callable[..., Any]) -> None:
    page = open_page("topics")
    assert heading(page) == "Your document"
    assert "hole" in pressed(page)
    assert page.locator(".topics button.topic").count() == int(page.locator(".fact .value").first.inner_text()) + 1
    told = page.locator(".topics canvas").get_attribute("aria-label")
    assert told.startswith("Map of 1,257 messages")
    assert "Your document is at pothole, hole" in told


def test_a_topic_shows_its_words_and_documents(open_page: Callable[..., Any]) -> None:
    page = open_page("topics")
    page.locator("button.topic", has_text="noise").click()
    assert heading(page).startswith("noise")
    assert pressed(page).startswith("noise")
    words = page.locator(".topics .words th").all_inner_texts()
    assert "music" in words
    size = int(page.locator("button.topic[aria-pressed=true] .size").inner_text())
    assert page.locator(".topics .documents .document").count() == size
    page.locator("button.topic", has_text="Outliers").click()
    assert heading(page) == "Outliers"


def test_a_document_is_read_whole_and_can_be_sent_on(open_page: Callable[..., Any]) -> None:
    page = open_page("topics")
    page.locator("button.topic", has_text="rats").click()
    page.locator(".topics .documents .document").first.click()
    settle(page)
    assert heading(page).startswith("msg-")
    whole = page.locator(".topics .whole").inner_text()
    assert page.locator(".topics .whole mark").count() >= 1
    page.get_by_role("button", name="Send this document to").click()
    page.get_by_test_id("stPopoverBody").get_by_role("button", name="Search").click()
    settle(page)
    page.wait_for_url("**/search**")
    assert page.get_by_role("textbox", name="Your question").input_value() == whole


def test_the_map_answers_the_pointer(open_page: Callable[..., Any]) -> None:
    page = open_page("topics")
    page.locator("button.topic", has_text="library").click()
    box = page.locator(".topics canvas").bounding_box()
    found = ""
    for part in range(2, 40):  # across the middle of the map there is always something to point at
        page.mouse.move(box["x"] + box["width"] * part / 42, box["y"] + box["height"] * 0.5)
        found = page.locator(".topics .lg-tip:not([hidden])").all_inner_texts()
        if found:
            break
    assert found
    page.mouse.down()
    page.mouse.up()
    settle(page)
    assert not heading(page).startswith("library"), "a click chooses what was pointed at"
    page.mouse.move(2, 2)
    assert page.locator(".topics .lg-tip:not([hidden])").count() == 0


def test_arrow_keys_walk_through_the_topics(open_page: Callable[..., Any]) -> None:
    page = open_page("topics")
    first = page.locator("button.topic").first
    first.click()
    assert page.locator("button.topic[tabindex='0']").count() == 1, "one stop for Tab"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    third = page.locator("button.topic").nth(2)
    assert pressed(page) == third.locator(".name").inner_text()
    assert heading(page) == pressed(page)
    page.keyboard.press("End")
    assert heading(page) == "Outliers"


def test_a_knob_changes_the_topics_and_nothing_jumps(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = open_page("topics")
    before = page.locator(".topics").bounding_box()["height"]
    count = page.locator("button.topic").count()
    knob = page.get_by_role("slider").first
    knob.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "(old) => [...document.querySelectorAll('*')].some(n => n.shadowRoot && n.shadowRoot.querySelector('.topics')"
        " && n.shadowRoot.querySelectorAll('button.topic').length < old)", arg=count, timeout=90_000,
    )
    settle(page)
    assert abs(page.locator(".topics").bounding_box()["height"] - before) < 120
    expect(page).to_have_url(re.compile("topics_min_cluster_size=16"))


def test_the_table_says_the_same(open_page: Callable[..., Any]) -> None:
    page = open_page("topics")
    rows = page.locator(".topics .sr-only tbody tr").all_inner_texts()
    assert len(rows) == page.locator("button.topic").count() - 1
    assert "bin" in rows[0]


def test_a_phone_has_one_column_and_no_sideways_scroll(open_page: Callable[..., Any]) -> None:
    page = open_page("topics", width=400, height=850)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 400
    tops = {
        name: page.locator(selector).first.bounding_box()["y"]
        for name, selector in {
            "map": ".topics canvas", "list": ".topics .list", "detail": ".topics .detail",
            "knobs": ".st-key-topics_knobs",
        }.items()
    }
    assert list(tops) == sorted(tops, key=lambda name: tops[name]), "map, list, detail, then the knobs"
    page.locator("button.topic", has_text="rats").click()
    assert heading(page).startswith("rats")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 400


@pytest.mark.parametrize("width", [1400, 400])
def test_the_pointers_ring_comes_and_goes(open_page: Callable[..., Any], width: int) -> None:
    """The picture under the ring is kept: after the pointer has left, it is what it was, to the pixel."""
    page = open_page("topics", width=width, height=850)
    canvas = page.locator(".topics canvas")
    canvas.scroll_into_view_if_needed()
    look = "(canvas) => canvas.toDataURL()"
    before = canvas.evaluate(look)
    box = canvas.bounding_box()
    for part in range(2, 40):
        page.mouse.move(box["x"] + box["width"] * part / 42, box["y"] + box["height"] * 0.5)
        if canvas.evaluate(look) != before:
            break
    assert canvas.evaluate(look) != before, "across the middle of the map there is always something to point at"
    page.mouse.move(2, 2)
    assert canvas.evaluate(look) == before
