"""Key-value caches of texts read before, so that the next token costs one token's work and not the whole text's.

What is kept is never written to: the library's cache grows by making new tensors, so a cache that is taken shares its
tensors with the kept one and parts from it at its first forward. Two readers go on from one text at once, and a
branch that begins in the middle of another takes the beginning without a copy and without spoiling the other's end.
A text that goes on from a kept one replaces it. The store is bounded in bytes over all models; the longest unused
entry goes first, and a model's entries go with the model.

A cache with a sliding window has forgotten what it would need to be cut back, so it is used whole or not at all.
"""

from __future__ import annotations

import copy
import math
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

BUDGET = 160_000_000
# Looking for the longest beginning goes through all of them.
ENTRIES = 512


@dataclass
class Prefix:
    """Token ids and the cache [layer][batch, head, position, channel] of keys and values behind them.

    Attributes:
        ids: the text.
        cache: of the text, transformers' own.
        surprises: -ln of each token's probability after those before it, in nats, as far as it is known; NaN where
            it is not. It may be shorter than `ids`.
        after: (length, logits [vocab] after that many tokens), if they are kept.
        next: (length, id, surprise) of one token that follows that many, where it is known.
    """

    ids: tuple[int, ...]
    cache: Any
    surprises: tuple[float, ...] = ()
    after: tuple[int, Any] | None = None
    next: tuple[int, int, float] | None = None

    @property
    def nbytes(self) -> int:
        held = [tensor for layer in self.cache.layers for tensor in (layer.keys, layer.values) if tensor is not None]
        return sum(tensor.nbytes for tensor in (*held, *([self.after[1]] if self.after is not None else [])))

    @property
    def logits(self) -> Any | None:
        """The logits [vocab] after the last id; None where they are not kept."""
        return self.after[1] if self.after is not None and self.after[0] == len(self.ids) else None

    @property
    def known(self) -> int:
        """The surprises of how many tokens from the start are known; the first has none and counts."""
        found = self.surprises[1 : len(self.ids)]
        return next((place for place, value in enumerate(found, 1) if math.isnan(value)), len(found) + 1)


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """How many ids two texts share from the start."""
    if tuple(a[: len(b)]) == tuple(b[: len(a)]):
        return min(len(a), len(b))
    return next(place for place, (left, right) in enumerate(zip(a, b, strict=False)) if left != right)


def _kinds(cache: Any) -> set[str]:
    return {type(layer).__name__ for layer in cache.layers}


def _can_keep(cache: Any) -> bool:
    """Whether this cache's layers make new tensors where they grow; others might write into what is shared."""
    return _kinds(cache) <= {"DynamicLayer", "DynamicSlidingWindowLayer"}


def _can_cut(cache: Any) -> bool:
    return _kinds(cache) == {"DynamicLayer"}


def share(cache: Any, drop: int = 0) -> Any:
    """A cache of its own over the same tensors, without the last `drop` positions; nothing is copied."""
    apart = copy.copy(cache)
    apart.layers = [copy.copy(layer) for layer in cache.layers]
    if drop:
        apart.crop(-drop)  # negative: this many positions from the end
    return apart


class Prefixes:
    """A bounded store of prefixes, by model."""

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget = budget
        self._lock = threading.Lock()
        self._kept: list[tuple[weakref.ref[Any], Prefix]] = []

    def take(self, model: Any, ids: Sequence[int], *, surprises: bool = False) -> Prefix:
        """The longest kept beginning of `ids`; an empty one where nothing fits. The caller may go on from it.

        At least the last id is left out, since its forward is what gives the next token's logits.

        Args:
            model: the library's model.
            ids: the text to be read.
            surprises: only as much as each token's surprise is known of, also that of the first one left out, or
                with the logits that tell it.
        """
        ids = tuple(ids)
        with self._lock:
            self._kept = [(owner, prefix) for owner, prefix in self._kept if owner() is not None]
            best, length = None, 0
            for place, (owner, prefix) in enumerate(self._kept):
                if owner() is model:
                    usable = self._usable(prefix, ids, surprises)
                    if usable > length:
                        best, length = place, usable
            if best is None:
                return Prefix((), _empty(model))
            self._kept.append(self._kept.pop(best))  # used just now
            prefix = self._kept[-1][1]
        follows = None
        if length < min(len(prefix.ids), len(prefix.surprises)):
            follows = (length, prefix.ids[length], prefix.surprises[length])
        return Prefix(ids[:length], share(prefix.cache, len(prefix.ids) - length), prefix.surprises[:length],
                      prefix.after if prefix.logits is not None and length == len(prefix.ids) else None, follows)

    @staticmethod
    def _usable(prefix: Prefix, ids: tuple[int, ...], surprises: bool) -> int:
        """How many ids of a kept text serve to read `ids`."""
        length = min(_common(prefix.ids, ids), len(ids) - 1)
        if surprises:
            length = min(length, prefix.known)
            # The first token that is read again has its surprise from what was expected there.
            if length < len(prefix.ids):
                told = length < prefix.known and prefix.ids[length] == ids[length]
            else:
                told = prefix.logits is not None
            length -= not told
        return length if length == len(prefix.ids) or _can_cut(prefix.cache) else 0

    def put(self, model: Any, prefix: Prefix) -> None:
        """Keep a prefix for whoever comes next."""
        if not prefix.ids or not _can_keep(prefix.cache):
            return
        told = prefix.surprises[: len(prefix.ids)]
        kept = Prefix(prefix.ids, share(prefix.cache), told,
                      None if prefix.logits is None else prefix.after)
        with self._lock:
            for place, (owner, other) in enumerate(self._kept):
                covers = owner() is model and _can_cut(other.cache) and other.ids[: len(kept.ids)] == kept.ids
                if covers and (len(other.ids) > len(kept.ids) or kept.logits is None):
                    if kept.known > min(other.known, len(kept.ids)):
                        other.surprises = told + other.surprises[len(told):]
                    self._kept.append(self._kept.pop(place))
                    return
            self._kept = [
                (owner, other) for owner, other in self._kept if not (owner() is model and self._replaces(kept, other))
            ]
            self._kept.append((weakref.ref(model), kept))
            total = sum(one.nbytes for _, one in self._kept)
            while total > self.budget or len(self._kept) > ENTRIES:
                total -= self._kept.pop(0)[1].nbytes

    @staticmethod
    def _replaces(new: Prefix, old: Prefix) -> bool:
        """Whether the new one serves wherever the old one does."""
        if new.ids == old.ids:
            return True
        return _can_cut(new.cache) and new.ids[: len(old.ids)] == old.ids

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()


def _empty(model: Any) -> Any:
    from transformers import DynamicCache

    return DynamicCache(config=model.config)


prefixes = Prefixes()
