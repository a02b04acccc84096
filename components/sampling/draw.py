"""The draw: one random number between 0 and 1 picks one token.

The tokens stand side by side by falling probability (equal ones by rising id), each as wide as its probability. The
random number lands in exactly one of them (sampling by the inverse of the cumulative distribution). The number is
`numpy.random.default_rng([seed, step, redraw]).random()`: it depends on the seed, on how many tokens have been
written before and on how often this step was drawn again, and on nothing else. So the same seed gives the same text,
going back and forth changes nothing, and two settings with one seed meet the same random numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Draw:
    """One drawn token.

    Attributes:
        id: the token.
        random: the random number, 0 <= random < 1; None where nothing was drawn (greedy decoding).
        low, high: the token's place between 0 and 1, low <= random < high; None under greedy decoding.
    """

    id: int
    random: float | None
    low: float | None
    high: float | None


def uniform(seed: int, step: int, redraw: int = 0, stream: int = 0) -> float:
    """The random number in [0, 1) of a step (0 for the first new token); `stream` 0 is the draw's own."""
    return float(np.random.default_rng([seed, step, redraw, *([stream] if stream else [])]).random())


def by_probability(probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """Ids of all tokens above 0, by falling probability, equal ones by rising id."""
    alive = np.flatnonzero(probabilities > 0)
    return alive[np.argsort(-probabilities[alive], kind="stable")]


def pick(probabilities: NDArray[np.float32], random: float) -> Draw:
    """The token in which `random` lands.

    Args:
        probabilities: [vocab], at least one above 0.
        random: in [0, 1).

    Raises:
        ValueError: nothing to draw from, or a number outside [0, 1).
    """
    if not 0 <= random < 1:
        raise ValueError(f"The random number is {random!r} and has to lie between 0 and 1, 1 itself excluded.")
    order = by_probability(probabilities)
    if not len(order):
        raise ValueError("Every token is banned, so nothing can be drawn; allow at least one.")
    # float64, and divided by its own end: float32 probabilities add up to 1 only roughly.
    edges = np.cumsum(probabilities[order], dtype=np.float64)
    edges /= edges[-1]
    place = int(np.searchsorted(edges, random, side="right"))
    low = float(edges[place - 1]) if place else 0.0
    return Draw(int(order[place]), random, low, float(edges[place]))
