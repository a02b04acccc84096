"""The panels "Read a text" and "Chat" in a browser: pointing, cutting the context, talking, stopping, a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

STORYTELLER = "sampling_model=storyteller&sampling_panel="
SLOW = 60_000


def test_pointing_at_a_token_tells_what_was_expected(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = open_page("sampling", query=f"{STORYTELLER}Read+a+text&sampling_read_text=@tale&sampling_read_colour=rank")
    root = page.locator(".rt")
    token = root.locator(".flow .token").nth(9)
    token.wait_for(timeout=SLOW)
    token.hover()
    said = token.get_attribute("aria-label") or ""
    name, rank = said.split(":")[0], said.rsplit(" ", 1)[-1]
    expect(root.locator(".card .name")).to_contain_text(name)
    expect(root.locator(".card .facts")).to_contain_text(f"rank {rank}")
    assert root.locator(".card .row").count() in (5, 6)
    expect(root.locator(".card .row.own")).to_have_count(1)
    bands = root.locator(".bandbar").first.get_attribute("aria-label")  # rank 1 to 10: 24, rank 11 to 100: 11, ...
    counts = [int(part.rsplit(": ", 1)[1]) for part in bands.split(", rank")]
    assert sum(counts) == int(root.locator("tbody td").nth(3).inner_text())
    token.focus()
    page.keyboard.press("ArrowRight")
    expect(root.locator(".card h4")).to_contain_text("token 11")


def test_a_cut_context_greys_what_is_out_of_sight(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = open_page("sampling", query=f"{STORYTELLER}Read+a+text&sampling_read_text=@tale&sampling_read_window=8")
    root = page.locator(".rt")
    expect(root.locator(".difference .piece").first).to_be_visible(timeout=SLOW)
    tokens = root.locator(".reading .token")
    tokens.nth(20).hover()
    expect(root.locator(".token.edge")).to_have_count(1)
    hidden = root.locator(".token.unseen").count()
    assert 12 <= hidden <= 16
    expect(root.locator(".card")).to_contain_text(f"The {hidden} in front of them")
    numbers = [float(text) for text in root.locator("tbody td.big:nth-of-type(2)").all_inner_texts()]
    assert numbers[0] > numbers[1], "bits per byte: with eight tokens, with all of them"


def test_talking_editing_and_stopping(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = open_page("sampling", query=f"{STORYTELLER}Chat&sampling_chat_tokens=12")
    root = page.locator(".ct")
    box = root.get_by_label("Your message")
    box.wait_for(timeout=SLOW)
    box.fill("There was once a king")
    box.press("Enter")
    answer = root.locator(".turn.assistant .end")
    expect(answer).to_be_visible(timeout=SLOW)
    expect(root.get_by_role("status")).to_contain_text("storyteller has answered")
    root.get_by_role("button", name="Show surprise").click()
    expect(root.locator(".said.tokens .token").first).to_be_visible()
    assert root.locator(".template .piece.answer").count() == root.locator(".said.tokens .token").count()
    root.get_by_role("button", name="Edit turn 1").click()
    root.get_by_label("Edit turn 1").fill("There was once a queen")
    root.get_by_role("button", name="Send anew").click()
    expect(root.locator(".turn.user .said")).to_have_text("There was once a queen", timeout=SLOW)
    expect(answer).to_be_visible(timeout=SLOW)
    settle(page)
    # Long enough that a busy machine stops it before its end.
    page.get_by_role("spinbutton", name="max_new_tokens").last.fill("400")
    page.get_by_role("spinbutton", name="max_new_tokens").last.press("Enter")
    settle(page)
    root.get_by_role("button", name="Write the answer again").click()
    stop = page.locator("[class*=sampling_chat_running_stop] button").first
    expect(root.locator(".template .piece.answer").nth(3)).to_be_attached(timeout=SLOW)
    if stop.count():  # a quick machine may be done
        stop.click()
    expect(answer).to_be_visible(timeout=SLOW)
    assert root.locator(".template .piece.answer").count() >= 4, "what was written is kept"


def test_a_phone_reads_and_talks_without_sideways_scroll(open_page: Callable[..., Any]) -> None:
    for panel, mark in (("Read+a+text&sampling_read_compare=another+text", ".rt .flow"),
                        ("Chat&sampling_chat_view=Another+format", ".ct .card"), ("Chat", ".ct .compose")):
        page = open_page("sampling", width=400, dark=True, query=STORYTELLER + panel)
        page.locator(mark).first.wait_for(timeout=SLOW)
        over = page.evaluate("() => [document.documentElement, document.querySelector('[data-testid=stMain]')]"
                             ".map(node => node.scrollWidth - node.clientWidth)")
        assert max(over) <= 0, panel
        box = page.locator(mark).first.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 400
        page.context.close()
