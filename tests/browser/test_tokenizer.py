"""The Tokens page in a browser: one hover over both columns, arrow keys, a phone, typing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

COLUMNS = "tokenizer_left=BERT&tokenizer_right=Mistral%20v1"


def opened(open_page: Callable[..., Any], text: str, **more: Any) -> Any:
    page = open_page("tokenizer", query=f"{COLUMNS}&text={quote(text)}", **more)
    page.locator(".flow .chip").first.wait_for()
    return page


def test_hovering_a_chip_lights_the_same_bytes_in_the_other_column(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "Übermensch rain")
    flows = page.locator(".flow")
    # BERT cuts uber|men|sch, Mistral Über|m|ensch (with the space that it puts in front).
    flows.nth(0).locator(".chip", has_text=re.compile("^men$")).hover()
    expect(page.locator(".chip.here")).to_have_text("men")
    expect(flows.nth(1).locator(".chip.same")).to_have_text(["m", "ensch"])
    card = page.locator(".card")
    expect(card).to_contain_text("5:8")
    expect(card.locator(".fact", has_text="string")).to_have_text("stringmen")
    expect(page.locator(".legend")).to_contain_text("changed before it is cut")  # Über became uber
    expect(card).to_contain_text("In Mistral v1 it takes 2 tokens.")
    flows.nth(1).locator(".chip", has_text=re.compile("^ensch$")).hover()
    expect(flows.nth(0).locator(".chip.same")).to_have_text(["men", "sch"])


def test_arrow_keys_walk_through_the_chips(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "one two three\nfour five")
    flow = page.locator(".flow").nth(0)
    assert flow.locator("[tabindex='0']").count() == 1, "one stop for Tab in each column"
    flow.locator("[tabindex='0']").focus()
    expect(page.locator(".card")).to_contain_text("1 of 5")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(flow.locator(".chip:focus")).to_have_text("three")
    expect(page.locator(".card")).to_contain_text("3 of 5")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    expect(flow.locator(".chip:focus")).to_have_text("four")
    page.keyboard.press("End")
    expect(flow.locator(".chip:focus")).to_have_text("five")
    expect(flow.locator("[aria-selected='true']")).to_have_text("five")


def test_a_broken_character_shows_its_bytes_under_one_bracket(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "a 👩🏽‍🚀 b")
    right = page.locator(".flow").nth(1)
    group = right.locator(".group")
    expect(group).to_have_count(1)
    expect(group.locator("> .sign")).to_have_text("👩🏽‍🚀")
    expect(group.locator(".chip").first).to_have_text("F0")
    expect(page.locator(".flow").nth(0).locator(".chip.unknown")).to_have_text("👩🏽‍🚀")
    expect(page.locator(".column").nth(0).locator(".facts")).to_contain_text("not exact")
    expect(page.locator(".column").nth(1).locator(".facts")).to_contain_text("exact, byte for byte")


def test_each_line_runs_in_its_own_direction(open_page: Callable[..., Any]) -> None:
    """An Arabic line between English ones, and a Hebrew word inside one; arrow keys follow the line."""
    from playwright.sync_api import expect

    page = opened(open_page, "one two\nمرحبا يا\nthree שלום four")
    flow = page.locator(".flow").nth(0)
    lines = flow.locator(".line")
    expect(lines).to_have_count(3)
    assert [lines.nth(place).get_attribute("dir") for place in range(3)] == ["ltr", "rtl", "ltr"]

    def lefts(line: int) -> list[float]:
        return [box["x"] for box in (chip.bounding_box() for chip in lines.nth(line).locator(".chip").all())]

    assert lefts(0) == sorted(lefts(0))
    assert lefts(1) == sorted(lefts(1), reverse=True)
    first, *word, last = lefts(2)
    assert len(word) == 4, "BERT knows Hebrew by its letters"
    assert word == sorted(word, reverse=True)
    assert first < min(word) <= max(word) < last
    arabic = lines.nth(1).locator(".chip")
    arabic.first.click()
    page.keyboard.press("ArrowLeft")
    expect(arabic.nth(1)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(arabic.first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(lines.nth(0).locator(".chip").last).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(arabic.first).to_be_focused()


def test_typing_redraws_without_enter(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "rain")
    box = page.locator("textarea").first
    box.fill("rain and snow")
    expect(page.locator(".flow").nth(0).locator(".chip")).to_have_text(["rain", "and", "snow"], timeout=15_000)
    settle(page)
    expect(page).to_have_url(re.compile("text=rain"))


def test_both_panels_on_a_phone_stay_inside(open_page: Callable[..., Any]) -> None:
    page = opened(open_page, "A long-winded antidisestablishmentarianism " * 3 + "👨‍👩‍👧‍👦", width=400, height=850)
    for panel in ("Ids and bytes", "Every tokenizer here"):
        page.get_by_role("tab", name=panel).click()
        settle(page)
        over = page.evaluate(
            "() => [document.documentElement, document.querySelector('[data-testid=stMain]')]"
            ".map(node => node.scrollWidth - node.clientWidth)")
        assert max(over) <= 0, (panel, over)


def test_the_table_shows_the_column_that_is_chosen(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "Rain")
    rows = page.locator(".tt tbody tr")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("52 61 69 6E")
    expect(rows.first).to_contain_text("read as rain")
    page.locator(".tt").get_by_role("button", name="Mistral v1").click()
    expect(rows.first).to_contain_text("space added")


def test_a_press_puts_a_tokenizer_into_the_right_column(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "Rain")
    page.get_by_role("tab", name="Every tokenizer here").click()
    page.locator(".tb").get_by_role("button", name="storyteller Unigram").click()
    expect(page.locator(".column h2").nth(1)).to_contain_text("storyteller Unigram", timeout=15_000)


def test_text_and_chips_point_at_each_other(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "🐢 Übermensch rain")
    page.locator(".flow").nth(0).locator(".chip", has_text=re.compile("^rain$")).hover()
    expect(page.locator(".mirror mark")).to_have_text("rain")
    page.locator(".flow").nth(0).locator(".chip", has_text=re.compile("^men$")).hover()
    expect(page.locator(".mirror mark")).to_have_text("men")
    box = page.locator("textarea").first
    box.focus()
    box.evaluate("node => { node.setSelectionRange(14, 18); node.dispatchEvent(new Event('select')); }")
    expect(page.locator(".flow").nth(0).locator(".chip.same")).to_have_text(["rain"])
    expect(page.locator(".flow").nth(1).locator(".chip.same")).to_have_text(["·rain"])


def test_rows_and_marks_can_be_chosen(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "one two")
    first, second = page.locator(".column").nth(0), page.locator(".column").nth(1)
    assert abs(first.bounding_box()["y"] - second.bounding_box()["y"]) < 4
    expect(page.locator(".flow").nth(1).locator(".chip").nth(1)).to_have_text("·two")
    page.get_by_role("radio", name="rows").click()
    expect(page.locator(".tk.rows")).to_have_count(1, timeout=15_000)
    assert second.bounding_box()["y"] > first.bounding_box()["y"] + 40
    page.get_by_text("Spaces and line breaks").click()
    # The settled script says nothing of the browser's drawing: wait for the chip itself.
    chip = page.locator(".flow").nth(1).locator(".chip").nth(1)
    expect(chip).not_to_contain_text("·", timeout=15_000)
    assert chip.evaluate("node => node.textContent") == " two"


def test_languages_sort_and_put_a_tokenizer_in_front(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "Rain")
    page.get_by_role("tab", name="What a language costs").click()
    rows = page.locator(".tl tbody tr")
    expect(rows.first).to_be_visible(timeout=30_000)
    assert rows.count() >= 24
    page.locator(".tl thead").get_by_role("button", name="language").click()
    expect(rows.first.locator("th")).to_contain_text("Amharic")
    expect(rows.first.locator("th"), "BERT has no Ethiopic letters").to_contain_text("characters unknown")
    page.locator(".tl .names").get_by_role("button", name="Mistral v1").click()
    expect(rows.first.locator("th")).not_to_contain_text("unknown")
    page.locator(".tl input").first.fill("10")
    expect(page.locator(".tl tr.english td").last).to_have_text("10.0")


def test_a_cut_is_shown_and_a_chunk_can_be_pressed(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "one two three four five six seven eight nine ten eleven twelve")
    page.get_by_role("tab", name="Cut at N").click()
    settle(page)
    page.locator("[data-testid=stNumberInput] input").first.fill("6")
    page.keyboard.press("Enter")
    expect(page.locator(".tc .stays")).to_have_text("one two three four five six", timeout=15_000)
    expect(page.locator(".tc .gone")).to_contain_text("seven")
    page.get_by_role("radio", name="chunks").click()
    expect(page.locator(".tc .list button").first).to_be_visible(timeout=15_000)
    page.locator(".tc .list button").nth(1).click()
    expect(page.locator(".tc .list button").nth(1)).to_have_attribute("aria-pressed", "true")
    assert page.locator(".tc .piece.on").count() >= 1
