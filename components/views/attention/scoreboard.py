"""The scores that a page offers, as one table: what each is called and means, its values or why there are none."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.attention import SCORES, HeadMap, stored_scores
from components.views.frame import ASSETS


@cache
def copy() -> dict[str, Any]:
    """The words of the page's main picture, from `assets/copy/attention.json`."""
    found: dict[str, Any] = json.loads((ASSETS / "copy" / "attention.json").read_text("utf-8"))
    return found


@dataclass(frozen=True)
class Column:
    """One score of all heads.

    Attributes:
        name: its name in links.
        title, short, means: what a reader sees: as a heading, inside a sentence, explained.
        unit: "share" for 0 to 1, else what it counts. A threshold of 0.5 is then half of the highest head's.
        values: float32 [layer, head]; NaN where the text cannot tell.
        source: "" for this text, else where the values come from.
        missing: why there is no value, or "".
    """

    name: str
    title: str
    short: str
    means: str
    unit: str
    values: NDArray[np.float32]
    source: str
    missing: str


def names(*, encoder: bool) -> list[str]:
    """The scores that make sense for a decoder, or for an encoder."""
    return [name for name in copy()["scores"] if encoder or name != "next"]


def label(name: str, *, encoder: bool, part: str = "short") -> str:
    """What a score is called."""
    own = copy()["scores"][name]
    return str(own.get(f"encoder_{part}", own[part]) if encoder else own[part])


def columns(heads: HeadMap, model: str, effect: NDArray[np.float32] | None = None) -> list[Column]:
    """Every score of a text's heads.

    A text in which nothing repeats lends the scores that need repetition from `stored_scores`, and says so.
    `effect` is [layer, head], where the sweep has been run.
    """
    encoder, kept, words = not heads.causal, stored_scores(model), copy()
    none = np.full((heads.layers, heads.heads), np.nan, dtype=np.float32)
    made = []
    for name in names(encoder=encoder):
        values = heads.scores[SCORES.index(name)] if name in SCORES else none if effect is None else effect
        source, missing = "", ""
        if np.isnan(values).all():
            why = "effect" if name == "effect" else "repeats" if name in ("induction", "duplicate") else "other"
            missing = words["missing"][why]
            if why == "repeats" and name in kept and kept[name].shape == none.shape:
                values, source, missing = kept[name], words["random"], ""
        title, short, means = (label(name, encoder=encoder, part=part) for part in ("title", "short", "means"))
        unit = label(name, encoder=encoder, part="unit")
        made.append(Column(name, title, short, means, unit, values.astype(np.float32, copy=False), source, missing))
    return made


def effect_of(model: str, text: str) -> NDArray[np.float32] | None:
    """What the sweep of the panel "Turn heads off" found, [layer, head], where it was run on this text; never computes.

    How much the log-probability of the likeliest next token falls without a head, in nats; for an encoder how far the
    tokens' last vectors turn.
    """
    from components.views.attention.sweeping import swept

    found = swept(model, text)
    if found is None:
        return None
    return found.moved if found.target_change is None else -found.target_change
