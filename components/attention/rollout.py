"""Attention as average over a layer's heads, and rolled out over layers (Abnar and Zuidema 2020, arXiv 2005.00928).

Rollout asks how much of each input token is left in a later one if information moved by attention alone: every layer's
heads are averaged, half is put on the token itself for the residual stream, and the layers are multiplied.
Whatever the weights, a causal mask alone pulls this towards the first tokens, so it means something only beside its
null: the same sum with each row spread evenly over all that it may see.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.attention.heads import HeadMap
from components.attention.scores import in_sight


def average(heads: HeadMap, layer: int) -> NDArray[np.float32]:
    """The mean of a layer's heads: [query, key]."""
    _check(heads, layer)
    return heads.unfold(heads.weights[layer].astype(np.float32).mean(axis=0))


def _check(heads: HeadMap, layer: int) -> None:
    if not 0 <= layer < heads.layers:
        raise ValueError(f"There is no layer {layer}; choose one of 0 to {heads.layers - 1}.")


def mixed(weights: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """One layer's step: half attention, half the token itself, each row adding up to 1. [query, key] -> the same."""
    half = 0.5 * weights.astype(np.float64) + 0.5 * np.eye(weights.shape[-1])
    result: NDArray[np.float64] = half / half.sum(axis=-1, keepdims=True)
    return result


def rollout(heads: HeadMap, layer: int) -> NDArray[np.float32]:
    """What layer `layer` holds of each input token, were attention all that moves: [token, input token].

    Rows add up to 1.
    """
    _check(heads, layer)
    rolled = np.eye(heads.tokens)
    for index in range(layer + 1):
        rolled = mixed(average(heads, index)) @ rolled
    result: NDArray[np.float32] = rolled.astype(np.float32)
    return result


def rollout_null(heads: HeadMap, layer: int) -> NDArray[np.float32]:
    """The same for attention that is spread evenly over all that each layer's mask lets a token see."""
    _check(heads, layer)
    rolled = np.eye(heads.tokens)
    for index in range(layer + 1):
        seen = in_sight(heads.tokens, causal=heads.causal, window=int(heads.windows[index])).astype(np.float64)
        rolled = mixed(seen / seen.sum(axis=1, keepdims=True)) @ rolled
    result: NDArray[np.float32] = rolled.astype(np.float32)
    return result
