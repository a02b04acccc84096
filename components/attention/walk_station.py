"""One station of a walk: what it is called, which form it takes in this model, its numbers and its check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Check:
    """Numbers worked out here beside the model's own.

    Attributes:
        here, model: both for the largest of the numbers.
        count: how many numbers were compared.
        difference: the largest difference, relative to the largest of the model's numbers.
    """

    here: float
    model: float
    count: int
    difference: float


@dataclass(frozen=True)
class Station:
    """One step of the forward pass.

    Attributes:
        name: what happens here, such as "norm" or "scores".
        form: how this model does it, such as "rms" or "layer".
        arrays: its numbers; their axes stand with their names in `walk_inside.py`, `walk_stream.py`, `walk_ends.py`.
        facts: single numbers and words.
        check: None where nothing new is computed, or where the model does not show its own number.
    """

    name: str
    form: str
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    check: Check | None = None

    def __post_init__(self) -> None:
        for array in self.arrays.values():
            array.setflags(write=False)


def compare(here: NDArray[Any], model: NDArray[Any]) -> Check:
    """A `Check` of two arrays of one shape."""
    ours, theirs = np.asarray(here, dtype=np.float64).ravel(), np.asarray(model, dtype=np.float64).ravel()
    largest = int(np.abs(theirs).argmax())
    most = max(float(np.abs(theirs).max()), 1e-30)
    difference = float(np.abs(ours - theirs).max() / most)
    return Check(float(ours[largest]), float(theirs[largest]), int(theirs.size), difference)


def single(array: NDArray[Any]) -> Floats:
    """As float32, a copy."""
    return np.array(array, dtype=np.float32)


def frozen_floats(tensor: Any) -> Floats:
    """A tensor as float32 in numpy, a copy."""
    return np.array(tensor.detach().float().cpu().numpy(), dtype=np.float32, copy=True)


def spread(vector: NDArray[Any]) -> dict[str, float]:
    """Mean and root mean square of a vector."""
    numbers = np.asarray(vector, dtype=np.float64)
    return {"mean": float(numbers.mean()), "rms": float(np.sqrt((numbers**2).mean()))}
