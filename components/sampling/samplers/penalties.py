"""Penalties on what the text has said before: presence, frequency, and DRY for whole repeated passages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# The largest exponent whose power still fits into float32 (llama.cpp's FLOAT_MAX_LOG).
_MOST = 88.7228391


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
    ids = list(history)
    reach = 0  # tokens since the last breaker: how far back a match may go
    while reach < len(ids) and ids[len(ids) - 1 - reach] not in breakers:
        reach += 1
    found: dict[int, int] = {}
    for end in range(len(ids) - 1):  # the match ends here, and ids[end + 1] came next
        length = 0
        while length < reach and length <= end and ids[end - length] == ids[len(ids) - 1 - length]:
            length += 1
        following = ids[end + 1]
        if length and following not in breakers and length > found.get(following, 0):
            found[following] = length
    return found


def dry(
    scores: torch.Tensor, history: Sequence[int], multiplier: float, base: float, allowed_length: int,
    breakers: frozenset[int] = frozenset(),
) -> torch.Tensor:
    """Don't repeat yourself: score - multiplier x base^(n - allowed_length) where a passage of n tokens would go on.

    Source: p-e-w's proposal in text-generation-webui (pull request 5677); llama.cpp's `llama-sampler.cpp`, whose bound
    on the exponent is kept.
    """
    most = _MOST / math.log(base) if base > 1.000001 else math.inf
    changed = scores.clone()
    for token, length in dry_matches(history, breakers).items():
        if length >= allowed_length and token < len(scores):
            changed[token] -= multiplier * base ** min(length - allowed_length, most)
    return changed
