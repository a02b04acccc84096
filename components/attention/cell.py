"""How one attention weight came about, worked out again from the model's own query, keys and values.

`cell_of` takes what a layer did and follows one row of one head: products of query and key, scale, soft cap, relative
bias, mask, softmax with a learned sink where there is one, times value, through the output projection. It works in
float64 from the model's float32 vectors and never looks at the model's weights, so that the two can be compared.
`reading.explain_cell` runs the model for it, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.attention.capture import LayerCapture

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """One cell of one head, with the whole row that it stands in.

    score = softcap(query . key * scale) + bias where a key is visible; weights = softmax of the row's scores and of the
    sink's, where there is one, which is dropped afterwards.

    Attributes:
        head, query, key: the place, counted from 0.
        ids: [key], token ids of the row's keys; empty where the caller gave none.
        heads, kv_heads: query heads and key-value heads of the layer.
        kv_head: the key-value head that serves this head; `sharing` the query heads that it serves.
        q: [dim], the query's vector after rotary positions and any norm.
        keys: [key, dim], the vectors of the row's keys, after the same.
        q_before, keys_before: the same before rotary positions; None where the model has none.
        scale: the factor on query . key.
        softcap: c in c * tanh(score / c), or None.
        sink: the learned score that takes its share of the row, or None.
        window: the layer's sliding window as the model has it, or None.
        causal: True where no query of this layer looks ahead.
        visible: [key], True where the query may look.
        dots: [key], query . key. dots_before: without rotary positions, or None.
        bias: [key], what relative positions add, or None.
        scores: [key], what enters the softmax; minus infinity where a key is hidden.
        weights: [key], worked out here; model_weights: [key], the model's own.
        lengths: [key], length of weight * value * W_O, what each key adds to the residual stream; of weight * value
            where no projection was given.
        output_length: length of their sum, which is what the head adds.
        output_difference: largest difference between that sum and the model's own, in any dimension.
        projected: whether W_O took part.
    """

    head: int
    query: int
    key: int
    ids: NDArray[np.int64]
    heads: int
    kv_heads: int
    kv_head: int
    sharing: tuple[int, ...]
    q: Doubles
    keys: Doubles
    q_before: Doubles | None
    keys_before: Doubles | None
    scale: float
    softcap: float | None
    sink: float | None
    window: int | None
    causal: bool
    visible: NDArray[np.bool_]
    dots: Doubles
    dots_before: Doubles | None
    bias: Doubles | None
    scores: Doubles
    weights: Doubles
    model_weights: Doubles
    lengths: Doubles
    output_length: float
    output_difference: float
    projected: bool

    @property
    def k(self) -> Doubles:
        """[dim], the key's vector."""
        vector: Doubles = self.keys[self.key]
        return vector

    @property
    def k_before(self) -> Doubles | None:
        """[dim], the key's vector before rotary positions, or None."""
        return None if self.keys_before is None else self.keys_before[self.key]

    @property
    def products(self) -> Doubles:
        """[dim], q_i * k_i; they add up to `dot`."""
        return self.q * self.k

    @property
    def order(self) -> NDArray[np.intp]:
        """[dim], the dimensions by the size of their product, largest first."""
        return np.argsort(-np.abs(self.products), kind="stable")

    @property
    def dot(self) -> float:
        """Query . key."""
        return float(self.dots[self.key])

    @property
    def dot_before(self) -> float | None:
        """Query . key as it would be without rotary positions, or None."""
        return None if self.dots_before is None else float(self.dots_before[self.key])

    @property
    def score(self) -> float:
        """What enters the softmax."""
        return float(self.scores[self.key])

    @property
    def weight(self) -> float:
        """The weight, worked out here."""
        return float(self.weights[self.key])

    @property
    def model_weight(self) -> float:
        """The weight that the model gave."""
        return float(self.model_weights[self.key])

    @property
    def difference(self) -> float:
        """The largest difference between the row worked out here and the model's own."""
        return float(np.abs(self.weights - self.model_weights).max())

    @property
    def rounding(self) -> float:
        """How far float32 arithmetic, in which the model computes, may move a weight of this row; at least 1e-5.

        A score is as uncertain as the largest sum of |q_i k_i| * scale times float32's step, once for the products and
        once for their sum; a weight moves by at most that.
        """
        sizes = np.abs(self.keys[self.visible]) @ np.abs(self.q)
        return max(1e-5, 2 * float(np.finfo(np.float32).eps) * float(sizes.max()) * self.scale)

    @property
    def to_sink(self) -> float:
        """The share of the row that goes to the learned sink; 0 without one."""
        return 0.0 if self.sink is None else float(1 - self.weights.sum())


def cell_of(
    layer: LayerCapture,
    head: int,
    query: int,
    key: int,
    projection: NDArray[np.floating[Any]] | None = None,
    *,
    ids: Sequence[int] | NDArray[np.integer[Any]] = (),
) -> Cell:
    """How one weight of a layer came about.

    Args:
        layer: what the layer did; its `weights` are compared with, never used.
        head, query, key: the cell.
        projection: W_O, [head, dim, width]; without it lengths are those of weight times value.
        ids: [key], token ids, handed on.

    Raises:
        ValueError: there is no such cell, or the query does not see the key.
    """
    heads, _, count = layer.weights.shape
    check_cell(layer, head, query, key)
    kv_heads = layer.key.shape[0]
    group = heads // kv_heads
    kv_head = head // group
    visible = layer.mask[query]
    q, keys, values = (np.asarray(one, dtype=np.float64)
                       for one in (layer.query[head, query], layer.key[kv_head], layer.value[kv_head]))
    before = None
    if layer.query_before is not None and layer.key_before is not None:
        before = (np.asarray(layer.query_before[head, query], dtype=np.float64),
                  np.asarray(layer.key_before[kv_head], dtype=np.float64))
    bias = None if layer.bias is None else np.asarray(layer.bias[head, query], dtype=np.float64)[:count]
    sink = None if layer.sinks is None else float(layer.sinks[head])
    dots = keys @ q
    scores = score_row(dots, layer.scale, softcap=layer.softcap, bias=bias, visible=visible)
    weights = softmax_row(scores, sink)
    joined = np.eye(values.shape[1]) if projection is None else np.asarray(projection[head], dtype=np.float64)
    added = (weights[:, None] * values) @ joined
    mixed = np.asarray(layer.output[query, head], dtype=np.float64) @ joined
    return Cell(
        head=head, query=query, key=key, ids=np.asarray(ids, dtype=np.int64),
        heads=heads, kv_heads=kv_heads, kv_head=kv_head,
        sharing=tuple(range(kv_head * group, (kv_head + 1) * group)),
        q=q, keys=keys,
        q_before=None if before is None else before[0], keys_before=None if before is None else before[1],
        scale=layer.scale, softcap=layer.softcap, sink=sink, window=layer.window,
        causal=_causal(layer), visible=visible,
        dots=dots, dots_before=None if before is None else before[1] @ before[0],
        bias=bias, scores=scores, weights=weights,
        model_weights=np.asarray(layer.weights[head, query], dtype=np.float64),
        lengths=np.linalg.norm(added, axis=-1),
        output_length=float(np.linalg.norm(added.sum(0))),
        output_difference=float(np.abs(added.sum(0) - mixed).max()),
        projected=projection is not None,
    )


def score_row(
    dots: Doubles, scale: float, *, softcap: float | None, bias: Doubles | None, visible: NDArray[np.bool_]
) -> Doubles:
    """Products of query and keys [key] -> scores [key], minus infinity where a key is hidden."""
    scores = dots * scale
    if softcap is not None:
        scores = softcap * np.tanh(scores / softcap)
    if bias is not None:
        scores = scores + bias
    return np.where(visible, scores, -np.inf)


def softmax_row(scores: Doubles, sink: float | None = None) -> Doubles:
    """Scores [key] -> weights [key]. A sink is one more score of the row, dropped afterwards."""
    most = max(float(scores.max()), -np.inf if sink is None else sink)
    powers = np.exp(scores - most)
    whole = powers.sum() + (0.0 if sink is None else np.exp(sink - most))
    weights: Doubles = powers / whole
    return weights


def strongest_cell(
    matrix: NDArray[np.floating[Any]], *, query: int | None = None, key: int | None = None
) -> tuple[int, int]:
    """The cell [query, key] to look at first: the strongest off the first token and off the diagonal.

    Where `query` or `key` is given, the strongest of that row or column. Where every such cell is 0, as in a text of
    one token, the strongest of all.
    """
    table = np.array(matrix, dtype=np.float32, copy=True)
    off = np.ones(table.shape, dtype=np.bool_)
    np.fill_diagonal(off, False)
    if key is None:
        off[:, 0] = False
    allowed = np.ones(table.shape, dtype=np.bool_)
    if query is not None:
        allowed &= np.arange(table.shape[0])[:, None] == query
    if key is not None:
        allowed &= np.arange(table.shape[1])[None, :] == key
    chosen = np.where(allowed & off, table, -1.0)
    if chosen.max() <= 0:
        chosen = np.where(allowed, table, -1.0)
    row, column = divmod(int(chosen.argmax()), table.shape[1])
    return row, column


def check_cell(layer: LayerCapture, head: int, query: int, key: int) -> None:
    """ValueError where a layer has no such cell, or where its mask hides the key from the query."""
    heads, queries, keys = layer.weights.shape
    for word, value, below in (("head", head, heads), ("query", query, queries), ("key", key, keys)):
        if not 0 <= value < below:
            raise ValueError(f"There is no {word} {value} here; choose one from 0 to {below - 1}.")
    if layer.mask[query, key]:
        return
    if key > query and _causal(layer):
        raise ValueError(
            f"Token {key} comes after token {query}, and a decoder never sees what comes later: the weight is 0 by the "
            f"mask. Choose a key from 0 to {query}."
        )
    seen = np.flatnonzero(layer.mask[query])
    if layer.window is not None and seen.size:
        raise ValueError(
            f"Token {key} is outside the sliding window of this layer, so its weight is 0 by the mask: "
            f"token {query} sees tokens {seen[0]} to {seen[-1]}. Choose one of them, or a layer without a window."
        )
    raise ValueError(f"Token {key} is hidden from token {query} by the mask, so its weight is 0; choose another key.")


def _causal(layer: LayerCapture) -> bool:
    return not np.triu(layer.mask, 1).any()
