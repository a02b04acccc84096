"""What the browser gets: thumbnails of all heads, and exact weights of as many heads as are light enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.attention import HeadMap
from components.payload import pack

# Up to here all heads' weights go along, and choosing a head asks the server for nothing. Above it the chosen layer's
# go, and the thumbnail stands in until another layer's arrive.
EVERY_HEAD_BYTES = 300_000


@dataclass(frozen=True)
class Look:
    """How the picture stands.

    Attributes:
        model: the name that a reader sees.
        chosen: (layer, head) that the server wants shown.
        turn: counts up whenever the server, and not the picture, has chosen.
        layer: whose weights are sent where not all are.
        light: the score that is lit up, or "none"; `at_least` the value from which.
        sort: "place" or "score".
        hide_first: whether the first token stays out of arcs and colours.
    """

    model: str
    chosen: tuple[int, int]
    turn: int
    layer: int
    light: str
    at_least: float
    sort: str
    hide_first: bool


def every_head(heads: HeadMap) -> bool:
    """Whether all heads' weights are light enough to be sent at once."""
    return heads.weights.nbytes <= EVERY_HEAD_BYTES


def payload(heads: HeadMap, look: Look) -> bytes:
    """The picture's buffer. At 128 tokens of a model with 270 heads it holds 0.3 MB."""
    every = every_head(heads)
    header: dict[str, Any] = {
        "model": look.model,
        "layers": heads.layers,
        "heads": heads.heads,
        "kv_heads": heads.kv_heads,
        "causal": heads.causal,
        "pieces": list(heads.pieces),
        "next": [
            [piece, float(probability)]
            for piece, probability in zip(heads.next_pieces[:2], heads.next_probabilities[:2], strict=True)
        ],
        "chosen": list(look.chosen),
        "turn": look.turn,
        "every": every,
        "layer": look.layer,
        "light": look.light,
        "at_least": look.at_least,
        "sort": look.sort,
        "hide_first": look.hide_first,
    }
    arrays: dict[str, NDArray[Any]] = {
        "edges": heads.edges,
        "thumbs": heads.thumbs,
        "scores": heads.scores.astype(np.float32, copy=False),
        "weights": heads.weights if every else heads.weights[look.layer],
    }
    return pack(header, arrays)
