"""What the stages give: frozen results, arrays by document in the order of the documents."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .settings import Settings


@dataclass(frozen=True)
class Word:
    """A term of a topic (one word or two) and its c-TF-IDF weight."""

    term: str
    weight: float


@dataclass(frozen=True)
class Topic:
    """A group of documents.

    Attributes:
        id: 0 for the largest, counting on; also its value in `TopicMap.labels`.
        size: how many documents.
        words: its terms, heaviest first; empty where its documents have no words to count.
        centre: middle of its documents on the map, x and y (the median, so that strays do not pull it).
        representative: up to five documents (indices), nearest to the mean vector first.
    """

    id: int
    size: int
    words: tuple[Word, ...]
    centre: tuple[float, float]
    representative: tuple[int, ...]

    @property
    def name(self) -> str:
        """Up to three of its words that do not repeat each other, such as "bins, recycling, lorry"."""
        chosen: list[str] = []
        used: set[str] = set()
        for word in self.words:
            stems = {part.rstrip("s") for part in word.term.split()}
            if not stems & used:
                chosen.append(word.term)
                used |= stems
            if len(chosen) == 3:
                break
        return ", ".join(chosen) or f"topic {self.id + 1}"


@dataclass(frozen=True)
class Quality:
    """How good a map is, in numbers.

    Attributes:
        silhouette: mean silhouette of the grouped documents, cosine between embeddings, -1 to 1; None where there are
            fewer than two topics.
        outlier_share: share of documents without a topic, 0 to 1.
        kept: share of each document's 15 nearest in meaning that are among its 15 nearest on the map, 0 to 1; None
            for three documents or fewer.
    """

    silhouette: float | None
    outlier_share: float
    kept: float | None


@dataclass(frozen=True, eq=False)
class TopicMap:
    """Documents laid out and grouped. Nothing is written to its arrays after it is made.

    Attributes:
        settings: what it was made with.
        coordinates: float32 [document, 2], the map; x and y in UMAP's own units, comparable within one map only.
        reduced: float32 [document, n_components], the space in which the groups were found.
        labels: int32 [document], topic id, -1 for an outlier.
        topics: largest first; there may be none, one or two.
        nearest: int32 [document], the topic whose mean vector is nearest; -1 where there is no topic.
        closeness: float32 [document], cosine to the mean vector of its own topic (of `nearest` for an outlier).
        quality: see `Quality`.
        reducer: what laid the documents out: "umap", "pca", or "pca" where they were too few for UMAP.
        terms: how many different terms (words and pairs of words) were weighed.
        notes: sentences about what was done differently from the settings, and why.
        history: edits, oldest first; a fresh map has none.
    """

    settings: Settings
    coordinates: np.ndarray
    reduced: np.ndarray
    labels: np.ndarray
    topics: tuple[Topic, ...]
    nearest: np.ndarray
    closeness: np.ndarray
    quality: Quality
    reducer: str
    terms: int = 0
    notes: tuple[str, ...] = ()
    history: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def outliers(self) -> np.ndarray:
        """Indices of the documents without a topic."""
        return np.flatnonzero(self.labels < 0)

    def members(self, topic: int) -> np.ndarray:
        """Indices of a topic's documents (-1: the outliers), the most typical first."""
        found = np.flatnonzero(self.labels == topic)
        return found[np.argsort(-self.closeness[found], kind="stable")]


@dataclass(frozen=True)
class Placement:
    """Where a new document falls on a map that is already there.

    Attributes:
        x, y: weighted mean of the coordinates of its nearest documents.
        topic: the topic with the largest weight among them, -1 where outliers have it.
        share: that weight, 0 to 1.
        neighbours: indices of the nearest documents, nearest first.
        similarities: their cosines with the new document.
        weights: what each counts; they sum to 1.
    """

    x: float
    y: float
    topic: int
    share: float
    neighbours: tuple[int, ...]
    similarities: tuple[float, ...]
    weights: tuple[float, ...]
