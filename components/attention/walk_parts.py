"""What happens inside one block, read off the block itself, and the same arithmetic worked out by hand.

A block runs once more, as a private copy with hooks of its own, on the arguments that the real pass gave it; the copy
shares every parameter and is thrown away. Which part plays which role follows from whose numbers enter whom, so that
norms before or after, side-by-side feed-forwards and fused projections need no branch for each architecture.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.attention.anatomy import output_linear
from components.attention.tap import Attended, Recorder, recording

if TYPE_CHECKING:
    import torch

Doubles = NDArray[np.float64]
_SPLIT = (("q_proj", "k_proj", "v_proj"), ("query", "key", "value"))
_THIRDS = ("c_attn", "Wqkv")
_BY_HEAD = ("query_key_value",)


@dataclass(frozen=True, eq=False)
class Call:
    """One part of the block at work: the module, what went in and what came out, [token, ...]."""

    name: str
    module: Any
    given: torch.Tensor
    made: torch.Tensor


class _Listen(Recorder):
    told: Attended

    def attention(self, told: Attended) -> None:
        self.told = told


@dataclass(frozen=True)
class Inside:
    """All calls of a block's smallest parts, in the order they ran, and what the attention told."""

    calls: tuple[Call, ...]
    told: Attended
    projection: Any

    def norms(self) -> list[Call]:
        """The block's own norms, those of single queries and keys left out."""
        return [one for one in self.calls if is_norm(one.module) and not one.name.endswith(("q_norm", "k_norm"))]

    def norm_into(self, tensor: torch.Tensor) -> Call | None:
        """The norm whose output this is."""
        return next((one for one in self.norms() if one.made.shape == tensor.shape and same(one.made, tensor)), None)

    def norm_of(self, tensor: torch.Tensor) -> Call | None:
        """The norm that was given this."""
        return next((one for one in self.norms() if one.given.shape == tensor.shape and same(one.given, tensor)), None)

    def joined(self) -> Call:
        """The output projection at work."""
        return next(one for one in self.calls if one.module is self.projection)

    def attends(self) -> list[Call]:
        """The linear maps inside the attention module, the output projection left out."""
        inner = {id(part) for part in self.told.module.modules()}
        return [one for one in self.calls if is_linear(one.module) and id(one.module) in inner
                and one.module is not self.projection]

    def feeds(self) -> list[Call]:
        """The linear maps of the feed-forward network, in the order they ran."""
        inner = {id(part) for part in self.told.module.modules()}
        return [one for one in self.calls if is_linear(one.module) and id(one.module) not in inner
                and one.module is not self.projection]

    def activation(self) -> Any | None:
        """The activation function's module, where it is one."""
        return next((one.module for one in self.calls if "GELU" in type(one.module).__name__.upper()
                     or "Activation" in type(one.module).__name__ or "SiLU" in type(one.module).__name__), None)


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors hold the same numbers."""
    import torch

    return one is other or bool(torch.equal(one, other))


def is_norm(module: Any) -> bool:
    return "Norm" in type(module).__name__


def is_linear(module: Any) -> bool:
    return type(module).__name__ in ("Linear", "Conv1D")


def look_inside(block: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> tuple[Inside, torch.Tensor]:
    """Run a private copy of a block on these arguments. Returns what its parts did, and its output [token, width].

    Call it under `workshop.FORWARD` and `torch.inference_mode()`.
    """
    memo: dict[int, Any] = {id(parameter): parameter for parameter in block.parameters()}
    private = copy.deepcopy(block, memo)
    calls: list[Call] = []

    def hook_for(name: str) -> Callable[..., None]:
        def hook(module: Any, given: tuple[Any, ...], made: Any) -> None:
            if given and hasattr(given[0], "shape") and hasattr(made, "shape"):
                calls.append(Call(name, module, given[0][0], made[0]))

        return hook

    for name, part in private.named_modules():
        if not list(part.children()):
            part.register_forward_hook(hook_for(name))
    listen = _Listen()
    with recording(listen):
        output = private(*arguments, **named)
    output = output[0] if isinstance(output, tuple) else output
    return Inside(tuple(calls), listen.told, output_linear(private)), output[0]


# ------------------------------------------------------------------------------------------------------- worked by hand


def doubles(tensor: torch.Tensor) -> Doubles:
    """float64 in numpy."""
    array: Doubles = tensor.detach().double().cpu().numpy()
    return array


def linear(module: Any, given: Doubles) -> Doubles:
    """given @ W + b, [..., in] -> [..., out]."""
    weight = doubles(module.weight)
    made: Doubles = given @ (weight if type(module).__name__ == "Conv1D" else weight.T)
    bias = getattr(module, "bias", None)
    return made if bias is None else made + doubles(bias)


def normalise(module: Any, given: Doubles) -> Doubles:
    """LayerNorm or RMSNorm of the last axis, with the module's own eps, gain and shift."""
    eps = float(getattr(module, "variance_epsilon", getattr(module, "eps", 1e-6)))
    if "RMS" in type(module).__name__:
        made = given / np.sqrt((given**2).mean(-1, keepdims=True) + eps)
    else:
        made = (given - given.mean(-1, keepdims=True)) / np.sqrt(given.var(-1, keepdims=True) + eps)
    gain, shift = getattr(module, "weight", None), getattr(module, "bias", None)
    if gain is not None:
        # Gemma keeps its gains as the distance from 1.
        made = made * (doubles(gain) + (1.0 if type(module).__name__.startswith("Gemma") else 0.0))
    return made if shift is None else made + doubles(shift)


def activate(module: Any | None, given: Doubles) -> Doubles:
    """The activation function, by formula where it is a usual one."""
    name = type(module).__name__
    if name in ("SiLUActivation", "SiLU"):
        made: Doubles = given / (1 + np.exp(-given))
    elif name in ("GELUActivation", "GELU"):
        made = given * 0.5 * (1 + np.vectorize(math.erf)(given / math.sqrt(2)))
    elif name in ("NewGELUActivation", "GELUTanh", "PytorchGELUTanh"):
        made = 0.5 * given * (1 + np.tanh(math.sqrt(2 / math.pi) * (given + 0.044715 * given**3)))
    elif module is not None:
        import torch

        made = doubles(module(torch.from_numpy(given)))
    else:
        raise ValueError("The feed-forward network's activation is not found; choose another model.")
    return made


def projected(
    inside: Inside, row: Doubles, heads: int, kv_heads: int, dim: int
) -> tuple[Doubles, Doubles, Doubles] | None:
    """q [head, dim], k and v [key-value head, dim] of one token from what entered the attention; None if not known."""
    maps = {one.name.split(".")[-1]: one.module for one in inside.attends()}
    found: tuple[Doubles, Doubles, Doubles] | None = None
    for names in _SPLIT:
        if all(name in maps for name in names):
            q, k, v = (linear(maps[name], row) for name in names)
            found = q.reshape(heads, dim), k.reshape(kv_heads, dim), v.reshape(kv_heads, dim)
    for name in _THIRDS:
        if name in maps:
            q, k, v = linear(maps[name], row).reshape(3, heads, dim)
            found = q, k, v
    for name in _BY_HEAD:
        if name in maps:
            parts = linear(maps[name], row).reshape(heads, 3, dim)
            found = parts[:, 0], parts[:, 1], parts[:, 2]
    if found is None:
        return None
    q, k, v = found
    for which in ("q_norm", "k_norm"):
        norm = getattr(inside.told.module, which, None)
        if norm is not None and is_norm(norm):
            q, k = (normalise(norm, q), k) if which == "q_norm" else (q, normalise(norm, k))
    return q, k, v


def rotate(vectors: Doubles, angles: Doubles, stretch: float) -> Doubles:
    """Turn the pairs (i, i + n) of the last axis by angle i, for the first 2 n dimensions; the others stay."""
    n = angles.size
    first, second = vectors[..., :n], vectors[..., n : 2 * n]
    cos, sin = np.cos(angles) * stretch, np.sin(angles) * stretch
    turned = np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
    return np.concatenate([turned, vectors[..., 2 * n :]], axis=-1)


@dataclass(frozen=True)
class Fed:
    """The feed-forward network on one token.

    Attributes:
        form: "gated", "two" layers, or "experts" where it has no plain linear maps.
        given: [width], what entered.
        inner: [hidden], what enters the last map; empty for experts.
        opens: [hidden], what entered the activation; empty for experts.
        here: [width], worked out; None for experts. model: [width], the model's own; None for experts.
    """

    form: str
    given: Doubles
    inner: Doubles
    opens: Doubles
    here: Doubles | None
    model: Doubles | None


def feed_forward(inside: Inside, at: int) -> Fed:
    """The feed-forward network at position `at`, from what entered it."""
    maps = inside.feeds()
    if not 2 <= len(maps) <= 3:
        none = np.zeros(0)
        return Fed("experts", none, none, none, None, None)
    given = doubles(maps[0].given[at])
    last = maps[-1]
    act = inside.activation()
    if len(maps) == 3:
        gate = next((one for one in maps[:2] if "gate" in one.name), maps[0])
        up = next(one for one in maps[:2] if one is not gate)
        opens = linear(gate.module, given)
        inner = activate(act, opens) * linear(up.module, given)
        form = "gated"
    else:
        opens = linear(maps[0].module, given)
        if opens.size == 2 * last.given.shape[-1]:  # both halves of a gated network in one map
            opens, through = np.split(opens, 2)
            inner, form = activate(act, opens) * through, "gated"
        else:
            inner, form = activate(act, opens), "two"
    return Fed(form, given, inner, opens, linear(last.module, inner), doubles(last.made[at]))
