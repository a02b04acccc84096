"""Passages made ready for search: BM25 weights of every word, and one vector a passage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from . import analysis

MAX_PASSAGES = 10_000
MAX_PASSAGE_CHARACTERS = 100_000
BATCH = 32


class Encoder(Protocol):
    """Anything that turns texts into vectors, such as `components.models.open.open_encoder("minilm")`."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """`[text, dimension]` float32 of unit length."""


@dataclass(frozen=True, eq=False)
class Index:
    """Passages ready for search. Made by `build_index`; nothing in it changes afterwards.

    Attributes:
        passages: the texts, in the order they were given.
        encoder: what made the vectors and will encode questions; None where only stored vectors are used.
        embeddings: `[passage, dimension]` float32 of unit length, or None: then only keyword search works.
        k1, b, stemming: the keyword settings.
        lengths: `[passage]` int32, terms a passage.
    """

    passages: tuple[str, ...]
    encoder: Encoder | None
    embeddings: np.ndarray | None = field(repr=False)
    k1: float
    b: float
    stemming: bool
    lengths: np.ndarray = field(repr=False)
    # Columns of bm25s' weights: term -> (passages that have it, weight in each, how often each has it).
    columns: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = field(repr=False)

    def __len__(self) -> int:
        return len(self.passages)

    def idf(self, term: str) -> float:
        """`ln(1 + (N - n + 0.5) / (n + 0.5))` for a term that n of the N passages have; 0 for a term in none."""
        n = self.passages_with(term)
        return float(np.log(1 + (len(self) - n + 0.5) / (n + 0.5))) if n else 0.0

    def passages_with(self, term: str) -> int:
        """How many passages have the term."""
        return len(self.columns[term][0]) if term in self.columns else 0


def check_knobs(k1: float, b: float) -> None:
    """Raises ValueError where k1 is not between 0 and 10 or b not between 0 and 1."""
    if not (isinstance(k1, int | float) and 0 <= k1 <= 10):
        raise ValueError(f"k1 is {k1!r} and must lie between 0 and 10; 1.5 is usual.")
    if not (isinstance(b, int | float) and 0 <= b <= 1):
        raise ValueError(f"b is {b!r} and must lie between 0 and 1; 0.75 is usual.")


def check_vectors(vectors: Any, count: int, what: str) -> np.ndarray:
    """Vectors as float32 `[count, dimension]` of unit length, read-only.

    Raises:
        ValueError: wrong shape, a number that is not finite, or a vector of length zero.
    """
    array = np.asarray(vectors, dtype=np.float32)
    if array.ndim != 2 or len(array) != count or array.shape[1] == 0:
        raise ValueError(f"{what} have the shape {array.shape}; there must be {count} rows, one for each text.")
    if not np.isfinite(array).all():
        raise ValueError(f"{what} contain a number that is not finite (NaN or infinity); encode the texts again.")
    length = np.linalg.norm(array.astype(np.float64), axis=1, keepdims=True)
    if not (length > 1e-6).all():
        raise ValueError(f"{what} contain a vector of length zero, which has no direction; encode the texts again.")
    unit: np.ndarray = (array / length).astype(np.float32)
    unit.setflags(write=False)
    return unit


def embed(
    texts: Sequence[str], encoder: Encoder, progress: Callable[[int, int], bool | None] | None = None
) -> np.ndarray:
    """Vectors of many texts, batch by batch: `[text, dimension]` float32 of unit length.

    Texts go longest first, so that texts of like length share a batch and little is padding. `progress(done, total)`
    is called after each batch; where it returns True the work stops with an InterruptedError.
    """
    by_length = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
    rows: np.ndarray | None = None
    for start in range(0, len(texts), BATCH):
        batch = by_length[start : start + BATCH]
        vectors = check_vectors(encoder.encode([texts[i] for i in batch]), len(batch), "The vectors of the passages")
        if rows is None:
            rows = np.empty((len(texts), vectors.shape[1]), np.float32)
        rows[batch] = vectors
        if progress is not None and progress(start + len(batch), len(texts)):
            raise InterruptedError("The encoding was stopped.")
    if rows is None:
        raise ValueError("There is no passage to encode; give at least one.")
    rows.setflags(write=False)
    return rows


def build_index(
    passages: Sequence[str],
    encoder: Encoder | None,
    *,
    embeddings: np.ndarray | None = None,
    k1: float = 1.5,
    b: float = 0.75,
    stemming: bool = True,
) -> Index:
    """Make passages ready for search.

    Keyword weights come from bm25s in its "lucene" variant, with its English stop words and Snowball's stemmer.

    Args:
        passages: 1 to 10,000 texts, none empty.
        encoder: turns texts into unit vectors (see `Encoder`); may be None for keyword search alone, or where both
            `embeddings` and, at `rank`, `query_vector` are given.
        embeddings: vectors made earlier, `[passage, dimension]`; without them the encoder makes them now.
        k1: how soon repeats of a word stop counting (0: one is enough; large: every repeat counts).
        b: how far long passages are held back (0: not at all; 1: in full).
        stemming: whether words are cut to their stems.

    Raises:
        ValueError: no passage, an empty or over-long one, knobs out of range, vectors of wrong shape or with NaN.
    """
    if isinstance(passages, str):
        raise ValueError("Passages are a list of texts, and one text was given; put it in a list.")
    texts = tuple(passages)
    if not texts:
        raise ValueError("There is no passage to search; give at least one.")
    if len(texts) > MAX_PASSAGES:
        raise ValueError(f"{len(texts):,} passages are more than the {MAX_PASSAGES:,} this index holds; give fewer.")
    for number, text in enumerate(texts, start=1):
        if not isinstance(text, str):
            raise ValueError(f"Passage {number} is not text but {type(text).__name__}; give texts only.")
        if not text.strip():
            raise ValueError(f"Passage {number} is empty; leave it out.")
        if len(text) > MAX_PASSAGE_CHARACTERS:
            raise ValueError(
                f"Passage {number} has {len(text):,} characters, more than {MAX_PASSAGE_CHARACTERS:,}; cut it in two."
            )
    check_knobs(k1, b)
    if embeddings is not None:
        vectors: np.ndarray | None = check_vectors(embeddings, len(texts), "The vectors of the passages")
    else:
        vectors = embed(texts, encoder) if encoder is not None else None
    listed = [analysis.terms(text, stemming=stemming) for text in texts]
    lengths = np.array([len(t) for t in listed], np.int32)
    lengths.setflags(write=False)
    return Index(
        texts, encoder, vectors, float(k1), float(b), bool(stemming), lengths, _columns(listed, float(k1), float(b))
    )


def _columns(
    listed: list[list[str]], k1: float, b: float
) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Every term's column of bm25s' precomputed weights, with how often each passage has the term."""
    vocabulary: dict[str, int] = {}
    for passage in listed:
        for term in passage:
            vocabulary.setdefault(term, len(vocabulary))
    if not vocabulary:  # nothing but stop words and single letters: bm25s cannot divide by a mean length of zero
        return {}
    import bm25s

    retriever = bm25s.BM25(method="lucene", k1=k1, b=b, backend="numpy")
    retriever.index(
        bm25s.tokenization.Tokenized([[vocabulary[t] for t in passage] for passage in listed], vocabulary),
        create_empty_token=False,
        show_progress=False,
    )
    data, where, starts = (retriever.scores[name] for name in ("data", "indices", "indptr"))
    counts = [_counted(passage) for passage in listed]
    columns = {}
    for term, number in vocabulary.items():
        part = slice(int(starts[number]), int(starts[number + 1]))
        having = np.array(where[part], np.int32)
        found = np.array([counts[passage][term] for passage in having], np.int32)
        columns[term] = (having, np.array(data[part], np.float32), found)
    return columns


def _counted(terms: list[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for term in terms:
        counts[term] = counts.get(term, 0) + 1
    return counts
