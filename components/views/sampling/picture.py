"""The data of the page's picture: from finished results to one header and a few small arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.payload import pack
from components.sampling import Reading, Settings, Stage, Step, by_probability
from components.views.sampling.labels import Labels
from components.views.sampling.words import PLAIN, say

ROWS = 20
DRAWN_PARTS = 24
TOKENS_SHOWN = 240
CURVE_POINTS = 48


@dataclass(frozen=True)
class Moment:
    """Everything the picture is made of at one moment.

    Attributes:
        text: the reader's text; with `knobs` it tells which stored first view this is.
        knobs: the settings as plain data, `chat` included.
        model: its title.
        reading: of the prompt.
        steps: the tokens written so far.
        stages: of the next token.
        pending: the token that the draw gives next.
        redraw: how often this step was drawn again.
    """

    text: str
    knobs: dict[str, Any]
    model: str
    reading: Reading
    steps: tuple[Step, ...]
    stages: tuple[Stage, ...]
    pending: Step
    redraw: int


def settings_of(knobs: Mapping[str, Any]) -> Settings:
    """The domain's settings among what the page's knobs say. Raises ValueError for a forged one."""
    return Settings.of({name: value for name, value in knobs.items() if name not in ("chat", "system")})


def draw_ranks(count: int) -> NDArray[np.int64]:
    """Which ranks of `count` a small chart draws: all of 80, else the first 40 and then ever wider steps (from 0)."""
    if count <= 80:
        return np.arange(count)
    wide = np.geomspace(40, count, CURVE_POINTS).round().astype(np.int64) - 1
    return np.unique(np.concatenate([np.arange(40), wide]))


def _shares(stages: Sequence[Stage], ids: NDArray[np.int64]) -> NDArray[np.float32]:
    """[token, stage] probabilities."""
    return np.stack([stage.probabilities[ids] for stage in stages], axis=1).astype(np.float32)


def _others(stages: Sequence[Stage], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """[stage] the probability of all tokens but those of the rows; summed, not subtracted, so that nothing is 0."""
    rest = np.ones(len(stages[0].probabilities), dtype=bool)
    rest[rows] = False
    return np.array([stage.probabilities[rest].sum(dtype=np.float64) for stage in stages], dtype=np.float32)


def _detail(stage: Stage, before: Stage) -> dict[str, NDArray[Any]]:
    """What a stage's small chart draws: by falling probability before it, chances before and after, and their sum."""
    order = by_probability(before.probabilities)
    ranks = draw_ranks(len(order))
    # The edge itself is always drawn, so that the cut stands where it is.
    kept = int((stage.probabilities[order] > 0).sum())
    if 0 < kept < len(order):
        ranks = np.unique(np.concatenate([ranks, [kept - 1, kept]]))
    chances = before.probabilities[order]
    return {
        "rank": (ranks + 1).astype(np.int32),
        "before": chances[ranks],
        "after": stage.probabilities[order[ranks]],
        "sum": np.cumsum(chances, dtype=np.float64)[ranks].astype(np.float32),
    }


def _curve(stages: Sequence[Stage]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Ranks [m] and, for each stage, the probability [stage, m] at that rank of its own order; 0 past its end."""
    ranks = draw_ranks(len(stages[0].probabilities))
    rows = [np.sort(stage.probabilities)[::-1][ranks] for stage in stages]
    return (ranks + 1).astype(np.int32), np.stack(rows).astype(np.float32)


def _so_far(moment: Moment, labels: Labels) -> dict[str, Any]:
    """The text so far, its last tokens at most, each with how it surprised the model."""
    shown: list[dict[str, Any]] = []
    for token, surprise in zip(moment.reading.ids, moment.reading.surprises.tolist(), strict=True):
        shown.append({**labels.label(token), "s": None if np.isnan(surprise) else round(surprise, 4)})
    for step in moment.steps:
        shown.append({**labels.label(step.id), "s": round(step.surprise, 4), "p": step.probability, "new": 1})
    return {"hidden": max(0, len(shown) - TOKENS_SHOWN), "tokens": shown[-TOKENS_SHOWN:]}


def _touched(stage: Stage, before: Stage, history: set[int], labels: Labels) -> list[dict[str, Any]]:
    """The tokens of the text that a repetition penalty moves most, with their chances before and after."""
    ids = [token for token in history if token < len(before.probabilities)]
    ids.sort(key=lambda token: -float(before.probabilities[token]))
    was, now = before.probabilities, stage.probabilities
    return [
        {**labels.label(token), "before": float(was[token]), "after": float(now[token])} for token in ids[:6]
    ]


def draw(moment: Moment, labels: Labels) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Header and arrays of the picture, see `assets/web/sampling.js`. Bars and "the others" add up to 1."""
    stages, settings = moment.stages, settings_of(moment.knobs)
    first, last = stages[0], stages[-1]
    history = set(moment.reading.ids) | {step.id for step in moment.steps}
    # Those that may come first, then those that were removed, each by falling chance.
    order = np.lexsort((np.arange(len(first.probabilities)), -first.probabilities, -last.probabilities))
    rows = order[:ROWS]
    shares = _shares(stages, rows)
    arrays: dict[str, NDArray[Any]] = {
        "shares": shares,
        "others": _others(stages, rows),
    }
    described = []
    for place, stage in enumerate(stages):
        before = stages[place - 1] if place else None
        entry: dict[str, Any] = {
            "name": stage.name,
            "plain": PLAIN.get(stage.name, "set by the model"),
            "value": stage.value,
            "on": stage.on,
            "left": stage.survivors,
            "removed": stage.removed,
            "entropy": stage.entropy,
            "effective": stage.effective,
            "says": say(stage, before, settings, labels.quote, history),
        }
        if before is not None and stage.on:
            if stage.name == "repetition_penalty":
                entry["touched"] = _touched(stage, before, history, labels)
            else:
                arrays.update({f"stage{place}_{name}": array for name, array in _detail(stage, before).items()})
        described.append(entry)
    alive = by_probability(last.probabilities)
    parts = alive[:DRAWN_PARTS]
    arrays["parts"] = last.probabilities[parts]
    arrays["curve_rank"], arrays["curve"] = _curve(stages)
    header = {
        "text": moment.text,
        "settings": moment.knobs,
        "model": moment.model,
        "library": f"transformers {version('transformers')}",
        "vocabulary": len(first.probabilities),
        "so_far": _so_far(moment, labels),
        "rows": [{**labels.label(int(token)), "cut": _cut(stages, int(token))} for token in rows],
        "others": len(first.probabilities) - len(rows),
        "stages": described,
        "draw": {
            **asdict(moment.pending),
            **labels.label(moment.pending.id),
            "greedy": settings.greedy,
            "seed": settings.seed,
            "redraw": moment.redraw,
            "alive": len(alive),
            "parts": [labels.label(int(token)) for token in parts],
        },
        "written": [{**asdict(step), **labels.label(step.id)} for step in moment.steps],
        "prompt_tokens": len(moment.reading.ids),
    }
    return header, arrays


def _cut(stages: Sequence[Stage], token: int) -> int | None:
    """Which stage removed a token; None where it is still there (or never was)."""
    for place in range(1, len(stages)):
        if stages[place - 1].probabilities[token] > 0 and not stages[place].probabilities[token] > 0:
            return place
    return None


def payload(moment: Moment, labels: Labels) -> bytes:
    """The picture's buffer."""
    header, arrays = draw(moment, labels)
    return pack(header, arrays)
