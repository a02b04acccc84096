"""The tap: one attention function that lets a forward pass run as always and tells what passed through it.

transformers hands every attention layer's q, k (after rotary positions and norms), v, mask and scale to one registered
function. The tap is such a function. It calls the model's own eager function, so every soft cap, learned sink or
relative bias is the library's, and then hands what it saw to the recorder of the present call.

Three things keep readers apart who share one loaded model:

- The shared model is never switched. The tap runs on a *twin*: the same parameters (the very same tensors), a module
  tree and a configuration of its own. Sampling goes on with the original, bit for bit.
- The recorder lives in a ContextVar, so two threads in the same twin never see each other's numbers.
- The twin's hooks are put there once, when it is made, and do nothing without a recorder.
"""

from __future__ import annotations

import copy
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import torch

NAME = "looking_glass_tap"


class Recorder(Protocol):
    """What wants to know about a forward pass. Tensors are the model's own: copy what you keep."""

    def attention(
        self,
        weights: torch.Tensor,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None,
        scale: float,
    ) -> None:
        """One attention layer: weights [batch, head, query, key], q [batch, head, query, dim], k and v [batch,
        key-value head, key, dim], an additive mask that broadcasts over the weights, the factor on q.k."""

    def block(self, index: int, stream: torch.Tensor) -> None:
        """The residual stream [batch, token, width]: index 0 before the first block, l + 1 after block l."""


_RECORDER: ContextVar[Recorder | None] = ContextVar("looking_glass_recorder", default=None)
_TWINS: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
_LOCK = threading.Lock()


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Everything that a twin computes in this thread inside the block is told to `recorder`."""
    token = _RECORDER.set(recorder)
    try:
        yield
    finally:
        _RECORDER.reset(token)


def _tap(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **kwargs: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The registered attention function; q, k and v come as [batch, head, token, dim]."""
    eager = getattr(sys.modules[type(module).__module__], "eager_attention_forward", None)
    if eager is None:
        raise ValueError("This model's library code has no eager attention to read from; choose another model.")
    output, weights = eager(module, query, key, value, attention_mask, **kwargs)
    recorder = _RECORDER.get()
    if recorder is not None:
        # The eager functions fall back to the same figure where a model passes no scale.
        scale = kwargs.get("scaling")
        recorder.attention(
            weights, query, key, value, attention_mask, float(query.shape[-1] ** -0.5 if scale is None else scale)
        )
    return output, weights


def _register() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    AttentionInterface.register(NAME, _tap)
    # Without a mask of the same name the library builds none at all, and a decoder silently looks ahead.
    AttentionMaskInterface.register(NAME, eager_mask)


def _blocks(model: torch.nn.Module, layers: int) -> list[torch.nn.Module]:
    """The model's blocks in order: the one list of modules that is as long as the model has layers."""
    from torch import nn

    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == layers:
            return list(module)
    return []


def _tell_input(index: int) -> Callable[..., None]:
    def hook(module: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        recorder = _RECORDER.get()
        if recorder is not None:
            recorder.block(index, arguments[0] if arguments else named["hidden_states"])

    return hook


def _tell_output(index: int) -> Callable[..., None]:
    def hook(module: Any, arguments: tuple[Any, ...], output: Any) -> None:
        recorder = _RECORDER.get()
        if recorder is not None:
            recorder.block(index, output[0] if isinstance(output, tuple) else output)

    return hook


def twin(model: Any) -> Any:
    """The tapped twin of a model: shares every parameter, made once, gone when the model goes.

    Raises ValueError where the library cannot route this model's attention through a registered function.
    """
    with _LOCK:
        known = _TWINS.get(model)
        if known is not None:
            return known
        can_switch = getattr(model, "_can_set_attn_implementation", None)
        if can_switch is None or not can_switch():
            raise ValueError(
                f"{type(model).__name__} does not let its attention be read; choose a model of the Hugging Face "
                "library that has an eager attention."
            )
        _register()
        # Seeding the memo with the parameters makes deepcopy reuse them, so a twin costs a module tree, not a model.
        memo: dict[int, Any] = {id(parameter): parameter for parameter in model.parameters()}
        made = copy.deepcopy(model, memo)
        made.set_attn_implementation(NAME)
        made.eval()
        blocks = _blocks(made, int(made.config.num_hidden_layers))
        for index, block in enumerate(blocks):
            if index == 0:
                block.register_forward_pre_hook(_tell_input(0), with_kwargs=True)
            block.register_forward_hook(_tell_output(index + 1))
        _TWINS[model] = made
        return made
