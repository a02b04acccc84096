"""The data of the page's picture: from finished results to one header and a few small arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.payload import pack
from components.sampling import Reading, Settings, Stage, Step
from components.views.sampling import copy, orders
from components.views.sampling.labels import Labels
from components.views.sampling.picture_stages import shown_value, stage_detail
from components.views.sampling.words import PLAIN, Scene, say

ROWS = 20
FOLLOWED = 6
DRAWN_PARTS = 24
TOKENS_SHOWN = 240


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
        follow: ids that the reader follows through the stages.
        prompt_ranks: rank of each prompt token, 1 for the likeliest; 0 for the first. Empty where it is not known.
    """

    text: str
    knobs: dict[str, Any]
    model: str
    reading: Reading
    steps: tuple[Step, ...]
    stages: tuple[Stage, ...]
    pending: Step
    redraw: int
    follow: tuple[int, ...] = ()
    prompt_ranks: tuple[int, ...] = ()


def settings_of(knobs: Mapping[str, Any]) -> Settings:
    """The domain's settings among what the page's knobs say. Raises ValueError for a forged one."""
    return Settings.of({name: value for name, value in knobs.items() if name not in ("chat", "system")})


@cache
def _library() -> str:
    return f"transformers {version('transformers')}"


def first_rows(first: Stage, last: Stage, count: int = ROWS) -> NDArray[np.int64]:
    """Ids of the tokens at the top: those that may come, then those that were removed, each by falling chance."""
    now, gave = last.probabilities, first.probabilities
    alive = _top(now, np.flatnonzero(now > 0), count)
    if len(alive) == count:
        return alive
    return np.concatenate([alive, _top(gave, np.flatnonzero(now == 0), count - len(alive))])


def _top(values: NDArray[np.float32], ids: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The `count` of `ids` with the largest values, equal ones by rising id; nothing else is put in order."""
    count = min(count, len(ids))
    if not count:
        return ids[:0]
    least = np.partition(values[ids], len(ids) - count)[len(ids) - count]
    near = ids[values[ids] >= least]
    return near[np.argsort(-values[near], kind="stable")][:count]


def _others(stages: Sequence[Stage], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """[stage] the probability of all tokens but those of the rows; summed, not subtracted, so that nothing is 0."""
    sums: list[float] = []
    for place, stage in enumerate(stages):
        if place and stage.probabilities is stages[place - 1].probabilities:
            sums.append(sums[-1])
        else:
            rest = stage.probabilities.copy()
            rest[rows] = 0
            sums.append(float(rest.sum(dtype=np.float64)))
    return np.array(sums, dtype=np.float32)


def _so_far(moment: Moment, labels: Labels) -> dict[str, Any]:
    """The text so far, its last tokens at most, each with how it surprised the model and which rank it had."""
    reading, shown = moment.reading, []
    ranks = moment.prompt_ranks or (0,) * len(reading.ids)
    for token, surprise, rank in zip(reading.ids, reading.surprises.tolist(), ranks, strict=True):
        shown.append({**labels.label(token), "s": None if np.isnan(surprise) else round(surprise, 4), "r": rank})
    for place, step in enumerate(moment.steps, 1):
        shown.append({**labels.label(step.id), "s": round(step.surprise, 4), "r": step.rank, "p": step.probability,
                      "new": place})
    return {"hidden": max(0, len(shown) - TOKENS_SHOWN), "tokens": shown[-TOKENS_SHOWN:],
            "ranked": bool(moment.prompt_ranks)}


def _followed(stages: Sequence[Stage], ids: Sequence[int], labels: Labels) -> list[dict[str, Any]]:
    """The followed tokens: at each stage the chance and the rank, None where the token is removed."""
    found = []
    for token in ids:
        chances = [float(stage.probabilities[token]) for stage in stages]
        ranks: list[int | None] = []
        for place, (stage, p) in enumerate(zip(stages, chances, strict=True)):
            if place and stage.probabilities is stages[place - 1].probabilities:
                ranks.append(ranks[-1])
            else:
                ranks.append(int(np.count_nonzero(stage.probabilities > p)) + 1 if p > 0 else None)
        found.append({**labels.label(token), "p": chances, "rank": ranks, "cut": _cut(stages, token)})
    return found


def draw(moment: Moment, labels: Labels) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Header and arrays of the picture, see `assets/web/sampling.js`. Bars and "the others" add up to 1."""
    stages, settings = moment.stages, settings_of(moment.knobs)
    first, last = stages[0], stages[-1]
    vocabulary = len(first.probabilities)
    follow = tuple(token for token in moment.follow if 0 <= token < vocabulary)[:FOLLOWED]
    top = first_rows(first, last)
    rows = np.array([*top, *(token for token in follow if token not in set(top.tolist()))], dtype=np.int64)
    arrays: dict[str, NDArray[Any]] = {
        "shares": np.stack([stage.probabilities[rows] for stage in stages], axis=1).astype(np.float32),
        "others": _others(stages, rows),
    }
    described = _described(moment, settings, labels, arrays)
    alive = _top(last.probabilities, np.flatnonzero(last.probabilities > 0), DRAWN_PARTS)
    arrays["parts"] = last.probabilities[alive]
    pending = moment.pending
    header = {
        "text": moment.text,
        "settings": moment.knobs,
        "model": moment.model,
        "library": _library(),
        "vocabulary": vocabulary,
        "so_far": _so_far(moment, labels),
        "rows": [{**labels.label(int(token)), "cut": _cut(stages, int(token))} for token in rows],
        "others": vocabulary - len(rows),
        "followed": _followed(stages, follow, labels),
        "stages": described,
        "order": orders.engine(settings.order, stages),
        "draw": {
            **asdict(pending),
            **labels.label(pending.id),
            "greedy": settings.greedy,
            "seed": settings.seed,
            "redraw": moment.redraw,
            "alive": last.survivors,
            "parts": [labels.label(int(token)) for token in alive],
        },
        "written": [{**asdict(step), **labels.label(step.id)} for step in moment.steps],
        "prompt_tokens": len(moment.reading.ids),
    }
    return header, arrays


def _described(
    moment: Moment, settings: Settings, labels: Labels, arrays: dict[str, NDArray[Any]]
) -> list[dict[str, Any]]:
    """Each stage's row; its chart's arrays are added to `arrays` as `stage<place>_<name>`."""
    stages = moment.stages
    scene = Scene(
        settings, labels.quote, labels.text, (*moment.reading.ids, *(step.id for step in moment.steps)),
        len(moment.reading.ids), moment.redraw, tuple(step.probability for step in moment.steps),
    )
    order = np.argsort(stages[0].probabilities)[::-1]  # for charts alone: equal ones in any order
    described = []
    for place, stage in enumerate(stages):
        before = stages[place - 1] if place else None
        entry: dict[str, Any] = {
            "name": stage.name,
            "plain": PLAIN.get(stage.name) or copy.about(stage.name).get("plain", "set by the model"),
            "value": shown_value(stage, settings),
            "on": stage.on,
            "left": stage.survivors,
            "removed": stage.removed,
            "entropy": stage.entropy,
            "effective": stage.effective,
            "says": say(stage, before, scene),
        }
        if before is not None and stage.on:
            extra, drawn = stage_detail(stage, before, scene, labels, order)
            entry.update(extra)
            arrays.update({f"stage{place}_{name}": array for name, array in drawn.items()})
        described.append(entry)
    return described


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


# What the text's component needs of the header; the picture's own needs the rest.
TEXT_PARTS = ("so_far", "running", "note", "ended", "serial")


def split(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], **extra: Any) -> tuple[bytes, bytes]:
    """Two buffers out of one header: the text so far with its buttons, and the picture. `extra` goes to the picture."""
    pending = header["draw"]
    text = {
        **{name: header[name] for name in TEXT_PARTS if name in header},
        "written": len(header["written"]),
        "pending": {name: pending[name] for name in ("t", "k", "i", "greedy")},
    }
    left_out = {*TEXT_PARTS, "written", "text", "settings"}
    picture = {name: value for name, value in header.items() if name not in left_out}
    picture["written"] = len(header["written"])
    for name in ("running", "ended"):
        picture[name] = bool(header.get(name))
    return pack(text), pack({**picture, **extra}, arrays)
