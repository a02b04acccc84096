"""The Search page without a browser: knobs, corpora, own passages, a followed passage, files."""

from __future__ import annotations

import csv
import io
import json

import pytest

from components import corpora
from components.views.search import board as boards
from components.views.search import exports, work
from tests.conftest import app_test

KNOBS = boards.settings("encyclopedia", 1.5, 0.75, 60, True)


def drawn(test: object) -> boards.Board:
    """The board that the picture shows."""
    found = [
        element.proto
        for element in test.main.children.values()  # type: ignore[attr-defined]
        for element in walk(element)
        if getattr(element, "type", "") == "bidi_component" and element.proto.component_name.endswith("_search")
    ]
    return boards.read(found[-1].bytes)


def walk(element):
    yield element
    for child in getattr(element, "children", {}).values():
        yield from walk(child)


@pytest.fixture
def page():
    return app_test("search")


def test_the_first_view_is_the_stored_one(page) -> None:
    board = drawn(page)
    stored = work.first_views.load("search.minilm")
    assert stored is not None
    assert board.payload == stored.payload
    assert board.header["text"] == "What makes bread rise?"


def test_knobs_move_the_ranking(page) -> None:
    before = drawn(page)
    page.slider(key="search_rrf_k").set_value(1).run()
    after = drawn(page)
    assert not page.exception
    assert after.top("bm25") == before.top("bm25")
    assert after.top("rrf") != before.top("rrf")
    page.toggle(key="search_stemming").set_value(False).run()
    assert {word["term"] for word in drawn(page).header["words"]} == {"what", "makes", "bread", "rise"}


def test_another_corpus(page) -> None:
    page.selectbox(key="search_corpus").set_value("messages").run()
    assert not page.exception
    board = drawn(page)
    assert board.header["count"] == len(corpora.bundled("messages"))
    assert board.header["passages"][str(board.top("dense")[0])]["meta"]["district"]


def test_own_passages(page) -> None:
    page.selectbox(key="search_corpus").set_value("pasted").run()
    assert "Paste some passages" in drawn(page).header["message"]
    page.text_area(key="search_passages").set_value(
        "Yeast fills the dough with gas.\n\nThe ferry is late.\n\n<script>alert(1)</script> bread"
    ).run()
    assert not page.exception
    board = drawn(page)
    assert board.header["count"] == 3
    assert board.top("bm25") == [2]
    assert board.header["passages"]["2"]["text"] == "<script>alert(1)</script> bread"
    assert "passages" not in str(page.query_params), "pasted text stays out of the address"


def test_too_many_passages_are_a_sentence_and_stay_in_the_box(page) -> None:
    page.selectbox(key="search_corpus").set_value("pasted").run()
    text = "one more line\n" * 2_001
    page.text_area(key="search_passages").set_value(text).run()
    assert not page.exception
    assert "2,001 passages" in page.warning[0].value.replace("\\", "")
    assert page.text_area(key="search_passages").value == text


def test_an_empty_question_asks_for_one(page) -> None:
    page.session_state["search_text"] = " "
    page.run()
    assert not page.exception
    assert not page.warning
    assert drawn(page).header["message"] == "Type a question, or press an example."


def test_a_question_without_shared_words(page) -> None:
    page.session_state["search_text"] = "Wie entsteht ein Regenbogen?"
    page.run()
    board = drawn(page)
    assert board.header["found"] == {"bm25": 0, "dense": board.header["count"], "rrf": board.header["count"]}


def test_following_a_passage_outside_every_top_ten(page) -> None:
    board = drawn(page)
    outside = next(i for i in range(board.header["count"]) if str(i) not in board.header["passages"])
    page.session_state["search_follow"] = f"{board.header['id']}:{outside}"
    page.run()
    now = drawn(page)
    assert now.header["followed"] == outside
    assert now.header["passages"][str(outside)]["text"] == corpora.bundled("encyclopedia").texts[outside]


@pytest.mark.parametrize("forged", ["", ":", "x:1", "{id}:-1", "{id}:999999", "{id}:one", "{id}:1:2"])
def test_a_forged_followed_passage_is_ignored(page, forged: str) -> None:
    board = drawn(page)
    page.session_state["search_follow"] = forged.format(id=board.header["id"])
    page.run()
    assert not page.exception
    assert drawn(page).header["followed"] == board.default


def test_a_followed_passage_in_the_address() -> None:
    test = app_test("search", search_follow="enc-0009")
    assert not test.exception


def test_exports() -> None:
    corpus = corpora.bundled("encyclopedia")
    board = work.boards.read(work.first_views.load("search.minilm").payload)
    table = list(csv.DictReader(io.StringIO(exports.as_csv(board, corpus).decode("utf-8-sig"))))
    assert len(table) == len(corpus)
    best = next(row for row in table if row["bm25_rank"] == "1")
    assert best["title"] == corpus.titles[board.top("bm25")[0]]
    assert sum(1 for row in table if row["bm25_rank"]) == board.header["found"]["bm25"]
    whole = json.loads(exports.as_json(board, corpus))
    first = whole["rankings"]["bm25"]["hits"][0]
    assert sum(term["score"] for term in first["terms"]) == pytest.approx(first["score"], abs=1e-4)
    assert [hit["rank"] for hit in whole["rankings"]["rrf"]["hits"]] == list(range(1, 11))


def test_matched_ranges_count_as_javascript_does() -> None:
    corpus = corpora.pasted("👩‍👩‍👧 bread 🍞 rises")
    from components.search import build_index, rank

    class Flat:
        def encode(self, texts):
            import numpy as np

            return np.ones((len(texts), 3), np.float32)

    index = build_index(corpus.texts, Flat())
    rankings = {m: rank(index, "bread rises", m) for m in boards.METHODS}
    detail = boards.build(corpus, index, rankings, KNOBS).header["passages"]["0"]
    units = corpus.texts[0].encode("utf-16-le")
    assert [units[2 * a : 2 * b].decode("utf-16-le") for a, b, _ in detail["spans"]] == ["bread", "rises"]

