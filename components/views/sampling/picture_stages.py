"""What an opened stage shows: a chart by rank, the tokens that it moved, XTC's two branches, mirostat's path."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.sampling import (
    Settings,
    Stage,
    by_probability,
    changed,
    mirostat_path,
    xtc_branches,
)
from components.views.sampling.labels import Labels
from components.views.sampling.words import Scene

CURVE_POINTS = 48
TOUCHED = 6
BRANCH = 6
PATH = 200

# Stages that speak of single tokens, and those that bend the whole distribution; all others cut it.
NAMED = frozenset({
    "repetition_penalty", "encoder_repetition_penalty", "presence_penalty", "frequency_penalty", "dry_multiplier",
    "no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "sequence_bias", "bad_words_ids", "suppress_tokens",
    "begin_suppress_tokens", "min_length", "min_new_tokens", "forced_bos_token_id", "forced_eos_token_id",
    "exponential_decay_length_penalty", "guidance_scale", "watermark", "constraint",
})
BENDS = frozenset({"temperature", "dynatemp_range", "smoothing_factor"})
PLAIN_ROWS = frozenset({"renormalize_logits", "remove_invalid_values"})


def draw_ranks(count: int) -> NDArray[np.int64]:
    """Which ranks of `count` a small chart draws: all of 80, else the first 40 and then ever wider steps (from 0)."""
    if count <= 80:
        return np.arange(count)
    wide = np.geomspace(40, count, CURVE_POINTS).round().astype(np.int64) - 1
    return np.unique(np.concatenate([np.arange(40), wide]))


def shown_value(stage: Stage, settings: Settings) -> Any:
    """What stands behind a stage's name: its number, or how much a list holds."""
    if stage.name == "mirostat":
        return f"v{settings.mirostat}"
    if stage.name == "dynatemp_range":
        low, high = max(0.0, settings.temperature - settings.dynatemp_range), settings.temperature + stage.value
        return f"{low:g} to {high:g}"
    if stage.name == "exponential_decay_length_penalty" and stage.value is not None:
        return f"{stage.value[1]:g} from {stage.value[0]}"
    if isinstance(stage.value, tuple):
        return f"× {len(stage.value):,}"
    if isinstance(stage.value, bool):
        return ""
    return stage.value


def stage_detail(
    stage: Stage, before: Stage, scene: Scene, labels: Labels, order: NDArray[np.int64]
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What one opened stage draws: fields for its row, and small arrays.

    Args:
        stage: a stage that is on.
        before: the one in front of it.
        scene: where the step stands.
        labels: how tokens are shown.
        order: ids by falling chance as the model gave it, tried first, so that few stages need a sort of their own.
    """
    if stage.name in PLAIN_ROWS:
        return {}, {}
    if stage.name in NAMED:
        return {"touched": _touched(stage, before, scene, labels)}, {}
    if stage.name == "xtc_probability":
        return {"branches": _branches(before, scene, labels)}, {}
    fields: dict[str, Any] = {}
    if stage.name in BENDS:
        fields["bends"] = True
    bar = _bar(stage, before, scene)
    if bar is not None:
        fields["bar"] = bar
    if stage.name == "mirostat":
        path = mirostat_path(scene.settings, scene.chances)
        fields["path"] = {
            "mu": [round(mu, 4) for mu in path[-PATH:]],
            "surprise": [round(-math.log2(max(chance, 1e-38)), 4) for chance in scene.chances[1 - PATH:]],
            "from": max(0, len(path) - PATH),
            "tau": scene.settings.mirostat_tau,
        }
    return fields, _by_rank(stage, before, order)


def _bar(stage: Stage, before: Stage, scene: Scene) -> float | None:
    """The probability that a token must have to stay, where a stage works with such a bar."""
    p, value = before.probabilities, stage.value
    best = float(p.max())
    if stage.name == "min_p":
        return best * float(value)
    if stage.name == "top_a":
        return float(value) * best * best
    if stage.name == "epsilon_cutoff":
        return float(value)
    if stage.name == "eta_cutoff":
        return min(float(value), math.sqrt(float(value)) * math.exp(-before.entropy))
    if stage.name == "top_n_sigma":
        sigma = float(before.scores[before.scores > np.finfo(np.float32).min].astype(np.float64).std())
        return best * math.exp(-float(value) * sigma)
    if stage.name == "mirostat" and scene.settings.mirostat == 2:
        return float(min(1.0, 2.0 ** -mirostat_path(scene.settings, scene.chances)[-1]))
    return None


def _falling(before: Stage, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ids above 0 by falling chance: in the given order where that still holds, else sorted anew."""
    chances = before.probabilities[order]
    alive = order[chances > 0]
    chances = chances[chances > 0]
    # Softmax rounds, so neighbours may change places by one unit in the last digit; a chart does not show that.
    if len(alive) == before.survivors and not (np.diff(chances) > 1e-5 * chances[:-1]).any():
        return alive
    return by_probability(before.probabilities)


def _by_rank(stage: Stage, before: Stage, order: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """By falling probability before the stage: chances before and after; for top_p also their sum."""
    order = _falling(before, order)
    ranks = draw_ranks(len(order))
    # The edges themselves are always drawn, so that a cut stands where it is.
    edges = np.flatnonzero(np.diff((stage.probabilities[order] > 0).astype(np.int8)))[:6]
    ranks = np.unique(np.concatenate([ranks, edges, edges + 1]))
    chances = before.probabilities[order]
    found = {
        "rank": (ranks + 1).astype(np.int32),
        "before": chances[ranks],
        "after": stage.probabilities[order[ranks]],
    }
    if stage.name == "top_p":
        found["sum"] = np.cumsum(chances, dtype=np.float64)[ranks].astype(np.float32)
    return found


def _touched(stage: Stage, before: Stage, scene: Scene, labels: Labels) -> list[dict[str, Any]]:
    """The tokens that a stage moves, the likeliest of before and after first; where it moves all, the most moved."""
    was, now = before.probabilities, stage.probabilities
    if stage.name in ("repetition_penalty", "encoder_repetition_penalty"):
        past = scene.ids if stage.name == "repetition_penalty" else scene.ids[: scene.prompt_length]
        ids = sorted({token for token in past if token < len(was)}, key=lambda token: -max(was[token], now[token]))
    elif stage.name == "constraint" or stage.name.startswith("forced"):
        count = min(TOUCHED, len(now))
        top = np.argpartition(-now, count - 1)[:count]
        ids = [int(token) for token in top[np.argsort(-now[top])] if now[token] > 0]
    elif stage.name == "guidance_scale" or (scene.settings.watermark == "synthid" and stage.name == "watermark"):
        gap = np.abs(now - was)
        count = min(TOUCHED, len(gap))
        top = np.argpartition(-gap, count - 1)[:count]
        ids = top[np.argsort(-gap[top])].tolist()
    else:
        ids = changed(stage, before).tolist()
    return [{**labels.label(token), "before": float(was[token]), "after": float(now[token])} for token in ids[:TOUCHED]]


def _branches(before: Stage, scene: Scene, labels: Labels) -> dict[str, Any]:
    """XTC's two ways to go: the likeliest tokens of both, and the number that decides."""
    here = xtc_branches(before, scene.settings, scene.step, scene.redraw)
    spared = by_probability(before.probabilities)[:BRANCH]
    struck = by_probability(here.struck)[:BRANCH]
    ids = list(dict.fromkeys([*spared.tolist(), *struck.tolist()]))[: BRANCH + 3]
    return {
        "random": here.random,
        "probability": scene.settings.xtc_probability,
        "strikes": here.strikes,
        "threshold": scene.settings.xtc_threshold,
        "targets": len(here.targets),
        "tokens": [{**labels.label(token), "spared": float(before.probabilities[token]),
                    "struck": float(here.struck[token])} for token in ids],
    }
