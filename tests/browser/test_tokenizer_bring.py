"""The panel "Bring your own" in a browser: a file, a bad file, ids and bytes by keyboard; and the chips as a PNG."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

COLUMNS = "tokenizer_left=storyteller&tokenizer_right=storyteller-wordpiece"
WORDS = b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nRain\nrain\n##s\n"


def opened(open_page: Callable[..., Any], way: str, query: str = "", **more: Any) -> Any:
    query = f"{COLUMNS}&tokenizer_panel=Bring+your+own&tokenizer_bring_way={quote(way)}{query}"
    return open_page("tokenizer", query=query, **more)


def give(page: Any, name: str, raw: bytes) -> None:
    # Streamlit empties its queue when a run begins, and an upload's address that waits there for its 10 ms is lost
    # with it: such an upload never ends. A reader is never that fast, a test may be.
    settle(page)
    page.locator("[data-testid=stFileUploader] input[type=file]").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": raw})


def test_a_file_is_a_column_at_once_and_a_bad_one_a_sentence(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "A file", "&text=Rains")
    give(page, "mine.txt", WORDS)
    expect(page.locator(".tb h3")).to_have_text("mine", timeout=30_000)
    expect(page.locator(".tk h2")).to_have_count(3)
    expect(page.locator(".tk h2").nth(2)).to_contain_text("mine")
    expect(page.locator(".tk .column").nth(2).locator(".chip")).to_have_text(["Rain", "s"])
    expect(page.locator(".tb .specials .chip")).to_have_count(5)
    page.get_by_role("radio", name="uncased").click()
    expect(page.locator(".tk .column").nth(2).locator(".chip")).to_have_text(["Rain", "s"])
    expect(page.locator(".tb h3")).to_have_count(1)
    expect(page.locator(".tk .column").nth(2)).to_contain_text("R became r")
    give(page, "model.bin", b"\x80\x04\x95\n")
    expect(page.get_by_test_id("stAlert")).to_contain_text("is a Python pickle", timeout=30_000)
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.locator(".tk h2")).to_have_count(2)


def test_ids_are_read_and_walked_by_keyboard(open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "Ids to text", f"&text={quote('rain 🐢')}")
    chips = page.locator(".tb .chip")
    chips.first.wait_for()
    before = chips.count()
    box = page.get_by_role("textbox", name="Ids", exact=True)
    box.fill(box.input_value() + ", 999999")
    box.press("Control+Enter")
    expect(chips).to_have_count(before + 1)
    expect(chips.last).to_contain_text("no entry")
    settle(page)
    chips.first.focus()
    for _ in range(before):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".tb .tell")).to_have_text("id 999999: no entry has it")
    expect(page).to_have_url(re.compile("tokenizer_bring_ids_storyteller"))


@pytest.mark.parametrize("dark", [False, True])
def test_bytes_on_a_phone(open_page: Callable[..., Any], dark: bool) -> None:
    from playwright.sync_api import expect

    page = opened(open_page, "Bytes to tokens", width=400, dark=dark)
    expect(page.locator(".tb .raw .wrong")).to_have_count(2)
    expect(page.locator(".tb .trouble")).to_contain_text("takes text only")
    wide = page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= 400


def pixels(png: bytes) -> tuple[int, int, bytes]:
    """Width, height and the first row's unfiltered bytes of a PNG with eight bits a channel."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height, depth, colour = struct.unpack(">IIBB", png[16:26])
    assert (depth, colour) in ((8, 2), (8, 6))
    data, place = b"", 8
    while place < len(png):
        size, kind = struct.unpack(">I4s", png[place:place + 8])
        if kind == b"IDAT":
            data += png[place + 8:place + 8 + size]
        place += 12 + size
    return width, height, zlib.decompress(data)


@pytest.mark.parametrize("dark", [False, True])
def test_the_chips_as_a_png(open_page: Callable[..., Any], tmp_path: Path, dark: bool) -> None:
    page = open_page("tokenizer", query=f"{COLUMNS}&text={quote('The rain 🐢 <|endoftext|> ' * 3)}", dark=dark)
    page.locator(".tk .chip").first.wait_for()
    here = page.locator(".tk .chip.here").count()
    page.get_by_role("button", name=re.compile("^Export")).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG, the chips").click()
    assert download.value.suggested_filename == "tokens.png"
    download.value.save_as(tmp_path / "tokens.png")
    raw = (tmp_path / "tokens.png").read_bytes()
    width, height, rows = pixels(raw)
    assert width > 2_000, "twice the width of the picture on the page"
    assert 300 < height < 3_000
    # The first row is filtered by at most its own left neighbour: its first pixel is the paper itself.
    paper = (0x14, 0x16, 0x1B) if dark else (0xFC, 0xFB, 0xF8)
    assert tuple(rows[1:4]) == paper
    assert len(raw) > 15_000, "an empty picture would be far smaller"
    assert page.locator(".tk .chip.here").count() == here, "the marks on the page are as they were"
