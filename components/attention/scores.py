"""What a head does on this text, as five numbers between 0 and 1. Pure functions on arrays.

Each score is an average of attention over the rows it speaks about, so it can be checked by hand:

- `previous`: how much a token gives to the token before it. Rows 1 and on.
- `induction`: where a token has stood earlier in the text, how much it gives to what came *after* that earlier copy.
- `duplicate`: where a token has stood earlier, how much it gives to that earlier copy itself.
- `first`: how much a token gives to the first token of the text. Rows 1 and on.
- `far`: how firmly tokens look three or more back, each at a place of its own; see `reach`.

Two tokens are the same when their ids are. A text in which nothing repeats has no induction or duplicate score: NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SCORES: tuple[str, ...] = ("previous", "induction", "duplicate", "first", "far")


def earlier_copies(ids: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """[query, key], True where the key holds the query's token and stands before it."""
    same: NDArray[np.bool_] = ids[:, None] == ids[None, :]
    return np.tril(same, -1)


def head_scores(weights: NDArray[np.floating[Any]], ids: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    """The five scores of each head for one text.

    Args:
        weights: [head, query, key], attention weights of one layer.
        ids: [token], the text's token ids.

    Returns:
        [score, head] in the order of `SCORES`; NaN where the text cannot tell.
    """
    heads, tokens = weights.shape[0], weights.shape[1]
    result = np.full((len(SCORES), heads), np.nan, dtype=np.float32)
    if tokens < 2:
        return result
    result[0] = np.diagonal(weights, offset=-1, axis1=1, axis2=2).mean(axis=-1)
    result[3] = weights[:, 1:, 0].mean(axis=-1)
    result[4] = reach(weights)
    copies = earlier_copies(ids)
    rows = copies.any(axis=1)
    if rows.any():
        after = np.zeros_like(copies)
        after[:, 1:] = copies[:, :-1]
        result[1] = np.where(after[rows], weights[:, rows], 0).sum(axis=-1).mean(axis=-1)
        result[2] = np.where(copies[rows], weights[:, rows], 0).sum(axis=-1).mean(axis=-1)
    return result


def strongest_pairs(
    weights: NDArray[np.floating[Any]], count: int, *, skip_first: bool
) -> list[tuple[int, int, float]]:
    """The strongest cells of one head as (query, key, weight), strongest first.

    Args:
        weights: [query, key].
        count: how many at most.
        skip_first: leave out the first token as a key, on which most heads rest.
    """
    table = np.array(weights, dtype=np.float32, copy=True)
    if skip_first:
        table[:, 0] = 0
    flat = table.ravel()
    order = np.argsort(-flat, kind="stable")[:count]
    tokens = table.shape[1]
    return [(int(cell // tokens), int(cell % tokens), float(flat[cell])) for cell in order if flat[cell] > 0]


def ranked(scores: NDArray[np.floating[Any]]) -> list[tuple[int, int, float]]:
    """Heads by one score [layer, head], highest first, as (layer, head, score); heads without a score are left out."""
    flat = np.asarray(scores, dtype=np.float64).ravel()
    order = np.argsort(-np.nan_to_num(flat, nan=-1.0), kind="stable")
    heads = scores.shape[1]
    return [(int(at // heads), int(at % heads), float(flat[at])) for at in order if not np.isnan(flat[at])]


def reach(weights: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """How firmly each head looks far back, every token at a place of its own: [head, query, key] -> [head].

    Each weight on a token at least three back (and not the first) is lessened by what that key gets from the later
    tokens on average: a head that rests on one word, whoever asks, has no reach. Then the mean over tokens of the
    largest such weight.
    """
    heads, tokens = weights.shape[0], weights.shape[1]
    if tokens < 6:
        return np.zeros(heads, dtype=np.float32)
    allowed = np.tril(np.ones((tokens, tokens), dtype=np.bool_), -3)
    allowed[:, 0] = False
    far = np.where(allowed, weights, 0.0)
    usual = far.sum(axis=1) / np.maximum(allowed.sum(axis=0), 1)
    own = np.where(allowed, far - usual[:, None, :], 0.0)
    best = own[:, allowed.any(axis=1)].max(axis=-1).mean(axis=-1)
    result: NDArray[np.float32] = np.maximum(best, 0).astype(np.float32)
    return result


def telling_head(scores: NDArray[np.floating[Any]]) -> tuple[int, int]:
    """The head to show first, as (layer, head): the one that looks far back most firmly, else the one that looks one
    token back.

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
