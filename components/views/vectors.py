"""A collection's vectors, for Search and for Topics: stored beside it, kept from before, or read now."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from components import corpora
from components.corpora import Corpus
from components.models import loaders
from components.search import embed
from components.views import frame
from components.workshop import FORWARD, Job


class Admitted:
    """The shared encoder, with no more forwards at a time than there are cores."""

    def __init__(self) -> None:
        self.opened = loaders.encoder("minilm")

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        with FORWARD:
            return self.opened.encode(list(texts))


def private(corpus: Corpus) -> bool:
    """Whether the texts are the reader's own, and so everything made from them stays in the session."""
    return corpus.name == "pasted"


def vectors_of(corpus: Corpus) -> np.ndarray:
    """`[text, 384]`. Texts pasted on one page and again on the other are read once; progress is shown."""
    stored = None if private(corpus) else corpora.stored_vectors(corpus.name, corpus.texts)
    if stored is not None:
        return stored

    def work(job: Job) -> np.ndarray:
        job.report(None, "opening MiniLM")
        encoder = Admitted()

        def progress(done: int, total: int) -> None:
            job.check()
            job.report(done / total, f"{done:,} of {total:,} texts")

        return embed(corpus.texts, encoder, progress)

    return frame.compute("vectors", (corpus.hash,), work, label="Reading the texts", session=private(corpus))
