"""What a reader may turn, and the door: settings, documents and vectors are checked here, once, with sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

REDUCERS = ("umap", "pca")
MAX_DOCUMENTS = 10_000
FEWEST = 10
"""With fewer different documents than this, UMAP fails in several ways and groups mean nothing."""


@dataclass(frozen=True)
class Settings:
    """How documents become topics. The names are those of umap-learn and hdbscan.

    Attributes:
        min_cluster_size: the fewest documents that count as a topic (2 to 1,000).
        n_neighbors: how many nearest documents each one is tied to, itself included (2 to 200). Few give small
            islands, many give broad land.
        random_state: the seed of UMAP (0 to 2**31 - 1).
        reducer: "umap", or "pca" for a plain linear map.
        n_components: dimensions in which groups are looked for (2 to 50). The map itself has two.
        min_dist: how close UMAP may put two documents on the map (0 to 1). Groups are looked for with 0.
        n_epochs: rounds in which UMAP moves the documents (10 to 1,000).
    """

    min_cluster_size: int = 12
    n_neighbors: int = 15
    random_state: int = 7
    reducer: str = "umap"
    n_components: int = 5
    min_dist: float = 0.1
    n_epochs: int = 200

    def __post_init__(self) -> None:
        _whole("min_cluster_size", self.min_cluster_size, 2, 1_000)
        _whole("n_neighbors", self.n_neighbors, 2, 200)
        _whole("random_state", self.random_state, 0, 2**31 - 1)
        _whole("n_components", self.n_components, 2, 50)
        _whole("n_epochs", self.n_epochs, 10, 1_000)
        if self.reducer not in REDUCERS:
            raise ValueError(f"reducer is {self.reducer!r}; choose one of {', '.join(REDUCERS)}.")
        fits = isinstance(self.min_dist, (int, float)) and not isinstance(self.min_dist, bool)
        if not fits or not 0 <= self.min_dist <= 1:
            raise ValueError(f"min_dist is {self.min_dist!r}; choose a number from 0 to 1.")


def _whole(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}; choose a whole number from {low:,} to {high:,}.")


def check(documents: Sequence[str], embeddings: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The documents as a list and their vectors as float64 rows of length one, `[document, dimension]`.

    Raises:
        ValueError: no documents, too many, one that is not text or is empty, vectors of another number, or a vector
            that is not finite or has no length. Each sentence says which and what to do.
    """
    if isinstance(documents, str):
        raise ValueError("The documents have to be a list of texts; put a single text into a list.")
    texts = list(documents)
    if not texts:
        raise ValueError("There are no documents yet; paste some, or choose a collection.")
    if len(texts) > MAX_DOCUMENTS:
        raise ValueError(f"There are {len(texts):,} documents and the limit is {MAX_DOCUMENTS:,}; take a part of them.")
    for number, text in enumerate(texts, start=1):
        if not isinstance(text, str):
            raise ValueError(f"Document {number} is {type(text).__name__} and not text; convert it or leave it out.")
        if not text.strip():
            raise ValueError(f"Document {number} is empty; leave it out.")
    return texts, check_vectors(embeddings, len(texts))


def check_vectors(embeddings: np.ndarray, count: int) -> np.ndarray:
    """The vectors as float64 rows of length one, `[document, dimension]`; ValueError as in `check`."""
    vectors = np.asarray(embeddings)
    if vectors.ndim != 2 or vectors.dtype.kind not in "fiu":
        raise ValueError("The embeddings have to be an array of numbers with one row a document; encode the documents.")
    if len(vectors) != count:
        raise ValueError(f"There are {count:,} documents and {len(vectors):,} vectors; give one vector a document.")
    rows = vectors.astype(np.float64)
    broken = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(broken):
        raise ValueError(f"The vector of document {broken[0] + 1} is not finite; encode that document again.")
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    if (length == 0).any():
        raise ValueError(f"The vector of document {int(np.argmin(length)) + 1} is all zeros; encode it again.")
    return rows / length
