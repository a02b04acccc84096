"""The panel "One cell": one attention weight worked out again in the model's own numbers, beside the model's."""

from __future__ import annotations

import json
import zlib
from functools import cache
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components.attention import (
    Cell,
    HeadMap,
    LayerReading,
    cell_of,
    kept_per_token,
    pairing,
    read_layer,
    strongest_cell,
)
from components.models import loaders
from components.payload import pack
from components.views import frame
from components.views.attention.snippet_cell import snippet_cell
from components.views.component import mount
from components.views.footer import reproduce
from components.workshop import Job

KEY = "attention_cell"
QUERY_KNOB, KEY_KNOB = "attention_query", "attention_key"
_PINNED = "_attention_cell_pinned"
# The main picture, which may say which cell is pinned there.
_MAP = "attention_map"


@cache
def copy() -> dict[str, str]:
    """The panel's sentences, from `assets/copy/attention_cell.json`."""
    found: dict[str, str] = json.loads((frame.ASSETS / "copy" / "attention_cell.json").read_text("utf-8"))
    return found


def draw(heads: HeadMap, name: str, layer: int, head: int) -> None:
    """The waterfall of one cell and its row, the two knobs that choose it, and the snippet."""
    _take_pinned(heads.tokens)
    # The knobs stand under the picture and are read before it.
    above, below = st.container(key=f"{KEY}_above"), st.container(key=f"{KEY}_below")
    with below:
        asked = _knobs(heads.tokens)
    query, key = _cell(heads, layer, head, *asked)
    with above, frame.sentences():
        reading, architecture = _read(heads, name, layer)
        cell = cell_of(reading.layer, head, query, key, reading.projection, ids=reading.ids)
        mount(
            KEY,
            payload(cell, reading, heads.pieces, name),
            key=KEY,
            state=("cell",),
            callbacks={"cell": _chosen},
        )
        reproduce(KEY, lambda: snippet_cell(name, architecture, cell, reading), "Reproduce this cell")


def _read(heads: HeadMap, name: str, layer: int) -> tuple[LayerReading, str]:
    ids = tuple(heads.ids.tolist())

    def work(job: Job) -> tuple[LayerReading, str]:
        job.report(None, "opening the model" if not loaders.loaded(name) else "one forward pass")
        opened = loaders.model(name)
        job.report(None, "one forward pass")
        return read_layer(opened, ids, layer, check=job.check), opened.architecture

    return frame.compute("attention-cell", (name, ids, layer), work, label=f"Reading layer {layer}")


def _take_pinned(tokens: int) -> None:
    """A cell that was pinned in the main picture since the last run takes the knobs' place."""
    pinned = (st.session_state.get(_MAP) or {}).get("pinned")
    if pinned == st.session_state.get(_PINNED):
        return
    st.session_state[_PINNED] = pinned
    if not isinstance(pinned, list | tuple) or len(pinned) != 2:
        return
    for knob, value in zip((QUERY_KNOB, KEY_KNOB), pinned, strict=True):
        st.session_state[knob] = value if isinstance(value, int) and 0 <= value < tokens else None


def _knobs(tokens: int) -> tuple[int | None, int | None]:
    """The two places, or None where the strongest cell is to be found."""
    made: list[int | None] = []
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        for knob, label, says in (
            (QUERY_KNOB, "Query: token", "The place of the token that looks, counted from 0."),
            (KEY_KNOB, "Key: token", "The place of the token that is looked at, counted from 0."),
        ):
            value = st.session_state.get(knob)
            if value is not None and not (isinstance(value, int) and 0 <= value < tokens):
                st.session_state[knob] = None  # of a longer text, or from a forged link
            made.append(
                st.number_input(
                    label, 0, tokens - 1, None, 1, key=knob, bind="query-params", width=205, placeholder="strongest",
                    help=f"{says} Empty: the head's strongest cell, the first token and looks at oneself left out.",
                )
            )
    return made[0], made[1]


def _cell(heads: HeadMap, layer: int, head: int, query: int | None, key: int | None) -> tuple[int, int]:
    """The cell to show: what the knobs say, the rest found."""
    if query is not None and key is not None:
        return int(query), int(key)
    found = strongest_cell(heads.matrix(layer, head), query=query, key=key)
    return (found[0] if query is None else int(query)), (found[1] if key is None else int(key))


def _chosen() -> None:
    """The browser says which cell the reader went to."""
    said = ((st.session_state.get(KEY) or {}).get("cell")) or {}
    query, key = said.get("query"), said.get("key")
    if isinstance(query, int) and isinstance(key, int) and query >= 0 and key >= 0:
        st.session_state[QUERY_KNOB], st.session_state[KEY_KNOB] = query, key


def payload(cell: Cell, reading: LayerReading, pieces: tuple[str, ...], name: str) -> bytes:
    """The browser's buffer: all that any cell of this row is made of, so that another key needs no answer."""
    ids = np.asarray(reading.ids, dtype=np.int64)
    dim = cell.q.size
    root = bool(np.isclose(cell.scale, dim**-0.5, rtol=1e-6))
    pairs = None if cell.keys_before is None else pairing(cell.keys_before, cell.keys)
    header: dict[str, Any] = {
        "row": f"{name}:{zlib.crc32(ids.tobytes())}:{reading.index}:{cell.head}:{cell.query}",
        "pieces": list(pieces),
        "layer": reading.index,
        "head": cell.head,
        "query": cell.query,
        "key": cell.key,
        "dim": dim,
        "scale": cell.scale,
        "root": root,
        "softcap": cell.softcap,
        "sink": cell.sink,
        "to_sink": cell.to_sink,
        "window": cell.window,
        "causal": cell.causal,
        "rotary": cell.keys_before is not None,
        "heads": cell.heads,
        "kv_heads": cell.kv_heads,
        "kv_head": cell.kv_head,
        "sharing": list(cell.sharing),
        "difference": cell.difference,
        "agrees": cell.difference <= cell.rounding,
        "output_length": cell.output_length,
        "output_difference": cell.output_difference,
        "kept": [
            [way.name, way.kv_heads, way.numbers, way.bytes(2), way.own]
            for way in kept_per_token(reading.layers, cell.heads, cell.kv_heads, dim)
        ],
        "layers": reading.layers,
        "copy": copy(),
    }
    arrays: dict[str, NDArray[Any]] = {
        # The model's own float32 vectors, exactly.
        "q": cell.q.astype(np.float32),
        "keys": cell.keys.astype(np.float32),
        "visible": cell.visible.astype(np.uint8),
        "scores": cell.scores,
        "weights": cell.weights,
        "model": cell.model_weights,
        "lengths": cell.lengths,
    }
    if cell.q_before is not None and cell.keys_before is not None:
        arrays |= {"q_before": cell.q_before.astype(np.float32), "keys_before": cell.keys_before.astype(np.float32)}
    if pairs is not None:
        arrays["pairs"] = pairs.astype(np.int32)
    if cell.bias is not None:
        arrays["bias"] = cell.bias
    return pack(header, arrays)
