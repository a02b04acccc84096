"""How often the right word is found: gaps in rows of whole held-out books, scored token by token and word by word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assets.recipes.masked import Step, Words, units

#: The right token counts as among the first when at most this many are at least as probable.
FIRST = 5

Logits = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Ranks:
    """Where the right token stands among all at each gap, and what it cost.

    Attributes:
        rank: 1 is the most probable [row, gap].
        loss: nats [row, gap].
    """

    rank: NDArray[np.int64]
    loss: NDArray[np.float64]


def rows_of(ids: NDArray[np.uint16], context: int, every: int) -> NDArray[np.int64]:
    """Every so-manieth row [row, t] of a book cut into rows that do not overlap; what is left at its end is dropped."""
    count = len(ids) // context
    return ids[: count * context].reshape(count, context)[::every].astype(np.int64)


@torch.no_grad()
def ranks(logits: Logits, step: Step, batch: int = 16) -> Ranks:
    """Rank and loss of what was hidden. `logits` gives [b, n, vocabulary] for ids [b, t] and places [b, n]."""
    rank, loss = np.empty(step.answers.shape, dtype=np.int64), np.empty(step.answers.shape)
    for at in range(0, len(step.ids), batch):
        ids, places, answers = (torch.from_numpy(part[at : at + batch])
                                for part in (step.ids, step.places, step.answers))
        found = logits(ids, places).float()
        right = found.gather(-1, answers[..., None])
        rank[at : at + batch] = (found >= right).sum(-1).numpy()
        loss[at : at + batch] = (found.logsumexp(-1) - right[..., 0]).double().numpy()
    return Ranks(rank, loss)


def of_tokens(found: Ranks, counted: NDArray[np.bool_]) -> dict[str, Any]:
    """Shares of the counted gaps [row, gap] with the right token first, and among the first five."""
    rank, count = found.rank[counted], int(counted.sum())
    return {
        "count": count,
        "top_1": round(float((rank == 1).mean()), 4) if count else None,
        "top_5": round(float((rank <= FIRST).mean()), 4) if count else None,
        "loss": round(float(found.loss[counted].mean()), 4) if count else None,
    }


def of_words(
    found: Ranks, step: Step, rows: NDArray[np.int64], words: Words, counted: NDArray[np.bool_]
) -> dict[str, dict[str, Any]]:
    """The same word by word, for words of one token and for all: a word is right when each of its tokens is.

    Only words that are hidden entirely count, and none at a row's edge, where it may be cut. The tokens of a word are
    filled at once, each without knowing the others, so a longer word is harder.
    """
    single, every = [], []
    for number, (row, places) in enumerate(zip(rows, step.places, strict=True)):
        unit = units(row, words)
        sizes = np.bincount(unit)
        at: dict[int, list[int]] = {}
        for gap, place in enumerate(places):
            if words.letters[row[place]]:
                at.setdefault(int(unit[place]), []).append(gap)
        for name, gaps in at.items():
            if name in (0, int(unit[-1])) or len(gaps) != sizes[name] or not counted[number, gaps].all():
                continue
            worst = int(found.rank[number, gaps].max())
            every.append(worst)
            if len(gaps) == 1:
                single.append(worst)

    def shares(worst: list[int]) -> dict[str, Any]:
        rank = np.array(worst)
        return {
            "count": len(worst),
            "top_1": round(float((rank == 1).mean()), 4) if worst else None,
            "top_5": round(float((rank <= FIRST).mean()), 4) if worst else None,
        }

    return {"single_token_words": shares(single), "all_words": shares(every)}
