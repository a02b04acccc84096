"""One of the reader's own tokenizers, in every panel of the Tokens page, its snippet and its exports."""

from __future__ import annotations

import csv
import io
import json
from functools import cache
from typing import Any

import pytest

from components.payload import unpack
from components.tokenization import Recipe, Trained, trace, train
from components.views.tokenizer import export, own
from tests.app.test_tokenizer import app_test

PANELS = ("Ids and bytes", "Replay the algorithm", "Inside, step by step", "Every tokenizer here", "Vocabulary",
          "Special tokens", "Train your own", "What a language costs", "Cut at N", "Bring your own")
#: The component that each panel is drawn by.
DRAWN = {"Ids and bytes": "tokenizer_rows", "Replay the algorithm": "tokenizer_replay",
         "Inside, step by step": "tokenizer_pipeline", "Every tokenizer here": "tokenizer_every",
         "Vocabulary": "tokenizer_vocabulary_view", "Special tokens": "tokenizer_readings",
         "What a language costs": "tokenizer_language_costs", "Cut at N": "tokenizer_cut_picture",
         "Bring your own": "tokenizer_bring"}
TEXT = "The old roof let the rain in 🐢."
TITLE = "Mine <b>400</b>"
ALGORITHMS = ("bpe", "wordpiece", "unigram")


@cache
def trained(algorithm: str) -> Trained:
    return train(Recipe(algorithm, 300), "The rain fell on the roof, and the old roof let it in. " * 60)


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, own.Own]:
    """What the session keeps, within reach of the test, which runs outside the session."""
    found: dict[str, own.Own] = {}
    monkeypatch.setattr(own, "_kept", lambda: found)
    return found


def opened(algorithm: str, **query: str) -> tuple[Any, own.Own]:
    """The page with one of the reader's own in the left column."""
    found = trained(algorithm)
    mine = own.add(TITLE, found.opened("own"), found.file, "tokenizer.json")
    return app_test("tokenizer", text=TEXT, tokenizer_left=TITLE, tokenizer_right="storyteller 1,000", **query), mine


def payloads(test: Any, name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [unpack(node.proto.bytes) for node in test.get("bidi_component") if name in node.proto.id]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_takes_one_of_the_readers_own(panel: str, algorithm: str) -> None:
    test, mine = opened(algorithm, tokenizer_panel=panel)
    assert not test.warning, [one.value for one in test.warning]
    header, arrays = payloads(test, "tokenizer_chips")[0]
    assert [one["title"] for one in header["columns"]] == [TITLE, "storyteller 1,000"]
    assert arrays["ids0"].tolist() == trace(mine.tokenizer, TEXT).ids.tolist()
    if panel in DRAWN:
        found = payloads(test, DRAWN[panel])
        assert found, [node.proto.id for node in test.get("bidi_component")]
        if panel != "Ids and bytes":  # drawn from the picture's own payload
            assert TITLE in json.dumps([header for header, _ in found])


def test_every_tokenizer_here_counts_it_and_the_longer_text_too() -> None:
    test, mine = opened("bpe", tokenizer_panel="Every tokenizer here")
    row = next(row for row in payloads(test, "tokenizer_every")[0][0]["rows"] if row["name"] == mine.name)
    assert (row["title"], row["tokens"], row["chosen"]) == (TITLE, len(trace(mine.tokenizer, TEXT)), True)
    test.session_state["tokenizer_text"] = "rain on the roof. " * 1_500
    test.run()
    row = next(row for row in payloads(test, "tokenizer_every")[0][0]["rows"] if row["name"] == mine.name)
    assert row["tokens"] == len(trace(mine.tokenizer, "rain on the roof. " * 1_500))


def test_its_name_stands_in_the_snippet_the_exports_and_the_address() -> None:
    test, mine = opened("bpe")
    test.session_state["tokenizer_reproduce"] = True
    test.run()
    assert not test.exception
    found = trace(mine.tokenizer, TEXT)
    rows = list(csv.DictReader(io.StringIO(export.as_csv([found], {mine.name: TITLE}).decode())))
    assert {row["tokenizer"] for row in rows} == {TITLE}
    assert json.loads(export.as_json([found], {mine.name: TITLE}))["tokenizers"][0]["name"] == TITLE
    page = export.as_html([found], {mine.name: TITLE}).decode()
    assert "Mine &lt;b&gt;400" in page
    assert "<b>" not in page


def test_one_that_is_gone_leaves_the_page_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    for panel in ("Replay the algorithm", "Vocabulary", "Cut at N"):
        test, mine = opened("bpe", tokenizer_panel=panel)
        with monkeypatch.context() as gone:
            gone.setattr(own, "names", lambda: [])
            test.run()
        assert not test.exception
        header, _ = payloads(test, "tokenizer_chips")[0]
        assert mine.name not in [one["name"] for one in header["columns"]]
        assert not test.warning
