"""The main call: documents and their vectors -> TopicMap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .clustering import cluster, equal_groups
from .reduction import Coordinates, Report, different, lay_out
from .results import Quality, Topic, TopicMap
from .settings import FEWEST, Settings, check
from .words import count_words, top_words

REPRESENTATIVE = 5


def fit(
    documents: Sequence[str],
    embeddings: np.ndarray,
    settings: Settings | None = None,
    *,
    coordinates: Coordinates | None = None,
    report: Report | None = None,
) -> TopicMap:
    """Group documents by meaning and name the groups by their words.

    Exact nearest neighbours by cosine, UMAP seeded and started at PCA, HDBSCAN, then c-TF-IDF.

    Args:
        documents: texts, none empty.
        embeddings: one vector a document, `[document, dimension]`; brought to length one here.
        settings: see `Settings`; the defaults where none are given.
        coordinates: those of the same documents and the same settings but `min_cluster_size`, where they are already
            there: then only HDBSCAN and the words are computed.
        report: told the fraction done (0 to 1) and the stage.

    Returns:
        TopicMap. No topic at all, one or two are results like any other; with fewer than ten different documents
        UMAP and HDBSCAN are not asked.

    Raises:
        ValueError: see `check`.
    """
    settings = settings or Settings()
    tell = report or (lambda fraction, stage: None)
    texts, rows = check(documents, embeddings)
    if coordinates is None:
        coordinates = lay_out(rows, settings, report)
    elif len(coordinates.plane) != len(texts):
        raise ValueError(
            f"The coordinates belong to {len(coordinates.plane):,} documents, not to {len(texts):,}; lay out again."
        )
    tell(0.9, "groups (HDBSCAN)")
    if different(rows) < FEWEST:
        labels = equal_groups(rows, settings.min_cluster_size)
    else:
        labels = cluster(coordinates.space, settings.min_cluster_size)
    tell(0.95, "words (c-TF-IDF)")
    counts, terms = count_words(texts, labels)
    words = top_words(counts, terms)
    nearest, closeness, means = to_centres(rows, labels)
    topics = tuple(
        _topic(number, terms, labels, rows, means[number], coordinates.plane) for number, terms in enumerate(words)
    )
    for array in (labels, nearest, closeness):
        array.setflags(write=False)
    outliers = float((labels < 0).mean())
    notes = coordinates.notes
    if not topics and len(texts) >= FEWEST and not notes:
        notes = (
            f"No {settings.min_cluster_size} documents lie close enough together to count as a topic. A smaller"
            " min_cluster_size may find some; it may also be that there are none.",
        )
    return TopicMap(
        settings=settings,
        coordinates=coordinates.plane,
        reduced=coordinates.space,
        labels=labels,
        topics=topics,
        nearest=nearest,
        closeness=closeness,
        quality=Quality(silhouette(rows, labels), outliers, coordinates.kept),
        reducer=coordinates.reducer,
        terms=len(terms),
        notes=notes,
    )


def to_centres(rows: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nearest topic int32 `[document]`, closeness float32 `[document]`, mean unit vectors `[topic, dimension]`.

    Closeness is the cosine to the mean of the document's own topic, for an outlier to the nearest one.
    """
    topics = int(labels.max(initial=-1)) + 1
    count = len(rows)
    if not topics:
        return np.full(count, -1, np.int32), np.zeros(count, np.float32), np.zeros((0, rows.shape[1]))
    means = np.stack([rows[labels == topic].mean(axis=0) for topic in range(topics)])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    cosine = rows @ means.T  # [document, topic]
    nearest = cosine.argmax(axis=1).astype(np.int32)
    own = np.where(labels >= 0, labels, nearest)
    return nearest, cosine[np.arange(count), own].astype(np.float32), means


def silhouette(rows: np.ndarray, labels: np.ndarray) -> float | None:
    """Mean silhouette of the grouped documents by cosine; None for fewer than two topics."""
    inside = labels >= 0
    if labels.max(initial=-1) < 1:
        return None
    from sklearn.metrics import silhouette_score

    return float(silhouette_score(rows[inside], labels[inside], metric="cosine"))


def _topic(
    number: int, words: tuple, labels: np.ndarray, rows: np.ndarray, mean: np.ndarray, plane: np.ndarray
) -> Topic:
    inside = np.flatnonzero(labels == number)
    order = inside[np.argsort(-np.round(rows[inside] @ mean, 9), kind="stable")]
    middle = np.median(plane[inside], axis=0)
    return Topic(
        number, len(inside), words, (float(middle[0]), float(middle[1])), tuple(int(i) for i in order[:REPRESENTATIVE])
    )
