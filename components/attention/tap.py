"""The tap: one attention function that lets a forward pass run as always and tells what passed through it.

transformers hands every attention layer's q, k (after rotary positions and norms), v, mask and scale to one registered
function. The tap is such a function. It calls the model's own eager function, so every soft cap, learned sink or
relative bias is the library's, and then hands what it saw to the recorder of the present call.

A second ContextVar holds a *change*: what the heads of this one forward pass are to give instead, so that heads can be
turned off without a hook. Ablation, patching and sweeps are thin cases of it.

Three things keep readers apart who share one loaded model:

- The shared model is never switched. The tap runs on a *twin*: the same parameters (the very same tensors), a module
  tree and a configuration of its own. Sampling goes on with the original, bit for bit.
- Recorder and change live in ContextVars, so two threads in the same twin never see each other's numbers.
- The twin's hooks are put there once, when it is made, and do nothing without a recorder.
"""

from __future__ import annotations

import copy
import inspect
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import torch

NAME = "looking_glass_tap"
# Where a twin's modules carry the place they stand in: (stack, layer). An encoder-decoder has two stacks.
PLACE = "looking_glass_place"


@dataclass(frozen=True)
class Attended:
    """What one attention layer did in one forward pass. Tensors are the model's own: copy what you keep.

    score = softcap(query . key * scale) + bias + mask, and weights = softmax of a row of scores, to which a model with
    a learned sink adds one more entry that it drops afterwards.

    Attributes:
        layer: counted from 0, in its own stack.
        stack: 0, or 1 for the decoder of an encoder-decoder.
        weights: [batch, head, query, key].
        query: [batch, head, query, dim], after rotary positions and any norm.
        key, value: [batch, key-value head, key, dim]; query head h uses h // (heads / key-value heads).
        mask: additive, broadcasts over the weights; None where everything is visible.
        scale: the factor on query . key.
        bias: relative positions [1, head, query, key] (T5), or None.
        softcap: c in c * tanh(score / c) (Gemma 2), or None.
        sinks: [head], a learned score that takes its share of each row (GPT-OSS), or None.
        window: how many keys a query sees at most, itself among them, or None.
        output: [batch, query, head, dim], weights times values, before the output projection and before any change.
        module: the twin's attention module.
        call: the arguments it was called with, by name.
    """

    layer: int
    stack: int
    weights: torch.Tensor
    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    mask: torch.Tensor | None
    scale: float
    bias: torch.Tensor | None
    softcap: float | None
    sinks: torch.Tensor | None
    window: int | None
    output: torch.Tensor
    module: Any
    call: Mapping[str, Any]

    def before_rotary(self) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Query and key as they were before rotary positions turned them, shaped like `query` and `key`.

        The module runs once more with a rotation by nothing (cosines 1, sines 0), so this holds whatever share of the
        dimensions an architecture turns and in whatever order. None where a model has no rotary positions.
        """
        import torch

        turned = self.call.get("position_embeddings")
        if not isinstance(turned, tuple) or len(turned) != 2:
            return None
        still = (torch.ones_like(turned[0]), torch.zeros_like(turned[1]))
        # A cache would grow by the same tokens a second time.
        arguments = {**self.call, "position_embeddings": still, "past_key_values": None}
        arguments = {name: value for name, value in arguments.items() if name in self.call}
        seen = _QueryAndKey()
        with recording(seen), changing(None):
            self.module(**arguments)
        return seen.query, seen.key


class Recorder:
    """What wants to know about a forward pass. Each method may be left out."""

    def attention(self, told: Attended) -> None:
        """One attention layer has computed."""

    def enter(self, index: int, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        """Block `index` is about to run with these arguments; the first one is the residual stream."""

    def block(self, index: int, stream: torch.Tensor) -> None:
        """The residual stream [batch, token, width]: index 0 before the first block, l + 1 after block l."""


class _QueryAndKey(Recorder):
    query: torch.Tensor
    key: torch.Tensor

    def attention(self, told: Attended) -> None:
        self.query, self.key = told.query, told.key


# (stack, layer, output [batch, query, head, dim]) -> the output to go on with.
Change = Callable[[int, int, "torch.Tensor"], "torch.Tensor"]

_RECORDER: ContextVar[Recorder | None] = ContextVar("looking_glass_recorder", default=None)
_CHANGE: ContextVar[Change | None] = ContextVar("looking_glass_change", default=None)
_CALLS: ContextVar[dict[int, dict[str, Any]] | None] = ContextVar("looking_glass_calls", default=None)
_TWINS: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
_LOCK = threading.Lock()


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Everything that a twin computes in this thread inside the block is told to `recorder`."""
    token, calls = _RECORDER.set(recorder), _CALLS.set({})
    try:
        yield
    finally:
        _RECORDER.reset(token)
        _CALLS.reset(calls)


@contextmanager
def changing(change: Change | None) -> Iterator[None]:
    """What heads give in this thread inside the block goes through `change` before it is projected."""
    token = _CHANGE.set(change)
    try:
        yield
    finally:
        _CHANGE.reset(token)


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
    stack, layer = getattr(module, PLACE, (0, 0))
    recorder, change = _RECORDER.get(), _CHANGE.get()
    if recorder is not None:
        # The eager functions fall back to the same figure where a model passes no scale.
        scale = kwargs.get("scaling")
        recorder.attention(
            Attended(
                layer=layer, stack=stack, weights=weights, query=query, key=key, value=value, mask=attention_mask,
                scale=float(query.shape[-1] ** -0.5 if scale is None else scale),
                bias=kwargs.get("position_bias"), softcap=kwargs.get("softcap"), sinks=kwargs.get("s_aux"),
                window=kwargs.get("sliding_window"), output=output, module=module,
                call=(_CALLS.get() or {}).pop(id(module), {}),
            )
        )
    if change is not None:
        output = change(stack, layer, output)
    return output, weights


def _register() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    AttentionInterface.register(NAME, _tap)
    # Without a mask of the same name the library builds none at all, and a decoder silently looks ahead.
    AttentionMaskInterface.register(NAME, eager_mask)


def stacks(model: torch.nn.Module, lengths: set[int]) -> list[list[torch.nn.Module]]:
    """The model's blocks in order, a list a stack: the outermost lists of modules as long as the model has layers."""
    from torch import nn

    found: list[list[torch.nn.Module]] = []
    inside: set[int] = set()
    for module in model.modules():
        if id(module) not in inside and isinstance(module, nn.ModuleList) and len(module) in lengths:
            found.append(list(module))
            # A T5 block holds a list of its own, of two or three parts.
            inside.update(id(part) for part in module.modules())
    return found


def lengths(config: Any) -> set[int]:
    """How many blocks a configuration names, for `stacks`."""
    names = ("num_hidden_layers", "num_layers", "num_decoder_layers")
    return {value for value in (getattr(config, name, None) for name in names) if isinstance(value, int)}


def _remember_call(module: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
    calls = _CALLS.get()
    if calls is not None:
        bound = inspect.signature(module.forward).bind(*arguments, **named).arguments
        # Of the parameters only the last may gather what is left over, and it does so under a name of its own.
        rest = bound.pop("kwargs", {})
        calls[id(module)] = {**bound, **rest}


def _tell_input(index: int) -> Callable[..., None]:
    def hook(module: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        recorder = _RECORDER.get()
        if recorder is not None:
            recorder.enter(index, arguments, named)
            if index == 0:
                recorder.block(0, arguments[0] if arguments else named["hidden_states"])

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
        every = stacks(made, lengths(made.config))
        for stack, blocks in enumerate(every):
            for layer, block in enumerate(blocks):
                for part in block.modules():
                    setattr(part, PLACE, (stack, layer))
                    if type(part).__name__.endswith("Attention"):
                        part.register_forward_pre_hook(_remember_call, with_kwargs=True)
        for index, block in enumerate(every[0] if every else []):
            block.register_forward_pre_hook(_tell_input(index), with_kwargs=True)
            block.register_forward_hook(_tell_output(index + 1))
        _TWINS[model] = made
        return made
