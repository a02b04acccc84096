"""The logit lens: what a model would say if it had to answer after each layer.

The residual stream after every block goes through the model's own final norm and head, as only the last one does in an
ordinary pass. The last row is therefore the model's real answer; the rows above were never meant to be read, and say
what is already decided there in the model's own last language.

Source: nostalgebraist, "interpreting GPT: the logit lens" (2020).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.attention.restart import begin

TOP = 5
# 24 columns of a 30-layer model are 744 answers over the whole vocabulary, about a second's work.
POSITIONS = 24


@dataclass(frozen=True)
class Lens:
    """The answers of every layer at the last positions of a text. Layer 0 is the embedding, before any block.

    Attributes:
        ids: [token], of the whole text.
        start: the first position that was read; the columns are start, start + 1, ...
        top_ids: [layer + 1, column, choice], the likeliest tokens, likeliest first.
        top_probabilities: the same shape, out of the full vocabulary.
        answer_ids: [column], the likeliest token after the last layer.
        answer_rank: [layer + 1, column], the answer's rank at each layer, 1 the likeliest.
        answer_probability: [layer + 1, column].
        divergence: [layer + 1, column], Kullback-Leibler divergence from the final distribution, in bits.
    """

    ids: NDArray[np.int64]
    start: int
    top_ids: NDArray[np.int32]
    top_probabilities: NDArray[np.float32]
    answer_ids: NDArray[np.int32]
    answer_rank: NDArray[np.int32]
    answer_probability: NDArray[np.float32]
    divergence: NDArray[np.float32]

    def decided(self, column: int) -> int:
        """The first layer from which on the final answer stays the likeliest."""
        first = self.answer_rank[:, column] == 1
        later_wrong = np.flatnonzero(~first)
        return 0 if later_wrong.size == 0 else int(later_wrong[-1]) + 1


def logit_lens(
    model: Any,
    ids: Sequence[int] | NDArray[np.integer[Any]],
    *,
    positions: int = POSITIONS,
    check: Callable[[], None] = lambda: None,
) -> Lens:
    """What each layer would answer, at the last `positions` positions.

    Args:
        model: what `open_model` returns, or a transformers decoder or masked encoder.
        ids: the token ids of one text, [token].
        positions: how many positions to read, counted from the end.
        check: called before each layer; raise in it to stop.

    Raises:
        ValueError: as `capture` does, and where the model has no language-model head.
    """
    if positions < 1:
        raise ValueError("The lens reads at least one position; ask for one or more.")
    run = begin(model, ids)
    if run.parts.head is None:
        raise ValueError("This model predicts no tokens, so there is nothing to read early; choose another model.")
    start = max(0, int(run.ids.size) - positions)
    final = run.log_probabilities(run.streams[-1][0, start:])
    answers = final.argmax(-1)
    rows: dict[str, list[NDArray[Any]]] = {"ids": [], "shares": [], "rank": [], "probability": [], "divergence": []}
    for stream in run.streams:
        check()
        logs = run.log_probabilities(stream[0, start:])
        best = logs.topk(TOP, dim=-1)
        own = logs.gather(1, answers[:, None])
        rows["ids"].append(best.indices.numpy().astype(np.int32))
        rows["shares"].append(best.values.exp().numpy())
        rows["rank"].append(((logs > own).sum(-1) + 1).numpy().astype(np.int32))
        rows["probability"].append(own[:, 0].exp().numpy())
        rows["divergence"].append(((final.exp() * (final - logs)).sum(-1) / np.log(2)).clamp(min=0).numpy())
    kept = {name: np.stack(layers) for name, layers in rows.items()}
    answer_ids = answers.numpy().astype(np.int32)
    for array in (*kept.values(), answer_ids):
        array.setflags(write=False)
    return Lens(
        run.ids, start, kept["ids"], kept["shares"], answer_ids, kept["rank"], kept["probability"], kept["divergence"]
    )
