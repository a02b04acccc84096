"""Gaps: which tokens make a word, which of them are hidden, and the rows of one training step."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assets.recipes import corpus
from assets.recipes.masked_plan import MaskedPlan
from assets.recipes.plan import Plan

#: Id that begins and ends a text. It is never hidden.
SPECIAL = 0
_SPACE, _LINE_END = "\u0120", "\u010a"  # how a byte-level vocabulary writes a space and a line end


@dataclass(frozen=True)
class Words:
    """For each id of a byte-level vocabulary, what it does to words.

    Attributes:
        letters: the token is letters, with a space before them or not [id].
        inside: letters without a space: after letters it goes on with their word [id].
        line_end: a paragraph ends with it [id].
    """

    letters: NDArray[np.bool_]
    inside: NDArray[np.bool_]
    line_end: NDArray[np.bool_]


def words_of(vocabulary: dict[str, int]) -> Words:
    """Read off the tokens' text which of them are letters. A byte above ASCII counts as part of a letter."""
    letters, inside, line_end = (np.zeros(max(vocabulary.values()) + 1, dtype=bool) for _ in range(3))
    for token, number in vocabulary.items():
        line_end[number] = _LINE_END in token
        if number == SPECIAL:
            continue
        rest = token.removeprefix(_SPACE)
        letters[number] = rest != "" and all(
            one.isalpha() if one.isascii() else one not in (_SPACE, _LINE_END) for one in rest
        )
        inside[number] = letters[number] and rest == token
    return Words(letters, inside, line_end)


def units(ids: NDArray[np.int64], words: Words) -> NDArray[np.int64]:
    """Number of the word that each position [t] belongs to, from 0; any other token is a unit of its own."""
    goes_on = words.inside[ids]
    goes_on[1:] &= words.letters[ids[:-1]]
    goes_on[0] = False
    numbers: NDArray[np.int64] = np.cumsum(~goes_on) - 1
    return numbers


def gaps(
    ids: NDArray[np.int64], count: int, words: Words | None, chance: np.random.Generator
) -> NDArray[np.int64]:
    """Exactly `count` positions of the row [t] to hide, in order; whole words where `words` is given.

    The special token is never among them. A word that is cut by the row's edge counts as a word.
    """
    free = np.flatnonzero(ids != SPECIAL)
    if len(free) < count:
        raise ValueError(f"A row of {len(free)} tokens cannot have {count} gaps. Give longer rows.")
    if words is None:
        return np.sort(chance.permutation(free)[:count])
    unit = units(ids, words)
    members = np.split(np.arange(len(ids)), np.flatnonzero(np.diff(unit)) + 1)
    chosen: list[int] = []
    for number in chance.permutation(len(members)):
        part = members[number]
        if ids[part[0]] != SPECIAL and len(chosen) + len(part) <= count:
            chosen.extend(part)
        if len(chosen) == count:
            break
    else:  # only longer words were left: the rest are single tokens, so that every row has as many gaps
        others = np.setdiff1d(free, chosen)
        chosen.extend(chance.permutation(others)[: count - len(chosen)])
    return np.sort(np.array(chosen, dtype=np.int64))


@dataclass(frozen=True)
class Step:
    """What one step trains on: rows with gaps [row, t], where the gaps are [row, gap], what was there [row, gap]."""

    ids: NDArray[np.int64]
    places: NDArray[np.int64]
    answers: NDArray[np.int64]


def hide(
    rows: NDArray[np.int64], share: float, mask_id: int, words: list[Words | None], chance: np.random.Generator
) -> Step:
    """Hide a share of every row [row, t]; `words` says for each row whether whole words are hidden."""
    count = max(1, round(share * rows.shape[1]))
    places = np.stack([gaps(row, count, each, chance) for row, each in zip(rows, words, strict=True)])
    answers = np.take_along_axis(rows, places, 1)
    ids = rows.copy()
    np.put_along_axis(ids, places, mask_id, 1)
    return Step(ids, places, answers)


def beginnings(stream: NDArray[np.uint16], words: Words, context: int) -> NDArray[np.int64]:
    """Positions in the stream where a paragraph begins and `context` tokens follow."""
    starts = np.flatnonzero(words.line_end[stream]) + 1
    return starts[(starts + context <= len(stream)) & (starts < len(stream))]


def training_step(
    stream: NDArray[np.uint16], starts: NDArray[np.int64], words: Words, step: int, plan: MaskedPlan
) -> Step:
    """The rows of one step. They depend on the arguments alone, so a resumed run sees the same."""
    chance = np.random.default_rng([plan.seed, step])
    short = plan.short_every > 0 and step % plan.short_every == plan.short_every - 1
    if short:
        rows_of = plan.rows * plan.context // plan.short_context
        first = starts[chance.integers(0, len(starts), rows_of)]
        rows = stream[first[:, None] + np.arange(plan.short_context)].astype(np.int64)
    else:
        taken = plan.rows * (step - (step // plan.short_every if plan.short_every else 0))
        natural = replace(Plan(), rows=plan.rows, context=plan.context, seed=plan.seed, vocabulary=plan.tokens)
        rows = corpus.batch(stream, step, taken, 0, natural)[:, :-1]
    whole = [words if number % 2 else None for number in range(len(rows))]
    return hide(rows, plan.hidden, plan.mask_id, whole, chance)
