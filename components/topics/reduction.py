"""Vectors -> neighbours -> coordinates, the same on every machine of one kind.

UMAP is chaotic: a difference in the seventh digit of one distance sends documents elsewhere, and groups with them. So
nothing that depends on the processor reaches it. Vectors are rounded to multiples of 2**-14, whose products and sums
are exact in float64 whatever the order; the starting positions are rounded; a and b are given; and numba compiles for
a generic processor, without instructions that only some have.
"""

from __future__ import annotations

import functools
import gc
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components import settings as operator
from components import workshop

from .settings import FEWEST, Settings

GRID = 2**14
KEPT_NEIGHBOURS = 15
BLOCK = 512

Report = Callable[[float | None, str], None]


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Each document's nearest documents by cosine, itself first.

    Attributes:
        index: int32 [document, k].
        distance: float32 [document, k], 1 - cosine.
    """

    index: np.ndarray
    distance: np.ndarray


@dataclass(frozen=True, eq=False)
class Coordinates:
    """The slow half of a map: it depends on the vectors and on all settings but min_cluster_size.

    Attributes:
        plane: float32 [document, 2], the map.
        space: float32 [document, n_components], where groups are looked for.
        reducer: "umap" or "pca", as it was done.
        kept: see `Quality.kept`.
        notes: sentences about what was done differently from the settings, and why.
    """

    plane: np.ndarray
    space: np.ndarray
    reducer: str
    kept: float | None
    notes: tuple[str, ...]


def on_grid(rows: np.ndarray) -> np.ndarray:
    """Unit vectors `[document, dimension]` as float64 whole numbers, multiples of 1 / GRID."""
    return np.rint(rows.astype(np.float64) * GRID)


def neighbours(rows: np.ndarray, k: int) -> Neighbours:
    """The k nearest documents of each, itself first, exactly; of equal ones the earlier.

    Args:
        rows: unit vectors `[document, dimension]`.
        k: at most as many as there are documents.
    """
    whole = on_grid(rows)
    count = len(whole)
    index = np.empty((count, k), np.int32)
    distance = np.empty((count, k), np.float32)
    for start in range(0, count, BLOCK):
        product = whole[start : start + BLOCK] @ whole.T
        rank = product * 2**20 - np.arange(count)  # whole numbers under 2**53: exact, and no two are equal
        own = np.arange(len(product))
        rank[own, start + own] = np.inf
        near = np.argpartition(-rank, min(k, count - 1), axis=1)[:, :k]
        near = np.take_along_axis(near, np.argsort(-np.take_along_axis(rank, near, 1), axis=1), 1)
        index[start : start + BLOCK] = near
        distance[start : start + BLOCK] = np.maximum(0, 1 - np.take_along_axis(product, near, 1) / GRID**2)
    distance[:, 0] = 0
    return Neighbours(index, distance)


def pca(rows: np.ndarray, dimensions: int) -> np.ndarray:
    """The first principal components, scaled to -10 .. 10 and rounded: float32 `[document, dimensions]`."""
    centred = on_grid(rows) / GRID
    centred = centred - centred.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :dimensions]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1, 1)
    found = centred @ axes
    largest = np.abs(found).max()
    scaled = np.zeros((len(rows), dimensions))
    # Rows that are all the same leave nothing but rounding error, which must not be blown up to a map.
    if largest > 1e-9:
        scaled[:, : found.shape[1]] = found * (10 / largest)
    return np.round(scaled, 4).astype(np.float32)


def prepare_numba() -> None:
    """Before numba compiles anything: a writable folder for the result, and code that every processor runs alike."""
    folder = operator.get().cache / "numba"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        folder = Path(tempfile.gettempdir()) / "looking-glass-numba"
    os.environ.setdefault("NUMBA_CACHE_DIR", str(folder))
    os.environ.setdefault("NUMBA_CPU_NAME", "generic")
    if "numba" in sys.modules:  # bm25s may have imported it first; then it has read its environment already
        config: Any = sys.modules["numba"].config
        config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]
        config.CPU_NAME = os.environ["NUMBA_CPU_NAME"]
        if config.CPU_NAME == "generic":
            config.CPU_FEATURES = ""


KNOWN_CURVES = {0.0: (1.9328, 0.7905), 0.1: (1.5769, 0.8951)}
"""a and b of the two that the page uses, so that a snippet is written without umap in memory; a test checks them."""


@functools.cache
def settle() -> None:
    """Once, after the first fit: what numba and scikit-learn brought is passed over by every later collection."""
    gc.collect()
    gc.freeze()


def curve(min_dist: float) -> tuple[float, float]:
    """UMAP's a and b for a `min_dist` (spread 1), rounded to four digits so that they are the same everywhere."""
    if min_dist in KNOWN_CURVES:
        return KNOWN_CURVES[min_dist]
    return fitted_curve(min_dist)


def fitted_curve(min_dist: float) -> tuple[float, float]:
    """The same, asked of umap-learn."""
    prepare_numba()
    with workshop.NUMBA_LOCK:
        from umap.umap_ import find_ab_params

        a, b = find_ab_params(1.0, min_dist)
    return round(float(a), 4), round(float(b), 4)


def reduce(
    rows: np.ndarray, near: Neighbours, dimensions: int, settings: Settings, *, min_dist: float = 0.0
) -> np.ndarray:
    """UMAP's coordinates, float32 `[document, dimensions]`; seeded, from given neighbours, starting at PCA.

    Args:
        rows: unit vectors `[document, dimension]`, at least ten different ones.
        near: from `neighbours`.
    """
    prepare_numba()
    with workshop.NUMBA_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a seed means one thread, and new documents are placed by `place`
        from umap import UMAP

        a, b = curve(min_dist)
        # Equal documents would start at one point and never part; UMAP wants every start to be its own.
        jitter = np.random.RandomState(settings.random_state).random_sample((len(rows), dimensions))
        start = np.round(pca(rows, dimensions) + 0.01 * jitter, 4).astype(np.float32)
        model: Any = UMAP(
            n_neighbors=near.index.shape[1],
            n_components=dimensions,
            metric="cosine",
            a=a,
            b=b,
            init=start,
            n_epochs=settings.n_epochs,
            random_state=settings.random_state,
            n_jobs=1,
            precomputed_knn=(near.index, near.distance),
        )
        found = model.fit_transform(rows.astype(np.float32))
        settle()
    return np.ascontiguousarray(found, dtype=np.float32)


def kept(rows: np.ndarray, plane: np.ndarray, k: int = KEPT_NEIGHBOURS) -> float | None:
    """Share of each document's k nearest in meaning that are among its k nearest on the map; None for 3 or fewer."""
    count = len(rows)
    if count <= 3:
        return None
    k = min(k, count - 2)
    meant = neighbours(rows, k + 1).index[:, 1:]
    same = 0
    for start in range(0, count, BLOCK):
        away = ((plane[start : start + BLOCK, None, :] - plane[None, :, :]) ** 2).sum(-1)
        own = np.arange(len(away))
        away[own, start + own] = np.inf
        seen = np.argpartition(away, k, axis=1)[:, :k]
        same += sum(len(set(a) & set(b)) for a, b in zip(meant[start : start + BLOCK], seen, strict=True))
    return same / (count * k)


def different(rows: np.ndarray) -> int:
    """How many different vectors there are."""
    return len(np.unique(on_grid(rows), axis=0))


def lay_out(rows: np.ndarray, settings: Settings, report: Report | None = None) -> Coordinates:
    """The map and the space for grouping. Everything here is independent of `min_cluster_size`.

    Args:
        rows: unit vectors `[document, dimension]`, as `check` gives them.
        report: told the fraction done and the stage.
    """
    tell = report or (lambda fraction, stage: None)
    count = len(rows)
    notes: list[str] = []
    reducer = settings.reducer
    unlike = different(rows)
    if unlike < FEWEST:
        reducer = "pca"
        if count < FEWEST:
            notes.append(
                f"{count} document{'s are' if count > 1 else ' is'} too few to find groups;"
                f" {'they are' if count > 1 else 'it is'} only laid out. From {FEWEST} on, groups are looked for."
            )
        else:
            notes.append(
                f"Only {unlike} of the {count} documents differ{'s' if unlike == 1 else ''} in meaning: equal ones"
                " make a group of their own, nothing else is grouped."
            )
    elif settings.n_neighbors > count - 1:
        notes.append(f"n_neighbors was lowered to {count - 1}: there are no more documents to be neighbours.")
    if reducer == "pca":
        tell(0.3, "map (PCA)")
        plane, space = pca(rows, 2), pca(rows, settings.n_components)
    else:
        tell(0.05, "nearest neighbours")
        near = neighbours(rows, min(settings.n_neighbors, count - 1))
        tell(0.1, "map (UMAP, two dimensions); the first one after a start takes longer")
        plane = reduce(rows, near, 2, settings, min_dist=settings.min_dist)
        tell(0.5, f"space for groups (UMAP, {settings.n_components} dimensions)")
        space = reduce(rows, near, settings.n_components, settings)
    tell(0.85, "what the map keeps")
    share = kept(rows, plane)
    for array in (plane, space):
        array.setflags(write=False)
    return Coordinates(plane, space, reducer, share, tuple(notes))
