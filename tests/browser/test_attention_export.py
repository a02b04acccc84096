"""What the Attention page gives away, opened: the one-file page, the PNG, and a link in a fresh browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from components.attention import average, rollout
from components.views.attention.export_html import one_file
from tests.app.test_attention import look, stored
from tests.app.test_attention_export import peaked
from tests.browser.test_attention import numbers, opened, title
from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def offline(browser: Any, file: Path, *, dark: bool = False, width: int = 1400) -> tuple[Any, list[str]]:
    """The page, opened as a file; everything that it asks for or complains of is listed."""
    context = browser.new_context(
        viewport={"width": width, "height": 1000}, color_scheme="dark" if dark else "light", offline=True
    )
    page, heard = context.new_page(), []
    page.on("console", lambda message: heard.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    page.on("request", lambda request: heard.append(f"request: {request.url}"))
    page.goto(file.as_uri())
    page.locator(".one h3").wait_for()
    return page, [one for one in heard if one != f"request: {file.as_uri()}"]


def test_one_file_opens_offline_and_answers(browser: Any, tmp_path: Path) -> None:
    heads = stored("storyteller")
    file = tmp_path / "attention.html"
    file.write_bytes(one_file(heads, look(model="storyteller", exact=(4, 2), pinned=(9, 3)), "<b>The tortoise</b>"))
    page, heard = offline(browser, file)
    assert title(page) == "Layer 4, head 2"
    assert page.locator("blockquote").inner_text() == "<b>The tortoise</b>"
    assert page.locator(".word[aria-pressed=true]").inner_text() == page.locator(".word").nth(9).inner_text()
    page.locator("[data-at='1,1']").click()
    assert title(page) == "Layer 1, head 1"
    page.locator(".word").last.hover()
    assert numbers(page)[0] == pytest.approx(float(heads.matrix(1, 1)[-1].max()), abs=1e-3)
    for words, expected in (("layer's average", average(heads, 1)), ("rollout", rollout(heads, 1))):
        page.locator(".segments button").filter(has_text=words).first.click()
        page.locator(".word").last.hover()
        row = sorted(expected[-1].tolist(), reverse=True)
        assert numbers(page)[:3] == pytest.approx(row[:3], abs=2e-3)
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(color_scheme="dark")
    page.locator(".att.dark").wait_for()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    assert heard == []
    page.context.close()


def test_the_file_of_a_long_text_says_which_numbers_are_near(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "long.html"
    file.write_bytes(one_file(peaked(4, 4, 128), look(exact=(3, 1)), "long"))
    page, heard = offline(browser, file, width=400)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("[data-at='0,2']").click()
    shown = page.locator(".one:not(.coming) .looks .number").first.inner_text()
    exact = "≈" not in shown
    assert exact == ("every head are the model's own" in page.locator("footer").inner_text())
    assert heard == []
    page.context.close()


def test_the_picture_as_png_and_the_same_link_in_a_fresh_browser(
    open_page: Callable[..., Any], browser: Any, tmp_path: Path
) -> None:
    page = opened(open_page, "attention_layer=3&attention_head=1&text=" + quote("The fox saw the hen and the fox ran."))
    page.locator("[data-at='5,2']").click()
    page.wait_for_url("**attention_head=2**")
    settle(page)
    page.locator(".word").nth(6).click()
    page.locator(".switch").filter(has_text="Weigh by value").click()
    page.locator(".segments button").filter(has_text="two columns").click()
    page.wait_for_url("**attention_layout=columns**")
    page.wait_for_url("**attention_pinned=6.**")
    settle(page)
    page.get_by_role("button", name="Export").click()
    button = page.get_by_role("button", name="The picture as it stands (PNG)")
    button.wait_for()
    with page.expect_download() as download:
        button.click()
    saved = tmp_path / "attention.png"
    download.value.save_as(saved)
    raw = saved.read_bytes()
    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    picture = page.locator(".att").bounding_box()
    assert int.from_bytes(raw[16:20], "big") == pytest.approx(2 * (picture["width"] + 48), abs=4)
    assert len(raw) > 40_000  # thumbnails, matrix and words are in it, not paper alone
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    other = context.new_page()
    other.goto(page.url)
    settle(other)
    other.locator(".one h3").wait_for(timeout=90_000)
    settle(other)
    assert title(other) == "Layer 5, head 2", page.url
    assert other.locator(".keys .word").count() > 0
    assert other.locator(".switch[aria-checked=true]").inner_text() == "Weigh by value"
    pinned = ".line:not(.keys) .word[aria-pressed=true]"
    assert other.locator(pinned).inner_text() == page.locator(pinned).inner_text()
    assert other.locator(".bar.key .number").inner_text() == page.locator(".bar.key .number").inner_text()
    context.close()
