"""One layer of a model on one text, kept with its output projection: what the explanation of a weight begins from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.attention.anatomy import anatomy, output_linear
from components.attention.capture import (
    Floats,
    LayerCapture,
    check_finite,
    layer_capture,
    library_model,
    observe,
)
from components.attention.cell import Cell, cell_of
from components.attention.limits import check_ids
from components.attention.tap import Attended, Recorder


@dataclass(frozen=True)
class LayerReading:
    """What one layer did with one text, and how its heads are joined.

    Attributes:
        ids: [token]. index: which layer. layers: how many the model has.
        layer: the capture. projection: W_O, [head, dim, width]. projection_name: its module's name in the model.
    """

    ids: NDArray[np.int64]
    index: int
    layers: int
    layer: LayerCapture
    projection: Floats
    projection_name: str


class _KeepOne(Recorder):
    """A recorder that keeps one layer."""

    def __init__(self, index: int, check: Callable[[], None]) -> None:
        self.index = index
        self.check = check
        self.layer: LayerCapture | None = None

    def attention(self, told: Attended) -> None:
        self.check()
        if told.stack == 0 and told.layer == self.index:
            self.layer = layer_capture(told)


def read_layer(
    model: Any,
    ids: Sequence[int] | NDArray[np.integer[Any]],
    layer: int,
    *,
    check: Callable[[], None] = lambda: None,
) -> LayerReading:
    """One forward pass, of which one layer is kept.

    Args:
        model: what `open_model` returns, or a transformers decoder or encoder.
        ids: the token ids of one text, [token].
        layer: counted from 0.
        check: called at each layer; raise in it to stop.

    Raises ValueError as `capture` does, and for a layer that the model has not.
    """
    library = library_model(model)
    checked = check_ids(ids, library.config)
    parts = anatomy(library)
    layers = len(parts.blocks)
    if not 0 <= layer < layers:
        raise ValueError(f"There is no layer {layer}; choose one from 0 to {layers - 1}.")
    recorder = _KeepOne(layer, check)
    observe(library, checked, recorder, last_logits_only=True)
    if recorder.layer is None:
        raise ValueError(f"{type(library).__name__} showed no attention; choose another model.")
    check_finite(recorder.layer.weights, layer)
    linear = output_linear(parts.blocks[layer])
    projection: Floats = parts.projection(layer).weight.detach().float().cpu().numpy()
    checked.setflags(write=False)
    return LayerReading(
        ids=checked,
        index=layer,
        layers=layers,
        layer=recorder.layer,
        projection=projection,
        projection_name=next(name for name, module in library.named_modules() if module is linear),
    )


def explain_cell(
    model: Any, ids: Sequence[int] | NDArray[np.integer[Any]], layer: int, head: int, query: int, key: int
) -> Cell:
    """How one weight of a model on one text came about; see `read_layer` and `cell_of`."""
    reading = read_layer(model, ids, layer)
    return cell_of(reading.layer, head, query, key, reading.projection, ids=reading.ids)
