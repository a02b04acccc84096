"""Small pictures of large matrices: max-pooled, never averaged, since an average hides a diagonal.

The first token is a block of its own in both directions, and for an encoder the last one is too. Most heads rest there,
so that a picture which pooled them with their neighbours could not be shown without them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 32


def block_edges(tokens: int, side: int = SIDE, *, last_alone: bool = False) -> NDArray[np.int32]:
    """Where each block begins, and the end: [block + 1]. One token a block where the text is short enough."""
    if tokens <= side:
        return np.arange(tokens + 1, dtype=np.int32)
    inner = side - (1 if last_alone else 0)
    end = tokens - (1 if last_alone else 0)
    rest = np.linspace(1, end, inner).round().astype(np.int32)
    tail = [tokens] if last_alone else []
    return np.concatenate([np.zeros(1, dtype=np.int32), rest, np.array(tail, dtype=np.int32)])


def max_pool(
    weights: NDArray[np.floating[Any]], side: int = SIDE, *, last_alone: bool = False
) -> NDArray[np.float32]:
    """[head, query, key] -> [head, block, block], the largest weight of each block."""
    edges = block_edges(weights.shape[-1], side, last_alone=last_alone)[:-1]
    rows = np.maximum.reduceat(weights, edges, axis=-2)
    pooled: NDArray[np.float32] = np.maximum.reduceat(rows, edges, axis=-1).astype(np.float32)
    return pooled


def sqrt_bytes(weights: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Weights in [0, 1] as round(255 * sqrt(w)): faint weights stay visible, the error is at most 0.004."""
    return np.round(np.sqrt(np.clip(weights, 0, 1)) * 255).astype(np.uint8)


def causal_half(matrices: NDArray[Any]) -> NDArray[Any]:
    """[..., n, n] -> [..., n (n + 1) / 2], the lower triangle row by row: cell (q, k) lies at q (q + 1) / 2 + k."""
    rows, columns = np.tril_indices(matrices.shape[-1])
    return np.ascontiguousarray(matrices[..., rows, columns])


def thumbnail(
    weights: NDArray[np.floating[Any]], *, causal: bool, side: int = SIDE, last_alone: bool = False
) -> NDArray[np.uint8]:
    """All heads of one layer [head, query, key] as small pictures [head, cell], the causal half where there is one."""
    small = sqrt_bytes(max_pool(weights, side, last_alone=last_alone))
    return causal_half(small) if causal else small.reshape(small.shape[0], -1)
