"""The Search page's first view: the first example over the encyclopedia, with the knobs as they stand on opening."""

from __future__ import annotations

import json

import numpy as np

from components import corpora
from components.first_views import stamp
from components.search import build_index, rank
from components.views.search import board as boards

MODELS = ("minilm",)
LIBRARIES = ("bm25s", "PyStemmer", "numpy")


def build(model: str) -> dict[str, bytes]:
    """`search.minilm.bin`, from the stored vectors of passages and question (`assets/recipes/vectors.py`)."""
    question = json.loads((corpora.FOLDER / "examples.json").read_text(encoding="utf-8"))["search"][0]["text"]
    corpus = corpora.bundled("encyclopedia")
    vectors = corpora.stored_vectors(corpus.name, corpus.texts)
    asked = corpora.stored_vectors("questions", [question])
    if vectors is None or asked is None:
        raise ValueError("Vectors are missing or older than their texts; run `python -m assets.recipes.vectors`.")
    knobs = boards.settings(corpus.name, 1.5, 0.75, 60, True)
    index = build_index(corpus.texts, None, embeddings=vectors)
    rankings = {m: rank(index, question, m, boards.TOP, query_vector=asked[0]) for m in boards.METHODS}
    stored = json.loads((corpora.FOLDER / "encyclopedia.minilm.json").read_text(encoding="utf-8"))
    made = boards.build(
        corpus, index, rankings, knobs, stamp={**stamp(stored["model"], LIBRARIES), "corpus": corpus.hash}
    )
    return {f"search.{model}.bin": made.payload}


def compare(stored: bytes, fresh: bytes) -> None:
    """The same passages in the same order, with scores to 1e-3."""
    old, new = boards.read(stored), boards.read(fresh)
    assert old.header["text"] == new.header["text"], "The stored view is of another question; make it again."
    assert old.header["ids"] == new.header["ids"], "The corpus has changed since; make the first view again."
    assert old.header["stamp"]["corpus"] == new.header["stamp"]["corpus"], "A passage's text has changed since."
    assert old.header["words"] == new.header["words"], "The question's words are counted differently now."
    for method in boards.METHODS:
        assert old.top(method) == new.top(method), f"The first ten by {method} are others now."
        np.testing.assert_allclose(
            old.arrays[f"scores_{method}"], new.arrays[f"scores_{method}"], atol=1e-3, err_msg=f"scores by {method}"
        )
