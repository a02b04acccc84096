"""Several settings on one prompt: what each text is like, where they part, and how many draws of one are spread."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from components.sampling.decode import Generation, decode
from components.sampling.settings import Settings

COMPARED = 8
DRAWS = 100
# Draws in one batch: enough to share the work, few enough that a picture of them can grow.
BATCH = 20
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True)
class Measured:
    """What a text is like.

    Attributes:
        tokens: how many were written.
        words, distinct_words: runs of letters and digits, and how many different ones, upper and lower case alike.
        repeated_3, repeated_4: share of the runs of 3 and 4 tokens that stood there before (0 to 1); None where the
            text is shorter.
        surprise: mean of -ln(the model's own probability), in nats; None for no token.
        probability: mean probability after the chain; None for no token.
        ended: as in `Generation`.
    """

    tokens: int
    words: int
    distinct_words: int
    repeated_3: float | None
    repeated_4: float | None
    surprise: float | None
    probability: float | None
    ended: str


def repeated(ids: Sequence[int], length: int) -> float | None:
    """Share of the runs of `length` tokens that stood there before; None where there is no such run."""
    runs = [tuple(ids[start : start + length]) for start in range(len(ids) - length + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else None


def measure(generation: Generation, text: str) -> Measured:
    """Length, words, repetition and probabilities of a continuation whose tokens say `text`."""
    words = [word.casefold() for word in _WORD.findall(text)]
    steps = generation.steps
    count = len(steps)
    return Measured(
        tokens=count,
        words=len(words),
        distinct_words=len(set(words)),
        repeated_3=repeated(generation.ids, 3),
        repeated_4=repeated(generation.ids, 4),
        surprise=math.fsum(step.surprise for step in steps) / count if count else None,
        probability=math.fsum(step.probability for step in steps) / count if count else None,
        ended=generation.ended,
    )


def parting(one: Sequence[int], other: Sequence[int]) -> int | None:
    """The first place (from 0) at which two texts differ, the end of the shorter one included; None for equal ones."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return None if len(one) == len(other) else min(len(one), len(other))


@dataclass(frozen=True)
class Outcome:
    """One text that was drawn.

    Attributes:
        ids: its tokens.
        count: how often it came.
        probability: the chance that a draw gives exactly these tokens, the product of their probabilities after the
            chain; None where it is not known exactly.
    """

    ids: tuple[int, ...]
    count: int
    probability: float | None


@dataclass(frozen=True)
class Outcomes:
    """Many draws of one setting.

    Attributes:
        settings: the knobs; the seed is the first one's.
        draws: how many there were.
        outcomes: the different texts, the most frequent first, equally frequent ones by falling probability.
        entropy: of the counts, in nats. It cannot exceed ln(draws), so of widely spread outcomes it tells too little.
        covered: probability of all texts that came together; None where it is not known exactly.
    """

    settings: Settings
    draws: int
    outcomes: tuple[Outcome, ...]
    entropy: float
    covered: float | None


def count(settings: Settings, generations: Sequence[Generation]) -> Outcomes:
    """The different texts among draws of one setting.

    A text's probability is exact where the chances of every step follow from the text alone. XTC throws a coin of its
    own at each step, so with it they do not.
    """
    exact = settings.greedy or settings.mirostat > 0 or settings.xtc_probability in (0, 1)
    counts = Counter(one.ids for one in generations)
    chances = {one.ids: math.prod(step.probability for step in one.steps) for one in generations}
    found = sorted(counts, key=lambda ids: (-counts[ids], -chances[ids], ids))
    shares = [counts[ids] / len(generations) for ids in found]
    return Outcomes(
        settings=settings,
        draws=len(generations),
        outcomes=tuple(Outcome(ids, counts[ids], chances[ids] if exact else None) for ids in found),
        entropy=max(0.0, -math.fsum(share * math.log(share) for share in shares)),
        covered=min(1.0, math.fsum(chances[ids] for ids in found)) if exact else None,
    )


def draw_many(
    model: Any,
    prompt_ids: Sequence[int],
    settings_list: Sequence[Settings],
    draws: int,
    *,
    noise: str = "gumbel",
    on_batch: Callable[[list[Outcomes]], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> list[Outcomes]:
    """Draw each setting many times, with the seeds from its own on, in batches.

    Args:
        model: an `OpenModel`, or a transformers decoder in float32.
        prompt_ids: tokens to go on from.
        settings_list: the settings to set beside each other; those of one seed meet the same random numbers.
        draws: of each setting, 1 to 100.
        noise: see `decode`.
        on_batch: called after each batch with what there is by then.
        cancelled: asked before every token; the batch under way is then dropped.

    Returns:
        the outcomes of each setting; of as many draws as were finished.

    Raises:
        ValueError: as `decode`; too many draws or settings.
    """
    if not 1 <= draws <= DRAWS:
        raise ValueError(f"{draws} draws were asked for; choose between 1 and {DRAWS}.")
    if not 1 <= len(settings_list) <= COMPARED:
        raise ValueError(f"{len(settings_list)} settings were given; compare between 1 and {COMPARED}.")
    made: list[list[Generation]] = [[] for _ in settings_list]
    for start in range(0, draws, BATCH):
        seeds = range(start, min(draws, start + BATCH))
        rows = [replace(settings, seed=settings.seed + more) for settings in settings_list for more in seeds]
        found = decode(model, prompt_ids, rows, cancelled=cancelled, noise=noise)
        if any(one.ended == "stopped" for one in found):
            break
        for place, kept in enumerate(made):
            kept += found[place * len(seeds) : (place + 1) * len(seeds)]
        if on_batch is not None:
            on_batch([count(settings, kept) for settings, kept in zip(settings_list, made, strict=True)])
    return [count(settings, kept) for settings, kept in zip(settings_list, made, strict=True)]
