"""Putting two ranked lists together. Our own few lines, so that every store of passages gives identical results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def order(scores: np.ndarray, found: np.ndarray | None = None) -> np.ndarray:
    """Ranks of `scores` `[passage]`: 1 for the highest, 0 where `found` is False. Equal scores keep passage order.

    >>> order(np.array([0.2, 0.9, 0.2, 0.0]), np.array([True, True, True, False])).tolist()
    [2, 1, 3, 0]
    """
    ranks = np.zeros(len(scores), np.int32)
    candidates = np.arange(len(scores)) if found is None else np.flatnonzero(found)
    best_first = candidates[np.argsort(-scores[candidates].astype(np.float64), kind="stable")]
    ranks[best_first] = np.arange(1, len(best_first) + 1, dtype=np.int32)
    return ranks


def reciprocal(ranks: Sequence[np.ndarray], k: float) -> np.ndarray:
    """Reciprocal rank fusion: each list adds `1 / (k + rank)`, a list without the passage adds nothing.

    `ranks` are arrays `[passage]` with 0 for "not in this list"; the result is `[list, passage]`, the parts to sum.
    Cormack, Clarke and Buettcher, SIGIR 2009, use k = 60: the larger k, the more alike all ranks count.

    >>> reciprocal([np.array([1, 2]), np.array([2, 0])], 60).sum(axis=0).round(4).tolist()
    [0.0325, 0.0161]
    """
    stacked = np.stack([np.asarray(r, np.float64) for r in ranks])
    return np.where(stacked > 0, 1.0 / (k + np.maximum(stacked, 1)), 0.0)


def scaled(scores: np.ndarray) -> np.ndarray:
    """Scores moved and stretched to 0..1, smallest to largest; all 0 where they are all equal.

    >>> scaled(np.array([1.0, 3.0, 2.0])).tolist()
    [0.0, 1.0, 0.5]
    """
    low, high = float(scores.min()), float(scores.max())
    return np.zeros(len(scores)) if high <= low else (scores.astype(np.float64) - low) / (high - low)
