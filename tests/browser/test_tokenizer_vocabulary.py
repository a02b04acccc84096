"""The panel "Vocabulary" in a browser: typing, pressing, arrow keys, a pattern without end, a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

COLUMNS = "tokenizer_left=storyteller&tokenizer_right=BERT&tokenizer_panel=Vocabulary"
WAIT = 20_000


def opened(open_page: Callable[..., Any], query: str = "", **more: Any) -> Any:
    page = open_page("tokenizer", query=f"{COLUMNS}&text=rain{query}", **more)
    page.locator(".tv tbody tr").first.wait_for()
    return page


def test_typing_searches_without_enter_and_the_link_follows(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page)
    expect(page.locator(".tv .found b")).to_have_text("4,096")
    expect(page.locator(".tv tbody tr")).to_have_count(200)
    box = page.locator(".tv input[type=search]")
    box.press_sequentially("seven", delay=60)
    expect(page.locator(".tv .piece").first).to_have_text("·seven", timeout=WAIT)
    expect(box).to_have_value("seven")
    expect(box).to_be_focused()
    expect(page).to_have_url(re.compile("tokenizer_vocabulary_find=seven"))
    page.locator(".tv").get_by_role("button", name="Show all").click()
    expect(page.locator(".tv .found b")).to_have_text("4,096", timeout=WAIT)
    expect(box).to_have_value("")


def test_pictures_are_buttons_and_answer_to_the_search(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page)
    tv = page.locator(".tv")
    tv.get_by_role("button", name=re.compile(r"^part of a character")).click()
    expect(tv.locator(".found b")).to_have_text("128", timeout=WAIT)
    expect(tv.locator(".rows button").first).to_contain_text("no whole character")
    tv.get_by_role("button", name=re.compile(r"^all")).click()
    expect(tv.locator(".found b")).to_have_text("4,096", timeout=WAIT)
    told = tv.get_by_role("button", name=re.compile(r"^2 bytes:")).get_attribute("aria-label") or ""
    tv.get_by_role("button", name=re.compile(r"^2 bytes:")).click()
    expect(tv.locator(".found b")).to_have_text(re.findall(r"[\d,]+", told)[1], timeout=WAIT)
    expect(tv.get_by_role("button", name=re.compile(r"^2 bytes:"))).to_have_attribute("aria-pressed", "true")


def test_a_row_opens_its_details_and_arrow_keys_walk(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "&tokenizer_vocabulary_find=even")
    card = page.locator(".tv .card")
    page.locator(".tv tbody tr", has_text=re.compile("·seven")).click()
    expect(card.locator(".head .piece")).to_have_text("·seven")
    expect(card).to_contain_text("20 73 65 76 65 6E")
    expect(card.locator(".near").first).to_contain_text("·eight", timeout=WAIT)
    expect(card.locator("h4")).to_have_text(["Nearest after training", "Before: random numbers"])
    page.locator(".tv button.id").first.focus()
    assert page.locator(".tv button.id[tabindex='0']").count() == 1, "one stop for Tab"
    first = page.locator(".tv button.id").first.inner_text()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".tv button.id:focus")).not_to_have_text(first)
    expect(card.locator(".head .muted")).not_to_have_text(f"id {first}")
    card.locator(".near button").first.wait_for()
    settle(page)
    wanted = card.locator(".near button").nth(1).inner_text()
    card.locator(".near button").nth(1).click()
    expect(card.locator(".head .piece")).to_have_text(wanted, timeout=WAIT)


def test_a_pattern_without_end_is_a_sentence_and_the_search_goes_on(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    pattern = "(?R)"
    page = opened(open_page)
    page.locator(".tv select").first.select_option("pattern")
    box = page.locator(".tv input[type=search]")
    box.fill(pattern)
    expect(page.locator(".tv .says")).to_contain_text("too", timeout=WAIT)
    expect(box).to_have_value(pattern)
    expect(box).to_have_attribute("aria-invalid", "true")
    box.fill("^ seven")
    expect(page.locator(".tv .piece").first).to_have_text("·seven", timeout=WAIT)


def test_what_an_entry_holds_is_only_ever_text(open_page: Callable[..., Any]) -> None:
    """A search for markup finds entries of it, and none of it becomes an element."""
    page = open_page("tokenizer", query="tokenizer_left=GPT-4&tokenizer_right=BERT&tokenizer_panel=Vocabulary&text=rain"
                                        f"&tokenizer_vocabulary_of=cl100k&tokenizer_vocabulary_find={quote('<script')}")
    if not page.locator(".tv .seg button", has_text="GPT-4").count():
        pytest.skip("GPT-4's vocabulary is not here; `python -m components.models fetch cl100k` brings it")
    page.locator(".tv tbody tr").first.wait_for()
    assert "<script" in page.locator(".tv .piece").first.inner_text()
    assert page.locator(".tv script").count() == 0


def test_a_phone_shows_it_all_inside(open_page: Callable[..., Any]) -> None:
    page = opened(open_page, "&tokenizer_vocabulary_id=998", width=400, height=850)
    over = page.evaluate(
        "() => [document.documentElement, document.querySelector('[data-testid=stMain]')]"
        ".map(node => node.scrollWidth - node.clientWidth)")
    assert max(over) <= 0, over
    assert page.locator(".tv .card").is_visible()
