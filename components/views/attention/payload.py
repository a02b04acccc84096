"""What the browser gets: thumbnails of all heads, and exact weights of as many heads as are light enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.attention import HeadMap
from components.payload import pack

# As many heads' exact weights go along as fit in here: all of them for a sentence, the chosen layer for a paragraph,
# else the chosen head. For any other head its thumbnail stands in until the server has sent it.
EXACT_BYTES = 300_000


@dataclass(frozen=True)
class Look:
    """How the picture stands.

    Attributes:
        model: the name that a reader sees.
        chosen: (layer, head) that the server wants shown.
        turn: counts up whenever the server, and not the picture, has chosen.
        exact: (layer, head) whose weights have to be among those that are sent.
        light: the score that is lit up, or "none"; `at_least` the value from which.
        sort: "place" or "score".
        hide_first: whether the first token stays out of arcs and colours.
    """

    model: str
    chosen: tuple[int, int]
    turn: int
    exact: tuple[int, int]
    light: str
    at_least: float
    sort: str
    hide_first: bool


def span(heads: HeadMap, exact: tuple[int, int]) -> tuple[int, int]:
    """Which heads' weights are sent, as (first, count) over all heads counted layer by layer."""
    every = heads.layers * heads.heads
    one = heads.weights.nbytes // every
    if every * one <= EXACT_BYTES:
        return 0, every
    if heads.heads * one <= EXACT_BYTES:
        return exact[0] * heads.heads, heads.heads
    return exact[0] * heads.heads + exact[1], 1


def payload(heads: HeadMap, look: Look) -> bytes:
    """The picture's buffer: 0.3 MB at 128 tokens of a model with 270 heads, and never more than 0.5 MB."""
    first, count = span(heads, look.exact)
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
        "first": first,
        "count": count,
        "light": look.light,
        "at_least": look.at_least,
        "sort": look.sort,
        "hide_first": look.hide_first,
    }
    arrays: dict[str, NDArray[Any]] = {
        "edges": heads.edges,
        "thumbs": heads.thumbs,
        "scores": heads.scores.astype(np.float32, copy=False),
        "weights": heads.weights.reshape(heads.layers * heads.heads, -1)[first : first + count],
    }
    return pack(header, arrays)
