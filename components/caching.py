"""Results kept for the pages, bounded in bytes.

`shared` keeps results of shared inputs for the whole process (least recently used goes first), `session_store` holds
what derives from a reader's own uploads and dies with the session. A missing key is computed by one thread while the
others wait for it. Kept results are immutable by agreement: nothing is written to them after they are made.
"""

from __future__ import annotations

import dataclasses
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")

SHARED_BYTES = 192_000_000
SESSION_BYTES = 60_000_000


def measure(value: Any, seen: set[int] | None = None) -> int:
    """Bytes that a result holds: arrays and tensors by their data, containers and dataclasses by their parts."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return 0
    seen.add(id(value))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return len(value)
    if hasattr(value, "nbytes"):
        return int(value.nbytes)
    if isinstance(value, str):
        return sys.getsizeof(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return 64 + sum(measure(getattr(value, field.name), seen) for field in dataclasses.fields(value))
    if isinstance(value, Mapping):
        return 64 + sum(measure(key, seen) + measure(item, seen) for key, item in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return 64 + sum(measure(item, seen) for item in value)
    return sys.getsizeof(value)


class Store:
    """A least-recently-used store with a budget in bytes, safe for threads, one computation a missing key."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.bytes = 0
        self._items: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._computing: dict[Hashable, threading.Lock] = {}

    def peek(self, key: Hashable) -> Any | None:
        with self._lock:
            if key not in self._items:
                return None
            self._items.move_to_end(key)
            return self._items[key][0]

    def put(self, key: Hashable, value: Any) -> None:
        size = measure(value)
        with self._lock:
            if key in self._items:
                self.bytes -= self._items.pop(key)[1]
            if size > self.budget:
                return  # larger than the whole store: handed on, never kept
            self._items[key] = (value, size)
            self.bytes += size
            while self.bytes > self.budget:
                _, (_, dropped) = self._items.popitem(last=False)
                self.bytes -= dropped

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        found = self.peek(key)
        if found is not None:
            return found
        with self._lock:
            gate = self._computing.setdefault(key, threading.Lock())
        try:
            with gate:
                found = self.peek(key)
                if found is None:
                    found = compute()
                    self.put(key, found)
                return found
        finally:
            with self._lock:
                self._computing.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._items.clear()
            self.bytes = 0


_SHARED = Store(SHARED_BYTES)


def shared(kind: str, key: tuple[Hashable, ...], compute: Callable[[], T]) -> T:
    """The result for `key`, computed at most once and kept for everybody while there is room."""
    return _SHARED.get((kind, *key), compute)


def peek(kind: str, key: tuple[Hashable, ...]) -> Any | None:
    """The kept result, or `None`; never computes."""
    return _SHARED.peek((kind, *key))


def keep(kind: str, key: tuple[Hashable, ...], value: Any) -> None:
    """Keep a result that a background job has made."""
    _SHARED.put((kind, *key), value)


def session_store() -> Store:
    """This session's own store. It lives in the session's state and is released with it."""
    import streamlit as st

    if "_store" not in st.session_state:
        st.session_state["_store"] = Store(SESSION_BYTES)
    store: Store = st.session_state["_store"]
    return store
