"""What of the chosen head a drawing shows: labels, numbers and how strong each is, as the browser works it out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.attention import HeadMap, average, rollout, rollout_null, whole_words
from components.views.attention.payload import Look

Cells = NDArray[np.float32]


@dataclass(frozen=True)
class Shown:
    """What is drawn.

    Attributes:
        labels: [place], tokens or whole words. hidden: places that are kept out of arcs and colours.
        values: [query, key], the numbers.
        strength: [query, key], 0 to 1, how strong each is drawn; for a ratio -1 to 1.
        unit: "weight", "length" or "ratio". top: what strength 1 stands for.
        title: whose attention it is.
        pinned: (query, key) in places, or None.
        causal: True where no query sees a later key.
    """

    labels: tuple[str, ...]
    hidden: frozenset[int]
    values: Cells
    strength: Cells
    unit: str
    top: float
    title: str
    pinned: tuple[int, int] | None
    causal: bool


def clean(piece: str) -> str:
    """A token's text as the picture shows it, without what XML cannot hold."""
    cut = piece[1:] if piece.startswith(" ") and piece.strip() else piece
    seen = cut.replace(" ", "·").replace("\n", "↵").replace("\t", "⇥")
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in seen) or "∅"


def shown(heads: HeadMap, look: Look) -> Shown:
    """The matrix of the chosen view, worked out as the browser does."""
    (layer, head), view = look.exact, look.view
    weighed = view.whose == "head" and view.value and heads.norms.shape[-1] > 0
    even: Cells | None = None
    if view.whose == "average":
        values, title = average(heads, layer), f"layer {layer}, average of {heads.heads} heads"
    elif view.whose == "rollout":
        values, even, title = rollout(heads, layer), rollout_null(heads, layer), f"rollout up to layer {layer}"
    else:
        values, title = heads.matrix(layer, head), f"layer {layer}, head {head}"
        if weighed:
            values, title = values * heads.norms[layer, head], f"{title}, weighed by value"
    pieces, sinks, pinned = list(heads.pieces), set(heads.sinks), look.pinned
    if view.words:
        starts = [at for at in range(heads.tokens) if not at or heads.words[at] != heads.words[at - 1]]
        ends = [*starts[1:], heads.tokens]
        values, even = whole_words(values, heads.words), None if even is None else whole_words(even, heads.words)
        pieces = ["".join(heads.pieces[start:end]) for start, end in zip(starts, ends, strict=True)]
        sinks = {int(np.searchsorted(starts, sink, side="right")) - 1 for sink in sinks}
        pinned, title = None, f"{title}, whole words"
    n = len(pieces)
    hidden = frozenset(sinks if look.hide_first and n > len(sinks) else ())
    unit = "length" if weighed else "weight"
    if even is not None and view.show == "even":
        values, title = even, f"{title}, evenly spread"
    if even is not None and view.show == "ratio":
        values, unit = np.divide(values, even, out=np.zeros_like(values), where=even > 1e-9), "ratio"
        title = f"{title}, against evenly spread"
    top = 1.0
    if unit == "length" or (unit == "weight" and even is not None):
        # Against the largest that is shown; what a token keeps of itself is no look.
        kept = values.copy()
        kept[:, sorted(hidden)] = 0
        if unit == "weight":
            np.fill_diagonal(kept, 0)
        top = float(kept.max())
    if unit == "ratio":
        strength = np.clip(np.log2(np.maximum(values, 1e-9)) / 3, -1, 1)
    else:
        strength = np.clip(values / top, 0, 1) if top > 0 else np.zeros_like(values)
    return Shown(
        tuple(clean(one) for one in pieces), hidden, values, strength.astype(np.float32), unit, top, title,
        pinned if pinned and max(pinned) < n else None, heads.causal,
    )
