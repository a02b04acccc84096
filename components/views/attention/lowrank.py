"""The panel "Low rank": a real weight matrix, its approximations, and what they do to the model's loss."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components.attention import (
    HeadMap,
    LossCurve,
    Matrix,
    Spectrum,
    adapter_parameters,
    find_matrix,
    lora_parameters,
    loss_curve,
    matrices,
    spectrum,
)
from components.models import catalog, loaders
from components.payload import pack
from components.views import frame
from components.views.attention.snippet_lowrank import snippet_lowrank
from components.views.component import mount
from components.views.footer import reproduce
from components.workshop import Job

_RANK = "attention_lowrank_rank"
_EVERY = "every layer"


@cache
def facts() -> dict[str, Any]:
    """Plain words for the kinds of matrices, and notes, from `assets/copy/attention_lowrank.json`."""
    found: dict[str, Any] = json.loads((frame.ASSETS / "copy" / "attention_lowrank.json").read_text("utf-8"))
    return found


def _opened(name: str, job: Job) -> Any:
    if not loaders.loaded(name):
        job.report(None, "opening the model")
    return loaders.model(name)


def _matrices(name: str) -> tuple[tuple[Matrix, ...], int]:
    """The model's matrices and how many parameters it has."""

    def work(job: Job) -> tuple[tuple[Matrix, ...], int]:
        opened = _opened(name, job)
        return matrices(opened), opened.parameters

    return frame.compute("attention-matrices", (name,), work, label="Looking up the matrices")


def _forget(key: str, options: list[Any]) -> None:
    """Drop a choice that this model has not: it came from another model or a forged link."""
    if key in st.session_state and st.session_state[key] not in options:
        del st.session_state[key]


def _knobs(every: tuple[Matrix, ...]) -> tuple[list[Matrix], Matrix, list[str]]:
    """The matrices to replace, the one that is drawn, and the kinds that LoRA is to train."""
    kinds = list(dict.fromkeys(one.kind for one in every))
    layers = sorted({one.layer for one in every if one.layer is not None})
    words = facts()["kinds"]
    first = next((kind for kind in kinds if "q_proj" in kind), kinds[-1])
    query = [kind for kind in kinds if kind.endswith(("q_proj", "v_proj", "query", "value"))]
    _forget("attention_lowrank_kind", kinds)
    _forget("attention_lowrank_layer", layers)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="attention_lowrank_knobs"):
        kind = st.selectbox(
            "Matrix",
            kinds,
            index=kinds.index(first),
            format_func=lambda one: words.get(one, one),
            key="attention_lowrank_kind",
            bind="query-params",
            width=260,
            help="Which weight matrix to take apart.",
        )
        layer = st.selectbox(
            "of layer",
            layers,
            index=len(layers) // 2,
            key="attention_lowrank_layer",
            bind="query-params",
            width=104,
            disabled=kind == "embedding",
            help="The block whose matrix is drawn. The embedding belongs to none.",
        )
        where = st.selectbox(
            "Replace it in",
            [_EVERY, "this layer"],
            key="attention_lowrank_where",
            bind="query-params",
            width=150,
            disabled=kind == "embedding",
            help="For the loss: the same matrix of every layer at once, or this one alone.",
        )
        lora = st.multiselect(
            "LoRA trains beside",
            [one for one in kinds if one != "embedding"],
            default=query or kinds[-1:],
            format_func=lambda one: words.get(one, one).split(" (")[0],
            key="attention_lowrank_lora",
            bind="query-params",
            width=420,
            help="In every layer. The first LoRA paper took query and value.",
        )
    shown = next(one for one in every if one.kind == kind and one.layer in (layer, None))
    everywhere = where == _EVERY and kind != "embedding"
    return [one for one in every if one.kind == kind] if everywhere else [shown], shown, list(lora)


def _spectrum(name: str, shown: Matrix) -> Spectrum:
    def work(job: Job) -> Spectrum:
        opened = _opened(name, job)
        job.report(None, "singular values")
        return spectrum(opened, find_matrix(opened, shown.kind, shown.layer), check=job.check)

    return frame.compute("attention-spectrum", (name, shown.name), work, label="Taking the matrix apart")


def _curve(name: str, chosen: list[Matrix], ids: NDArray[np.int32]) -> LossCurve:
    def work(job: Job) -> LossCurve:
        return loss_curve(_opened(name, job), chosen, ids, report=job.report, check=job.check)

    key = (name, tuple(one.name for one in chosen), ids.tobytes())
    return frame.compute("attention-lowrank", key, work, label="The loss at each rank")


def pictures(found: Spectrum) -> dict[str, NDArray[np.uint8]]:
    """The crop, its approximations and what they leave out as bytes: 128 is zero, 1 and 255 the largest weight."""
    most = float(np.abs(found.crop).max()) or 1.0

    def as_bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
        return (128 + np.round(127 * np.clip(values / most, -1, 1))).astype(np.uint8)

    return {
        "crop": as_bytes(found.crop),
        "near": as_bytes(found.approximations),
        "left": as_bytes(found.crop[None] - found.approximations),
    }


def payload(
    name: str,
    found: Spectrum,
    curve: LossCurve,
    chosen: list[Matrix],
    shown: Matrix,
    lora: list[Matrix],
    size: tuple[int, int, int],
    rank: int | None,
) -> bytes:
    """The panel's buffer, 0.2 MB. `size` is the model's parameters, layers and width."""
    whole, layers, width = size
    ranks = found.ranks
    words = facts()["kinds"]
    start = rank if rank in ranks else min(ranks, key=lambda one: abs(one - ranks[-1] / 8))
    kind = words.get(shown.kind, shown.kind)
    header = {
        "title": f"{catalog.entry(name).title}: {kind}" + ("" if shown.layer is None else f" of layer {shown.layer}"),
        "rows": shown.rows,
        "columns": shown.columns,
        "most": float(np.abs(found.crop).max()),
        "side": list(found.crop.shape),
        "ranks": list(ranks),
        "start": start,
        "kept": [round(float(found.kept[one - 1]), 5) for one in ranks],
        "random_kept": [round(float(found.random_kept[one - 1]), 5) for one in ranks],
        "numbers": [one * (shown.rows + shown.columns) for one in ranks],
        "measure": curve.measure,
        "whole": curve.whole,
        "tokens": curve.tokens,
        "replaced": len(chosen),
        "parameters": whole,
        "lora_kinds": list(dict.fromkeys(words.get(one.kind, one.kind).split(" (")[0] for one in lora)),
        "lora_matrices": len(lora),
        "lora": [lora_parameters(lora, one) for one in ranks],
        "adapters": [adapter_parameters(layers, width, one) for one in ranks],
        "notes": facts()["notes"],
    }
    arrays = {
        "values": found.values,
        "random": found.random,
        "best": curve.best,
        "error": curve.error,
        "other": curve.other,
        **pictures(found),
    }
    return pack(header, arrays)


def _moved() -> None:
    rank = ((st.session_state.get("attention_lowrank") or {}).get("view") or {}).get("rank")
    if isinstance(rank, int) and 1 <= rank < 100_000:
        st.session_state[_RANK] = rank
        st.query_params[_RANK] = str(rank)


def _rank() -> int | None:
    value, linked = st.session_state.get(_RANK), st.query_params.get(_RANK, "")
    if value is None and linked.isdecimal() and len(linked) < 6:
        value = int(linked)
    if value is not None:
        st.session_state[_RANK] = value
        st.query_params[_RANK] = str(value)
    return value


def draw(heads: HeadMap, name: str, text: str) -> None:
    """The matrix, its approximation at a rank, what is kept, the loss, and what LoRA would train."""
    every, parameters = _matrices(name)
    chosen, shown, kinds = _knobs(every)
    found = _spectrum(name, shown)
    curve = _curve(name, chosen, heads.ids)
    lora = [one for one in every if one.kind in kinds]
    width = next(one.columns for one in every if one.kind == "embedding")
    rank = _rank()
    size = (parameters, heads.layers, width)
    mount(
        "attention_lowrank",
        payload(name, found, curve, chosen, shown, lora, size, rank),
        key="attention_lowrank",
        state=("view",),
        callbacks={"view": _moved},
    )
    if curve.measure == "loss":
        def code() -> str:
            use = rank if rank in found.ranks else min(found.ranks, key=lambda one: abs(one - found.ranks[-1] / 8))
            names = [shown.name, *(one.name for one in chosen if one != shown)]
            return snippet_lowrank(name, text, names, use)

        reproduce("attention_lowrank", code)
