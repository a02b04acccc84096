"""What is measured: bits per byte on held-out books, and how well each head looks where a known head would look."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

#: Sequences of the head test, random tokens in each copy, and the seed that chooses them.
SEQUENCES, COPY, HEAD_SEED = 8, 48, 7

Logits = Callable[[Tensor], Tensor]
LogitsAndAttention = Callable[[Tensor], tuple[Tensor, list[Tensor]]]


def windows(ids: NDArray[np.uint16], context: int, stride: int) -> list[tuple[int, int, int]]:
    """Windows (start, end, first scored position) that score every token of a book but its first once.

    The first window scores all it predicts. Each later one moves by `stride` and scores its last `stride` tokens, so
    that they have at least `context - stride` tokens before them.
    """
    if not 0 < stride < context:
        raise ValueError(f"A stride of {stride} leaves gaps between windows of {context}. Choose a smaller one.")
    found, scored = [], 1
    while scored < len(ids):
        end = min(context, len(ids)) if scored == 1 else min(scored + stride, len(ids))
        found.append((max(0, end - context), end, scored))
        scored = end
    return found


@torch.no_grad()
def token_bits(
    logits: Logits, ids: NDArray[np.uint16], chosen: list[tuple[int, int, int]], batch: int = 16
) -> NDArray[np.float64]:
    """Bits that the model needs for each token [position] that these windows score; 0 for the others."""
    bits = np.zeros(len(ids))
    alike: dict[int, list[tuple[int, int, int]]] = {}
    for window in chosen:
        alike.setdefault(window[1] - window[0], []).append(window)
    for group in alike.values():
        for at in range(0, len(group), batch):
            part = group[at : at + batch]
            rows = torch.from_numpy(np.stack([ids[start:end] for start, end, _ in part]).astype(np.int64))
            loss = F.cross_entropy(logits(rows)[:, :-1].float().flatten(0, 1), rows[:, 1:].flatten(), reduction="none")
            for row, (start, end, first) in zip(loss.view(len(part), -1), part, strict=True):
                bits[first:end] = row[first - start - 1 :].double().numpy() / math.log(2)
    return bits


def tokens_of_paragraphs(ids: NDArray[np.uint16], ends: set[int], flags: list[bool]) -> NDArray[np.bool_]:
    """Spread one flag a paragraph over the tokens [position]. `ends` are the ids whose text ends a paragraph."""
    number = np.zeros(len(ids), dtype=np.int64)
    number[1:] = np.cumsum(np.isin(ids[:-1], sorted(ends)))  # a paragraph's own end still belongs to it
    spread: NDArray[np.bool_] = np.array([*flags, False])[np.minimum(number, len(flags))]
    return spread


def sampled_bits_per_byte(
    logits: Logits, held: list[NDArray[np.uint16]], token_bytes: NDArray[np.int64], context: int, count: int
) -> float:
    """Bits per byte on `count` windows spread evenly over the held-out books, each scoring its second half."""
    bits, size = 0.0, 0
    each = max(1, count // len(held))
    for ids in held:
        if len(ids) < context:
            continue
        starts = np.linspace(0, len(ids) - context, each + 2)[1:-1].astype(int)
        chosen = [(int(start), int(start) + context, int(start) + context // 2) for start in starts]
        bits += float(token_bits(logits, ids, chosen).sum())
        size += sum(int(token_bytes[ids[first:end]].sum()) for _, end, first in chosen)
    return bits / size if size else float("nan")


def bytes_of_tokens(vocabulary: dict[str, int]) -> NDArray[np.int64]:
    """Bytes that each id of a byte-level vocabulary stands for: one for each of its characters."""
    sizes = np.zeros(max(vocabulary.values()) + 1, dtype=np.int64)
    for token, number in vocabulary.items():
        sizes[number] = len(token)
    sizes[0] = 0
    return sizes


@dataclass(frozen=True)
class HeadScores:
    """Mean attention of each head [layer, head] on three stripes, and the loss in nats on both copies."""

    induction: NDArray[np.float32]
    previous: NDArray[np.float32]
    duplicate: NDArray[np.float32]
    first_copy_loss: float
    second_copy_loss: float


def head_test_rows(vocabulary: int) -> Tensor:
    """Eight sequences of 48 random tokens, each followed by itself: [8, 96]."""
    copy = torch.from_numpy(np.random.default_rng(HEAD_SEED).integers(1, vocabulary, (SEQUENCES, COPY)))
    return torch.cat([copy, copy], dim=1)


@torch.no_grad()
def head_scores(run: LogitsAndAttention, vocabulary: int) -> HeadScores:
    """Score every head on `head_test_rows`. `run` gives logits and one attention [b, h, query, key] for each layer.

    Previous token: from each position to the one before. Induction: in the second copy, from a token to the one that
    followed it in the first copy. Duplicate: in the second copy, from a token to itself in the first copy.
    """
    rows = head_test_rows(vocabulary)
    logits, attention = run(rows)
    weights = torch.stack([layer.float().mean(0) for layer in attention])  # [layer, head, query, key]

    def stripe(back: int, first: int) -> NDArray[np.float32]:
        query = torch.arange(first, rows.shape[1])
        scores: NDArray[np.float32] = weights[:, :, query, query - back].mean(-1).numpy()
        return scores

    loss = F.cross_entropy(logits[:, :-1].float().flatten(0, 1), rows[:, 1:].flatten(), reduction="none")
    loss = loss.view(SEQUENCES, -1)
    return HeadScores(
        induction=stripe(COPY - 1, COPY),
        previous=stripe(1, 1),
        duplicate=stripe(COPY, COPY),
        first_copy_loss=float(loss[:, : COPY - 1].mean()),
        # The first token of the second copy cannot be known, so the second copy is scored from its second token.
        second_copy_loss=float(loss[:, COPY:].mean()),
    )
