"""What a search gives back: frozen objects, plain enough to print and to write as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Term:
    """What one word of the question added to a passage's BM25 score.

    `score = count * idf * saturation`, as bm25s computed it in float32; the terms of a passage sum to its score.

    Attributes:
        term: the stem that was looked up.
        word: how the question writes it (its first spelling).
        score: this word's part of the score.
        count: how often the question has it.
        found: how often the passage has it.
        passages: how many passages of the index have it.
        idf: weight of a rare word, `ln(1 + (N - passages + 0.5) / (passages + 0.5))`.
        saturation: `found / (found + k1 * (1 - b + b * length / mean_length))`, between 0 and 1.
    """

    term: str
    word: str
    score: float
    count: int
    found: int
    passages: int
    idf: float
    saturation: float


@dataclass(frozen=True)
class KeywordReason:
    """Why keyword search found a passage: its terms, largest first, and the character ranges where they stand."""

    terms: tuple[Term, ...]
    spans: tuple[tuple[int, int, str], ...]

    @property
    def score(self) -> float:
        return float(sum(term.score for term in self.terms))


@dataclass(frozen=True)
class MeaningReason:
    """Why search by meaning placed a passage where it did: the cosine of the angle between the two vectors."""

    cosine: float


@dataclass(frozen=True)
class Share:
    """One list's part in a fused score.

    Attributes:
        method: "bm25" or "dense".
        rank: the passage's rank there, None where that list does not have it.
        score: its score there.
        part: what it adds to the fused score.
    """

    method: str
    rank: int | None
    score: float
    part: float


@dataclass(frozen=True)
class FusedReason:
    """Why fusion placed a passage where it did: one share for each list; the parts sum to the score."""

    shares: tuple[Share, ...]


Reason = KeywordReason | MeaningReason | FusedReason


@dataclass(frozen=True)
class Hit:
    """One passage in a ranking.

    Attributes:
        passage: its index in `Index.passages`.
        rank: 1 for the best.
        score: in the method's own unit (BM25 has none; cosine -1 to 1; RRF a sum of reciprocals; linear 0 to 1).
        ranks: its rank in each list that was computed on the way; None where that list does not have it.
        reason: where the score comes from.
    """

    passage: int
    rank: int
    score: float
    ranks: Mapping[str, int | None]
    reason: Reason


@dataclass(frozen=True, eq=False)
class Ranking:
    """All passages by one method. Iterating gives the first k hits.

    Attributes:
        query: the question as asked.
        method: "bm25", "dense", "rrf" or "linear".
        hits: the first k.
        scores: `[passage]` float32, every passage's score.
        ranks: `[passage]` int32, every passage's rank, 0 where the method does not find it (BM25: no shared word).
        notes: sentences a reader should see, such as a question that was cut.
    """

    query: str
    method: str
    hits: tuple[Hit, ...]
    scores: np.ndarray = field(repr=False)
    ranks: np.ndarray = field(repr=False)
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    @property
    def found(self) -> int:
        """How many passages the method finds at all."""
        return int(np.count_nonzero(self.ranks))

    def rank_of(self, passage: int) -> int | None:
        """The rank of one passage, None where the method does not find it."""
        return int(self.ranks[passage]) or None
