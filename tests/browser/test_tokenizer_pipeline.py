"""The panel "Inside, step by step" in a browser: one hover for all steps, keys, folded steps, pages, a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

TEXT = "Rain and Unhappiness"


def opened(open_page: Callable[..., Any], left: str, text: str = TEXT, query: str = "", **more: Any) -> Any:
    page = open_page("tokenizer", query=f"tokenizer_panel=Inside%2C+step+by+step&tokenizer_left={left}"
                     f"&tokenizer_right=storyteller-1k&text={quote(text)}{query}", **more)
    page.locator(".tp .unit").first.wait_for()
    return page


def test_one_hover_lights_every_step(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "bert")
    root = page.locator(".tp")
    expect(root.locator(".stage h3")).to_have_text(["Text", "Normaliser", "Pre-tokeniser", "Model", "Post-processor",
                                                    "Decoder"])
    expect(root.locator(".post_processor .unit").first).to_have_text("[CLS]101")
    # In the normaliser only the capital letters were changed, and the other switches stand in quiet lines.
    expect(root.locator(".normalizer mark.changed")).to_have_text(["r", "u"])
    expect(root.locator(".normalizer .quiet")).to_contain_text("change nothing in this text")
    token = root.locator(".model .unit", has_text="##ha")
    token.hover()
    expect(root.locator(".model .here")).to_have_text("##ha3270")
    expect(root.locator(".text .lit")).to_have_text("ha")
    expect(root.locator(".pre_tokenizer .lit")).to_have_text("unhappiness")
    expect(root.locator(".post_processor .lit")).to_have_text("##ha3270")
    expect(root.locator(".decoder .runs .lit")).to_contain_text("ha")
    expect(root.locator(".card .where")).to_have_text("id 3270, characters 12 to 13 of your text")
    # A word lights all its tokens; its neighbours stay dark.
    root.locator(".pre_tokenizer .unit", has_text="unhappiness").hover()
    lit = root.locator(".model .lit").all_inner_texts()
    assert "".join(one.split()[0].removeprefix("##") for one in lit) == "unhappiness"
    # What the template put in comes from nothing.
    root.locator(".post_processor .unit", has_text="[SEP]").hover()
    expect(root.locator(".lit")).to_have_count(0)
    expect(root.locator(".card .where")).to_contain_text("stands for nothing in your text")


def test_arrow_keys_walk_the_stairs(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "storyteller", "The rain and the mill")
    root = page.locator(".tp")
    root.locator(".text .unit").first.focus()
    expect(root.locator(".here")).to_have_text("The")
    page.keyboard.press("ArrowDown")
    expect(root.locator(".pre_tokenizer .here")).to_have_text("The")
    page.keyboard.press("ArrowRight")
    expect(root.locator(".here")).to_have_text("Ġrain")
    page.keyboard.press("ArrowDown")
    expect(root.locator(".model .here")).to_contain_text("Ġrain")
    page.keyboard.press("ArrowDown")
    expect(root.locator(".decoder .here")).to_have_text("·rain")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("End")
    expect(root.locator(".model .unit").last).to_be_focused()
    expect(root.locator(".model .unit[tabindex='0']")).to_have_count(1)
    expect(root.locator(".verdict")).to_contain_text("your text again")


def test_tokens_that_share_a_character(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "mistral-v1", "a 🤖")
    root = page.locator(".tp")
    root.locator(".text .unit", has_text="🤖").hover()
    expect(root.locator(".model .lit")).to_contain_text(["<0xF0>", "<0x9F>", "<0xA4>", "<0x96>"])
    root.locator(".model .unit", has_text="<0x9F>").hover()
    expect(root.locator(".model .lit")).to_have_count(0)
    expect(root.locator(".decoder .lit")).to_have_text("🤖")
    expect(root.locator(".pre_tokenizer .quiet")).to_contain_text("the whole text as one piece")


def test_another_column_and_a_long_text_in_pages(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "bert", "The mill stood still. " * 100, query="&tokenizer_pipeline_of=storyteller-1k")
    root = page.locator(".tp")
    expect(root.locator(".model h4 b")).to_have_text("BPE")
    expect(root.locator(".pager")).to_contain_text("characters 1 to")
    drawn = root.locator(".model .unit").count()
    root.get_by_role("button", name="Later").click()
    expect(root.locator(".pager")).to_contain_text("to 2,200 of 2,200")
    drawn += root.locator(".model .unit").count()
    expect(root.locator(".model .size")).to_contain_text(f"{drawn:,} tokens")
    page.locator("[data-testid=stMain]").get_by_role("radio", name="BERT", exact=True).click()
    settle(page)
    expect(root.locator(".model h4 b")).to_have_text("WordPiece")


def test_a_phone_shows_it_all_and_never_scrolls_sideways(open_page: Callable[..., Any]) -> None:
    text = "antidisestablishmentarianism <b>x</b> 🐢 " + "y" * 90
    page = opened(open_page, "bert", text, width=400, height=850)
    for name in ("storyteller 1,000", "BERT"):
        page.locator("[data-testid=stMain]").get_by_role("radio", name=name, exact=True).click()
        settle(page)
        page.locator(".tp .unit").nth(2).click()
        over = page.evaluate(
            "() => [document.documentElement, document.querySelector('[data-testid=stMain]')]"
            ".map(node => node.scrollWidth - node.clientWidth)")
        assert max(over) <= 0, (name, over)
    assert page.locator(".tp .text b:not(h4 b)").count() == 0, "what looks like markup stays text"
