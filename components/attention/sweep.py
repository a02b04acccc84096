"""`sweep(model, ids)`: every head turned off by itself, and what that does to the prediction.

A head of layer l leaves everything before block l as it was, so each experiment goes on from the residual stream that
was kept there. The heads of a layer stand on the batch axis, as many as make a full batch for their length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.attention.ablation import divergence
from components.attention.halves import last_without_each, take_apart
from components.attention.restart import Start, begin, check_how, check_target, silent
from components.attention.tap import Change

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float32]
# Tokens in one batch: a processor gains nothing from more, and memory stays bounded for any length.
BATCH_TOKENS = 512


@dataclass(frozen=True)
class Sweep:
    """Every head turned off in turn; arrays are [layer, head]. None where the model gives no such number.

    Attributes:
        how: "zero" or "mean".
        target: the next token that is watched; None for an encoder.
        base: its log-probability with every head on, in nats.
        target_change: change of that log-probability; below 0: without the head it is less likely, so the head helped.
        kl: how far all next-token probabilities moved, KL(before || after) in nats.
        loss_base: mean negative log-likelihood of the text in nats a token, every head on; None where not asked for.
        loss_change: its change; above 0: without the head the text is harder to predict.
        moved: 1 - cosine of a token's last vector before and after, mean over tokens; None where only the last position
            was computed, which is all that a decoder's prediction needs.
    """

    how: str
    target: int | None
    base: float | None
    target_change: Floats | None
    kl: Floats | None
    loss_base: float | None
    loss_change: Floats | None
    moved: Floats | None


def passes(layers: int, heads: int) -> float:
    """How many whole forward passes a sweep comes to: restarted, on average a little over half of one a head."""
    return heads * (layers + 1) / 2 + 1


def sweep(
    model: Any,
    ids: Sequence[int] | NDArray[np.integer[Any]],
    how: str = "zero",
    target: int | None = None,
    *,
    loss: bool = False,
    check: Callable[[], None] = silent,
    report: Callable[[int, int], None] = silent,
) -> Sweep:
    """Turn each head off by itself.

    Args:
        model: what `open_model` returns, or a transformers decoder or encoder.
        ids: the token ids of one text, [token].
        how: "zero" or "mean", see `components.attention.ablation`.
        target: the next token to watch; by default the one that the model finds likeliest.
        loss: also the change of the text's loss, which needs the logits at every position and takes longer.
        check: called between batches; raise in it to stop.
        report: called with the number of heads done and of all heads.

    Raises:
        ValueError: as `ablate` does.
    """
    import torch

    start = begin(model, ids)
    check_how(how, int(start.ids.size))
    before = start.streams[-1][0]
    log_before: NDArray[np.float32] | None = None
    if start.predicts:
        log_before = start.log_probabilities(before[-1]).numpy()
        check_target(target, log_before.size)
        target = int(log_before.argmax()) if target is None else int(target)
    shape = (start.layers, start.heads)
    found = {name: np.zeros(shape, dtype=np.float32) for name in ("target", "kl", "loss", "moved")}
    loss_base = start.loss(before) if loss else None
    old = start.vectors(before)
    rows = max(1, BATCH_TOKENS // int(start.ids.size))
    # Everything at every position is needed for the loss and for an encoder's vectors alone.
    whole = loss or log_before is None
    halves = None if whole else take_apart(start)
    for layer in range(start.layers):
        for first in range(0, start.heads, rows):
            check()
            some = range(first, min(first + rows, start.heads))
            if halves is not None:
                _note(found, layer, some, start.log_probabilities(last_without_each(start, halves, layer, some, how)),
                      log_before, target)
                report(layer * start.heads + some.stop, start.layers * start.heads)
                continue
            after = start.go_on(
                layer, start.streams[layer].expand(len(some), -1, -1), _one_a_row(start, layer, some, how)
            )
            if log_before is not None:
                _note(found, layer, some, start.log_probabilities(after[:, -1]), log_before, target)
            if not whole:
                report(layer * start.heads + some.stop, start.layers * start.heads)
                continue
            new = start.vectors(after)
            cosine = torch.nn.functional.cosine_similarity(new, old[None], dim=-1)
            found["moved"][layer, some.start : some.stop] = (1 - cosine).mean(-1).numpy()
            if loss_base is not None:
                for row, head in enumerate(some):
                    check()
                    found["loss"][layer, head] = (start.loss(after[row]) or 0.0) - loss_base
            report(layer * start.heads + some.stop, start.layers * start.heads)
    for array in found.values():
        array.setflags(write=False)
    predicts = log_before is not None
    return Sweep(
        how=how,
        target=target if predicts else None,
        base=float(log_before[target]) if log_before is not None else None,
        target_change=found["target"] if predicts else None,
        kl=found["kl"] if predicts else None,
        loss_base=loss_base,
        loss_change=found["loss"] if loss_base is not None else None,
        moved=found["moved"] if whole else None,
    )


def _note(
    found: dict[str, Floats], layer: int, heads: range, predicted: torch.Tensor, before: Any, target: int | None
) -> None:
    """Keep what these heads' log-probabilities [head, vocabulary] say."""
    after = predicted.numpy()
    for row, head in enumerate(heads):
        found["target"][layer, head] = after[row, target] - before[target]
        found["kl"][layer, head] = divergence(before, after[row])


def _one_a_row(start: Start, at: int, heads: range, how: str) -> Change:
    """Row b of the batch has head `heads[b]` of layer `at` off."""
    values = start.instead(at, how)

    def change(stack: int, layer: int, output: torch.Tensor) -> torch.Tensor:
        if layer != at:
            return output
        kept = output.clone()
        for row, head in enumerate(heads):
            kept[row, :, head] = values[head]
        return kept

    return change
