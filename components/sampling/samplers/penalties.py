"""Penalties on what the text has said before: presence, frequency, and DRY for whole repeated passages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# The logarithm of the largest float32 (llama.cpp's FLOAT_MAX_LOG), which bounds the exponent of DRY.
_MOST = 88.7228391
# No penalty is larger: the probability is 0 all the same, and a token that stands alone keeps a finite score.
_HARDEST = 1e36


def window(history: Sequence[int], prompt_length: int, last_n: int) -> Sequence[int]:
    """The tokens that a penalty counts.

    Args:
        history: ids of prompt and continuation.
        prompt_length: how many of them are the prompt.
        last_n: 0 for the continuation alone (as vLLM and OpenAI count), -1 for the whole text, else so many of the
            last tokens (as llama.cpp counts, 64 by default).
    """
    if last_n == 0:
        return history[prompt_length:]
    return history if last_n < 0 else history[-last_n:]


def _counts(scores: torch.Tensor, seen: Sequence[int]) -> torch.Tensor:
    import torch

    ids = torch.tensor([token for token in seen if 0 <= token < len(scores)], dtype=torch.long)
    return torch.bincount(ids, minlength=len(scores)).to(scores.dtype)


def presence(scores: torch.Tensor, seen: Sequence[int], penalty: float) -> torch.Tensor:
    """Take `penalty` once off the score of every token in `seen`. Source: OpenAI's API, vLLM, llama.cpp."""
    return scores - penalty * (_counts(scores, seen) > 0).to(scores.dtype)


def frequency(scores: torch.Tensor, seen: Sequence[int], penalty: float) -> torch.Tensor:
    """Take `penalty` off a token's score for every time that it stands in `seen`. Source: as `presence`."""
    return scores - penalty * _counts(scores, seen)


def dry_matches(history: Sequence[int], breakers: frozenset[int] = frozenset()) -> dict[int, int]:
    """For each token that would prolong a repetition, the length of the passage that it would prolong.

    The end of `history` is compared with every earlier place; a match of n tokens followed by t means that t would
    make it n + 1. A match never reaches back over a breaker.

    Args:
        history: ids, oldest first.
        breakers: ids at which a passage ends, such as the line break.

    Returns:
        {token: longest n, at least 1}; breakers themselves are never among the tokens.
    """
    back = list(history)[::-1]  # newest first: a match at k reads back[k:] and back from their starts
    reach = next((i for i, token in enumerate(back) if token in breakers), len(back))
    if not reach:
        return {}
    found: dict[int, int] = {}
    for place, length in enumerate(_common_starts(back)):
        following = back[place - 1] if place else -1
        if place and length and following not in breakers:
            found[following] = max(found.get(following, 0), min(length, reach))
    return found


def _common_starts(ids: Sequence[int]) -> list[int]:
    """How many ids are equal from the start of `ids` and from each place on: the Z-algorithm, linear in time."""
    total = len(ids)
    lengths = [0] * total
    left = right = 0  # the stretch that reaches furthest and repeats the start
    for place in range(1, total):
        length = min(right - place, lengths[place - left]) if place < right else 0
        while place + length < total and ids[length] == ids[place + length]:
            length += 1
        lengths[place] = length
        if place + length > right:
            left, right = place, place + length
    return lengths


def dry(
    scores: torch.Tensor, history: Sequence[int], multiplier: float, base: float, allowed_length: int,
    breakers: frozenset[int] = frozenset(),
) -> torch.Tensor:
    """Don't repeat yourself: score - multiplier x base^(n - allowed_length) where a passage of n tokens would go on.

    Source: p-e-w's proposal in text-generation-webui (pull request 5677); llama.cpp's `llama-sampler.cpp`, whose bound
    on the exponent, a whole number, is kept. text-generation-webui counts no more than 50 tokens of a match.
    """
    import torch

    most = int(_MOST / math.log(base)) if base > 1.000001 else 0
    costs = {
        token: min(multiplier * base ** (min(length - allowed_length, most) if most else 0), _HARDEST)
        for token, length in dry_matches(history, breakers).items()
        if length >= allowed_length and 0 <= token < len(scores)
    }
    changed = scores.clone()
    if costs:
        places = torch.tensor(list(costs), dtype=torch.long)
        changed[places] -= torch.tensor(list(costs.values()), dtype=scores.dtype)
    return changed
