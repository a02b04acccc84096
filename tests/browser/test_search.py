"""The Search picture in a real browser: following by mouse and by keyboard, own passages, a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

FOCUSED = """() => {
  let node = document.activeElement;
  while (node && node.shadowRoot) node = node.shadowRoot.activeElement;
  const title = node.querySelector('.title');
  return title ? title.textContent + '|' + node.dataset.column : node.tagName;
}"""
CARD_STARTS_WITH = """(title) => [...document.querySelectorAll('*')].some((node) => node.shadowRoot
  && (node.shadowRoot.querySelector('.search .card h2')?.textContent || '').startsWith(title))"""


def row(page: Any, column: int, rank: int) -> Any:
    return page.locator(f".search .col:nth-of-type({column}) .row[data-p]").nth(rank - 1)


def card(page: Any) -> str:
    return str(page.locator(".search .card h2").inner_text())


def test_following_a_passage_lights_it_everywhere_and_stays(open_page: Callable[..., Any]) -> None:
    page = open_page("search")
    chosen = row(page, 3, 2)
    title = chosen.locator(".title").inner_text()
    chosen.click()
    settle(page)
    page.mouse.move(5, 5)
    lit = page.locator(".search .row.pinned .title")
    assert set(lit.all_inner_texts()) == {title}
    assert card(page).startswith(title)
    page.wait_for_function("() => location.search.includes('search_follow=enc-')")
    page.reload()
    settle(page)
    assert card(page).startswith(title), "the address brings the followed passage back"
    assert page.locator(".search .row.pinned").first.get_attribute("aria-pressed") == "true"


def test_hover_only_lights(open_page: Callable[..., Any]) -> None:
    page = open_page("search")
    before = card(page)
    height = page.locator(".search").bounding_box()["height"]
    row(page, 1, 2).hover()
    assert card(page) != before
    assert page.locator(".search").bounding_box()["height"] == height, "nothing jumps while reading along"
    page.mouse.move(5, 5)
    assert card(page) == before


def test_a_passage_that_fell_out_lies_in_the_tray(open_page: Callable[..., Any]) -> None:
    page = open_page("search")
    tray = page.locator(".search .col:nth-of-type(1) .tray.out")
    assert tray.locator(".title").inner_text() == "Why dough rises"
    assert tray.locator(".score").inner_text() == "53rd"


def test_keyboard(open_page: Callable[..., Any]) -> None:
    page = open_page("search")
    row(page, 1, 1).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    title, column = str(page.evaluate(FOCUSED)).split("|")
    assert (title, column) == ("The baguette", "0")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(FOCUSED) == "The baguette|1", "the same passage in the next column"
    page.keyboard.press("Enter")
    settle(page)
    assert card(page).startswith("The baguette")
    assert page.evaluate(FOCUSED) == "The baguette|1", "following keeps the focus"


def test_the_words_behind_a_keyword_score_are_marked(open_page: Callable[..., Any]) -> None:
    page = open_page("search")
    row(page, 1, 3).hover()
    marks = {text.lower() for text in page.locator(".search .card mark").all_inner_texts()}
    assert marks & {"make", "makes", "made", "making"}
    assert marks & {"rise", "rises", "rising"}
    parts = [float(text) for text in page.locator(".search .card .terms .mono").all_inner_texts()]
    total = float(page.locator(".search .card .why h3 .mono").first.inner_text())
    assert abs(sum(parts) - total) < 0.03


def test_own_passages(open_page: Callable[..., Any]) -> None:
    page = open_page("search", query="text=" + quote("What makes bread rise?"))
    page.get_by_test_id("stSelectbox").get_by_role("combobox").click()
    page.get_by_role("option", name="My own passages").click()
    settle(page)
    assert "Paste some passages" in page.locator(".search .message").inner_text()
    box = page.get_by_role("textbox", name="Your passages")
    box.fill("Yeast fills dough with gas, and the loaf grows.\nThe ferry to the island is late.\n<b>bread</b> for sale")
    box.press("Control+Enter")
    page.wait_for_selector(".search .row[data-p]", timeout=90_000)
    settle(page)
    assert row(page, 1, 1).locator(".title").inner_text() == "<b>bread</b> for sale"
    assert page.locator(".search .col:nth-of-type(2) .row[data-p]").count() == 3


def test_all_passages_can_be_sorted_and_followed(open_page: Callable[..., Any]) -> None:
    page = open_page("search")
    page.get_by_role("tab", name="All passages").click()
    page.wait_for_selector(".scores table")
    settle(page)
    page.locator(".scores thead button", has_text="Meaning").click()
    first = page.locator(".scores tbody tr").first.locator("button")
    assert first.inner_text() == "Why dough rises"
    last = page.locator(".scores tbody tr").nth(120).locator("button")
    title = last.inner_text()
    last.click()
    page.wait_for_function(CARD_STARTS_WITH, arg=title)
    assert page.locator(".search .tray.out").count() == 3, "it is in no top ten"


def test_a_phone_swipes_inside_the_picture(open_page: Callable[..., Any]) -> None:
    page = open_page("search", width=400, height=850)
    swipe = page.locator(".search .swipe")
    assert swipe.evaluate("node => node.scrollWidth > node.clientWidth")
    page.locator(".search .tabs button", has_text="Both").click()
    page.wait_for_function("() => true")
    page.wait_for_timeout(200)
    assert swipe.evaluate("node => node.scrollLeft") > 300
    assert page.locator(".search .tabs button", has_text="Both").get_attribute("aria-pressed") == "true"
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 400
    row(page, 3, 1).click()
    settle(page)
    assert card(page).startswith("Bread wheat, a triple cross")
