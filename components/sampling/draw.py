"""The draw: random numbers pick one token, in one of two ways.

*Uniform*: the tokens stand side by side by falling probability (equal ones by rising id), each as wide as its
probability. One random number between 0 and 1 lands in exactly one of them (sampling by the inverse of the cumulative
distribution). The number is `numpy.random.default_rng([seed, step, redraw]).random()`: it depends on the seed, on how
many tokens have been written before and on how often this step was drawn again, and on nothing else. So the same seed
gives the same text, and going back and forth changes nothing.

*Gumbel*: every token has a random number of its own, and the token with the largest log p + g is taken; it comes as
often as its probability says (Gumbel 1954; Maddison et al. 2014). Two distributions that meet the same numbers mostly
take the same token, and part only where they themselves differ: one number for all tokens would part them as soon as
their edges shift. That is what a comparison of settings needs (common random numbers).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

NOISES = ("uniform", "gumbel")
# Gumbel numbers come from a stream of their own; 1 is XTC's.
GUMBEL_STREAM = 2
# So many of the likeliest tokens are put in order first; only where the random number lands behind them, all are.
_FIRST = 1_024


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


@lru_cache(maxsize=16)
def gumbel(vocabulary: int, seed: int, step: int, redraw: int = 0) -> NDArray[np.float64]:
    """One standard Gumbel number for every token [vocab] of a step: -ln of a standard exponential number."""
    random = np.random.default_rng([seed, step, redraw, GUMBEL_STREAM])
    noise: NDArray[np.float64] = -np.log(random.standard_exponential(vocabulary))
    noise.setflags(write=False)
    return noise


def check_noise(noise: str) -> str:
    """The name of a way to draw. Raises ValueError for one that there is not."""
    if noise not in NOISES:
        raise ValueError(f"There is no noise named {noise!r}; take 'uniform' or 'gumbel'.")
    return noise


def by_probability(probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """Ids of all tokens above 0, by falling probability, equal ones by rising id."""
    alive = np.flatnonzero(probabilities > 0)
    return alive[np.argsort(-probabilities[alive], kind="stable")]


def loudest(probabilities: NDArray[np.float32], noise: NDArray[np.float64]) -> int:
    """The token with the largest log p + g.

    Args:
        probabilities: [vocab], at least one above 0.
        noise: [vocab], see `gumbel`.

    Raises:
        ValueError: nothing to draw from.
    """
    alive = np.flatnonzero(probabilities > 0)
    if not len(alive):
        raise ValueError("Every token is banned, so nothing can be drawn; allow at least one.")
    return int(alive[np.argmax(np.log(probabilities[alive].astype(np.float64)) + noise[alive])])


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
    if np.count_nonzero(probabilities > 0) > 4 * _FIRST:
        # Sorting a whole vocabulary costs more than all else here, and the number mostly lands near the top. All
        # tokens as likely as the last of the first come along, so that the order is the whole one's beginning.
        least = np.partition(probabilities, len(probabilities) - _FIRST)[len(probabilities) - _FIRST]
        near = np.flatnonzero(probabilities >= least)
        found = _land(probabilities, near[np.argsort(-probabilities[near], kind="stable")],
                      float(probabilities.sum(dtype=np.float64)), random)
        if found is not None:
            return found
    order = by_probability(probabilities)
    if not len(order):
        raise ValueError("Every token is banned, so nothing can be drawn; allow at least one.")
    found = _land(probabilities, order, None, random)
    assert found is not None
    return found


def _land(
    probabilities: NDArray[np.float32], order: NDArray[np.int64], total: float | None, random: float
) -> Draw | None:
    """Where `random` lands among the tokens of `order`; None where it lands behind them."""
    # float64, and divided by their own sum: float32 probabilities add up to 1 only roughly.
    edges = np.cumsum(probabilities[order], dtype=np.float64)
    edges /= edges[-1] if total is None else total
    place = int(np.searchsorted(edges, random, side="right"))
    if place >= len(order):
        return None
    low = float(edges[place - 1]) if place else 0.0
    return Draw(int(order[place]), random, low, float(edges[place]))
