"""Key-value caches of texts read before, so that the next token costs one token's work and not the whole text's.

A cache is written to by every forward, so it belongs to one reader at a time: `take` removes it from the store, `put`
hands it back. A text that shares only its beginning with a kept one gets that beginning, cut back. The store is
bounded in bytes over all models; the longest unused entry goes first, and a model's entries go with the model.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

BUDGET = 160_000_000


@dataclass
class Prefix:
    """Token ids and the cache [layer][batch, head, position, channel] of keys and values behind them."""

    ids: tuple[int, ...]
    cache: Any

    @property
    def nbytes(self) -> int:
        return sum(
            tensor.nbytes for layer in self.cache.layers for tensor in (layer.keys, layer.values) if tensor is not None
        )


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """How many ids two texts share from the start."""
    if tuple(a[: len(b)]) == tuple(b[: len(a)]):
        return min(len(a), len(b))
    return next(place for place, (left, right) in enumerate(zip(a, b, strict=False)) if left != right)


class Prefixes:
    """A bounded store of prefixes, by model."""

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget = budget
        self._lock = threading.Lock()
        self._kept: list[tuple[weakref.ref[Any], Prefix]] = []

    def take(self, model: Any, ids: Sequence[int]) -> Prefix:
        """The longest kept beginning of `ids`, now the caller's own; an empty one where nothing fits.

        At least the last id is left out, since its forward is what gives the next token's logits.
        """
        ids = tuple(ids)
        with self._lock:
            self._kept = [(owner, prefix) for owner, prefix in self._kept if owner() is not None]
            best, length = None, 0
            for place, (owner, prefix) in enumerate(self._kept):
                if owner() is model:
                    shared = min(_common(prefix.ids, ids), len(ids) - 1)
                    if shared > length:
                        best, length = place, shared
            if best is None:
                return Prefix((), _empty(model))
            prefix = self._kept.pop(best)[1]
        if length < len(prefix.ids):
            prefix.cache.crop(length - len(prefix.ids))  # negative: this many positions from the end
        return Prefix(ids[:length], prefix.cache)

    def put(self, model: Any, prefix: Prefix) -> None:
        """Hand a prefix over to whoever comes next. The caller must not use it any more."""
        if not prefix.ids or any(getattr(layer, "is_sliding", False) for layer in prefix.cache.layers):
            return  # a sliding window forgets, so it cannot be cut back to an earlier text
        with self._lock:
            self._kept = [
                (owner, kept) for owner, kept in self._kept if not (owner() is model and kept.ids == prefix.ids)
            ]
            self._kept.append((weakref.ref(model), prefix))
            while sum(kept.nbytes for _, kept in self._kept) > self.budget:
                self._kept.pop(0)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()


def _empty(model: Any) -> Any:
    from transformers import DynamicCache

    return DynamicCache(config=model.config)


prefixes = Prefixes()
