"""What a head does on this text, as a few numbers. Pure functions on arrays.

Each score is an average of attention over the rows it speaks about, so it can be checked by hand:

- `previous`: how much a token gives to the token before it. Rows 1 and on.
- `induction`: where a token has another copy in sight, how much it gives to what came *after* that copy.
- `duplicate`: where a token has another copy in sight, how much it gives to that copy itself.
- `first`: how much a token gives to the text's resting place: the first token of a decoder, the special tokens ([CLS],
  [SEP]) of an encoder. Rows of other tokens.
- `far`: how firmly tokens look three or more away, each at a place of its own; see `reach`.
- `entropy`: how evenly a row is spread: its entropy over the highest that the row allows, log(number of tokens in
  sight). Rows with two or more in sight; 0 is one token only, 1 is all alike.
- `distance`: how many tokens away it looks on average, the resting place left out. In tokens.
- `next`: how much a token gives to the token after it. Only where a model sees both sides.

A decoder sees the copies that stand before a token, an encoder those on both sides. Two tokens are the same when their
ids are. A text in which nothing repeats has no induction or duplicate score: NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCORES: tuple[str, ...] = (
    "previous", "induction", "duplicate", "first", "far", "entropy", "distance", "next",
)


def copies_in_sight(ids: NDArray[np.integer[Any]], *, causal: bool = True) -> NDArray[np.bool_]:
    """[query, key], True where the key holds the query's token: before it, or for an encoder on either side."""
    same: NDArray[np.bool_] = ids[:, None] == ids[None, :]
    return np.tril(same, -1) if causal else same & ~np.eye(ids.shape[0], dtype=np.bool_)


def in_sight(tokens: int, *, causal: bool = True, window: int | None = None) -> NDArray[np.bool_]:
    """[query, key], True where a query may look: not ahead in a decoder, and `window` tokens away at most."""
    at = np.arange(tokens)
    away = at[:, None] - at[None, :]
    seen = away >= 0 if causal else np.ones((tokens, tokens), dtype=np.bool_)
    return seen if window is None else seen & (np.abs(away) <= window)


def head_scores(
    weights: NDArray[np.floating[Any]],
    ids: NDArray[np.integer[Any]],
    *,
    causal: bool = True,
    sinks: Sequence[int] = (0,),
    window: int | None = None,
) -> NDArray[np.float32]:
    """The scores of each head of one layer for one text.

    Args:
        weights: [head, query, key], attention weights of one layer.
        ids: [token], the text's token ids.
        causal: whether no token looks ahead.
        sinks: the tokens on which heads rest, see `first` above.
        window: how many tokens away a query may look at most; None where nothing limits it.

    Returns:
        [score, head] in the order of `SCORES`; NaN where the text cannot tell.
    """
    heads, tokens = weights.shape[0], weights.shape[1]
    result = np.full((len(SCORES), heads), np.nan, dtype=np.float32)
    if tokens < 2:
        return result
    rest = list(sinks)
    others = np.setdiff1d(np.arange(tokens), rest)
    result[0] = np.diagonal(weights, offset=-1, axis1=1, axis2=2).mean(axis=-1)
    if rest and others.size:
        result[3] = weights[:, others][:, :, rest].sum(axis=-1).mean(axis=-1)
    result[4] = reach(weights, causal=causal, sinks=sinks)
    result[5] = entropy(weights, causal=causal, window=window)
    result[6] = distance(weights, sinks=sinks)
    if not causal:
        result[7] = np.diagonal(weights, offset=1, axis1=1, axis2=2).mean(axis=-1)
    copies = copies_in_sight(ids, causal=causal)
    rows = copies.any(axis=1)
    if rows.any():
        after = np.zeros_like(copies)
        after[:, 1:] = copies[:, :-1]
        seen = weights[:, rows]
        result[1] = np.einsum("hqk,qk->hq", seen, after[rows].astype(seen.dtype)).mean(axis=-1)
        result[2] = np.einsum("hqk,qk->hq", seen, copies[rows].astype(seen.dtype)).mean(axis=-1)
    return result


def entropy(
    weights: NDArray[np.floating[Any]], *, causal: bool = True, window: int | None = None
) -> NDArray[np.float32]:
    """Mean over rows of entropy / log(tokens in sight), rows with one in sight out: [head, query, key] -> [head]."""
    tokens = weights.shape[-1]
    most = in_sight(tokens, causal=causal, window=window).sum(axis=1)
    rows = most > 1
    if not rows.any():
        return np.full(weights.shape[0], np.nan, dtype=np.float32)
    # Where a learned sink takes a part of the row, the rest is read as the whole.
    whole = np.maximum(weights.sum(axis=-1), 1e-12)
    spread = -(weights * np.log(np.maximum(weights, 1e-30))).sum(axis=-1) / whole + np.log(whole)
    result: NDArray[np.float32] = (spread[:, rows] / np.log(most[rows])).mean(axis=-1).clip(0, 1).astype(np.float32)
    return result


def distance(weights: NDArray[np.floating[Any]], *, sinks: Sequence[int] = (0,)) -> NDArray[np.float32]:
    """Tokens between query and key, averaged over all attention but that on `sinks`: [head, query, key] -> [head].

    NaN for a head that gives everything to them.
    """
    at = np.arange(weights.shape[-1])
    counts = np.ones_like(weights[0])
    counts[:, list(sinks)] = 0
    away = np.abs(at[:, None] - at[None, :]) * counts
    mass = np.einsum("hqk,qk->h", weights, counts)
    steps = np.einsum("hqk,qk->h", weights, away.astype(weights.dtype))
    return np.where(mass > 1e-6, steps / np.maximum(mass, 1e-6), np.nan).astype(np.float32)


def strongest_pairs(
    weights: NDArray[np.floating[Any]], count: int, *, without: Sequence[int] = ()
) -> list[tuple[int, int, float]]:
    """The strongest cells of one head as (query, key, weight), strongest first.

    Args:
        weights: [query, key].
        count: how many at most.
        without: keys to leave out, such as the first token, on which most heads rest.
    """
    table = np.array(weights, dtype=np.float32, copy=True)
    table[:, list(without)] = 0
    flat = table.ravel()
    order = np.argsort(-flat, kind="stable")[:count]
    tokens = table.shape[1]
    return [(int(cell // tokens), int(cell % tokens), float(flat[cell])) for cell in order if flat[cell] > 0]


def ranked(scores: NDArray[np.floating[Any]]) -> list[tuple[int, int, float]]:
    """Heads by one score [layer, head], highest first, as (layer, head, score); heads without a score are left out."""
    flat = np.asarray(scores, dtype=np.float64).ravel()
    order = np.argsort(-np.nan_to_num(flat, nan=-np.inf), kind="stable")
    heads = scores.shape[1]
    return [(int(at // heads), int(at % heads), float(flat[at])) for at in order if not np.isnan(flat[at])]


def reach(
    weights: NDArray[np.floating[Any]], *, causal: bool = True, sinks: Sequence[int] = (0,)
) -> NDArray[np.float32]:
    """How firmly each head looks far away, every token at a place of its own: [head, query, key] -> [head].

    Each weight on a token at least three away (and not one of `sinks`) is lessened by what that key gets from such
    tokens on average: a head that rests on one word, whoever asks, has no reach. Then the mean over tokens of the
    largest such weight.
    """
    heads, tokens = weights.shape[0], weights.shape[1]
    if tokens < 6:
        return np.zeros(heads, dtype=np.float32)
    at = np.arange(tokens)
    away = at[:, None] - at[None, :]
    allowed = away >= 3 if causal else np.abs(away) >= 3
    allowed[:, list(sinks)] = False
    far = weights * allowed
    usual = far.sum(axis=1) / np.maximum(allowed.sum(axis=0), 1)
    rows = allowed.any(axis=1)
    if not rows.any():
        return np.zeros(heads, dtype=np.float32)
    best = ((far - usual[:, None, :]) * allowed).max(axis=-1)[:, rows].mean(axis=-1)
    result: NDArray[np.float32] = np.maximum(best, 0).astype(np.float32)
    return result


def telling_head(scores: NDArray[np.floating[Any]]) -> tuple[int, int]:
    """The head to show first, as (layer, head): the one that looks far most firmly, else the one that looks one token
    back.

    Args:
        scores: [score, layer, head], see `head_scores`.
    """
    heads = int(scores.shape[2])
    for name, enough in (("far", 0.02), ("previous", 0.0)):
        row = np.nan_to_num(scores[SCORES.index(name)], nan=0.0)
        if float(row.max()) > enough:
            layer, head = divmod(int(row.argmax()), heads)
            return layer, head
    return 0, 0
