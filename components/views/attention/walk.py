"""The panel "Inside, step by step": one forward pass as stations in reading order, for one token and one head."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from components.attention import HeadMap, spell, walk
from components.models import loaders
from components.payload import annotate, pack
from components.views import frame
from components.views.attention.snippet_walk import snippet_walk
from components.views.attention.walk_stations import shown, stations
from components.views.component import mount
from components.views.footer import reproduce
from components.workshop import Job

KEY = "attention_walk"
_AT, _STATION = "attention_walk_at", "attention_walk_station"


def draw(heads: HeadMap, name: str, text: str, layer: int, head: int) -> None:
    """The walk for the chosen token (the last one at first) and the page's layer and head."""
    ids = tuple(heads.ids.tolist())
    home = _home(heads)
    found = _position(heads.tokens)
    position = home if found is None else found

    def work(job: Job) -> bytes:
        job.report(None, "opening the model" if not loaders.loaded(name) else "one forward pass")
        opened = loaders.model(name)
        job.check()
        job.report(None, "one forward pass, worked out again")
        walked = walk(opened, ids, position, layer, head)

        def names(token: int) -> str:
            return spell(opened.tokenizer, [token])[0]

        told, arrays = stations(walked, heads.pieces, names)
        header = {"pieces": [shown(piece) for piece in heads.pieces], "position": walked.position, "layer": layer,
                  "head": head, "causal": walked.causal, "stations": told}
        return pack(header, {key: array.astype(np.int32 if array.dtype.kind in "iu" else np.float32)
                             for key, array in arrays.items()})

    made = frame.compute("attention-walk", (name, ids, position, layer, head), work, label="Walking through")
    mount(KEY, annotate(made, station=_station(), home=home), key=KEY, state=("view",), callbacks={"view": _moved})
    reproduce(KEY, lambda: snippet_walk(name, text, position, layer, head, causal=heads.causal), "Reproduce this walk")


def _home(heads: HeadMap) -> int:
    """The token that is followed at first: the last one that belongs to the text itself."""
    own = np.flatnonzero(heads.special == 0)
    return int(own[-1]) if own.size else heads.tokens - 1


def _moved() -> None:
    """The browser says which token is followed and at which station it stands."""
    said: dict[str, Any] = (st.session_state.get(KEY) or {}).get("view") or {}
    at, station = said.get("at"), said.get("station")
    _keep(_AT, at if isinstance(at, int) and 0 <= at < 10_000 else None)
    _keep(_STATION, station if isinstance(station, str) and station.isalpha() and len(station) < 20 else None)


def _keep(key: str, value: int | str | None) -> None:
    if value is None:
        st.session_state.pop(key, None)
        st.query_params.pop(key, None)
    else:
        st.session_state[key] = value


def _linked(key: str) -> str | int | None:
    """A value of this session, else of the link, written back to the address."""
    value: str | int | None = st.session_state.get(key)
    linked = st.query_params.get(key)
    if value is None and linked:
        value = st.session_state[key] = linked
    if value is not None and linked != str(value):
        st.query_params[key] = str(value)
    return value


def _position(tokens: int) -> int | None:
    """The followed token; None where none was chosen, and where another text has no such token."""
    linked = _linked(_AT)
    value = "" if linked is None else str(linked)
    at = int(value) if value.isdecimal() and len(value) < 6 else None
    if at is None or at >= tokens:
        _keep(_AT, None)
        return None
    return at


def _station() -> str | None:
    value = _linked(_STATION)
    return value if isinstance(value, str) and value.isalpha() and len(value) < 20 else None
