"""One forward pass kept so that it can be entered again at any block: what ablation, sweeps and attribution share.

Turning off a head of layer l changes nothing before block l. So a pass is run once, the residual stream before each
block is kept with the arguments of that block's call, and every experiment goes on from the block that it changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.attention.anatomy import Anatomy, anatomy
from components.attention.capture import check_finite, library_model, observe, visible
from components.attention.limits import check_ids
from components.attention.tap import Attended, Change, Recorder, changing, twin
from components.workshop import FORWARD

if TYPE_CHECKING:
    import torch

Head = tuple[int, int]
#: What a head that is turned off gives instead: nothing, or its mean output over the positions of this very text.
HOWS = ("zero", "mean")


class _Keep(Recorder):
    def __init__(self) -> None:
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.streams: list[torch.Tensor] = []
        self.outputs: list[torch.Tensor] = []
        self.causal = True

    def enter(self, index: int, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        rest = {name: value for name, value in named.items() if name != "hidden_states"}
        self.calls.append((arguments[1:], rest))

    def block(self, index: int, stream: torch.Tensor) -> None:
        self.streams.append(stream)

    def attention(self, told: Attended) -> None:
        check_finite(told.weights, told.layer)
        if not self.outputs:
            self.causal = not np.triu(visible(told.mask, *told.weights.shape[-2:]), 1).any()
        self.outputs.append(told.output[0])


@dataclass(frozen=True)
class Start:
    """A forward pass over one text, as it was and ready to go on from any block.

    Attributes:
        ids: [token].
        parts: where the parts of the tapped twin are.
        streams: the residual stream [1, token, width] before each block and after the last, layers + 1 of them.
        outputs: a layer's heads [token, head, dim], before the output projection.
        causal: True where no token looks ahead.
        calls: what each block was called with besides the stream.
    """

    ids: NDArray[np.int64]
    parts: Anatomy
    streams: tuple[torch.Tensor, ...]
    outputs: tuple[torch.Tensor, ...]
    causal: bool
    calls: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...]

    @property
    def layers(self) -> int:
        return len(self.outputs)

    @property
    def heads(self) -> int:
        return self.parts.heads

    @property
    def predicts(self) -> bool:
        """Whether the model gives the next token: a decoder with a language-model head."""
        return self.causal and self.parts.head is not None

    def instead(self, layer: int, how: str) -> torch.Tensor:
        """What each head of a layer gives when it is turned off, [head, dim]."""
        output = self.outputs[layer]
        return output.mean(0) if how == "mean" else output.new_zeros(output.shape[1:])

    def block(self, layer: int, stream: torch.Tensor) -> torch.Tensor:
        """Run one block on a stream [batch, token, width]."""
        arguments, named = self.calls[layer]
        given = self.parts.blocks[layer](stream, *arguments, **named)
        told: torch.Tensor = given[0] if isinstance(given, tuple) else given
        return told

    def go_on(self, layer: int, stream: torch.Tensor, change: Change | None = None) -> torch.Tensor:
        """From the stream before block `layer` to the stream after the last one, under one change."""
        import torch

        with FORWARD, torch.inference_mode(), changing(change):
            for at in range(layer, self.layers):
                stream = self.block(at, stream)
        return stream

    def without(self, heads: Sequence[Head], how: str) -> torch.Tensor:
        """The last stream [token, width] when these heads are off, all at once."""
        if not heads:
            return self.streams[-1][0]
        first = min(layer for layer, _ in heads)
        return self.go_on(first, self.streams[first], turned_off(self, heads, how))[0]

    def log_probabilities(self, stream: torch.Tensor) -> torch.Tensor:
        """What the model predicts from a last stream [..., width]: log-probabilities [..., vocabulary], in nats."""
        import torch

        with FORWARD, torch.inference_mode():
            return torch.log_softmax(self.parts.logits(stream).float(), dim=-1)

    def loss(self, stream: torch.Tensor) -> float | None:
        """Mean negative log-likelihood in nats a token of the text, from a last stream [token, width].

        None where nothing is predicted: one token, or no decoder. A hundred positions at a time, since a vocabulary
        of 50,000 takes 200 kB a position.
        """
        import torch

        if not self.predicts or self.ids.size < 2:
            return None
        wanted = torch.tensor(self.ids[1:])[:, None]
        total = 0.0
        for at in range(0, self.ids.size - 1, 100):
            rows = self.log_probabilities(stream[at : min(at + 100, self.ids.size - 1)])
            total -= float(rows.gather(1, wanted[at : at + rows.shape[0]]).double().sum())
        return total / (self.ids.size - 1)

    def vectors(self, stream: torch.Tensor) -> torch.Tensor:
        """What the model ends with for each token: the last stream after the final norm, where there is one."""
        import torch

        with torch.inference_mode():
            told: torch.Tensor = stream if self.parts.final_norm is None else self.parts.final_norm(stream)
        return told


def turned_off(start: Start, heads: Sequence[Head], how: str) -> Change:
    """The change that turns these heads off in every row of a batch."""
    by_layer: dict[int, list[int]] = {}
    for layer, head in heads:
        by_layer.setdefault(layer, []).append(head)
    values = {layer: start.instead(layer, how)[some] for layer, some in by_layer.items()}

    def change(stack: int, layer: int, output: torch.Tensor) -> torch.Tensor:
        if layer not in by_layer:
            return output
        kept = output.clone()
        kept[:, :, by_layer[layer]] = values[layer].to(kept.dtype)
        return kept

    return change


def begin(model: Any, ids: Sequence[int] | NDArray[np.integer[Any]]) -> Start:
    """Run one forward pass and keep what is needed to go on from any block.

    Args:
        model: what `open_model` returns, or a transformers decoder or encoder.
        ids: the token ids of one text, [token].

    Raises:
        ValueError: as `capture` does.
    """
    library = library_model(model)
    checked = check_ids(ids, library.config)
    parts = anatomy(twin(library))
    recorder = _Keep()
    observe(library, checked, recorder, last_logits_only=True)
    if len(recorder.outputs) != len(recorder.calls) or not recorder.outputs:
        raise ValueError(f"{type(library).__name__} showed no attention in some of its blocks; choose another model.")
    last = recorder.streams[-1]
    if not bool(last.isfinite().all()):
        raise ValueError("This model gave values that are no numbers, so its files are damaged; fetch it again.")
    checked.setflags(write=False)
    return Start(
        ids=checked,
        parts=parts,
        streams=tuple(recorder.streams),
        outputs=tuple(recorder.outputs),
        causal=recorder.causal,
        calls=tuple(recorder.calls),
    )


def check_how(how: str, tokens: int) -> None:
    """ValueError for an unknown way of turning off, or a mean over one token, which changes nothing."""
    if how not in HOWS:
        raise ValueError(f"A head can be set to zero or to its mean, not to '{how}'; choose one of the two.")
    if how == "mean" and tokens < 2:
        raise ValueError(
            "The mean of a head over a text of one token is what it gives already; choose zero, or a longer text."
        )


def check_heads(heads: Sequence[Sequence[int]], layers: int, count: int) -> tuple[Head, ...]:
    """The heads as (layer, head) in order, or a ValueError: none, one that the model has not, one named twice."""
    named: list[Head] = []
    for one in heads:
        if len(one) != 2 or not all(isinstance(part, int | np.integer) for part in one):
            raise ValueError("A head is named by two whole numbers; name each as (layer, head).")
        layer, head = int(one[0]), int(one[1])
        if not (0 <= layer < layers and 0 <= head < count):
            raise ValueError(
                f"There is no layer {layer}, head {head}: this model has layers 0 to {layers - 1} "
                f"with heads 0 to {count - 1}; choose one of them."
            )
        if (layer, head) in named:
            raise ValueError(f"Layer {layer}, head {head} is named twice, and a head is turned off once; name it once.")
        named.append((layer, head))
    if not named:
        raise ValueError("No head is turned off yet; pick one.")
    return tuple(sorted(named))


def check_target(target: int | None, vocabulary: int) -> None:
    """ValueError for a token that the vocabulary has not."""
    if target is not None and not 0 <= target < vocabulary:
        raise ValueError(f"Token {target} is outside the model's vocabulary of {vocabulary:,}; choose another target.")


def silent(*_: Any) -> None:
    """Nothing is reported and nothing is checked."""
