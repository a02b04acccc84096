"""The panel "While it writes": a text written on, token by token, with the attention row behind each new token."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from components.attention import WRITTEN, HeadMap, Writing, spell, sqrt_bytes, write_on
from components.models import catalog, loaders
from components.payload import pack
from components.sampling import Settings
from components.views import frame
from components.views.attention.snippet_writing import snippet_writing
from components.views.component import mount
from components.views.footer import reproduce
from components.workshop import Job

KEY = "attention_writing"
_STEP = "attention_writing_step"
# Every head's rows go along while they are this light: 20 tokens after a sentence always are. Else the chosen layer's.
LIGHT_BYTES = 400_000
ENDED = {
    "length": "Written as far as asked for.",
    "end": "The model ended its text here by itself.",
    "context": "The model can read no further: its context is full.",
}


def draw(heads: HeadMap, name: str, text: str, layer: int, head: int, *, hide_first: bool) -> None:
    """Knobs, the text as it is written, and the snippet."""
    if not heads.causal:
        raise ValueError(
            f"{catalog.entry(name).title} is an encoder: it reads the whole text at once and writes nothing on; "
            "choose a decoder to watch it write."
        )
    settings = _knobs()
    ids = tuple(heads.ids.tolist())

    def work(job: Job) -> tuple[Writing, tuple[str, ...]]:
        job.report(None, "opening the model" if not loaders.loaded(name) else "reading the text")
        opened = loaders.model(name)

        def report(done: int, of: int) -> None:
            job.check()
            job.report(done / of, f"token {done + 1} of {of}")

        made = write_on(opened, ids, settings, report=report)
        return made, spell(opened.tokenizer, made.ids[made.prompt :].tolist())

    key = (name, ids, settings.max_new_tokens, settings.temperature, settings.seed)
    writing, pieces = frame.compute("attention-writing", key, work, label="Writing on")
    mount(
        KEY,
        payload(writing, (*heads.pieces, *pieces), layer, head, heads.kv_heads, hide_first=hide_first, at=_at()),
        key=KEY,
        state=("view",),
        triggers=("chosen",),
        callbacks={"view": _moved, "chosen": _chosen},
    )
    reproduce(KEY, lambda: snippet_writing(name, text, layer, head, settings), "Reproduce this writing")


def _knobs() -> Settings:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        tokens = st.slider(
            "New tokens", 1, WRITTEN, 20, 1, key=f"{KEY}_tokens", bind="query-params", width=210,
            help="How far the model writes on. It stops before that where it ends its text or its context is full.",
        )
        temperature = st.slider(
            "temperature", 0.0, 2.0, 0.0, 0.1, key=f"{KEY}_temperature", bind="query-params", width=210,
            help="0 takes the likeliest token each time. 1 draws by the model's own probabilities, more is bolder.",
        )
        seed = st.number_input(
            "seed", 0, 9_999, 1, 1, key=f"{KEY}_seed", bind="query-params", width=130,
            disabled=temperature == 0,
            help="Fixes the random numbers: the same seed gives the same text, here and on the page Sampling.",
        )
    return Settings(temperature=round(float(temperature), 1), seed=int(seed), max_new_tokens=int(tokens))


def payload(
    writing: Writing,
    pieces: tuple[str, ...],
    layer: int,
    head: int,
    kv_heads: int,
    *,
    hide_first: bool,
    at: int | None,
) -> bytes:
    """The browser's buffer: rows as round(255 sqrt(w)), and each head's peak and sink exactly enough for a number."""
    rows = sqrt_bytes(writing.rows)
    first, count = (0, rows.shape[0]) if rows.nbytes <= LIGHT_BYTES else (layer, 1)
    sent = slice(first, first + count)
    keys, most = writing.looks(skip_first=hide_first)
    header: dict[str, Any] = {
        "pieces": list(pieces),
        "prompt": writing.prompt,
        "layers": int(rows.shape[0]),
        "heads": int(rows.shape[1]),
        "kv_heads": kv_heads,
        "layer": layer,
        "head": head,
        "first": first,
        "count": count,
        "hide_first": hide_first,
        "ended": ENDED[writing.ended],
        "at": at,
    }
    arrays = {
        "rows": rows[sent],
        "keys": keys[sent].astype(np.uint16),
        "most": most[sent].astype(np.float32),
        "sink": writing.sink()[sent].astype(np.float32),
        "probability": writing.probability,
        "rank": writing.rank,
    }
    return pack(header, arrays)


def _said() -> dict[str, Any]:
    found: dict[str, Any] = st.session_state.get(KEY) or {}
    return found


def _moved() -> None:
    """The browser says at which step it stands; the last one is where it stands by itself."""
    step = (_said().get("view") or {}).get("step")
    if isinstance(step, int) and 0 <= step < WRITTEN:
        st.session_state[_STEP] = step
    else:
        st.session_state.pop(_STEP, None)
        st.query_params.pop(_STEP, None)


def _at() -> int | None:
    """The chosen step, from this session or from a link, kept in the address."""
    linked = st.query_params.get(_STEP, "")
    step: int | None = st.session_state.get(_STEP)
    if step is None and linked.isdecimal() and len(linked) < 3:
        step = st.session_state[_STEP] = int(linked)
    if step is not None and linked != str(step):
        st.query_params[_STEP] = str(step)
    return step


def _chosen() -> None:
    value = _said().get("chosen")
    if isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(one, int) for one in value):
        st.session_state["attention_layer"], st.session_state["attention_head"] = value
