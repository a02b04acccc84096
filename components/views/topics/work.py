"""From documents and knobs to a board: what is kept is used, what is missing runs in the background."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from components import caching, corpora, first_views
from components.corpora import Corpus
from components.topics import SHIPPED, Coordinates, Settings, check, fit, lay_out, neighbours, place, reduce
from components.views import frame
from components.views.topics import board as boards
from components.views.topics.board import Board
from components.views.vectors import Admitted, private, vectors_of
from components.workshop import Job, check_text

NEW_BYTES = 200_000


def _layout_key(corpus: Corpus, settings: Settings) -> tuple[Any, ...]:
    """Everything that coordinates depend on: all settings but min_cluster_size."""
    facts = asdict(settings)
    del facts["min_cluster_size"]
    return (corpus.hash, *facts.values())


def shipped(corpus: Corpus, settings: Settings) -> Board | None:
    """The stored map where it is of these documents and these settings, `min_cluster_size` aside."""
    view = first_views.load(SHIPPED)
    if view is None or view.header["corpus"]["hash"] != corpus.hash:
        return None
    same = {**view.header["settings"], "min_cluster_size": settings.min_cluster_size} == asdict(settings)
    return Board(view.header, view.arrays) if same else None


def _coordinates(corpus: Corpus, settings: Settings) -> Coordinates:
    """Kept from before, taken from the stored map, or laid out now."""
    stored = shipped(corpus, settings)
    if stored is not None:
        found = stored.map
        notes = ()  # the stored map has none of its layout's: it has documents enough
        return Coordinates(found.coordinates, found.reduced, found.reducer, found.quality.kept, notes)
    vectors = vectors_of(corpus)

    def work(job: Job) -> Coordinates:
        return lay_out(check(corpus.texts, vectors)[1], settings, job.report)

    key = _layout_key(corpus, settings)
    return frame.compute("topics.coordinates", key, work, label="Drawing the map", session=private(corpus))


def board(corpus: Corpus, settings: Settings) -> Board:
    """The map of these documents with these settings."""
    stored = shipped(corpus, settings)
    if stored is not None and stored.header["settings"] == asdict(settings):
        return stored
    key = (boards.key_of(corpus, settings),)
    store = caching.session_store() if private(corpus) else None
    kept = store.peek(("topics.board", *key)) if store else caching.peek("topics.board", key)
    if kept is not None:
        return kept  # type: ignore[no-any-return]
    vectors = vectors_of(corpus)
    coordinates = _coordinates(corpus, settings)

    def work(job: Job) -> Board:
        topic_map = fit(corpus.texts, vectors, settings, coordinates=coordinates, report=job.report)
        return boards.build(corpus, topic_map, vectors)

    return frame.compute("topics.board", key, work, label="Finding topics", session=private(corpus))


def new_document(shown: Board, corpus: Corpus, text: str) -> dict[str, Any] | None:
    """The reader's document on the map, `None` where nothing was typed."""
    if not text.strip():
        return None
    stored = shown.header.get("new")
    if stored is not None and stored["text"] == text:
        return dict(stored)
    check_text(text, what="The new document", max_bytes=NEW_BYTES)
    vector, note = _vector(text)
    return boards.new_document(text, place(shown.map, vectors_of(corpus), vector), note)


def _vector(text: str) -> tuple[np.ndarray, str | None]:
    """The text's vector `[384]`, and a sentence where it was cut. Examples have theirs stored."""
    stored = corpora.stored_vectors("questions", [text])
    if stored is not None:
        return stored[0], None

    def work(job: Job) -> tuple[np.ndarray, str | None]:
        job.report(None, "opening MiniLM")
        encoder = Admitted()
        read = encoder.opened.tokenizer.encode(text)
        note = f"Only its first {len(read.ids)} tokens count." if read.overflowing else None
        return encoder.encode([text])[0], note

    return frame.compute("topics.new", (text,), work, label="Reading your document")


def in_space(corpus: Corpus, settings: Settings) -> np.ndarray:
    """A map in three dimensions, float32 `[document, 3]`: the same stages, one dimension more."""
    vectors = vectors_of(corpus)
    plain = replace(settings, min_cluster_size=2)

    def work(job: Job) -> np.ndarray:
        rows = check(corpus.texts, vectors)[1]
        job.report(0.1, "nearest neighbours")
        near = neighbours(rows, min(settings.n_neighbors, len(rows) - 1))
        job.report(0.3, "UMAP, three dimensions")
        return reduce(rows, near, 3, plain, min_dist=settings.min_dist)

    key = _layout_key(corpus, settings)
    return frame.compute("topics.space", key, work, label="Three dimensions", session=private(corpus))
