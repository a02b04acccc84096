"""`capture(model, ids)`: everything attention did in one forward pass, as frozen arrays."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.attention.limits import check_ids
from components.attention.tap import Attended, Recorder, recording, twin
from components.workshop import FORWARD

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class LayerCapture:
    """One layer's attention for one text. Query head h uses key-value head h // (heads / key-value heads).

    Attributes:
        weights: [head, query, key], each row a share of 1 (less where a model has a learned sink).
        query: [head, token, dim], after rotary positions and any norm.
        key: [key-value head, token, dim], after rotary positions and any norm.
        value: [key-value head, token, dim].
        scale: the factor on the product of query and key, before mask and softmax.
        mask: [query, key], True where the query may look.
        output: [token, head, dim], weights times values, before the output projection joins the heads.
        bias: [head, query, key], what relative positions add to a score (T5), or None.
        softcap: c in c * tanh(score / c) (Gemma 2), or None.
        sinks: [head], a learned score that takes its share of every row and then is dropped (GPT-OSS), or None.
        window: how many keys a query sees at most, itself among them, or None.
        query_before, key_before: before rotary positions turned them; None where a model has none.
    """

    weights: Floats
    query: Floats
    key: Floats
    value: Floats
    scale: float
    mask: NDArray[np.bool_]
    output: Floats
    bias: Floats | None = None
    softcap: float | None = None
    sinks: Floats | None = None
    window: int | None = None
    query_before: Floats | None = None
    key_before: Floats | None = None


@dataclass(frozen=True)
class Capture:
    """One forward pass over one text.

    Attributes:
        ids: [token], the token ids.
        layers: one `LayerCapture` a layer, in the order of the forward pass.
        residual: [layer + 1, token, width], the stream before the first block and after each; before the final norm.
        logits: [token, vocabulary] where the model has a language-model head, else None.
    """

    ids: NDArray[np.int64]
    layers: tuple[LayerCapture, ...]
    residual: Floats
    logits: Floats | None

    @property
    def weights(self) -> Floats:
        """All weights [layer, head, query, key], stacked anew at each call; for models whose layers are alike."""
        return np.stack([layer.weights for layer in self.layers])

    @property
    def causal(self) -> bool:
        """True where no query looks ahead, as in a decoder."""
        return all(not np.triu(layer.mask, 1).any() for layer in self.layers)


def library_model(model: Any) -> Any:
    """The transformers model inside an `OpenModel`, or the model itself."""
    # A transformers model has an attribute `model` too, which would lack the language-model head.
    library = model if hasattr(model, "named_modules") else getattr(model, "model", None)
    if library is None or not hasattr(library, "config"):
        raise ValueError("This is no model to look into; pass what open_model returns, or a transformers model.")
    return library


def visible(mask: torch.Tensor | None, queries: int, keys: int) -> NDArray[np.bool_]:
    """An additive mask [batch, 1, query, key] as booleans [query, key]; no mask means that all is visible."""
    if mask is None:
        return np.ones((queries, keys), dtype=np.bool_)
    lowest = -1e4 if mask.dtype.itemsize == 2 else -1e9
    seen: NDArray[np.bool_] = (mask[0, 0, :, :keys] > lowest).cpu().numpy()
    return np.broadcast_to(seen, (queries, keys)).copy()


def frozen(tensor: torch.Tensor) -> Floats:
    """A read-only float32 copy in numpy, without the batch axis."""
    array: Floats = np.array(tensor[0].detach().float().cpu().numpy(), dtype=np.float32, copy=True)
    array.setflags(write=False)
    return array


def observe(model: Any, ids: NDArray[np.int64], recorder: Recorder, *, last_logits_only: bool) -> Any:
    """One forward pass of the model's twin, told to `recorder`; returns the library's output."""
    import torch

    library = library_model(model)
    if getattr(library.config, "is_encoder_decoder", False):
        raise ValueError("An encoder-decoder has three kinds of attention; choose a decoder or an encoder.")
    tapped = twin(library)
    accepted = inspect.signature(tapped.forward).parameters
    extra: dict[str, Any] = {}
    if "use_cache" in accepted:
        extra["use_cache"] = False
    if last_logits_only and "logits_to_keep" in accepted:
        extra["logits_to_keep"] = 1
    batch = torch.from_numpy(ids)[None].to(next(tapped.parameters()).device)
    with FORWARD, torch.inference_mode(), recording(recorder):
        return tapped(input_ids=batch, attention_mask=torch.ones_like(batch), **extra)


class _KeepAll(Recorder):
    """A recorder that keeps everything."""

    def __init__(self) -> None:
        self.layers: list[LayerCapture] = []
        self.residual: dict[int, Floats] = {}

    def attention(self, told: Attended) -> None:
        self.layers.append(layer_capture(told))

    def block(self, index: int, stream: torch.Tensor) -> None:
        self.residual[index] = frozen(stream)


def layer_capture(told: Attended) -> LayerCapture:
    """What a layer did, as frozen arrays without the batch axis."""
    seen = visible(told.mask, told.weights.shape[-2], told.weights.shape[-1])
    seen.setflags(write=False)
    before = told.before_rotary()
    sinks = None if told.sinks is None else frozen(told.sinks[None])
    return LayerCapture(
        weights=frozen(told.weights),
        query=frozen(told.query),
        key=frozen(told.key),
        value=frozen(told.value),
        scale=told.scale,
        mask=seen,
        output=frozen(told.output),
        bias=None if told.bias is None else frozen(told.bias),
        softcap=told.softcap,
        sinks=sinks,
        window=told.window,
        query_before=None if before is None else frozen(before[0]),
        key_before=None if before is None else frozen(before[1]),
    )


def check_finite(weights: Floats | torch.Tensor, layer: int) -> None:
    """ValueError where a model's weights are damaged and its attention is no number."""
    total = float(weights.sum())
    if total != total or total in (float("inf"), float("-inf")):
        raise ValueError(
            f"Layer {layer} of this model gave values that are no numbers, so its files are damaged; fetch it again."
        )


def capture(model: Any, ids: Sequence[int] | NDArray[np.integer[Any]]) -> Capture:
    """Run one forward pass and keep what attention did in it.

    Args:
        model: what `components.models.open.open_model` returns, or any transformers decoder or encoder.
        ids: the token ids of one text, [token].

    Returns:
        a frozen `Capture`: per layer weights [head, query, key], q, k, v, scale and mask; the residual stream; logits.
        The weights equal those of `attn_implementation="eager"` with `output_attentions=True`.

    Raises:
        ValueError: no ids, ids of another vocabulary, a text longer than the model or the memory allows, a model
            whose attention cannot be read or whose weights are damaged.

    Source: AttentionInterface of the transformers library (5.23); see `tap.py`. Any number of threads may capture
    from one loaded model at a time, and the model itself is left as it is.
    """
    library = library_model(model)
    checked = check_ids(ids, library.config)
    recorder = _KeepAll()
    output = observe(library, checked, recorder, last_logits_only=False)
    if not recorder.layers:
        raise ValueError(f"{type(library).__name__} showed no attention; choose another model.")
    for index, layer in enumerate(recorder.layers):
        check_finite(layer.weights, index)
    logits = getattr(output, "logits", None)
    checked.setflags(write=False)
    residual = [recorder.residual[index] for index in sorted(recorder.residual)]
    stacked = np.stack(residual) if residual else np.zeros((0, checked.size, 0), dtype=np.float32)
    stacked.setflags(write=False)
    return Capture(
        ids=checked,
        layers=tuple(recorder.layers),
        residual=stacked,
        logits=None if logits is None else frozen(logits),
    )
