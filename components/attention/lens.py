"""The logit lens: what a model would say if it had to answer after each layer.

The residual stream after every block goes through the model's own final norm and head, as only the last one does in an
ordinary pass. The last row is therefore the model's real answer; the rows above were never meant to be read, and say
what is already decided there in the model's own last language.

Source: nostalgebraist, "interpreting GPT: the logit lens" (2020).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.attention.anatomy import anatomy
from components.attention.capture import check_finite, library_model, observe
from components.attention.limits import check_ids
from components.attention.tap import Attended, Recorder
from components.workshop import FORWARD

if TYPE_CHECKING:
    import torch

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


class _Streams(Recorder):
    """Keeps the residual stream of the last positions, layer by layer."""

    def __init__(self, start: int, check: Callable[[], None]) -> None:
        self.start = start
        self.check = check
        self.streams: dict[int, torch.Tensor] = {}

    def attention(self, told: Attended) -> None:
        self.check()
        check_finite(told.weights, told.layer)

    def block(self, index: int, stream: torch.Tensor) -> None:
        self.streams[index] = stream[0, self.start :].clone()


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
    import torch

    library = library_model(model)
    checked = check_ids(ids, library.config)
    parts = anatomy(model)
    if parts.head is None:
        raise ValueError("This model predicts no tokens, so there is nothing to read early; choose another model.")
    if positions < 1:
        raise ValueError("The lens reads at least one position; ask for one or more.")
    start = max(0, checked.size - positions)
    recorder = _Streams(start, check)
    observe(library, checked, recorder, last_logits_only=True)
    layers = len(recorder.streams)
    columns = checked.size - start
    ids_of = np.zeros((layers, columns, TOP), dtype=np.int32)
    shares = np.zeros((layers, columns, TOP), dtype=np.float32)
    rank = np.zeros((layers, columns), dtype=np.int32)
    probability = np.zeros((layers, columns), dtype=np.float32)
    divergence = np.zeros((layers, columns), dtype=np.float32)
    with torch.inference_mode():
        final = answers = None
        for layer in range(layers - 1, -1, -1):
            check()
            with FORWARD:
                logs = parts.logits(recorder.streams[layer]).float().log_softmax(-1)
            if final is None or answers is None:
                final, answers = logs, logs.argmax(-1)
            best = logs.topk(TOP, dim=-1)
            ids_of[layer], shares[layer] = best.indices.numpy(), best.values.exp().numpy()
            own = logs.gather(1, answers[:, None])
            rank[layer] = (logs > own).sum(-1).numpy() + 1
            probability[layer] = own[:, 0].exp().numpy()
            divergence[layer] = ((final.exp() * (final - logs)).sum(-1) / np.log(2)).clamp(min=0).numpy()
        answer_ids = np.zeros(0, dtype=np.int32) if answers is None else answers.numpy().astype(np.int32)
    for array in (checked, ids_of, shares, rank, probability, divergence, answer_ids):
        array.setflags(write=False)
    return Lens(checked, start, ids_of, shares, answer_ids, rank, probability, divergence)
