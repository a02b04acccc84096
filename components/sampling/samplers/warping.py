"""Samplers that bend the whole distribution: temperature by entropy, and quadratic smoothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from components.sampling.samplers.truncation import living

if TYPE_CHECKING:
    import torch

# Below it a division overflows float32, so only the likeliest token is left.
_COLDEST = 0.01


def temperature_by_entropy(scores: torch.Tensor, low: float, high: float, exponent: float) -> float:
    """The temperature between `low` and `high` for this step: low where the model is sure, high where it is not.

    low + (high - low) x (H / H_max)^exponent, with H the entropy of the tokens still there and H_max the logarithm of
    their number.

    Source: llama.cpp's `llama_sampler_temp_ext`; kalomaze's proposal.
    """
    import torch

    alive = int(living(scores).sum())
    if alive < 2:
        return low
    entropy = float(torch.special.entr(torch.softmax(scores.double(), dim=-1)).sum())
    return low + (high - low) * (max(0.0, entropy) / math.log(alive)) ** exponent


def dynamic_temperature(scores: torch.Tensor, low: float, high: float, exponent: float) -> torch.Tensor:
    """Divide the scores by `temperature_by_entropy`; where that is next to 0, only the likeliest token stays."""
    temperature = temperature_by_entropy(scores, low, high, exponent)
    if temperature < _COLDEST:
        return scores.masked_fill(scores < scores.max(), -math.inf)
    return scores / temperature


def quadratic(scores: torch.Tensor, factor: float, curve: float = 1.0) -> torch.Tensor:
    """Quadratic smoothing: distances below the highest score are squared (and, with curve above 1, cubed as well).

    With d = score - highest: highest - k x factor x d^2 + s x factor x d^3, where k = (3 - curve) / 2 and
    s = (curve - 1) / 2.

    Source: text-generation-webui's quadratic sampling (pull requests 5403 and 5551).
    """
    import torch

    most = scores.max()
    d = scores - most
    # The cube in brackets: a very low score would else give infinity times 0, or infinity less infinity.
    bent = most + factor * d**2 * ((curve - 1) / 2 * d - (3 - curve) / 2)
    return torch.where(torch.isneginf(scores), scores, bent)
