"""Heads that look alike on a text: nearest by the cosine of their thumbnails."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.attention.heads import HeadMap

NEAREST = 8


def descriptors(heads: HeadMap) -> NDArray[np.float32]:
    """What heads are compared by: [layer * head, cell], vectors of length 1, or 0 where a head gives nothing else.

    Each is the thumbnail (largest weight of a block) without the columns of the resting place, at length 1, less the
    average of all heads: what is common to all says nothing about two.
    """
    thumbs = (heads.thumbs.reshape(heads.layers * heads.heads, -1).astype(np.float32) / 255) ** 2
    blocks = len(heads.edges) - 1
    columns = np.tril_indices(blocks)[1] if heads.causal else np.tile(np.arange(blocks), blocks)
    rest = [int(np.searchsorted(heads.edges, sink, side="right")) - 1 for sink in heads.sinks]
    thumbs[:, np.isin(columns, rest)] = 0
    length = np.linalg.norm(thumbs, axis=1, keepdims=True).astype(np.float32)
    bare = length[:, 0] < 0.05
    made: NDArray[np.float32] = thumbs / np.maximum(length, 1e-9)
    made -= made[~bare].mean(axis=0) if not bare.all() else 0
    made /= np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)
    made[bare] = 0
    return made


def nearest_heads(heads: HeadMap, count: int = NEAREST) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """For each head the heads most like it, nearest first.

    Returns:
        (which, cosine), both [layer * head, choice]; heads are counted layer by layer. A cosine of 0 is no likeness.
    """
    table = descriptors(heads)
    every: NDArray[Any] = table @ table.T
    np.fill_diagonal(every, -2)
    count = min(count, every.shape[0] - 1)
    order = np.argsort(-every, axis=1, kind="stable")[:, :count]
    return order.astype(np.uint16), np.take_along_axis(every, order, axis=1).astype(np.float32)
