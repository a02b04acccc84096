"""The panel "Search strategies" in a browser: time, keys, another length_penalty, drafts, Run and Stop, a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import needs

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
QUERY = "sampling_panel=Search+strategies&sampling_model="
WAIT = 60_000


def opened(open_page: Callable[..., Any], query: str = "", model: str = "storyteller", **options: Any) -> Any:
    return open_page("sampling", query=f"{QUERY}{model}{query}", **options)


def test_the_tree_through_time_and_another_length_penalty(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page)
    root = page.locator(".ss.beams")
    expect(root.locator(".count b")).to_have_text("8 of 8", timeout=WAIT)
    expect(root.locator(".insight")).to_contain_text("times as likely as the greedy one")
    drawn = root.locator(".node").count()
    assert drawn > 40
    assert root.locator(".node.done").count() >= 3
    assert root.locator(".edge").count() == drawn
    root.get_by_role("slider", name="Step of the search").fill("0")
    expect(root.locator(".count b")).to_have_text("1 of 8")
    expect(root.locator(".node.alive")).to_have_count(3)
    root.get_by_role("button", name="One step on").click()
    expect(root.locator(".count b")).to_have_text("2 of 8")
    # The same numbers for a screen reader.
    assert root.locator(".sr-only tbody tr").count() >= 8 * 3
    root.get_by_role("slider", name="Step of the search").fill("7")
    # Scores are worked out anew in the browser: log p divided by tokens ** length_penalty.
    rows = root.locator(".ranks tbody tr:not(.greedy-row)")

    def scores() -> list[tuple[int, float, float]]:
        cells = [row.locator("td").all_inner_texts() for row in rows.all()]
        return [(int(one[1]), *(float(text.replace("−", "-")) for text in (one[2], one[4]))) for one in cells]

    before = scores()
    assert len({length for length, _, _ in before}) > 1
    for power in ("-2", "3", "1"):
        root.get_by_role("slider", name="length_penalty to try").fill(power)
        now = scores()
        assert [score for *_, score in now] == sorted((score for *_, score in now), reverse=True)
        for length, total, score in now:
            # Both are shown with two digits after the point.
            assert score == pytest.approx(total / length ** float(power), abs=0.006 + 0.006 / length ** float(power))
    assert now == before
    root.get_by_role("slider", name="length_penalty to try").fill("-2")
    expect(root.locator(".ranking [role=status]")).to_contain_text("The search itself might have gone another way")


def test_the_tree_by_keys(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "&sampling_strategies_steps=4&sampling_strategies_beams=2")
    root = page.locator(".ss.beams")
    expect(root.locator(".count b")).to_have_text("4 of 4", timeout=WAIT)
    root.locator(".node[tabindex='0']").focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    focused = ("() => (document.activeElement.shadowRoot?.activeElement || document.activeElement)"
               ".getAttribute('aria-label')")
    found = page.evaluate(focused)
    assert re.match(r"Step 1: .+ %, log p −\d+\.\d\d = −\d+\.\d\d, goes on as number \d", found), found
    page.keyboard.press("ArrowDown")
    assert page.evaluate(focused) != found
    expect(root.locator(".about .sums")).to_contain_text("log p")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    expect(root.locator(".about .sums")).to_have_text(re.compile(r"log p −\d+\.\d\d − \d+\.\d\d = −\d+\.\d\d"))
    assert page.evaluate(focused).startswith("Step 2: ")


def test_drafts_round_by_round(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "&sampling_strategies_way=lookup&sampling_strategies_length=24")
    root = page.locator(".ss.lookup")
    numbers = root.locator(".numbers b")
    expect(numbers).to_have_count(3, timeout=WAIT)
    runs, saved = (int(text) for text in numbers.all_inner_texts()[:2])
    assert runs + saved == 24
    # As many tokens are marked as were written, and rejected ones stand beside them struck out.
    assert root.locator(".tok.own").count() == runs
    assert root.locator(".tok.accepted").count() == saved
    assert root.locator(".sr-only tbody tr").count() == runs
    root.get_by_role("slider", name="Step of the search").fill("0")
    expect(root.locator(".count b")).to_have_text(f"1 of {runs}")
    expect(root.locator(".tok.rejected").first).to_have_css("text-decoration-line", "line-through")
    source = "".join(root.locator(".tok.source").all_inner_texts())
    assert source == "".join(root.locator(".round.now .tok:not(.own)").all_inner_texts())
    expect(root.locator(".arrow")).to_have_count(1)
    root.locator(".round.now").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("End")
    expect(root.locator(".count b")).to_have_text(f"{runs} of {runs}")
    expect(root.locator(".about")).to_contain_text(f"Run {runs}: ")


@pytest.mark.parametrize("way", ["beam", "lookup"])
def test_a_phone_shows_it_without_sideways_scroll(way: str, open_page: Callable[..., Any]) -> None:
    page = opened(open_page, f"&sampling_strategies_way={way}&sampling_strategies_steps=12", width=400, dark=True)
    page.locator(".ss .numbers b, .ss .node").first.wait_for(timeout=WAIT)
    over = page.evaluate(
        "() => [document.documentElement, document.querySelector('[data-testid=stMain]')]"
        ".map(node => node.scrollWidth - node.clientWidth)")
    assert max(over) <= 0
    width = page.locator(".ss").bounding_box()["width"]
    assert page.locator(".ss .tree, .ss .written").bounding_box()["width"] <= width


@needs("smollm2")
def test_a_longer_search_runs_when_asked_and_stops(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "&sampling_strategies_steps=40&sampling_strategies_beams=8&sampling_strategies_ends=mark"
                             "&text=Nobody+on+the+quay+knew", "smollm2")
    page.get_by_role("button", name="Run", exact=True).click(timeout=WAIT)
    expect(page.locator(".ss .node").first).to_be_visible(timeout=WAIT)  # the tree grows while the search goes on
    page.get_by_role("button", name="Stop", exact=True).click(timeout=WAIT)
    expect(page.get_by_text("The search was stopped")).to_be_visible(timeout=WAIT)
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_visible(timeout=WAIT)
