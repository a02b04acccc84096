"""What keys and values cost while a decoder writes: multi-head, grouped and multi-query attention side by side."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kept:
    """One way to share keys and values.

    Attributes:
        name: "multi-head", "grouped" or "multi-query".
        kv_heads: key-value heads a layer.
        numbers: keys and values kept for each token in all layers.
        own: True for the way of the model itself.
    """

    name: str
    kv_heads: int
    numbers: int
    own: bool

    def bytes(self, each: int) -> int:
        """Bytes for each token, with `each` bytes a number (4 in float32, 2 in float16 and bfloat16)."""
        return self.numbers * each


def kept_per_token(layers: int, heads: int, kv_heads: int, dim: int) -> tuple[Kept, ...]:
    """How many numbers a key-value cache keeps for each token: one key and one value a layer and key-value head.

    Args:
        layers, heads: of the model. kv_heads: key-value heads a layer. dim: numbers in a key, and in a value.

    Returns:
        multi-head, grouped and multi-query attention. Grouped is the model's own number of key-value heads, or, where
        the model does not share them, the largest number below `heads` that divides it; left out where that is 1.
    """
    grouped = kv_heads if 1 < kv_heads < heads else max((n for n in range(1, heads) if heads % n == 0), default=1)
    ways = [("multi-head", heads), ("grouped", grouped), ("multi-query", 1)]
    if grouped == 1:
        del ways[1]
    if heads == 1:
        del ways[1:]
    return tuple(Kept(name, n, 2 * layers * n * dim, n == kv_heads) for name, n in ways)
