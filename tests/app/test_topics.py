"""The Topics page without a browser: knobs, collections, own documents, a chosen document, files."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import pytest

from components import corpora
from components.topics import Settings
from components.views.topics import board as boards
from components.views.topics import exports, panels, work
from tests.conftest import app_test

OWN = [f"The lamp {i} in our street is dark at night." for i in range(12)] + [
    f"Our bin {i} was not emptied, and the waste smells." for i in range(12)
]


def walk(element: Any) -> Any:
    yield element
    for child in getattr(element, "children", {}).values():
        yield from walk(child)


def components(test: Any) -> list[Any]:
    return [
        element.proto
        for top in test.main.children.values()
        for element in walk(top)
        if getattr(element, "type", "") == "bidi_component"
    ]


def drawn(test: Any, name: str = "topics") -> boards.Board:
    """What the picture (or a panel) shows."""
    found = [proto for proto in components(test) if proto.component_name.endswith(f"_{name}")]
    return boards.read(found[-1].bytes)


@pytest.fixture
def page() -> Any:
    return app_test("topics")


def test_the_first_view_is_the_stored_one(page: Any) -> None:
    shown, stored = drawn(page), work.first_views.load("topics.minilm")
    assert stored is not None
    assert shown.header["new"] == stored.header["new"]
    assert shown.header["topics"] == stored.header["topics"]
    assert np.array_equal(shown.arrays["labels"], stored.arrays["labels"])
    assert shown.header["new"]["text"] == stored.header["text"]
    assert drawn(page, "topics_panels").header["panel"] == "stages"


def test_a_larger_smallest_topic_keeps_the_map_and_drops_topics(page: Any) -> None:
    before = drawn(page)
    page.slider(key="topics_min_cluster_size").set_value(20).run()
    assert not page.exception
    after = drawn(page)
    assert np.array_equal(before.arrays["xy"], after.arrays["xy"])
    assert 1 < len(after.header["topics"]) < len(before.header["topics"])
    assert min(topic["size"] for topic in after.header["topics"]) >= 20


def test_a_bar_that_nothing_reaches_leaves_no_topic_and_says_so(page: Any) -> None:
    page.selectbox(key="topics_corpus").set_value("encyclopedia").run(timeout=600)
    page.slider(key="topics_min_cluster_size").set_value(60).run()
    assert not page.exception
    none = drawn(page)
    assert none.header["topics"] == []
    assert "smaller min_cluster_size" in none.header["notes"][0]


def test_another_text_is_placed_and_an_empty_one_is_not(page: Any) -> None:
    page.session_state["topics_text"] = "SOMETHING about rats in the compost, and more rats."
    page.run()
    assert not page.exception
    shown = drawn(page)
    name = shown.header["topics"][shown.header["new"]["topic"]]["name"]
    assert "rat" in name
    page.session_state["topics_text"] = " "
    page.run()
    assert drawn(page).header["new"] is None
    assert not page.warning


def test_a_long_text_says_that_it_was_cut(page: Any) -> None:
    page.session_state["topics_text"] = "the lamp is out " * 400
    page.run()
    assert not page.exception
    assert "Only its first 256 tokens count." in drawn(page).header["new"]["note"]
    page.session_state["topics_text"] = "x" * 300_000
    page.run()
    assert not page.exception
    assert "the limit is 200 kB" in page.warning[0].value.replace("\\", "")
    assert drawn(page).header["topics"], "the map stays"


def test_own_documents_stay_in_the_session(page: Any) -> None:
    page.selectbox(key="topics_corpus").set_value("own").run()
    assert "Paste some documents" in page.info[0].value
    page.text_area(key="topics_own").set_value("\n".join(OWN)).run(timeout=600)  # MiniLM, then UMAP's first fit
    assert not page.exception
    shown = drawn(page)
    assert shown.header["corpus"]["count"] == 24
    assert shown.header["corpus"]["unit"] == "documents"
    assert len(shown.header["topics"]) == 2
    assert "secret" not in str(page.query_params)
    assert "lamp" not in str(page.query_params), "pasted text stays out of the address"
    from components import caching

    assert not any("topics.board" in key and shown.key in key for key in caching._SHARED._items)


def test_each_collection_starts_with_its_usual_size(page: Any) -> None:
    page.slider(key="topics_min_cluster_size").set_value(20).run()
    page.selectbox(key="topics_corpus").set_value("encyclopedia").run(timeout=600)
    assert not page.exception
    assert page.slider(key="topics_min_cluster_size").value == 5
    assert drawn(page).header["corpus"]["kind"] == "encyclopedia"
    page.slider(key="topics_min_cluster_size").set_value(4).run()
    assert drawn(page).header["settings"]["min_cluster_size"] == 4
    page.selectbox(key="topics_corpus").set_value("messages").run()
    assert page.slider(key="topics_min_cluster_size").value == 12


def test_three_documents_are_only_laid_out(page: Any) -> None:
    page.selectbox(key="topics_corpus").set_value("own").run()
    page.text_area(key="topics_own").set_value("One.\nTwo.\n<script>alert(1)</script>").run()
    assert not page.exception
    shown = drawn(page)
    assert shown.header["topics"] == []
    assert "3 documents are too few" in shown.header["notes"][0]
    assert shown.header["texts"][2] == "<script>alert(1)</script>"


def test_too_many_documents_are_a_sentence_and_stay_in_the_box(page: Any) -> None:
    page.selectbox(key="topics_corpus").set_value("own").run()
    text = "one more line\n" * 2_001
    page.text_area(key="topics_own").set_value(text).run()
    assert not page.exception
    assert "2,001 passages" in page.warning[0].value.replace("\\", "")
    assert page.text_area(key="topics_own").value == text


def test_outliers_are_listed_with_their_nearest_topic(page: Any) -> None:
    page.session_state["topics_panel"] = "Outliers"
    page.run()
    assert not page.exception
    panel, shown = drawn(page, "topics_panels").header, drawn(page)
    outliers = int((shown.arrays["labels"] < 0).sum())
    assert len(panel["rows"]) == min(outliers, panels.MOST_OUTLIERS)
    assert panel["left_out"] == outliers - len(panel["rows"]), "the panel says how many more there are"
    cosines = [row["cosine"] for row in panel["rows"]]
    assert cosines == sorted(cosines, reverse=True)
    assert all(0 <= row["topic"] < len(panel["topics"]) for row in panel["rows"])


@pytest.mark.parametrize("forged", ["", ":", "x:1", "{key}:-1", "{key}:999999", "{key}:one", "{key}:1:2"])
def test_a_forged_choice_is_ignored(forged: str) -> None:
    stored = work.first_views.load("topics.minilm")
    assert stored is not None
    from components.views.topics import picture

    board = boards.Board(stored.header, stored.arrays)
    picture.st.session_state[picture.KEY] = {"chosen": forged.format(key=board.key)}
    assert picture.chosen(board) is None
    picture.st.session_state[picture.KEY] = {"chosen": f"{board.key}:7"}
    assert picture.chosen(board) == 7
    del picture.st.session_state[picture.KEY]


def test_long_collections_send_beginnings_and_the_chosen_text_whole() -> None:
    texts = [f"lamp {i} " + "very long words indeed " * 60 for i in range(400)]
    corpus = corpora.pasted("\n".join(texts))
    from components.topics import fit

    rows = np.random.default_rng(0).normal(size=(400, 8))
    board = boards.build(corpus, fit(corpus.texts, rows, Settings(reducer="pca")), rows)
    assert board.header["clipped"]
    assert max(map(len, board.header["texts"])) <= boards.SNIPPET + 1
    payload = board.payload(full={"index": 3, "text": corpus.texts[3]})
    assert boards.read(payload).header["full"]["text"] == corpus.texts[3]
    assert len(payload) < 150_000


def test_exports() -> None:
    corpus = corpora.bundled("messages")
    stored = work.first_views.load("topics.minilm")
    assert stored is not None
    board = boards.Board(stored.header, stored.arrays)
    table = list(csv.DictReader(io.StringIO(exports.as_csv(board, corpus).decode("utf-8-sig"))))
    assert [row["id"] for row in table] == list(corpus.ids)
    assert [int(row["topic"]) for row in table] == board.map.labels.tolist()
    assert {row["name"] for row in table if row["topic"] == "-1"} == {"outlier"}
    whole = json.loads(exports.as_json(board, corpus))
    assert sum(topic["size"] for topic in whole["topics"]) + len(whole["outliers"]) == len(corpus)
    assert all(len(topic["documents"]) == topic["size"] for topic in whole["topics"])
    assert exports._inert("=1+1") == "'=1+1"


@pytest.mark.parametrize(
    "query",
    [
        {"topics_min_cluster_size": "-5"}, {"topics_min_cluster_size": "abc"}, {"topics_n_neighbors": "99999"},
        {"topics_random_state": "1e9"}, {"topics_corpus": "secrets"}, {"topics_panel": "Nothing"},
    ],
)  # fmt: skip
def test_a_forged_address_opens_the_page(query: dict[str, str]) -> None:
    test = app_test("topics", **query)
    assert not test.exception
    assert drawn(test).header["topics"]
