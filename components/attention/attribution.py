"""`attribute(model, ids)`: a prediction as a sum of what each part of the model wrote into the residual stream.

The stream at the last token is the embedding plus what each head and each feed-forward layer added. The final norm is
taken with the scale that it had in this pass (frozen), so it is linear and so is the vocabulary matrix: the target's
logit is the sum of one number a part. Where a model norms what a block adds before adding it (Gemma 2), that norm's
scale is frozen too.

It shows *direct* effects only: what a part says to the vocabulary itself. A head that writes what a later head reads
stands here with nothing, and turning it off may still change everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from components.attention.restart import begin, check_target
from components.workshop import FORWARD

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float32]
AGREES = 1e-3


@dataclass(frozen=True)
class Attribution:
    """A logit taken apart. All in logits, before any soft cap.

    Attributes:
        target: the token.
        versus: "mean" where the mean over the vocabulary is taken off, a token id where that token's logit is, or None.
        embedding: the token's own vector, with its position where positions are added.
        heads: [layer, head].
        attention_bias: [layer], the output projections' own biases.
        feed_forward: [layer].
        norm_bias: the final norm's.
        head_bias: the vocabulary matrix's.
        logit: what the model gives, for comparison with `total`.
        softcap: c where the model shows c * tanh(logit / c) instead (Gemma 2), else None.
    """

    target: int
    versus: Literal["mean"] | int | None
    embedding: float
    heads: Floats
    attention_bias: Floats
    feed_forward: Floats
    norm_bias: float
    head_bias: float
    logit: float
    softcap: float | None

    @property
    def total(self) -> float:
        """The sum of all parts."""
        parts = (self.heads, self.attention_bias, self.feed_forward)
        return self.embedding + self.norm_bias + self.head_bias + sum(float(part.sum(dtype=float)) for part in parts)


@dataclass(frozen=True)
class _Frozen:
    """A norm with the scale that it had for one vector: linear, up to its bias."""

    gain: torch.Tensor
    bias: torch.Tensor | None
    centres: bool
    scale: torch.Tensor

    def __call__(self, vector: torch.Tensor) -> torch.Tensor:
        """[..., width], the bias left out."""
        if self.centres:
            vector = vector - vector.mean(-1, keepdim=True)
        return vector * self.gain * self.scale


def _freeze(norm: Any, vector: torch.Tensor) -> _Frozen:
    """Any LayerNorm or RMSNorm, frozen at a vector [width] in float64.

    What it multiplies by is read off its answers: an RMSNorm gives its gain for a vector of large equal numbers,
    whichever way it writes that gain down (Gemma adds 1).
    """
    import torch

    bias = getattr(norm, "bias", None)
    centres = isinstance(norm, torch.nn.LayerNorm)
    gain = norm.weight if centres else norm(torch.full_like(vector, 1e4))
    given = norm(vector).double()
    one = torch.ones((), dtype=torch.float64)
    frozen = _Frozen(gain.double(), None if bias is None else bias.double(), centres, one)
    flat = frozen(vector.double())
    left = given if frozen.bias is None else given - frozen.bias
    scale = (left @ flat) / (flat @ flat).clamp_min(1e-300)
    if float((flat * scale - left).norm()) > AGREES * max(float(left.norm()), 1e-9):
        raise ValueError("The final norm of this model is of a kind that cannot be taken apart; choose another model.")
    return _Frozen(frozen.gain, frozen.bias, centres, scale)


def attribute(
    model: Any,
    ids: Sequence[int] | NDArray[np.integer[Any]],
    target: int | None = None,
    versus: Literal["mean"] | int | None = "mean",
) -> Attribution:
    """Take the next token's logit apart.

    Args:
        model: what `open_model` returns, or a transformers decoder.
        ids: the token ids of one text, [token].
        target: the token; by default the one that the model finds likeliest.
        versus: what is taken off. "mean": the mean over the vocabulary, since a number added to all logits changes no
            probability; a token id: why the target and not this token; None: the bare logit.

    Raises:
        ValueError: an encoder; a token outside the vocabulary; a model whose parts do not add up to its own logit; or
            as `capture` does.
    """
    import torch

    start = begin(model, ids)
    parts = start.parts
    if not start.predicts or parts.final_norm is None or parts.unembedding is None:
        raise ValueError("Only a decoder's prediction is a sum over its parts; choose a decoder.")
    with FORWARD, torch.inference_mode():
        streams = [stream[0, -1].double() for stream in start.streams]
        last = start.streams[-1][0, -1]
        norm = _freeze(parts.final_norm, last)
        scores = parts.head(parts.final_norm(last)).double()  # type: ignore[misc]
        check_target(target, scores.numel())
        target = int(scores.argmax()) if target is None else int(target)
        if isinstance(versus, int):
            check_target(versus, scores.numel())
        matrix = parts.unembedding
        towards = matrix[target].double()
        logit = scores[target]
        bias = _head_bias(model)
        head_bias = 0.0 if bias is None else float(bias[target])
        if versus is not None:
            off = matrix.double().mean(0) if versus == "mean" else matrix[versus].double()
            towards = towards - off
            logit = logit - (scores.mean() if versus == "mean" else scores[versus])
            if bias is not None:
                head_bias -= float(bias.double().mean() if versus == "mean" else bias[versus])
        heads, biases, feeds = [], [], []
        for layer in range(start.layers):
            projection = parts.projection(layer)
            each = torch.einsum("hd,hdw->hw", start.outputs[layer][-1].double(), projection.weight.double())
            own = None if projection.bias is None else projection.bias.double()
            added = each.sum(0) if own is None else each.sum(0) + own
            post = _norm_after_attention(parts.blocks[layer])
            if post is not None:
                inner = _freeze(post, added.float())
                each, own = inner(each), None if own is None else inner(own)
                added = inner(added)
            heads.append(norm(each) @ towards)
            biases.append(0.0 if own is None else float(norm(own) @ towards))
            feeds.append(float(norm(streams[layer + 1] - streams[layer] - added) @ towards))
        made = Attribution(
            target=target,
            versus=versus,
            embedding=float(norm(streams[0]) @ towards),
            heads=torch.stack(heads).float().numpy(),
            attention_bias=np.array(biases, dtype=np.float32),
            feed_forward=np.array(feeds, dtype=np.float32),
            norm_bias=0.0 if norm.bias is None else float(norm.bias @ towards),
            head_bias=head_bias,
            logit=float(logit),
            softcap=parts.softcap,
        )
    if abs(made.total - made.logit) > AGREES * max(1.0, abs(made.logit)):
        raise ValueError(
            f"The parts of this model add up to {made.total:.3f}, and its logit is {made.logit:.3f}, so they are not "
            "shown; choose another model."
        )
    for array in (made.heads, made.attention_bias, made.feed_forward):
        array.setflags(write=False)
    return made


def _head_bias(model: Any) -> torch.Tensor | None:
    from components.attention.capture import library_model

    bias: torch.Tensor | None = getattr(library_model(model).get_output_embeddings(), "bias", None)
    return bias


def _norm_after_attention(block: Any) -> Any | None:
    """The norm through which a block's attention goes before it is added (Gemma 2, OLMo 2), or None.

    Most libraries call the norm *before* the feed-forward layer `post_attention_layernorm`; only where there is also
    one after the feed-forward layer does the name mean what it says.
    """
    return getattr(block, "post_attention_layernorm", None) if hasattr(block, "post_feedforward_layernorm") else None
