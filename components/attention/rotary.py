"""Rotary positions, seen: which dimensions turn together like the hand of a clock."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
