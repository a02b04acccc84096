"""The panel "Shapes and memory": a calculator from a model's configuration."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import streamlit as st

from components.attention import (
    FAMILIES,
    PARTS,
    PRECISIONS,
    Shape,
    cache_bytes,
    checked_shape,
    crossing,
    growth,
    parameters,
    shape_of,
    weight_bytes,
)
from components.models import catalog, sources
from components.payload import pack
from components.views import frame
from components.views.attention.snippet_shapes import CLASSES, snippet_shapes
from components.views.component import mount
from components.views.footer import reproduce

_TOKENS = "attention_shapes_tokens"
#: The reader's own numbers: field of `Shape`, its label and its help.
KNOBS = {
    "layers": ("layers", "Blocks, one after the other."),
    "heads": ("heads", "Query heads in each layer."),
    "kv_heads": ("kv_heads", "Key-value heads a layer. As many as heads: multi-head. Fewer: grouped. 1: multi-query."),
    "head_dim": ("head_dim", "Numbers in one head's query, key or value."),
    "width": ("width", "Numbers in a token's vector (hidden_size)."),
    "inner": ("feed-forward", "Numbers in the middle of the feed-forward network (intermediate_size)."),
    "vocabulary": ("vocabulary", "Tokens the model knows."),
}
#: Lengths at which everything is worked out: each power of two and one between, up to a million.
LENGTHS = tuple(sorted({round(2 ** (half / 2)) for half in range(8, 41)}))


@dataclass(frozen=True)
class Choice:
    """A model whose shape can be shown: a catalog entry that is here, or a preset."""

    title: str
    config: dict[str, Any]
    says: str
    source: str


@cache
def facts() -> dict[str, Any]:
    """Presets and words, from `assets/copy/model_shapes.json`."""
    found: dict[str, Any] = json.loads((frame.ASSETS / "copy" / "model_shapes.json").read_text("utf-8"))
    return found


def choices() -> dict[str, Choice]:
    """Every shape to choose from, by id: what is here, then the presets."""
    found: dict[str, Choice] = {}
    for entry in catalog.ENTRIES.values():
        if entry.kind == "tokenizer" or not sources.state(entry.id).here:
            continue
        path = sources.locate(entry.id) / "config.json"
        config = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        if config.get("model_type") in FAMILIES:
            found[entry.id] = Choice(entry.title, config, entry.note, "its config.json, here on this server")
    for one in facts()["presets"]:
        found[one["id"]] = Choice(one["title"], one["config"], one["says"], one["source"])
    return found


def formulas(shape: Shape) -> dict[str, str]:
    """How each part's count comes about, as a product that a reader can check; biases are left to the number."""
    blocks, queries = shape.layers + shape.encoder_layers, f"({shape.heads:,} × {shape.head_dim:,})"
    attentions = blocks + (shape.layers if shape.encoder_layers else 0)
    keys = f"({shape.kv_heads:,} × {shape.head_dim:,})"
    biased = " + biases"
    qkv, out, inner = (biased if on else "" for on in (shape.qkv_bias, shape.output_bias, shape.inner_bias))
    rows = shape.positions + shape.kinds
    head = f"{shape.vocabulary:,} × {shape.width:,}" if shape.has_head and not shape.tied else ""
    return {
        "embedding": f"{shape.vocabulary:,} tokens × {shape.width:,}",
        "positions": f"{rows:,} rows × {shape.width:,}" if rows else "relative" if shape.position_biases else "rotary",
        "query": f"{attentions} × {shape.width:,} × {queries}{qkv}",
        "key": f"{attentions} × {shape.width:,} × {keys}{qkv}",
        "value": f"{attentions} × {shape.width:,} × {keys}{qkv}",
        "output": f"{attentions} × {queries} × {shape.width:,}{out}",
        "feed_forward": f"{blocks} × {3 if shape.gated else 2} × {shape.width:,} × {shape.inner:,}{inner}",
        "norms": f"{shape.norm_numbers} number{'s' * (shape.norm_numbers > 1)} a dimension",
        "head": head or ("tied: the embedding again" if shape.has_head and shape.tied else "none over the vocabulary"),
    }


def _grouped(shape: Shape) -> int:
    """A number of key-value heads between all and one: the model's own, else one for every eight or four heads."""
    if 1 < shape.kv_heads < shape.heads:
        return shape.kv_heads
    return next((shape.heads // size for size in (8, 4, 2, 3, 5, 7) if shape.heads % size == 0), 1)


def payload(shape: Shape, choice: Choice, changed: bool, tokens: int | None) -> bytes:
    """The panel's buffer, 3 kB: parts, bytes, and every count at each of the lengths."""
    parts = parameters(shape)
    count = sum(parts.values())
    lengths = sorted({*LENGTHS, shape.context} if shape.context <= LENGTHS[-1] else LENGTHS)
    grown = [growth(shape, length) for length in lengths]
    kinds = sorted({shape.heads, shape.kv_heads, 1, _grouped(shape)}, reverse=True)
    words = {1: "multi-query", shape.heads: "multi-head"}
    start = tokens if tokens in lengths else min(lengths, key=lambda length: abs(length - min(shape.context, 2048)))
    formula = formulas(shape)
    header = {
        "title": choice.title + (", with your numbers" if changed else ""),
        "says": "" if changed else choice.says,
        "source": choice.source,
        "count": count,
        "parts": [
            {"id": part, "name": facts()["parts"][part], "count": parts[part], "formula": formula[part]}
            for part in PARTS
        ],
        "weights": [
            {"name": name, "bits": bits, "bytes": weight_bytes(count, bits)} for name, bits in PRECISIONS.items()
        ],
        "memories": facts()["memories"],
        "kinds": [
            {"kv": kind, "name": words.get(kind, "grouped"), "own": kind == shape.kv_heads} for kind in kinds
        ],
        "heads": shape.heads,
        "layers": shape.layers,
        "decoder": shape.decoder,
        "windowed": f"{shape.windowed} of {shape.layers} layers keep at most {shape.window:,} tokens."
        if shape.windowed and shape.decoder else "",
        "context": shape.context,
        "crossing": crossing(shape),
        "notes": facts()["notes"],
        "start": start,
    }
    arrays = {
        "lengths": np.array(lengths, dtype=np.float64),
        "cache": np.array(
            [[cache_bytes(shape.with_kv_heads(kind), length) for length in lengths] for kind in kinds],
            dtype=np.float64,
        ),
        "scores": np.array([one.scores for one in grown], dtype=np.float64),
        "score_bytes": np.array([one.score_bytes for one in grown], dtype=np.float64),
        "attention": np.array([one.attention for one in grown], dtype=np.float64),
        "matrices": np.array([one.matrices for one in grown], dtype=np.float64),
    }
    return pack(header, arrays)


def _knobs(every: dict[str, Choice], first: str) -> tuple[Choice, Shape, bool]:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="attention_shapes_knobs"):
        of = st.selectbox(
            "Shape of",
            list(every),
            index=list(every).index(first) if first in every else 0,
            format_func=lambda one: every[one].title,
            key="attention_shapes_of",
            bind="query-params",
            width=230,
            help="Models that are here, and well-known ones whose numbers were published. Nothing is loaded.",
        )
        choice = every[of]
        base = shape_of(choice.config)
        changes: dict[str, Any] = {}
        for field, (label, tells) in KNOBS.items():
            value = st.number_input(
                label,
                1,
                None,
                None,
                1,
                key=f"attention_shapes_{field}",
                bind="query-params",
                width=104,
                placeholder=f"{getattr(base, field):,}",
                help=f"{tells} Empty: as in the model.",
            )
            if value is not None:
                changes[field] = int(value)
        tied = st.selectbox(
            "head",
            ["as is", "tied", "apart"],
            key="attention_shapes_head",
            bind="query-params",
            width=104,
            help="Tied: the head that predicts is the embedding itself. Apart: a matrix of its own.",
        )
    if tied != "as is":
        changes["tied"], changes["has_head"] = tied == "tied", True
    changed = any(getattr(base, field) != value for field, value in changes.items())
    return choice, checked_shape(replace(base, **changes)), changed


def _moved() -> None:
    tokens = ((st.session_state.get("attention_shapes") or {}).get("view") or {}).get("tokens")
    if isinstance(tokens, int) and 1 <= tokens <= LENGTHS[-1]:
        st.session_state[_TOKENS] = tokens
        st.query_params[_TOKENS] = str(tokens)


def _tokens() -> int | None:
    value, linked = st.session_state.get(_TOKENS), st.query_params.get(_TOKENS, "")
    if value is None and linked.isdecimal() and len(linked) < 9:
        value = int(linked)
    if value is not None:
        st.session_state[_TOKENS] = value
        st.query_params[_TOKENS] = str(value)
    return value


def draw(name: str) -> None:
    """Parameters part by part, bytes in four precisions, the cache, and how attention grows."""
    choice, shape, changed = _knobs(choices(), name)
    tokens = _tokens()
    mount(
        "attention_shapes",
        payload(shape, choice, changed, tokens),
        key="attention_shapes",
        state=("view",),
        callbacks={"view": _moved},
    )
    if not changed and choice.config["model_type"] in CLASSES:
        reproduce(
            "attention_shapes", lambda: snippet_shapes(choice.config, tokens or min(shape.context, 2048))
        )
