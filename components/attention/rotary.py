"""Rotary positions, seen: which dimensions turn together, and what turning did to one product of query and key."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.attention.cell import Cell


@dataclass(frozen=True)
class TurnedPair:
    """Two dimensions that rotary positions turn together, as one hand of a clock for the query and one for the key.

    Attributes:
        first, second: the dimensions.
        query_before, query_after, key_before, key_after: angles in radians, from the first dimension's axis.
        query_length, key_length: lengths of the hands.
        before, after: what the pair adds to query . key, without and with positions.
    """

    first: int
    second: int
    query_before: float
    query_after: float
    key_before: float
    key_after: float
    query_length: float
    key_length: float
    before: float
    after: float


def pairing(before: NDArray[np.floating], after: NDArray[np.floating]) -> NDArray[np.int64] | None:
    """Which dimensions turn together, found from vectors before and after turning.

    Libraries pair dimension i with i + half (Llama), only some of the dimensions (GPT-NeoX), or neighbours (Cohere).
    Turning keeps the length of a pair, up to one factor for all (GPT-OSS), and leaves what it does not turn; only the
    true pairing does so for every token.

    Args:
        before, after: [token, dim].

    Returns:
        [pair, 2], or None where no pairing fits, as for a text of one token, which nothing turns.
    """
    dim = before.shape[-1]
    old, new = (np.asarray(one, dtype=np.float64) for one in (before, after))
    whole = np.linalg.norm(old)
    if whole == 0:
        return None
    halves = [(turned, np.arange(turned).reshape(2, -1).T) for turned in range(dim - dim % 2, 0, -2)]
    neighbours = [(turned, np.arange(turned).reshape(-1, 2)) for turned in range(dim - dim % 2, 0, -2)]
    for turned, pairs in halves + neighbours:
        if _fits(old, new, pairs, turned):
            return pairs.astype(np.int64)
    return None


def _fits(old: NDArray[np.float64], new: NDArray[np.float64], pairs: NDArray[np.integer], turned: int) -> bool:
    lengths = [np.hypot(one[:, pairs[:, 0]], one[:, pairs[:, 1]]) for one in (old, new)]
    factor = float(np.linalg.norm(lengths[1]) / max(float(np.linalg.norm(lengths[0])), 1e-12))
    near = 1e-4 * max(float(np.abs(old).max()), 1e-12)
    kept = np.abs(lengths[1] - factor * lengths[0]).max() <= near * max(1.0, factor)
    still = turned == old.shape[1] or np.abs(new[:, turned:] - old[:, turned:]).max() <= near
    # The first pair turns fastest; were it still, any pairing would seem to fit.
    moved = np.abs(new[:, pairs[0]] - factor * old[:, pairs[0]]).max() > near
    return bool(kept and still and moved)


def turned_pairs(cell: Cell, count: int = 4) -> tuple[TurnedPair, ...]:
    """The pairs of dimensions that count most in this cell, with or without positions; empty without rotary ones."""
    if cell.q_before is None or cell.keys_before is None or cell.k_before is None:
        return ()
    pairs = pairing(cell.keys_before, cell.keys)
    if pairs is None:
        return ()
    sides = []
    for one in (cell.q_before, cell.q, cell.k_before, cell.k):
        part = one[pairs]
        sides.append((np.arctan2(part[:, 1], part[:, 0]), np.hypot(part[:, 0], part[:, 1])))
    before = (cell.q_before[pairs] * cell.k_before[pairs]).sum(-1)
    after = (cell.q[pairs] * cell.k[pairs]).sum(-1)
    order = np.argsort(-np.maximum(np.abs(before), np.abs(after)), kind="stable")[:count]
    return tuple(
        TurnedPair(
            first=int(pairs[at, 0]), second=int(pairs[at, 1]),
            query_before=float(sides[0][0][at]), query_after=float(sides[1][0][at]),
            key_before=float(sides[2][0][at]), key_after=float(sides[3][0][at]),
            query_length=float(sides[1][1][at]), key_length=float(sides[3][1][at]),
            before=float(before[at]), after=float(after[at]),
        )
        for at in order
    )
