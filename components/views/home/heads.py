"""Which of a model's heads tells most about a sentence, and which words of it the small picture shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.attention import HeadMap

#: Words that fit in the picture, one under the other.
ROWS = 15
#: A look counts from this weight on; and so many looks at one word are enough.
FIRM = 0.3
LOOKS = 3
#: A word of fewer letters is seldom the one that tells something ("the", "of").
LETTERS = 4
#: How far back a look may reach, so that it fits in the picture.
REACH = 10


@dataclass(frozen=True)
class View:
    """A head, the word that others look at in it, and the stretch of the text that is drawn.

    Attributes:
        layer, head: counted from 0, as the libraries do.
        hub: the token looked at, or None where no later word looks firmly at an earlier one.
        lookers: the tokens that look at it, in order.
        start, stop: the tokens drawn.
        weights: float32 [query, key] among the drawn tokens.
    """

    layer: int
    head: int
    hub: int | None
    lookers: tuple[int, ...]
    start: int
    stop: int
    weights: NDArray[np.float32]


def is_word(piece: str) -> bool:
    """Whether a token shows as a word or a part of one: it holds a letter."""
    return any(sign.isalpha() for sign in piece)


def is_long(piece: str) -> bool:
    """Whether a token is a word of some weight."""
    return sum(sign.isalpha() for sign in piece) >= LETTERS


def choose(found: HeadMap, pieces: Sequence[str]) -> View:
    """The head in which later words look most firmly at one earlier, longer word.

    For every head and every word the `LOOKS` strongest looks of at least `FIRM` by later words are added up, at most
    `REACH` tokens back, a short word's look by half; the largest sum wins, the lower layer and head where two are
    equal. The first token never counts as looked at: nearly every head rests on it. Where no look is that firm, the
    head with the strongest one.
    """
    n = found.tokens
    word = np.array([is_word(piece) for piece in pieces[:n]], bool)
    long = np.array([is_long(piece) for piece in pieces[:n]], bool)
    if not long[1:].any():
        long = word
    back = np.arange(n)[:, None] - np.arange(n)[None, :]
    allowed = (back > 0) & (back <= REACH) & word[:, None] & long[None, :]
    allowed[:, 0] = False
    worth = np.where(long, 1.0, 0.5)
    best: tuple[float, int, int, int] = (0.0, 0, 0, -1)
    for layer in range(found.layers):
        for head in range(found.heads):
            looks = np.where(allowed, found.matrix(layer, head), 0.0)
            firm = np.where(looks >= FIRM, looks, 0.0)
            strongest = np.sort(firm * worth[:, None], axis=0)[-LOOKS:].sum(axis=0)
            hub = int(strongest.argmax()) if n else -1
            # A weak look never outweighs a firm one.
            score = float(strongest[hub]) if strongest[hub] > 0 else float(looks.max()) * 1e-3
            if score > best[0]:
                best = (score, layer, head, int(looks.max(axis=0).argmax()) if strongest[hub] == 0 else hub)
    score, layer, head, hub = best
    full = found.matrix(layer, head)
    lookers: tuple[int, ...] = ()
    if hub >= 0:
        column = np.where(allowed[:, hub], full[:, hub], 0.0)
        order = np.argsort(-column * worth, kind="stable")[:LOOKS]
        strong = [int(row) for row in order if column[row] >= FIRM]
        lookers = tuple(sorted(strong)) or (int(column.argmax()),)
    start = 0 if n <= ROWS or hub < 0 else max(0, min(hub - 3, n - ROWS))
    if lookers and lookers[-1] >= start + ROWS:
        start = lookers[-1] - ROWS + 1
    stop = min(n, start + ROWS)
    drawn = np.ascontiguousarray(full[start:stop, start:stop], dtype=np.float32)
    return View(layer, head, hub if hub >= 0 else None, lookers, start, stop, drawn)
