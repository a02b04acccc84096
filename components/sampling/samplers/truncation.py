"""Samplers that take tokens away: top-n-sigma, top-a, tail-free sampling, and XTC, which takes the likeliest."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def _without(scores: torch.Tensor, gone: torch.Tensor) -> torch.Tensor:
    return scores.masked_fill(gone, -math.inf)


def living(scores: torch.Tensor) -> torch.Tensor:
    """Which tokens can still come, [vocab] bool.

    A ban is minus infinity, or the lowest finite number where `remove_invalid_values` has been over the scores.
    """
    import torch

    return scores > torch.finfo(scores.dtype).min


def top_n_sigma(scores: torch.Tensor, n: float) -> torch.Tensor:
    """Keep the tokens whose score is at least the highest one minus n standard deviations of all scores.

    Dividing all scores by a temperature changes nothing about who stays. Tokens that cannot come do not count, as in
    llama.cpp; text-generation-webui counts them as scores of 0 and divides by one less.

    Source: Tang et al. 2024, "Top-n-sigma: Not All Logits Are You Need", arXiv 2411.07641; llama.cpp.
    """
    alive = scores[living(scores)].double()
    if not len(alive):
        return scores
    floor = alive.max() - n * alive.std(correction=0)
    return _without(scores, scores.double() < floor)


def top_a(scores: torch.Tensor, a: float) -> torch.Tensor:
    """Keep the tokens whose probability is at least a times the square of the highest one.

    Source: KoboldAI; text-generation-webui's `TopALogitsWarper`.
    """
    import torch

    p = torch.softmax(scores, dim=-1)
    return _without(scores, p < a * p.max() ** 2)


def tail_free(scores: torch.Tensor, z: float) -> torch.Tensor:
    """Tail-free sampling: cut where the curve of falling probabilities has spent the share z of its bending.

    The bending is the absolute second difference of the sorted probabilities, divided by its sum. The last place of
    the curve has no second difference and always goes, unless the curve does not bend at all.

    Tokens that cannot come do not count; text-generation-webui counts them as probabilities of 0.

    Source: Trenton Bricken, "Tail Free Sampling"; text-generation-webui's `TailFreeLogitsWarper`.
    """
    import torch

    ordered, places = torch.sort(scores, descending=True, stable=True)
    alive = int(living(ordered).sum())
    if alive < 3:
        return scores
    bending = torch.softmax(ordered[:alive], dim=-1).diff().diff().abs()
    total = bending.sum()
    if total <= 0:
        return scores
    gone = torch.zeros(len(scores), dtype=torch.bool)
    gone[1 : alive - 1] = torch.cumsum(bending / total, dim=-1) > z
    gone[alive - 1 :] = True
    return _without(scores, torch.zeros_like(gone).scatter(0, places, gone))


def xtc_targets(scores: torch.Tensor, threshold: float) -> torch.Tensor:
    """Which tokens XTC takes away when it strikes: all at or above the threshold but the least likely of them.

    Returns:
        [vocab] bool; all False where fewer than two tokens reach the threshold, or where it is above 0.5.
    """
    import torch

    gone = torch.zeros(len(scores), dtype=torch.bool)
    if threshold > 0.5:
        return gone
    # By score: where probabilities are too small for float32, they still tell who is ahead.
    ordered, places = torch.sort(scores, descending=True, stable=True)
    reached = int(((torch.softmax(ordered, dim=-1) >= threshold) & living(ordered)).sum())
    if reached > 1:
        gone[places[: reached - 1]] = True
    return gone


def xtc(scores: torch.Tensor, threshold: float, probability: float, random: float) -> torch.Tensor:
    """Exclude top choices: with `probability`, only the least likely of the tokens above `threshold` stays among them.

    Args:
        scores: [vocab].
        threshold: probability that makes a token a top choice.
        probability: how often it strikes.
        random: this step's number in [0, 1), from a stream of its own; below `probability` it strikes.

    Source: p-e-w's proposal in text-generation-webui (pull request 6335); llama.cpp's `llama-sampler.cpp`.
    """
    return _without(scores, xtc_targets(scores, threshold)) if random < probability else scores
