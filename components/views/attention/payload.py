"""What the browser gets: thumbnails of all heads, the chosen layer in bytes, and exact weights of what is shown.

`payload` is a pure function of a `HeadMap` and a `Look`. The component that draws it needs no Streamlit: see
`components.views.component.bundle("attention")`, which gives its sources and says what it is called with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.attention import HeadMap, average, nearest_heads, rollout, rollout_null, sqrt_bytes
from components.payload import pack
from components.views.attention.scoreboard import Column, columns

# As many heads' exact weights go along as fit in here: all of them for a sentence, the chosen layer for a paragraph,
# else the chosen head. A head that is not among them is drawn from its layer's bytes, or from its thumbnail, and its
# numbers wait until the server has sent them.
EXACT_BYTES = 300_000
ROUGH_BYTES = 400_000

WHOSE = ("head", "average", "rollout")
LAYOUTS = ("auto", "line", "columns")
SHOWS = ("rollout", "even", "ratio")


@dataclass(frozen=True)
class View:
    """How one head is shown; the reader changes it inside the picture.

    Attributes:
        whose: "head", "average" (over the layer's heads) or "rollout" (up to the layer).
        layout: "line" (the sentence with arcs), "columns" (words joined by lines) or "auto", by width.
        words: whole words instead of tokens.
        value: weights times the length of what each key adds.
        like: heads like the chosen one are lit up.
        show: of a rollout: itself, the evenly spread one ("even"), or the one over the other ("ratio").
    """

    whose: str = "head"
    layout: str = "auto"
    words: bool = False
    value: bool = False
    like: bool = False
    show: str = "rollout"


@dataclass(frozen=True)
class Look:
    """How the picture stands.

    Attributes:
        model: the name that a reader sees.
        chosen: (layer, head) that the server wants shown.
        turn: counts up whenever the server, and not the picture, has chosen.
        exact: (layer, head) whose weights have to be among those that are sent.
        light: the score that is lit up, or "none"; `at_least` the value from which.
        sort: "place" or the name of a score.
        hide_first: whether the resting place stays out of arcs and colours.
        view: how one head is shown, as the server wants it.
        whose: whose attention has to be among what is sent.
        pinned: (query, key) that the server wants pinned, or None where the picture is to keep its own.
    """

    model: str
    chosen: tuple[int, int]
    turn: int
    exact: tuple[int, int]
    light: str
    at_least: float
    sort: str
    hide_first: bool
    view: View = field(default_factory=View)
    whose: str = "head"
    pinned: tuple[int, int] | None = None


def span(heads: HeadMap, exact: tuple[int, int]) -> tuple[int, int]:
    """Which heads' weights are sent, as (first, count) over all heads counted layer by layer."""
    every = heads.layers * heads.heads
    one = heads.weights.nbytes // every
    if every * one <= EXACT_BYTES:
        return 0, every
    if heads.heads * one <= EXACT_BYTES:
        return exact[0] * heads.heads, heads.heads
    return exact[0] * heads.heads + exact[1], 1


def payload(heads: HeadMap, look: Look, scores: list[Column] | None = None) -> bytes:
    """The picture's buffer: 0.56 MB at 256 tokens of 12 layers of 12 heads.

    `scores` is the table to offer, by default that of the text alone.
    """
    table = columns(heads, "") if scores is None else scores
    first, count = span(heads, look.exact)
    layer = look.exact[0]
    which, cosine = nearest_heads(heads)
    every = heads.layers * heads.heads
    arrays: dict[str, NDArray[Any]] = {
        "edges": heads.edges,
        "thumbs": heads.thumbs,
        "scores": np.stack([column.values for column in table]),
        "near": which,
        "near_cosine": np.round(np.clip(cosine, 0, 1) * 255).astype(np.uint8),
        "words": heads.words,
        "weights": heads.weights.reshape(every, -1)[first : first + count],
        "norms": heads.norms.reshape(every, -1)[first : first + count].astype(np.float32),
    }
    rough = -1
    if look.whose == "average":
        arrays["main"] = heads.fold(average(heads, layer)).astype(np.float16)
    elif look.whose == "rollout":
        arrays["main"] = heads.fold(rollout(heads, layer)).astype(np.float16)
        arrays["null"] = heads.fold(rollout_null(heads, layer)).astype(np.float16)
    elif count == 1 and heads.weights[layer].size <= ROUGH_BYTES:
        arrays["rough"] = sqrt_bytes(heads.weights[layer].astype(np.float32))
        rough = layer
    header: dict[str, Any] = {
        "model": look.model,
        "layers": heads.layers,
        "heads": heads.heads,
        "kv_heads": heads.kv_heads,
        "causal": heads.causal,
        "pieces": list(heads.pieces),
        "sinks": list(heads.sinks),
        "next": [
            [piece, float(probability)]
            for piece, probability in zip(heads.next_pieces[:2], heads.next_probabilities[:2], strict=True)
        ],
        "chosen": list(look.chosen),
        "turn": look.turn,
        "pinned": None if look.pinned is None else list(look.pinned),
        "view": vars(look.view),
        "whose": look.whose,
        "layer": layer,
        "first": first,
        "count": count,
        "rough": rough,
        "columns": [
            {"name": one.name, "title": one.title, "short": one.short, "unit": one.unit, "source": one.source,
             "missing": one.missing}
            for one in table
        ],
        "light": look.light,
        "at_least": look.at_least,
        "sort": look.sort,
        "hide_first": look.hide_first,
    }
    return pack(header, arrays)
