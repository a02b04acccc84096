"""The Tokens page under AppTest: what the picture is given for a text, two choices and a long paste."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from components.models.open import open_tokenizer
from components.payload import unpack
from components.tokenization import trace
from components.views.tokenizer import export, payload, wording, work
from components.workshop import LIMITS
from tests.conftest import ROOT, needs


def app_test(page: str, **query: str) -> Any:
    """The page at once, without Home's models before it."""
    from streamlit.testing.v1 import AppTest

    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    for key, value in query.items():
        test.query_params[key] = value
    test.switch_page(f"pages/{page}.py").run()
    assert not test.exception, [item.value for item in test.exception]
    return test


def picture(test: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and arrays of the payload that the main picture was mounted with."""
    found = [node for node in test.get("bidi_component") if "tokenizer_chips" in node.proto.id]
    assert len(found) == 1
    return unpack(found[0].proto.bytes)


def open_with(text: str | None = None, **state: Any) -> Any:
    test = app_test("tokenizer")
    if text is not None:
        test.session_state["tokenizer_text"] = text
    for key, value in state.items():
        test.session_state[key] = value
    test.run()
    assert not test.exception
    return test


def test_both_columns_hold_what_the_tokenizers_say() -> None:
    text = "Rain, rain 🐢 <script>alert(1)</script>"
    header, arrays = picture(open_with(text, tokenizer_left="bert", tokenizer_right="mistral-v1"))
    for index, name in enumerate(("bert", "mistral-v1")):
        found = trace(open_tokenizer(name), text)
        assert header["columns"][index]["tokens"] == len(found)
        assert header["columns"][index]["exact"] == found.round_trip.exact
        assert np.array_equal(arrays[f"ids{index}"], found.ids)
        assert np.array_equal(arrays[f"start{index}"], found.byte_start)
        assert np.array_equal(arrays[f"end{index}"], found.byte_end)
    assert arrays["text"].tobytes() == text.encode()


def test_the_first_view_is_the_stored_one() -> None:
    header, _ = picture(app_test("tokenizer"))
    assert "stamp" in header, "the first example must be drawn from assets/first_view, without any tokenizer"


def test_a_megabyte_is_counted_whole_and_drawn_in_part() -> None:
    text = "The mill stood still. " * 50_000
    header, arrays = picture(open_with(text, tokenizer_left="bert", tokenizer_right="storyteller-1k"))
    whole = trace(open_tokenizer("bert"), text)
    assert header["columns"][0]["tokens"] == len(whole) > 200_000
    assert sum(column["drawn"] for column in header["columns"]) <= LIMITS.chips_drawn
    assert 0 < header["drawn_characters"] < header["characters"] == len(text)
    assert len(arrays["text"]) == header["drawn_characters"]


def test_drawing_stops_between_characters() -> None:
    text = "🐢" * 4_000
    found = trace(open_tokenizer("storyteller-1k"), text)
    cut = payload.drawn_bytes([found, found])
    assert 0 < cut < len(text.encode())
    text.encode()[:cut].decode()


def test_more_than_the_limit_is_one_sentence() -> None:
    test = open_with("a" * 5_000_001)
    assert len(test.warning) == 1
    assert "limit" in test.warning[0].value


def test_a_forged_choice_falls_back() -> None:
    test = app_test("tokenizer", tokenizer_left="nobody", tokenizer_right="../../etc/passwd")
    header, _ = picture(test)
    assert [column["name"] for column in header["columns"]] == list(work.defaults(work.here()))


def test_empty_text_is_an_empty_picture() -> None:
    header, _ = picture(open_with(""))
    assert header["columns"] == []


def test_every_tokenizer_panel_counts_and_sorts() -> None:
    test = open_with("Strawberry fields", tokenizer_panel="Every tokenizer here")
    assert not test.exception
    found = [node for node in test.get("bidi_component") if "tokenizer_every" in node.proto.id]
    assert len(found) == 1
    header, _ = unpack(found[0].proto.bytes)
    counts = [row["tokens"] for row in header["rows"]]
    assert counts == sorted(counts)
    assert {"bert", "storyteller", "mistral-v1"} <= {row["name"] for row in header["rows"]}


@pytest.mark.parametrize(("text", "parts"), [
    ("The tortoise", [("case", "T became t")]),
    ("é  x", [("accent", "é became e"), ("space", "1 space dropped")]),
    ("🐢\nx", [("unknown", "🐢 unknown"), ("space", "1 line break lost")]),
    ("a\x01b", [("removed", "␁ removed")]),
    ("plain", []),
])
def test_what_bert_changed_in_words(text: str, parts: list[tuple[str, str]]) -> None:
    found = trace(open_tokenizer("bert"), text)
    assert [(part["kind"], part["text"]) for part in wording.summary(found.round_trip, len(text))] == parts


@needs("claude")
def test_a_change_that_cannot_be_seen_is_said_in_numbers() -> None:
    found = trace(open_tokenizer("claude"), "e\u0301")
    assert wording.summary(found.round_trip, 2) == [{"kind": "changed", "text": "e\u0301 from 2 characters to 1"}]


def test_exports_hold_every_token() -> None:
    import csv
    import io
    import json

    text = "=SUM(1) <b>rain</b> 🐢\n"
    traces = [trace(open_tokenizer(name), text) for name in ("bert", "storyteller-1k")]
    rows = list(csv.DictReader(io.StringIO(export.as_csv(traces).decode())))
    assert [int(row["id"]) for row in rows] == [*traces[0].ids.tolist(), *traces[1].ids.tolist()]
    assert not any(row["text"].startswith("=") for row in rows), "a spreadsheet would run it"
    data = json.loads(export.as_json(traces))
    assert data["text"] == text
    assert [one["ids"] for one in data["tokenizers"]] == [found.ids.tolist() for found in traces]
    page = export.as_html(traces).decode()
    assert "<b>" not in page
    assert "<script" not in page
