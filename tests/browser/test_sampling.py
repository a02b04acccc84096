"""The Sampling page in a browser: knobs, writing with Stop, rows that open, a phone."""

from __future__ import annotations

import re

import pytest

from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

STORYTELLER = "sampling_model=storyteller"


def written(page) -> int:  # type: ignore[no-untyped-def]
    return page.locator(".token.new").count()


def wait_written(page, least: int) -> None:  # type: ignore[no-untyped-def]
    from playwright.sync_api import expect

    expect(page.locator(".token.new").nth(least - 1)).to_be_attached(timeout=60_000)


def test_a_knob_moves_the_bars(open_page) -> None:  # type: ignore[no-untyped-def]
    from playwright.sync_api import expect

    page = open_page("sampling", query=STORYTELLER)
    left = page.locator(".stage-row").filter(has_text="top_k").locator(".left")
    before = left.inner_text()
    assert before == "50"
    slider = page.get_by_role("slider", name=re.compile("top_k"))
    slider.focus()
    slider.press("ArrowRight")
    expect(left).to_have_text("51", timeout=60_000)
    expect(page).to_have_url(re.compile("sampling_top_k=51"))
    assert page.locator(".bar").count() == 21


@pytest.mark.parametrize("width", [1400, 400])
def test_what_was_cut_is_said_beside_its_bar_while_there_is_room(open_page, width) -> None:  # type: ignore[no-untyped-def]
    # Two tokens stay: what was cut has bars of every length, and that of all others is half as long as the longest.
    page = open_page("sampling", width=width, query=f"{STORYTELLER}&text=The+dog+ran&sampling_top_k=2")
    page.locator(".bar.gone").first.wait_for()
    crossed = page.locator(".bar.gone").evaluate_all("""bars => bars.map(bar => {
      const [solid, was] = [".solid", ".was"].map(part => bar.querySelector(part).getBoundingClientRect());
      const room = bar.getBoundingClientRect().right - solid.right;
      return {words: bar.querySelector(".was").textContent, crosses: was.left < solid.right && was.right > solid.right,
              fits: was.width + 8 < room, over: was.right - bar.getBoundingClientRect().right};
    })""")
    assert len(crossed) == 19
    assert not [one for one in crossed if one["crosses"] and (one["fits"] or width == 1400)]
    assert max(one["over"] for one in crossed) <= 1


def test_next_generate_and_stop(open_page) -> None:  # type: ignore[no-untyped-def]
    from playwright.sync_api import expect

    # Long enough that a busy machine stops it before its end.
    page = open_page("sampling", query=f"{STORYTELLER}&sampling_max_new_tokens=200")
    pending = page.locator(".token.pending").inner_text()
    page.get_by_role("button", name="Next token").click()
    wait_written(page, 1)
    assert page.locator(".token.new").first.inner_text() == pending
    page.get_by_role("button", name="Generate").click()
    wait_written(page, 4)
    stop = page.locator(".act.stop")  # Streamlit has a Stop of its own, which comes and goes
    expect(stop).to_be_visible()
    stop.click()
    expect(stop).to_be_hidden(timeout=60_000)
    settle(page)
    count = written(page)
    assert 4 <= count < 201
    expect(page.get_by_text(f"Stopped. {count} tokens written, all kept.")).to_be_visible()
    page.get_by_role("button", name="Back one token").click()
    expect(page.locator(".token.new")).to_have_count(count - 1, timeout=60_000)
    expect(page.get_by_role("row").nth(1)).to_be_attached()


def test_stages_open_in_place_and_say_what_they_did(open_page) -> None:  # type: ignore[no-untyped-def]
    from playwright.sync_api import expect

    page = open_page("sampling", query=STORYTELLER)
    row = page.locator(".stage-row").filter(has_text="temperature")
    row.locator("button.stage").press("Enter")
    expect(row.locator("button.stage")).to_have_attribute("aria-expanded", "true")
    expect(row.locator("svg")).to_be_visible()
    expect(row.locator(".says")).to_contain_text("the order stays")
    assert page.locator(".stage-row.open").count() == 1


def test_on_a_phone_the_knobs_lie_behind_one_line(open_page) -> None:  # type: ignore[no-untyped-def]
    from playwright.sync_api import expect

    page = open_page("sampling", width=400, query=STORYTELLER)
    line = page.locator("button.fold")
    expect(line).to_have_text("Knobstemperature 0.8 \u00b7 top_p 0.9 \u00b7 2 more")
    slider = page.get_by_role("slider", name=re.compile("temperature"))
    expect(slider).to_be_hidden()
    assert line.bounding_box()["y"] < page.locator(".bar").first.bounding_box()["y"]
    line.press("Enter")
    expect(slider).to_be_visible()
    expect(line).to_have_attribute("aria-expanded", "true")
    slider.press("ArrowRight")
    expect(line).to_contain_text("temperature 0.85")
    expect(slider).to_be_visible()
    line.click()
    expect(slider).to_be_hidden()
    page.set_viewport_size({"width": 1400, "height": 1000})
    expect(slider).to_be_visible()
    expect(line).to_be_hidden()


def test_a_phone_sees_one_column_and_never_scrolls_sideways(open_page) -> None:  # type: ignore[no-untyped-def]
    page = open_page("sampling", width=400, query=STORYTELLER)
    for tab in ("The whole vocabulary", "Token by token"):
        page.get_by_role("tab", name=tab).click()
        settle(page)
        wide = page.evaluate("() => [...document.querySelectorAll('[data-testid=stMain]')].map(e => e.scrollWidth)")
        assert max(wide) <= 400
    boxes = [page.locator(name).bounding_box() for name in (".may-come", ".chain", ".drawn")]
    assert boxes[0]["y"] < boxes[1]["y"] < boxes[2]["y"]
    assert max(box["x"] + box["width"] for box in boxes) <= 400


def test_a_bar_is_pressed_and_a_written_token_leads_back(open_page) -> None:  # type: ignore[no-untyped-def]
    from playwright.sync_api import expect

    page = open_page("sampling", query=STORYTELLER)
    bar = page.locator(".bar[role=button]").nth(2)
    wanted = bar.locator(".name").inner_text().replace("·", "")
    bar.click()
    wait_written(page, 1)
    assert page.locator(".token.new").first.inner_text() == wanted
    # Space writes and the left arrow takes back while the picture has the focus.
    settle(page)
    page.locator(".picture").focus()
    page.keyboard.press("Space")
    wait_written(page, 2)
    settle(page)
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".token.new")).to_have_count(1, timeout=60_000)
    settle(page)
    page.get_by_role("button", name="Next token").click()
    wait_written(page, 2)
    settle(page)
    page.locator(".token.new").first.click()
    expect(page.locator(".token.new")).to_have_count(1, timeout=60_000)


def test_the_order_is_changed_by_keys_and_by_dragging(open_page) -> None:  # type: ignore[no-untyped-def]
    from playwright.sync_api import expect

    page = open_page("sampling", query=f"{STORYTELLER}&sampling_temperature=1.6&sampling_top_k=0&sampling_min_p=0")
    names = page.locator(".stage-row .what > .mono:first-child")
    row = page.locator(".stage-row[data-name=top_p] button.stage")
    row.focus()
    for _ in range(2):
        row.press("Alt+ArrowUp")
        settle(page)
    expect(page.locator(".chain [role=status]").last).to_have_text("top_p is now stage 2 of 5.")
    expect(page.locator(".order")).to_contain_text("Your order", timeout=60_000)
    assert names.all_inner_texts()[1:4] == ["repetition_penalty", "top_p", "temperature"]
    expect(page).to_have_url(re.compile("sampling_order=repetition_penalty%2Ctop_p%2Ctemperature"))
    expect(page.locator(".order")).to_contain_text("of the probability changes hands")
    assert row.evaluate("node => node.getRootNode().activeElement === node"), "the focus stays on the moved row"
    handle, first = (page.locator(f".stage-row[data-name={name}] .handle") for name in ("min_p", "temperature"))
    start, end = handle.bounding_box(), first.bounding_box()
    page.mouse.move(start["x"] + 5, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(end["x"] + 5, end["y"] + 12, steps=4)
    page.mouse.up()
    page.wait_for_function("() => location.search.includes('min_p%2Ctemperature')", timeout=60_000)
    settle(page)
    assert names.all_inner_texts()[3:5] == ["min_p", "temperature"]


def test_any_token_is_found_and_followed(open_page) -> None:  # type: ignore[no-untyped-def]
    from playwright.sync_api import expect

    page = open_page("sampling", query=STORYTELLER)
    box = page.get_by_role("searchbox", name=re.compile("any token"))
    box.fill("sea")
    first = page.get_by_role("option").first
    expect(first).to_contain_text("sea", timeout=60_000)
    box.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".following .chip")).to_have_count(1, timeout=60_000)
    settle(page)
    expect(page.locator(".stage-row[data-name=logits] .mark")).to_contain_text("sea")
    expect(page.locator(".stage-row[data-name=top_k] .mark")).to_contain_text("goes here")
    assert page.locator(".bar").count() == 22, "the followed token joins the bars"
    expect(page).to_have_url(re.compile("sampling_follow="))
    page.get_by_role("button", name=re.compile("Stop following")).click()
    expect(page.locator(".bar")).to_have_count(21, timeout=60_000)


def test_further_knobs_open_and_reset(open_page) -> None:  # type: ignore[no-untyped-def]
    from playwright.sync_api import expect

    page = open_page("sampling", query=f"{STORYTELLER}&sampling_xtc_probability=1.0&sampling_xtc_threshold=0.05")
    row = page.locator(".stage-row[data-name=xtc_probability]")
    expect(row.locator(".what")).to_contain_text("1")
    # The stage that removes most stands open by itself.
    expect(row.locator(".branch.taken")).to_contain_text("If it strikes")
    page.get_by_text("Keep fewer · 1 on").click()
    settle(page)
    slider = page.get_by_role("slider", name=re.compile("top_a"))
    slider.focus()
    slider.press("ArrowRight")
    expect(page.locator(".stage-row[data-name=top_a]")).to_be_attached(timeout=60_000)
    page.wait_for_function("() => location.search.includes('sampling_top_a=0.01')", timeout=60_000)
    page.get_by_role("button", name="reset").click()
    expect(row).to_have_count(0, timeout=60_000)
    settle(page)
    expect(page).not_to_have_url(re.compile("top_a"))
    expect(page).not_to_have_url(re.compile("xtc"))
    assert page.locator(".stage-row").count() == 6
