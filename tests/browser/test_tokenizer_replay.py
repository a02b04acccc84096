"""The panel "Replay the algorithm" in a browser: stepping, stopping early, another word, another algorithm, a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

TEXT = "The unhappiness of tortoises"


def opened(open_page: Callable[..., Any], left: str, text: str = TEXT, query: str = "", **more: Any) -> Any:
    page = open_page("tokenizer", query=f"tokenizer_panel=Replay+the+algorithm&tokenizer_left={left}"
                     f"&tokenizer_right=storyteller-wordpiece&text={quote(text)}{query}", **more)
    page.locator(".tr .picture .row").first.wait_for()
    return page


def test_merges_step_by_step(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "storyteller-1k")
    root = page.locator(".tr")
    expect(root.locator(".word[aria-selected=true]")).to_have_text("·unhappiness")
    rows = root.locator(".staircase, .merges").locator(".row:not(.head)")
    steps = rows.count() - 1
    assert steps >= 4
    picture = root.locator(".picture")
    picture.focus()
    page.keyboard.press("Home")
    expect(root.locator(".row.now .right")).to_have_text("12")
    expect(root.locator(".row.ghost")).to_have_count(steps)
    page.keyboard.press("ArrowRight")
    expect(root.locator(".row.now .right")).to_have_text("11")
    expect(root.locator(".row.now .cell.new")).to_have_count(1)
    expect(root.locator(".say").first).to_contain_text("become")
    root.get_by_role("button", name="Next merge").click()
    expect(root.locator(".row.now .right")).to_have_text("10")
    root.get_by_role("button", name="Back").click()
    expect(root.locator(".row.now .right")).to_have_text("11")
    page.keyboard.press("Tab")
    picture.focus()
    page.keyboard.press("End")
    expect(root.locator(".row.ghost")).to_have_count(0)
    # What stands in the last row is what the chips above have.
    expect(root.locator(".row.now .cell")).to_have_text(root.locator(".end .piece").all_inner_texts())
    root.get_by_role("button", name="Play").click()
    expect(root.locator(".row.ghost")).to_have_count(steps - 2, timeout=5_000)
    root.get_by_role("button", name="Pause").click()


def test_stopping_early_moves_the_line_and_the_counts(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "storyteller-1k", query="&tokenizer_replay_stop=3")
    root = page.locator(".tr")
    expect(root.locator(".stop")).to_have_text("A tokenizer of 3 merges stops here")
    typed = root.locator("input[type=number]")
    typed.fill("0")
    typed.press("Enter")
    expect(root.locator(".say.small")).to_contain_text("12 tokens")
    expect(root.locator(".say.small")).to_contain_text(f"The whole text: {len(TEXT)} tokens")
    typed.fill("743")
    typed.press("Enter")
    expect(root.locator(".stop")).to_have_count(0)
    expect(root.locator(".say.small")).to_contain_text("as now")
    page.wait_for_url(re.compile("tokenizer_replay_stop=743"), timeout=10_000)


def test_another_word_by_press_and_by_list_keeps_its_place_in_the_link(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "storyteller-1k")
    root = page.locator(".tr")
    root.locator(".word", has_text="tortoises").click()
    expect(root.locator(".aside select")).to_have_value(re.compile("tortoises"))
    page.wait_for_url(re.compile("tokenizer_replay_at=18"), timeout=10_000)
    settle(page)
    expect(root.locator(".word[aria-selected=true]")).to_have_text("·tortoises")
    root.locator(".aside select").select_option(index=0)
    expect(root.locator(".word[aria-selected=true]")).to_have_text("The")
    page.keyboard.press("Tab")
    root.locator(".word[aria-selected=true]").focus()
    page.keyboard.press("ArrowRight")
    expect(root.locator(".word[aria-selected=true]")).to_have_text("·unhappiness")


def test_wordpiece_shows_each_try(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "bert", "snowiest")
    root = page.locator(".tr")
    expect(root.locator(".cell.miss")).to_have_text(["snowiest", "snowies", "snowie", "snowi"])
    expect(root.locator(".cell.new")).to_have_text(["snow", "##iest"])
    expect(root.locator(".stops")).to_have_count(0)


def test_a_long_word_that_falls_to_pieces_stays_small(open_page: Callable[..., Any]) -> None:
    page = opened(open_page, "bert", "qx" * 45)
    root = page.locator(".tr")
    assert root.locator(".picture .row").count() < 250
    assert root.locator(".row .right").last.inner_text() == "yes"
    said = int(root.locator(".row .left").last.inner_text().replace(",", ""))
    assert said > 1_000, "every try is counted, the drawn ones and the others"


def test_unigram_lattice_and_its_ways(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "storyteller-unigram")
    root = page.locator(".tr")
    ways = root.locator("button.way")
    assert ways.count() > 3
    expect(ways.first).to_have_attribute("aria-pressed", "true")
    best = root.locator(".end .piece").all_inner_texts()
    expect(ways.first.locator(".cell")).to_have_text(best)
    expect(root.locator(".edge.on")).to_have_count(len(best))
    ways.nth(1).click()
    expect(ways.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(root.locator(".say")).to_contain_text("times less likely")
    root.locator(".picture").focus()
    page.keyboard.press("Home")
    expect(root.locator(".edge.on")).to_have_count(0)
    page.keyboard.press("ArrowRight")
    expect(root.locator(".edge.on")).to_have_count(1)


def test_bytes_where_no_entry_fits(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "mistral-v1", "🤖", query="&tokenizer_replay_at=0")
    root = page.locator(".tr")
    root.locator(".picture").focus()
    page.keyboard.press("End")
    expect(root.locator(".row.now .cell.new")).to_have_text(["F0", "9F", "A4", "96"])
    expect(root.locator(".say").first).to_contain_text("no entry")


def test_a_phone_shows_it_all_and_scrolls_only_inside(open_page: Callable[..., Any]) -> None:
    page = opened(open_page, "storyteller-unigram", "antidisestablishmentarianism 🐢", width=400, height=850)
    for name in ("storyteller Unigram", "storyteller WordPiece"):
        page.locator("[data-testid=stMain]").get_by_role("radio", name=name).click()
        settle(page)
        over = page.evaluate(
            "() => [document.documentElement, document.querySelector('[data-testid=stMain]')]"
            ".map(node => node.scrollWidth - node.clientWidth)")
        assert max(over) <= 0, (name, over)
