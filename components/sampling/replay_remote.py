"""A chain replayed on the N likeliest tokens alone: what is exact, and what is only a bound.

Another engine gives the log-probabilities of its N likeliest tokens and nothing of the rest but their sum. Yet
temperature, top_k, top_p and min_p all keep the likeliest tokens up to some place and never change the order. So after
any of them the tokens still alive are a prefix of the ranking, and all that is unknown is where it ends and how much
weight the unlisted tokens have in it. Both are carried along as bounds:

    `low` and `high`: how many listed tokens surely live, and how many may;
    `least` and `most`: the weight of the living unlisted tokens together;
    `each`: the weight that none of them exceeds; `count` and `fewest`: how many of them live at most, and at least.

Weights are relative to the likeliest token's. Where the bounds meet, the result is exact, also after a stage that was
only a bound: top_k with k within the list makes the unknown rest irrelevant, whatever the temperature was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.sampling.orders import arrange
from components.sampling.settings import Settings

REPLAYED = ("temperature", "top_k", "top_p", "min_p")  # in the library's order
EDGE = 1e-6  # relative: nearer to a threshold than this, rounding decides and nothing is promised
TIGHT = 1e-9


@dataclass(frozen=True)
class RemoteStage:
    """The listed tokens' probabilities after one stage, as bounds.

    Attributes:
        name: the stage; "logits" for what the engine gave.
        value: the knob's value.
        exact: whether the bounds meet; a tie of the last token that top_k keeps with an unlisted one apart.
        low, high: [token] bounds of each listed token's probability, in the order of the list.
        unseen_low, unseen_high: bounds of the unlisted tokens' probability together.
        survivors: how many tokens are left, at least and at most; None where that is not known.
        tied: whether `exact` holds but for a tie at the end of the list.
    """

    name: str
    value: float | None
    exact: bool
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    unseen_low: float
    unseen_high: float
    survivors: tuple[int, int | None]
    tied: bool = False


@dataclass(frozen=True)
class _State:
    weights: NDArray[np.float64]  # [token], falling, the first is 1
    low: int
    high: int
    least: float
    most: float
    each: float
    count: float
    fewest: float
    tied: bool = False


def replay_remote(
    logprobs: Sequence[float] | NDArray[np.float64], settings: Settings, *, vocabulary: int | None = None
) -> list[RemoteStage]:
    """Replay temperature, top_k, top_p and min_p on the likeliest tokens of another engine.

    Args:
        logprobs: [token], natural logarithms of the N largest probabilities of the model itself, before any sampler,
            falling. The list has to be without holes: every other token is at most as likely as the last one listed.
        settings: the knobs and `order`; other knobs are passed over. Temperature 0 or `do_sample=False` is greedy.
        vocabulary: how many tokens that model has, None where unknown. It makes some bounds tighter; at a temperature
            above 1 nothing else keeps the unlisted from growing without end.

    Returns:
        "logits" and then each stage that is on, in the order of the settings.

    Raises:
        ValueError: an empty list, one that does not fall, chances that add up to more than 1, or a vocabulary smaller
            than the list.
    """
    given = np.asarray(logprobs, dtype=np.float64)
    _check(given, vocabulary)
    state = _begin(given, vocabulary)
    found = [_stage("logits", None, state)]
    if settings.greedy:
        return [*found, _stage("greedy", None, _keep(state, 1, 1))]
    neutral = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}
    for name in (REPLAYED[place] for place in arrange(REPLAYED, settings.order)):
        value = float(getattr(settings, name))
        if value != neutral[name]:
            state = {"temperature": _temperature, "top_k": _top_k, "top_p": _top_p, "min_p": _min_p}[name](state, value)
            found.append(_stage(name, value, state))
    return found


def _check(given: NDArray[np.float64], vocabulary: int | None) -> None:
    if given.ndim != 1 or not given.size:
        raise ValueError("There are no log-probabilities to replay; ask for at least one of the likeliest tokens.")
    if np.isnan(given).any() or (given > 0).any() or math.isinf(given[0]):
        raise ValueError("The log-probabilities have to be numbers of 0 or less, the first a finite one.")
    if (np.diff(np.maximum(given, -1e30)) > 0).any():
        raise ValueError("The log-probabilities have to fall; sort them first.")
    if np.exp(given).sum() > 1 + 1e-3:
        raise ValueError("The probabilities add up to more than 1; check that these are natural logarithms.")
    if vocabulary is not None and vocabulary < given.size:
        raise ValueError(f"A vocabulary of {vocabulary} tokens cannot hold a list of {given.size}; correct its size.")


def _begin(given: NDArray[np.float64], vocabulary: int | None) -> _State:
    weights = np.exp(given - given[0])
    rest = max(0.0, 1.0 - math.fsum(np.exp(given))) / math.exp(given[0])
    count = math.inf if vocabulary is None else float(vocabulary - given.size)
    if count == 0 or not weights[-1]:
        rest = 0.0  # nothing else there is, or nothing that is likelier than the impossible
    each = min(float(weights[-1]), rest)
    alive = int((weights > 0).sum())
    if not rest:
        return _State(weights, alive, alive, 0.0, 0.0, 0.0, 0.0, 0.0)
    # A softmax gives every token something, so all of a known vocabulary live; else as many as the rest needs.
    fewest = math.ceil(rest / each * (1 - EDGE)) if math.isinf(count) else count
    return _State(weights, alive, alive, rest, rest, each, count, fewest)


def _keep(state: _State, low: int, high: int, *, tied: bool = False) -> _State:
    """The ranking cut within the list: the unlisted are gone."""
    return _State(state.weights, min(state.low, low), min(state.high, high), 0.0, 0.0, 0.0, 0.0, 0.0,
                  state.tied or tied)


def _temperature(state: _State, value: float) -> _State:
    power = 1 / value
    weights = state.weights**power
    each = state.each**power if state.each else 0.0
    # For powers above 1, many small weights add up to less than few large ones; below 1 to more. The two ends are
    # all weight in tokens as large as possible, and all weight spread over as many tokens as there are.
    gathered = state.each ** (power - 1) if state.each else 0.0
    if not state.most:
        least = most = 0.0
    elif power >= 1:
        most = state.most * gathered
        least = 0.0 if math.isinf(state.count) else state.count * (state.least / state.count) ** power
    else:
        least = state.least * gathered
        most = math.inf if math.isinf(state.count) else state.count * (state.most / state.count) ** power
    return _State(weights, state.low, state.high, least, most, each, state.count, state.fewest, state.tied)


def _top_k(state: _State, value: float) -> _State:
    k = max(1, int(value))
    listed = len(state.weights)
    if k <= listed:
        # An unlisted token may tie with the last one listed; engines differ in whether they keep both.
        tied = bool(state.most) and math.isclose(state.weights[k - 1], state.each, rel_tol=EDGE)
        kept = int((state.weights >= state.weights[k - 1]).sum())  # as the library does, ties survive
        return _keep(state, kept, kept, tied=tied)
    left = float(k - listed)
    least = 0.0
    if state.count <= left:
        least = state.least
    elif not math.isinf(state.count):
        least = state.least * left / state.count  # the likeliest of them have at least their share
    return _State(state.weights, state.low, state.high, least, min(state.most, left * state.each), state.each,
                  min(state.count, left), min(state.fewest, left), state.tied)


def _top_p(state: _State, value: float) -> _State:
    sums = np.cumsum(state.weights)
    listed = len(sums)
    smallest = (float(sums[state.low - 1]) if state.low else 0.0) + state.least
    largest = float(sums[state.high - 1]) + state.most
    # The smallest set that reaches the share, of the least and of the most that there may be in all.
    wanted_low, wanted_high = value * smallest * (1 - EDGE), value * largest * (1 + EDGE)
    low = int(np.searchsorted(sums, wanted_low)) + 1
    high = int(np.searchsorted(sums, wanted_high)) + 1
    if high <= listed:
        return _keep(state, max(1, low), max(1, high))
    least = min(state.least, max(0.0, wanted_low - float(sums[-1]))) if low > listed else 0.0
    # The last token that goes in carries the sum past the share by less than its own weight.
    most = min(state.most, max(0.0, wanted_high - float(sums[-1])) + state.each)
    return _State(state.weights, min(state.low, max(1, low)), state.high, least, most, state.each, state.count,
                  1.0 if least else 0.0, state.tied)


def _min_p(state: _State, value: float) -> _State:
    low = int((state.weights >= value * (1 + EDGE)).sum())
    high = int((state.weights >= value * (1 - EDGE)).sum())
    if state.each < value * (1 - EDGE):
        return _keep(state, max(1, low), max(1, high))
    # Each unlisted token that stays has at least this weight, so there are not many of them.
    room = state.most / (value * (1 - EDGE))
    return _State(state.weights, min(state.low, max(1, low)), min(state.high, max(1, high)), 0.0, state.most,
                  state.each, min(state.count, room if math.isinf(room) else math.floor(room)), 0.0, state.tied)


def _stage(name: str, value: float | None, state: _State) -> RemoteStage:
    weights, sums = state.weights, np.cumsum(state.weights)
    sure = float(sums[state.low - 1]) if state.low else 0.0
    smallest, largest = sure + state.least, float(sums[state.high - 1]) + state.most
    place = np.arange(1, len(weights) + 1)
    # A token that lives has every likelier one beside it.
    high = np.where(place <= state.high, weights / np.maximum(sums, smallest), 0.0)
    low = np.where(place <= state.low, weights / largest, 0.0)
    unseen_low = state.least / (float(sums[-1]) + state.least)
    unseen_high = 1.0 if math.isinf(state.most) else state.most / (float(sums[-1]) + state.most)
    exact = bool((high - low <= TIGHT).all()) and unseen_high - unseen_low <= TIGHT
    rest: tuple[int, int | None] = (
        state.low + int(state.fewest),
        state.high if not state.most else None if math.isinf(state.count) else state.high + int(state.count),
    )
    for array in (low, high):
        array.setflags(write=False)
    return RemoteStage(name, value, exact, low, high, float(unseen_low), float(unseen_high), rest,
                       state.tied and exact)
