"""What single stages looked at when they did what they did: for sentences and small charts, not for the chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.sampling import samplers
from components.sampling.chain import Stage
from components.sampling.draw import by_probability, uniform
from components.sampling.own import XTC_STREAM
from components.sampling.settings import Settings


def changed(stage: Stage, before: Stage) -> NDArray[np.int64]:
    """Ids of the tokens whose score a stage has changed, the likelier of before and after first."""
    ids = np.flatnonzero(stage.scores != before.scores)
    most = np.maximum(stage.probabilities[ids], before.probabilities[ids])
    return ids[np.argsort(-most, kind="stable")]


def moved(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Total variation distance: how much probability has to change hands to turn one into the other (0 to 1)."""
    return float(np.abs(one.astype(np.float64) - other).sum() / 2)


@dataclass(frozen=True, eq=False)
class Xtc:
    """Both ways that a step of XTC can go.

    Attributes:
        random: this step's number, from XTC's own stream.
        strikes: whether it lies below the probability.
        targets: ids that go when it strikes, the likeliest first.
        kept: the one top choice that stays then; None where fewer than two reach the threshold.
        struck: [vocab] float32, the distribution when it strikes.
    """

    random: float
    strikes: bool
    targets: NDArray[np.int64]
    kept: int | None
    struck: NDArray[np.float32]


def xtc_branches(before: Stage, settings: Settings, step: int, redraw: int = 0) -> Xtc:
    """Both branches of XTC for the distribution `before` it; `step` and `redraw` as in `draw.uniform`."""
    import torch

    scores = torch.from_numpy(before.scores.copy())
    gone = samplers.xtc_targets(scores, settings.xtc_threshold).numpy()
    order = by_probability(before.probabilities)
    targets = order[gone[order]]
    kept = int(order[len(targets)]) if len(targets) else None
    random = uniform(settings.seed, step, redraw, XTC_STREAM)
    struck = samplers.xtc(scores, settings.xtc_threshold, 1.0, 0.0)
    return Xtc(random, random < settings.xtc_probability, targets, kept, torch.softmax(struck, dim=-1).numpy())


@dataclass(frozen=True)
class Passage:
    """A passage that DRY sees repeated.

    Attributes:
        token: the id that would prolong it.
        length: tokens of the passage, the last ones of the text.
    """

    token: int
    length: int


def dry_passages(ids: Sequence[int], prompt_length: int, settings: Settings) -> tuple[Passage, ...]:
    """Every token that DRY holds down at the end of `ids`, the longest passage first; empty where it finds none."""
    past = samplers.window(ids, prompt_length, settings.dry_penalty_last_n)
    found = samplers.dry_matches(past, frozenset(settings.dry_breakers))
    long = [(token, length) for token, length in found.items() if length >= settings.dry_allowed_length]
    return tuple(Passage(*pair) for pair in sorted(long, key=lambda pair: (-pair[1], pair[0])))


def mirostat_path(settings: Settings, chances: Sequence[float]) -> tuple[float, ...]:
    """mu before each written token and now, [n + 1], in bits; `chances` as in `Chain.fold`."""
    return tuple(samplers.mu_after(samplers.Mirostat(settings.mirostat_tau, settings.mirostat_eta), chances))


def penalty_counts(ids: Sequence[int], prompt_length: int, settings: Settings) -> dict[int, int]:
    """How often each token stands where the presence and frequency penalties count."""
    seen = samplers.window(ids, prompt_length, settings.penalty_last_n)
    values, counts = np.unique(np.asarray(seen, dtype=np.int64), return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def temperature_now(before: Stage, settings: Settings) -> float:
    """The temperature that `dynatemp_range` chooses for a step."""
    import torch

    low = max(0.0, settings.temperature - settings.dynatemp_range)
    high = settings.temperature + settings.dynatemp_range
    scores = torch.from_numpy(before.scores.copy())
    return samplers.temperature_by_entropy(scores, low, high, settings.dynatemp_exponent)
