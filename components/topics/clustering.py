"""Coordinates -> labels: HDBSCAN, dense regions are topics, what lies between them is an outlier."""

from __future__ import annotations

import warnings

import numpy as np

from components import workshop

from .reduction import on_grid, prepare_numba
from .settings import FEWEST


def cluster(space: np.ndarray, min_cluster_size: int) -> np.ndarray:
    """Topic of each document, int32 `[document]`: 0 for the largest topic, -1 for an outlier.

    Args:
        space: `[document, dimension]`, from `reduce`.
        min_cluster_size: at least 2.
    """
    count = len(space)
    if min_cluster_size > count or count < 2:
        return np.full(count, -1, np.int32)
    prepare_numba()
    with workshop.NUMBA_LOCK, warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore")
        from hdbscan import HDBSCAN

        found = HDBSCAN(
            min_cluster_size=min_cluster_size, approx_min_span_tree=False, core_dist_n_jobs=1
        ).fit_predict(np.asarray(space, np.float64))
    return by_size(found)


def equal_groups(rows: np.ndarray, min_cluster_size: int) -> np.ndarray:
    """For fewer than ten different vectors: equal documents are a topic where they are enough. As `cluster`."""
    if len(rows) < FEWEST:
        return np.full(len(rows), -1, np.int32)
    _, which, size = np.unique(on_grid(rows), axis=0, return_inverse=True, return_counts=True)
    which = which.reshape(-1)
    return by_size(np.where(size[which] >= min_cluster_size, which, -1))


def by_size(labels: np.ndarray) -> np.ndarray:
    """The same groups, numbered from the largest; of equal size the one with the earliest document first."""
    names, first, size = np.unique(labels[labels >= 0], return_index=True, return_counts=True)
    place = np.flatnonzero(labels >= 0)
    order = sorted(range(len(names)), key=lambda i: (-size[i], place[first[i]]))
    out = np.full(len(labels), -1, np.int32)
    for new, old in enumerate(order):
        out[labels == names[old]] = new
    return out
