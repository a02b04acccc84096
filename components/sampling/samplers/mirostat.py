"""Mirostat: a controller that holds the surprise of what is written near a target, in bits.

mu bounds how surprising a token may be. After each token it moves against the error: mu -= eta x (surprise - tau),
where the surprise is that of the truncated and renormalised distribution. It starts at twice the target.

Source: Basu et al. 2021, "Mirostat: A Neural Text Decoding Algorithm that Directly Controls Perplexity", arXiv
2007.14966; llama.cpp's `llama-sampler.cpp` for both versions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Mirostat:
    """Target and step of the controller.

    Attributes:
        tau: the surprise that it aims at, in bits.
        eta: how strongly an error moves mu.
    """

    tau: float
    eta: float


def mu_after(control: Mirostat, chances: Sequence[float]) -> list[float]:
    """mu before each token and after the last one, [n + 1], in bits.

    Args:
        control: target and step.
        chances: probability after the chain of each token written so far (0 to 1).
    """
    mu = [2 * control.tau]
    for chance in chances:
        surprise = -math.log2(max(chance, 1e-38))
        mu.append(mu[-1] - control.eta * (surprise - control.tau))
    return mu


def mirostat_1(scores: torch.Tensor, mu: float, top: int = 100) -> torch.Tensor:
    """Version 1: a Zipf exponent fitted to the `top` likeliest tokens says how many of them may stay.

    At least one stays. Ties with the last one go, as in llama.cpp.
    """
    import torch

    ordered, places = torch.sort(torch.softmax(scores, dim=-1).double(), descending=True, stable=True)
    ordered = ordered[:top]
    ordered = ordered[ordered > 0]
    if len(ordered) < 2:
        return scores.masked_fill(torch.arange(len(scores)) != places[0], -math.inf)
    ranks = torch.arange(1, len(ordered), dtype=torch.float64)
    t = torch.log((ranks + 1) / ranks)
    b = torch.log(ordered[:-1] / ordered[1:])
    s = float((t * b).sum() / (t * t).sum())
    epsilon = s - 1
    share = 1 - len(scores) ** -epsilon if epsilon else 0.0
    # k = (epsilon 2^mu / (1 - V^-epsilon))^(1/s), by its logarithm: 2^mu may be beyond any float. The fraction's limit
    # for epsilon -> 0 is 1 / ln V.
    logarithm = math.log(epsilon / share if share else 1 / math.log(len(scores))) + mu * math.log(2)
    bounded = s > 0 and logarithm / s < math.log(len(scores))
    keep = int(math.exp(logarithm / s)) if bounded else len(scores)
    gone = torch.ones(len(scores), dtype=torch.bool)
    gone[places[: max(1, keep)]] = False
    return scores.masked_fill(gone, -math.inf)


def mirostat_2(scores: torch.Tensor, mu: float) -> torch.Tensor:
    """Version 2: tokens whose surprise is above mu go; the likeliest always stays."""
    import torch

    surprise = -torch.log_softmax(scores.double(), dim=-1) / math.log(2)
    gone = surprise > mu
    gone[int(torch.argmax(scores))] = False
    return scores.masked_fill(gone, -math.inf)
