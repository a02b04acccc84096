"""From the question and the knobs to a board: what is kept is used, what is missing runs in the background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components import caching, corpora, first_views
from components.corpora import Corpus
from components.search import Index, build_index, check_query, cut_note, encode_query, rank
from components.views import frame
from components.views.search import board as boards
from components.views.search.board import Board
from components.views.vectors import Admitted, private, vectors_of
from components.workshop import Job


def question_vector(question: str) -> tuple[np.ndarray, str | None]:
    """The question's vector `[384]`, and a sentence where it was cut. Examples have theirs stored."""
    stored = corpora.stored_vectors("questions", [question])
    if stored is not None:
        return stored[0], None

    def work(job: Job) -> tuple[np.ndarray, str | None]:
        job.report(None, "opening MiniLM")
        encoder = Admitted()
        return encode_query(encoder, question), cut_note(encoder.opened, question)

    return frame.compute("search.question", (question,), work, label="Reading the question")


def index_of(corpus: Corpus, knobs: Mapping[str, Any]) -> Index:
    """The passages ready for search with these knobs; the vectors are read first where they are missing."""
    vectors = vectors_of(corpus)
    key = (corpus.hash, knobs["k1"], knobs["b"], knobs["stemming"])

    def work(job: Job) -> Index:
        job.report(None, "counting words")
        return build_index(
            corpus.texts, None, embeddings=vectors, k1=knobs["k1"], b=knobs["b"], stemming=knobs["stemming"]
        )

    return frame.compute("search.index", key, work, label="Preparing keywords", session=private(corpus))


def search(question: str, corpus: Corpus, knobs: Mapping[str, Any], also: Sequence[int] = ()) -> Board:
    """One question over one corpus by every column's method.

    `also` are passages whose text is wanted beside those of the top tens. The stored first view is used where it fits.
    """
    if not also and corpus.name != "pasted":
        stored = first_views.find("search", "minilm", question, dict(knobs))
        if stored is not None:
            return boards.read(stored.payload)
    check_query(question)
    key = (corpus.hash, question, *knobs.values(), *also)
    kept = caching.session_store().peek(("search.board", *key)) or caching.peek("search.board", key)
    if kept is not None:
        return kept  # type: ignore[no-any-return]
    index = index_of(corpus, knobs)
    vector, note = question_vector(question)
    rankings = {
        method: rank(index, question, method, boards.TOP, rrf_k=knobs["rrf_k"], query_vector=vector)
        for method in boards.METHODS
    }
    made = boards.build(corpus, index, rankings, knobs, notes=[note] if note else [], also=also)
    if corpus.name == "pasted":
        caching.session_store().put(("search.board", *key), made)
    else:
        caching.keep("search.board", key, made)
    return made


def nearest(corpus: Corpus, passage: int, count: int = 5) -> list[tuple[int, float]]:
    """The passages whose vectors lie nearest to one passage's, with the cosine."""
    vectors = vectors_of(corpus)
    cosine = vectors @ vectors[passage]
    order = [int(i) for i in np.argsort(-cosine, kind="stable") if i != passage]
    return [(i, float(cosine[i])) for i in order[:count]]
