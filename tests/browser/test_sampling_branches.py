"""The panel Branches in a browser: pressing words, keys, names, pruning, an edited text and the way back, a phone."""

from __future__ import annotations

import re

import pytest

from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

QUERY = "sampling_model=storyteller&sampling_panel=Branches&sampling_branches_tokens=4"
LONG = 60_000


def test_words_are_pressed_written_on_named_pruned_and_brought_back(open_page) -> None:  # type: ignore[no-untyped-def]
    from playwright.sync_api import expect

    page = open_page("sampling", query=QUERY)
    offers, rows = page.locator(".branches .offer"), page.locator(".branches .compare tbody tr")
    expect(offers).to_have_count(5, timeout=LONG)
    page.get_by_role("button", name="Write the likeliest on").click()
    expect(rows).to_have_count(5, timeout=LONG)
    # The branches grow before one's eyes, and words are pressed when they have ended.
    expect(page.locator(".branches")).to_have_attribute("aria-busy", "false", timeout=LONG)
    # A word in the middle of the first branch: the text goes on from there, the rest stays as a branch.
    word = page.locator(".branches .words .word").nth(1)
    text = word.inner_text()
    word.click()
    expect(page.locator(".branches .word.here")).to_have_text(text, timeout=LONG)
    expect(page.locator(".token.new")).to_have_count(3, timeout=LONG)
    expect(offers).to_have_count(4, timeout=LONG)
    page.locator(".branches .other").first.click()
    expect(rows).to_have_count(6, timeout=LONG)
    # By key: the new word is in focus; F2 names it, Delete prunes it, a button brings it back.
    here = page.locator(".branches .word.here")
    expect(here).not_to_have_text(text, timeout=LONG)
    here.focus()
    page.keyboard.press("F2")
    page.keyboard.type("second thought")
    page.keyboard.press("Enter")
    expect(page.locator(".branches .name")).to_have_text("second thought", timeout=LONG)
    settle(page)
    page.locator(".branches .word.here").focus()
    page.keyboard.press("Delete")
    back = page.get_by_role("button", name="Bring back the branch second thought")
    expect(back).to_be_visible(timeout=LONG)
    expect(rows).to_have_count(5, timeout=LONG)
    settle(page)
    back.click()
    expect(rows).to_have_count(6, timeout=LONG)
    # Arrows move through the tree, Enter goes there.
    settle(page)
    page.locator(".branches .word.here").focus()
    page.keyboard.press("Home")
    expect(page.locator(".branches .word.root")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".branches .word.first").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".token.new")).to_have_count(1, timeout=LONG)
    # Colours are a knob in the address; an item says its numbers.
    assert re.search(r"surprise [\d.]+ nats", page.locator(".branches .word.first").first.get_attribute("aria-label"))


def test_an_edited_text_goes_on_and_the_earlier_tree_is_returned_to(open_page) -> None:  # type: ignore[no-untyped-def]
    from playwright.sync_api import expect

    page = open_page("sampling", query=QUERY)
    page.locator(".branches .offer").nth(1).click()
    expect(page.locator(".token.new")).to_have_count(1, timeout=LONG)
    settle(page)
    chosen = page.locator(".branches .word.here").inner_text()
    page.get_by_role("button", name="Edit the text").click()
    box = page.get_by_role("textbox", name="Text with its continuation")
    expect(box).to_have_value(re.compile(f"because {chosen}$"), timeout=LONG)
    box.fill("The old lighthouse keeper climbed the tower because")
    page.get_by_role("button", name="Go on from this text").click()
    expect(page.locator(".token.new")).to_have_count(0, timeout=LONG)
    expect(page.get_by_role("button", name="Earlier trees")).to_be_visible(timeout=LONG)
    settle(page)
    expect(page).to_have_url(re.compile("tower"))
    page.get_by_role("button", name="Earlier trees").click()
    page.get_by_role("button", name=re.compile("stairs because.*1 branch")).click()
    expect(page.locator(".token.new")).to_have_count(1, timeout=LONG)
    expect(page.locator(".branches .word.here")).to_have_text(chosen, timeout=LONG)


def test_on_a_phone_the_tree_hangs_down_and_nothing_scrolls_sideways(open_page) -> None:  # type: ignore[no-untyped-def]
    from playwright.sync_api import expect

    page = open_page("sampling", width=400, query=QUERY.replace("tokens=4", "tokens=40"))
    offers = page.locator(".branches .offer")
    expect(offers).to_have_count(5, timeout=LONG)
    offers.first.click()
    expect(page.locator(".token.new")).to_have_count(1, timeout=LONG)
    settle(page)
    wide = page.evaluate("() => [...document.querySelectorAll('[data-testid=stMain]')].map(e => e.scrollWidth)")
    assert max(wide) <= 400
    root, word = (page.locator(f".branches .word.{name}").bounding_box() for name in ("root", "here"))
    assert word["y"] > root["y"] + root["height"] - 1
    assert word["x"] > root["x"]
    # Long branches are folded in their middle, and open at a press.
    page.get_by_role("button", name="Write the likeliest on").click()
    folds = page.locator(".branches .fold")
    expect(folds.first).to_be_visible(timeout=LONG)
    expect(page.locator(".branches")).to_have_attribute("aria-busy", "false", timeout=LONG)
    settle(page)
    count, words = folds.count(), page.locator(".branches .word").count()
    folds.first.click()
    expect(folds).to_have_count(count - 1, timeout=LONG)
    assert page.locator(".branches .word").count() > words
