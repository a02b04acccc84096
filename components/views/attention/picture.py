"""The page's knobs and its main picture: all heads, and one head large."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import streamlit as st

from components import first_views
from components.attention import SCORES, HeadMap, limits_of, map_text, telling_head
from components.models import catalog, loaders, sources
from components.views import frame
from components.views.attention.payload import Look, payload
from components.views.component import mount
from components.workshop import Job, check_text

PAGE = "attention"
MAP = "attention_map"
LIGHTS = {
    "none": "nothing",
    "previous": "one token back",
    "induction": "induction",
    "duplicate": "same token",
    "first": "first token",
    "far": "looks far back",
}
SORTS = {"place": "place in the model", "score": "lit-up score"}


def decoders() -> list[str]:
    """The catalog's decoders: the models that read from left to right."""
    return [entry.id for entry in catalog.ENTRIES.values() if entry.kind == "decoder"]


@cache
def shape(name: str) -> dict[str, int]:
    """Layers, heads and the token limit of a model, from its `config.json`; the model itself stays unopened."""
    config = json.loads((sources.locate(name) / "config.json").read_text("utf-8"))
    layers = int(config.get("num_hidden_layers") or config["n_layer"])
    heads = int(config.get("num_attention_heads") or config["n_head"])
    limit, kept = limits_of({**config, "num_hidden_layers": layers, "num_attention_heads": heads})
    return {"layers": layers, "heads": heads, "limit": limit, "kept_mb": round(kept / 1e6)}


def read(name: str, text: str) -> HeadMap:
    """All heads on this text: the stored first view where it is that, else one forward pass in the background."""
    check_text(text)
    stored = first_views.find(PAGE, name, text, {})
    if stored is not None:
        return HeadMap.restore(stored.header, stored.arrays)

    def work(job: Job) -> HeadMap:
        job.report(None, "opening the model" if not loaders.loaded(name) else "one forward pass")
        opened = loaders.model(name)
        job.report(None, "one forward pass")
        return map_text(opened, text, check=job.check)

    return frame.compute(PAGE, (name, text), work, label="Reading your text")


def _inside(key: str, below: int) -> None:
    """Forget a layer or head that this model has not: it came from another model or a forged link."""
    value = st.session_state.get(key)
    if value is not None and not (isinstance(value, int) and 0 <= value < below):
        st.session_state[key] = None


# On a phone the picture comes first and the knobs stand under it.
ORDER = """<style>
.st-key-attention_model { max-width: 285px; }
@media (max-width: 640px) {
  .st-key-attention_stage > :has(.st-key-attention_knobs) { order: 3; }
  .st-key-attention_model { max-width: 100%; }
}
</style>"""


def knobs() -> str:
    """The row of knobs, each bound to the address. Returns the chosen model."""
    st.html(ORDER)
    with st.container(horizontal=True, vertical_alignment="bottom", key="attention_knobs", gap="small"):
        name = frame.model(PAGE, decoders())
        facts = shape(name)
        _inside("attention_layer", facts["layers"])
        _inside("attention_head", facts["heads"])
        st.selectbox(
            "Light up",
            list(LIGHTS),
            index=1,
            format_func=LIGHTS.get,
            key="attention_light",
            bind="query-params",
            width=165,
            help="Frames every head whose score on this text is high enough. "
            "One token back: looks at the token before. Induction: finds an earlier copy of the token and looks at "
            "what came next. Same token: looks at the earlier copy. First token: rests there. "
            "Looks far back: each token at a place of its own.",
        )
        st.slider(
            "at least",
            0.05,
            0.95,
            0.5,
            0.05,
            key="attention_at_least",
            bind="query-params",
            width=135,
            help="The score from which a head is lit up and marked.",
        )
        st.selectbox(
            "Sort by",
            list(SORTS),
            format_func=SORTS.get,
            key="attention_sort",
            bind="query-params",
            width=180,
            help="Where a head sits in the model, or its lit-up score, highest first.",
        )
        for word, below in (("layer", facts["layers"]), ("head", facts["heads"])):
            st.number_input(
                word.capitalize(),
                0,
                below - 1,
                None,
                1,
                key=f"attention_{word}",
                bind="query-params",
                width=98,
                placeholder="found",
                help="Empty: the head that looks far back most firmly. Click a picture to choose another.",
            )
        st.toggle(
            "Hide the first token",
            True,
            key="attention_hide_first",
            bind="query-params",
            help="Most heads rest on the first token when they have nothing to do. "
            "Hiding it keeps it out of arcs and colours; the numbers stay as they are.",
        )
    return name


def chosen(heads: HeadMap) -> tuple[int, int]:
    """The head that is shown: the reader's choice, else the most telling one."""
    found = telling_head(heads.scores)
    layer, head = st.session_state.get("attention_layer"), st.session_state.get("attention_head")
    if layer is None and head is None:
        return found
    return (int(layer or 0), int(head or 0))


def _clicked() -> None:
    value = (st.session_state.get(MAP) or {}).get("chosen")
    if isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(one, int) for one in value):
        st.session_state["attention_layer"], st.session_state["attention_head"] = value


def draw(heads: HeadMap, name: str) -> tuple[int, int]:
    """The picture. Returns the chosen (layer, head)."""
    now = chosen(heads)
    state: dict[str, Any] = st.session_state
    reported = (state.get(MAP) or {}).get("chosen")
    # What the reader clicked is drawn already. Sending it back would send the whole picture again, so the buffer
    # keeps the head that the server chose last; a new turn tells the picture to follow.
    if reported is None or tuple(reported) != now:
        if state.get("_attention_sent") != now:
            state["_attention_turn"] = int(state.get("_attention_turn", 0)) + 1
        state["_attention_sent"] = now
    sent: tuple[int, int] = state.get("_attention_sent", now)
    if sent[0] >= heads.layers or sent[1] >= heads.heads:
        sent = state["_attention_sent"] = now
    look = Look(
        model=catalog.entry(name).title,
        chosen=sent,
        turn=int(state.get("_attention_turn", 0)),
        exact=now,
        light=str(state.get("attention_light", "previous")),
        at_least=round(float(state.get("attention_at_least", 0.5)), 2),
        sort=str(state.get("attention_sort", "place")),
        hide_first=bool(state.get("attention_hide_first", True)),
    )
    mount("attention", payload(heads, look), key=MAP, state=("chosen",), callbacks={"chosen": _clicked})
    return now


def says(name: str, heads: HeadMap) -> str:
    """One line under the picture: what was run, and how long a text may be."""
    facts = shape(name)
    return (
        f"One forward pass of {catalog.entry(name).title}: {heads.layers} layers of {heads.heads} heads, "
        f"{heads.tokens} tokens of at most {facts['limit']} here "
        f"(weights of that many tokens hold {facts['kept_mb']} MB). A thumbnail's cell is the largest weight it spans."
    )


__all__ = ["LIGHTS", "MAP", "PAGE", "SCORES", "chosen", "decoders", "draw", "knobs", "read", "says", "shape"]
