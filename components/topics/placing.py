"""A new document on a map that is already there."""

from __future__ import annotations

import numpy as np

from .results import Placement, TopicMap
from .settings import check_vectors

NEAREST = 10
SOFTNESS = 0.05
"""A neighbour whose cosine is lower by this much counts 1/e as much."""


def place(topic_map: TopicMap, embeddings: np.ndarray, vector: np.ndarray) -> Placement:
    """The weighted mean of the ten nearest documents, and the topic that most of the weight belongs to.

    UMAP's own transform would need the fitted model in memory; this needs the coordinates alone.

    Args:
        topic_map: the map.
        embeddings: the vectors of its documents, `[document, dimension]`.
        vector: of the new document, `[dimension]`.

    Raises:
        ValueError: vectors of another number or length, or not finite.
    """
    rows = check_vectors(embeddings, len(topic_map))
    new = check_vectors(np.atleast_2d(np.asarray(vector)), 1)[0]
    if new.shape[0] != rows.shape[1]:
        raise ValueError(
            f"The new document's vector has {new.shape[0]} numbers, the others have {rows.shape[1]}; use one encoder."
        )
    cosine = rows @ new
    near = np.argsort(-np.round(cosine, 9), kind="stable")[:NEAREST]
    weight = np.exp((cosine[near] - cosine[near[0]]) / SOFTNESS)
    weight /= weight.sum()
    x, y = weight @ topic_map.coordinates[near]
    labels = topic_map.labels[near]
    votes = {int(topic): float(weight[labels == topic].sum()) for topic in labels}
    topic = max(votes, key=lambda one: (round(votes[one], 9), one))
    return Placement(
        x=float(x),
        y=float(y),
        topic=topic,
        share=votes[topic],
        neighbours=tuple(int(i) for i in near),
        similarities=tuple(float(c) for c in cosine[near]),
        weights=tuple(float(w) for w in weight),
    )
