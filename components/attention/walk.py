"""`walk(model, ids, position, layer, head)`: one forward pass as stations in reading order, in the model's own numbers.

Each station takes the model's numbers where the last one left them, works its own out again in float64 from the
weights, and is held against what the model computed. Where an architecture does a thing differently (learned positions,
a norm after each addition, feed-forward beside attention) the station carries another form, and its numbers are what
that form computes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.attention.anatomy import anatomy
from components.attention.capture import LayerCapture, check_finite, layer_capture, library_model
from components.attention.limits import check_ids
from components.attention.tap import Attended, Recorder, recording, twin
from components.attention.walk_ends import ending, start
from components.attention.walk_inside import attention_stations
from components.attention.walk_parts import look_inside
from components.attention.walk_station import Floats, Station, frozen_floats
from components.attention.walk_stream import feed_stations
from components.workshop import FORWARD

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Walk:
    """One forward pass, followed for one token, layer and head.

    Attributes:
        ids: [token].
        position, layer, head: what is followed.
        causal: True where no token looks ahead.
        stations: in the order of the forward pass.
    """

    ids: NDArray[np.int64]
    position: int
    layer: int
    head: int
    causal: bool
    stations: tuple[Station, ...]

    def station(self, name: str) -> Station:
        """The station of that name. Raises KeyError where this model has none."""
        return next(one for one in self.stations if one.name == name)


class _Path(Recorder):
    """Keeps the token's stream after every block, what entered the chosen block, and what its attention told."""

    def __init__(self, position: int, layer: int) -> None:
        self.position, self.layer = position, layer
        self.streams: dict[int, Floats] = {}
        self.first: Floats | None = None
        self.call: tuple[tuple[Any, ...], dict[str, Any]] | None = None
        self.given: torch.Tensor | None = None
        self.after: torch.Tensor | None = None
        self.seen: LayerCapture | None = None

    def attention(self, told: Attended) -> None:
        check_finite(told.weights, told.layer)
        if told.layer == self.layer:
            self.seen = layer_capture(told)

    def enter(self, index: int, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        if index == self.layer:
            self.call = arguments, dict(named)
            self.given = (arguments[0] if arguments else named["hidden_states"])[0]

    def block(self, index: int, stream: torch.Tensor) -> None:
        self.streams[index] = frozen_floats(stream[0, self.position])
        if index == 0:
            self.first = frozen_floats(stream[0])
        if index == self.layer + 1:
            self.after = stream[0]


def _within(name: str, value: int, below: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 0 <= value < below:
        raise ValueError(f"There is no {name} {value} here; choose one between 0 and {below - 1}.")
    return int(value)


def walk(
    model: Any, ids: Sequence[int] | NDArray[np.integer[Any]], position: int | None, layer: int, head: int
) -> Walk:
    """Follow one token through one forward pass.

    Args:
        model: what `open_model` returns, or a transformers decoder or encoder.
        ids: the token ids of one text, [token].
        position: the token that is followed, counted from 0; None for the last one.
        layer, head: the attention head that is opened up.

    Raises:
        ValueError: a token, layer or head that is not there; or as `capture` raises.
    """
    import torch

    library = library_model(model)
    checked = check_ids(ids, library.config)
    config = library.config
    if getattr(config, "is_encoder_decoder", False):
        raise ValueError("An encoder-decoder has two stacks of blocks; choose a decoder or an encoder to walk through.")
    at = _within("token", checked.size - 1 if position is None else position, int(checked.size))
    layer = _within("layer", layer, int(config.num_hidden_layers))
    head = _within("head", head, int(config.num_attention_heads))
    tapped = twin(library)
    batch = torch.from_numpy(checked)[None].to(next(tapped.parameters()).device)
    path = _Path(at, layer)
    with FORWARD, torch.inference_mode():
        with recording(path):
            output = tapped(input_ids=batch, attention_mask=torch.ones_like(batch), **_quietly(tapped, at))
        if path.call is None or path.seen is None or path.given is None or path.after is None or path.first is None:
            raise ValueError(f"{type(library).__name__} did not show its blocks; choose another model.")
        inside, again = look_inside(_block(tapped, layer), *path.call)
        logits = getattr(output, "logits", None)
        if logits is not None:
            logits = logits[0, 0 if logits.shape[1] == 1 else at].float()
        form = "normed" if anatomy(library).post_norm else "plain"
        causal = not np.triu(path.seen.mask, 1).any()
        stations = [
            *start(tapped, checked, at, path.first),
            *_layers("before", form, path.streams, 0, layer),
            *attention_stations(inside, path.seen, path.given, at, head, config),
            *feed_stations(inside, path.given, again, path.after, at),
            *_layers("after", form, path.streams, layer + 1, int(config.num_hidden_layers)),
            *ending(library, tapped, path.streams[int(config.num_hidden_layers)], logits, checked, at, causal),
        ]
    checked.setflags(write=False)
    return Walk(checked, at, layer, head, causal, tuple(stations))


def _quietly(tapped: Any, at: int) -> Mapping[str, Any]:
    """No cache, and logits of one position alone where the model can do that."""
    import inspect

    import torch

    accepted = inspect.signature(tapped.forward).parameters
    extra: dict[str, Any] = {"use_cache": False} if "use_cache" in accepted else {}
    if "logits_to_keep" in accepted:
        extra["logits_to_keep"] = torch.tensor([at])
    return extra


def _block(tapped: Any, layer: int) -> Any:
    from components.attention.tap import lengths, stacks

    return stacks(tapped, lengths(tapped.config))[0][layer]


def _layers(name: str, form: str, streams: Mapping[int, Floats], first: int, last: int) -> list[Station]:
    """The token's stream through the layers that are passed by; nothing where there are none."""
    if last <= first:
        return []
    rows = np.stack([streams[index] for index in range(first, last + 1)])
    return [Station(
        name=name,
        form=form,
        arrays={"stream": rows, "length": np.sqrt((rows.astype(np.float64) ** 2).sum(-1)).astype(np.float32)},
        facts={"first": first, "last": last - 1, "layers": last - first, "width": int(rows.shape[1])},
    )]
