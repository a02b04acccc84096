"""Where the parts of a library model are, under one set of names for every architecture.

The attention's output projection W_O is cut into one piece a head, since a layer adds the sum over heads of z_h W_O^h
to the residual stream; that sum is what value-weighted attention, direct logit attribution and the walk speak of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.attention.capture import library_model
from components.attention.tap import lengths, stacks

if TYPE_CHECKING:
    import torch

# What the libraries call these parts.
_PROJECTIONS = ("o_proj", "c_proj", "out_proj", "Wo", "o", "dense")
_FINAL_NORMS = ("norm", "ln_f", "final_layer_norm", "final_norm", "final_layernorm")


@dataclass(frozen=True)
class OutputProjection:
    """W_O of one block.

    Attributes:
        weight: [head, dim, width].
        bias: [width], or None.
    """

    weight: torch.Tensor
    bias: torch.Tensor | None


@dataclass(frozen=True)
class Anatomy:
    """The parts of a decoder or an encoder. The modules are the shared model's own: read them, never change them.

    Attributes:
        embedding: token ids -> vectors, a table [vocabulary, width].
        blocks: in the order of the forward pass.
        final_norm: the norm after the last block, or None where each block ends in one (BERT).
        head: the stream after the final norm [..., width] -> scores [..., vocabulary], or None.
        unembedding: [vocabulary, width], the matrix of the head's last step, or None.
        softcap: c in c * tanh(logit / c) (Gemma 2), or None.
        post_norm: True where the norm comes after each addition to the stream, as in BERT.
        heads: query heads a block.
    """

    embedding: Any
    blocks: tuple[Any, ...]
    final_norm: Any | None
    head: Callable[[torch.Tensor], torch.Tensor] | None
    unembedding: torch.Tensor | None
    softcap: float | None
    post_norm: bool
    heads: int

    def logits(self, stream: torch.Tensor) -> torch.Tensor:
        """What the model would predict from a residual stream [..., width]: final norm, head, soft cap.

        Raises ValueError where the model has no language-model head.
        """
        if self.head is None:
            raise ValueError("This model predicts no tokens; choose a decoder, or an encoder with a masked-word head.")
        scores = self.head(stream if self.final_norm is None else self.final_norm(stream))
        return scores if self.softcap is None else self.softcap * (scores / self.softcap).tanh()

    def projection(self, layer: int) -> OutputProjection:
        """The output projection of block `layer`, a piece a head. Raises ValueError where it is not found."""
        linear = output_linear(self.blocks[layer])
        # GPT-2's Conv1D keeps [in, out], a Linear [out, in].
        weight = linear.weight if type(linear).__name__ == "Conv1D" else linear.weight.T
        return OutputProjection(weight.reshape(self.heads, -1, weight.shape[1]), getattr(linear, "bias", None))


def anatomy(model: Any) -> Anatomy:
    """The parts of what `open_model` returns, or of a transformers decoder or encoder.

    Raises ValueError for an encoder-decoder, and for a model whose blocks are not found.
    """
    library = library_model(model)
    config = library.config
    if getattr(config, "is_encoder_decoder", False):
        raise ValueError("An encoder-decoder has two stacks of blocks; choose a decoder or an encoder.")
    found = stacks(library, lengths(config))
    if not found:
        raise ValueError(f"The blocks of {type(library).__name__} are not found; choose another model.")
    base = library.base_model
    final_norm = next((getattr(base, name) for name in _FINAL_NORMS if hasattr(base, name)), None)
    last = library.get_output_embeddings()
    return Anatomy(
        embedding=library.get_input_embeddings(),
        blocks=tuple(found[0]),
        final_norm=final_norm,
        head=_head(library, last),
        unembedding=None if last is None else last.weight,
        softcap=getattr(config, "final_logit_softcapping", None),
        post_norm=final_norm is None,
        heads=int(config.num_attention_heads),
    )


def _head(library: Any, last: Any | None) -> Callable[[torch.Tensor], torch.Tensor] | None:
    if last is None:
        return None
    if hasattr(library, "cls"):  # BERT: a layer and a norm of their own before the vocabulary
        return lambda stream: library.cls(stream)
    if hasattr(library, "head") and library.head is not last:  # ModernBERT
        return lambda stream: last(library.head(stream))
    return lambda stream: last(stream)


def output_linear(block: Any) -> Any:
    """The linear layer that joins a block's heads and projects them onto the stream."""
    for part in block.modules():
        if not type(part).__name__.endswith("Attention"):
            continue
        if hasattr(part, "output") and hasattr(part.output, "dense"):  # BERT: beside the module that attends
            return part.output.dense
        for name in _PROJECTIONS:
            if hasattr(part, name):
                return getattr(part, name)
    raise ValueError(f"The output projection of {type(block).__name__} is not found; choose another model.")
