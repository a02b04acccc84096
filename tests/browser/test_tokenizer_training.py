"""The panel "Train your own" in a browser: the curve by mouse and keys, cancel, a column, a phone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

PANEL = "tokenizer_panel=Train+your+own"
OWN = f"{PANEL}&tokenizer_training_source=a+text+of+my+own&tokenizer_training_size=300"


def test_the_curve_answers_to_keys_and_mouse(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = open_page("tokenizer", query=f"{PANEL}&tokenizer_training_size=600")
    picture = page.locator(".tr")
    expect(picture.locator("h3")).to_have_text("BPE of 600 entries, learnt from the encyclopedia", timeout=30_000)
    settle(page)
    chips = picture.locator(".flow .chip")
    few = chips.count()
    slider = picture.get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    expect(picture.locator(".says")).to_contain_text("257 entries")
    many = chips.count()
    assert many > 2 * few, "257 entries are bare bytes"
    assert "257 entries" in (slider.get_attribute("aria-valuetext") or "")
    page.keyboard.press("ArrowRight")
    assert chips.count() < many
    box = picture.locator("svg").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + box["height"] / 2)
    expect(chips).to_have_count(few)
    assert picture.locator("table tbody tr").count() == int(slider.get_attribute("max")) + 1


def test_a_pasted_text_becomes_a_tokenizer_a_column_and_a_file(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = open_page("tokenizer", query=OWN)
    page.get_by_label("A text of your own to learn from").fill("<b>rain</b> & 🐢 the mill\n" * 40)
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator(".tr h3")).to_contain_text("a text of my own", timeout=30_000)
    settle(page)
    expect(page.locator(".tr .entries li").first).to_be_visible()
    assert page.locator(".tr b").count() == 0, "a reader's text is only ever text"
    page.get_by_role("button", name="Use it as the third column").click()
    expect(page.locator(".column h2").nth(2)).to_contain_text("My BPE", timeout=15_000)
    settle(page)
    with page.expect_download() as caught:
        page.get_by_role("button", name="Download tokenizer.json").click()
    state = json.loads(caught.value.path().read_text("utf-8"))
    assert caught.value.suggested_filename == "tokenizer.json"
    assert state["model"]["type"] == "BPE"


def test_cancel_is_there_while_it_learns(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = open_page("tokenizer", query=f"{PANEL}&tokenizer_training_algorithm=Unigram&tokenizer_training_size=300"
                                        f"&tokenizer_training_cut_unigram=none:+entries+may+cross+spaces")
    page.get_by_role("button", name="Cancel").click(timeout=20_000)
    expect(page.get_by_text("The training was ended; nothing of it was kept.")).to_be_visible(timeout=15_000)
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


@pytest.mark.parametrize("dark", [False, True])
def test_it_stays_inside_a_phone(open_page: Callable[..., Any], dark: bool) -> None:
    from playwright.sync_api import expect

    page = open_page("tokenizer", query=f"{PANEL}&tokenizer_training_size=600", width=400, height=850, dark=dark)
    expect(page.locator(".tr .flow .chip").first).to_be_visible(timeout=30_000)
    settle(page)
    over = page.evaluate(
        "() => [document.documentElement, document.querySelector('[data-testid=stMain]')]"
        ".map(node => node.scrollWidth - node.clientWidth)")
    assert max(over) <= 0, over
