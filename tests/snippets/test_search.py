"""The Search page's "Reproduce in Python": run as a reader would run it, its numbers beside the page's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from components import corpora
from components.models.open import open_encoder
from components.search import build_index, encode_query, rank
from components.views.search.board import settings
from components.views.search.snippet import snippet
from tests.conftest import ROOT
from tests.snippets.fresh import run

pytestmark = pytest.mark.xdist_group("search snippets")  # they share one process

OWN = 'Yeast fills the dough with "gas".\n\nThe ferry to Ærø\nis late.\n\nRising bread, bread that rises.\n\nthe and of'

FEW = 130
"""Passages of the encyclopedia that the snippet reads here: a fresh process would take a minute over all of them."""


def beginning(corpus: corpora.Corpus) -> corpora.Corpus:
    """The corpus's first passages, as if its file ended there."""
    columns = {name: getattr(corpus, name)[:FEW] for name in ("ids", "titles", "texts", "meta")}
    return replace(corpus, **columns)


ENCYCLOPEDIA = beginning(corpora.bundled("encyclopedia"))
CASES: list[tuple[str, corpora.Corpus, dict[str, Any]]] = [
    ("What makes bread rise?", ENCYCLOPEDIA, settings("encyclopedia", 1.5, 0.75, 60, True)),
    ("Does bread 'rise'?\n", corpora.pasted(OWN), settings("pasted", 2.0, 0.0, 0, False)),
    ("of the", corpora.pasted(OWN), settings("pasted", 1.5, 0.75, 60, True)),
]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, list[float]]]:
    """The last variables of all snippets, run in one fresh process, in a folder with the shipped file's beginning."""
    folder = tmp_path_factory.mktemp("copy")
    file = folder / "assets" / "corpora" / "encyclopedia.jsonl"
    file.parent.mkdir(parents=True)
    lines = (corpora.FOLDER / "encyclopedia.jsonl").read_text("utf-8").splitlines(keepends=True)
    file.write_text("".join(lines[:FEW]), "utf-8")
    snippets = [snippet(question, corpus.name, corpus.texts, knobs) for question, corpus, knobs in CASES]
    return run(snippets, ("keyword", "meaning", "both"), cwd=folder)


@pytest.mark.parametrize("case", range(len(CASES)))
def test_numbers_are_those_of_the_page(results: list[dict[str, list[float]]], case: int) -> None:
    question, corpus, knobs = CASES[case]
    encoder = open_encoder("minilm")
    stored = None if corpus.name == "pasted" else corpora.stored_vectors(corpus.name, corpus.texts)
    index = build_index(
        corpus.texts, encoder, embeddings=stored, k1=knobs["k1"], b=knobs["b"], stemming=knobs["stemming"]
    )
    vector = encode_query(encoder, question)
    ours = {m: rank(index, question, m, rrf_k=knobs["rrf_k"], query_vector=vector) for m in ("bm25", "dense", "rrf")}
    got = results[case]
    np.testing.assert_allclose(got["keyword"], ours["bm25"].scores, atol=1e-4)
    np.testing.assert_allclose(got["meaning"], ours["dense"].scores, atol=1e-3)
    # Two cosines that differ by less than the stored vectors' rounding may change places and move a fused score.
    ranks = np.argsort(np.argsort(-np.array(got["meaning"]), kind="stable"), kind="stable") + 1
    moved = np.abs(ranks - ours["dense"].ranks) > 0
    np.testing.assert_allclose(np.array(got["both"])[~moved], ours["rrf"].scores[~moved], atol=1e-6)
    assert moved.mean() < 0.1
    best = int(np.argmax(got["both"]))
    assert moved[best] or best == ours["rrf"].hits[0].passage


def test_it_uses_public_libraries_alone() -> None:
    for question, corpus, knobs in CASES:
        text = snippet(question, corpus.name, corpus.texts, knobs)
        compile(text, "snippet", "exec")
        assert "components" not in text
        assert str(ROOT) not in text


def test_long_pasted_passages_are_read_from_the_export() -> None:
    corpus = corpora.pasted("\n\n".join(["word " * 200] * 10))
    text = snippet("word", corpus.name, corpus.texts, settings("pasted", 1.5, 0.75, 60, True))
    assert 'open("passages.txt"' in text
    assert len(text) < 3_000
    from components.views.search import exports

    assert exports.passages(corpus).decode().split("\n\n") == list(corpus.texts)
