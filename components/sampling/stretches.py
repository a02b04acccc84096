"""Two readings of one text compared piece by piece, though each cuts it into tokens of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.sampling.perplexity import Scored


@dataclass(frozen=True)
class Stretch:
    """A piece of text that two readings can be compared on: both have a token edge at its start and at its end.

    Attributes:
        text: the piece.
        first, last: tokens of the one reading, `last` excluded.
        other_first, other_last: tokens of the other.
        bits, other_bits: surprise of each over the piece.
        size: its UTF-8 bytes.
    """

    text: str
    first: int
    last: int
    other_first: int
    other_last: int
    bits: float
    other_bits: float
    size: int


def stretches(text: str, one: Scored, other: Scored) -> list[Stretch]:
    """Two readings of one text, piece by piece: cut wherever both have a token edge, which is mostly at words.

    Over such a piece each model's surprise is the sum over its own tokens, however many they are, so the two numbers
    mean the same. Pieces with a token that either has not scored are left out.
    """
    raw = text.encode("utf-8")
    if one.edges[-1] != other.edges[-1] and (one.edges[-1] > len(raw) or other.edges[-1] > len(raw)):
        raise ValueError("These two readings are of different texts; compare readings of the same one.")
    edges = np.intersect1d(one.edges, other.edges)
    found = []
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        # Tokens without bytes of their own go with the piece that ends where they stand.
        first, last = _between(one.edges, start, end)
        other_first, other_last = _between(other.edges, start, end)
        bits = float(one.surprises[first:last].sum(dtype=np.float64) / np.log(2))
        other_bits = float(other.surprises[other_first:other_last].sum(dtype=np.float64) / np.log(2))
        if not (np.isnan(bits) or np.isnan(other_bits)):
            found.append(Stretch(raw[start:end].decode("utf-8", "replace"), first, last, other_first, other_last,
                                 bits, other_bits, end - start))
    return found


def _between(edges: NDArray[np.int32], start: int, end: int) -> tuple[int, int]:
    """The tokens that end after `start` and not after `end`."""
    ends = edges[1:]
    return int(np.searchsorted(ends, start, side="right")), int(np.searchsorted(ends, end, side="right"))
