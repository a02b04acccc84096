"""A block in two halves, attention and feed-forward, for a sweep that needs the last position only.

Turning off a head of layer l leaves that layer's queries, keys and weights as they were, so its attention need not run
again: the head's part is taken off what was added. And in the last block only the last position is read, so only it
goes through the feed-forward layer. Blocks of the two common forms are taken apart so, and the halves are held against
the recorded pass; where they do not give it again, nothing is taken apart.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.attention.restart import Start
from components.workshop import FORWARD

if TYPE_CHECKING:
    import torch

# Norm, attention, norm, feed-forward: as GPT-2 calls them, and as Llama and its many relatives do.
_FORMS = (
    ("ln_1", "attn", "ln_2", "mlp"),
    ("input_layernorm", "self_attn", "post_attention_layernorm", "mlp"),
)
AGREES = 1e-5


@dataclass(frozen=True)
class Halves:
    """stream + attention(norm(stream)), then that + feed-forward(norm(that)).

    Attributes:
        named: what the attention is called with besides the normed stream.
        between: the recorded stream [token, width] after attention, before the feed-forward layer.
    """

    first_norm: Any
    attention: Any
    second_norm: Any
    feed_forward: Any
    named: dict[str, Any]
    between: torch.Tensor

    def attend(self, stream: torch.Tensor) -> torch.Tensor:
        """[batch, token, width] -> the stream after attention."""
        told: torch.Tensor = stream + self.attention(hidden_states=self.first_norm(stream), **self.named)[0]
        return told

    def feed(self, stream: torch.Tensor) -> torch.Tensor:
        """[batch, token, width] after attention -> after the block."""
        told: torch.Tensor = stream + self.feed_forward(self.second_norm(stream))
        return told


def take_apart(start: Start) -> list[Halves] | None:
    """Every block in halves, or None where one block is of another form or does not add up to the recorded pass."""
    import torch

    found = []
    with FORWARD, torch.inference_mode():
        for layer, block in enumerate(start.parts.blocks):
            names = next((form for form in _FORMS if all(hasattr(block, name) for name in form)), None)
            if names is None or hasattr(block, "post_feedforward_layernorm") or hasattr(block, "crossattention"):
                return None
            projection = start.parts.projection(layer)
            added = torch.einsum("thd,hdw->tw", start.outputs[layer], projection.weight)
            if projection.bias is not None:
                added = added + projection.bias
            first, attention, second, feed_forward = (getattr(block, name) for name in names)
            between = start.streams[layer][0] + added
            half = Halves(first, attention, second, feed_forward, _named(start, layer), between)
            after = half.feed_forward(half.second_norm(half.between[None]))
            if not isinstance(after, torch.Tensor) or not _same(half.between[None] + after, start.streams[layer + 1]):
                return None
            found.append(half)
        last = found[-1]
        if not _same(last.attend(start.streams[-2]), last.between[None]):
            return None
    return found


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return float((one - other).abs().max()) <= AGREES * max(1.0, float(other.abs().max()))


def _named(start: Start, layer: int) -> dict[str, Any]:
    arguments, named = start.calls[layer]
    bound = inspect.signature(start.parts.blocks[layer].forward).bind(None, *arguments, **named).arguments
    rest = bound.pop("kwargs", {})
    return {
        name: value for name, value in {**bound, **rest}.items()
        if name != "hidden_states" and not name.startswith("encoder_")
    }


def last_without_each(start: Start, halves: list[Halves], layer: int, heads: range, how: str) -> torch.Tensor:
    """The last stream at the last position [head, width], each of these heads of a layer off by itself."""
    import torch

    with FORWARD, torch.inference_mode():
        rows = slice(heads.start, heads.stop)
        lost = (start.outputs[layer] - start.instead(layer, how))[:, rows]
        where = slice(-1, None) if layer == start.layers - 1 else slice(None)
        gone = torch.einsum("thd,hdw->htw", lost[where], start.parts.projection(layer).weight[rows])
        stream = halves[layer].feed(halves[layer].between[where] - gone)
        for at in range(layer + 1, start.layers - 1):
            stream = start.block(at, stream)
        if layer < start.layers - 1:
            last = halves[-1]
            stream = last.feed(last.attend(stream)[:, -1:])
        told: torch.Tensor = stream[:, -1]
    return told
