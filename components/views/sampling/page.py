"""The page's middle: picture and knobs side by side, the panels below, redrawn on their own at each press."""

from __future__ import annotations

from typing import Any

import streamlit as st

from components import first_views
from components.models import catalog
from components.payload import pack, unpack
from components.views import frame
from components.views.component import mount
from components.views.sampling import knobs, moments, panels, session
from components.views.sampling.picture import settings_of


def _pressed() -> None:
    value = (st.session_state.get("sampling_picture") or {}).get("act")
    st.session_state["sampling_asked"] = value


def _mount(payload: bytes) -> None:
    mount("sampling", payload, key="sampling_picture", triggers=("act",), callbacks={"act": _pressed})


@st.fragment
def stage(model: str, text: str) -> None:
    """Draw picture, knobs and panels; what they show now is noted for the page's last row."""
    left, right = st.columns([3.5, 1], gap="large")
    with right, st.container(key="sampling_knobs"):
        said = knobs.draw(catalog.entry(model).has_chat_template)
    payload = b""
    with left, frame.sentences():
        payload = _picture(model, text, said)
        _mount(payload)
    st.session_state["sampling_now"] = {"model": model, "text": text, "said": said, "drawn": bool(payload)}
    if payload:
        header, arrays = unpack(payload)
        frame.panels("sampling", panels.every(model, said, header, arrays))
    # The last row stands outside this fragment: where a reader has its code open, it has to follow.
    alone = not st.session_state.pop("sampling_whole_run", False)
    if alone and st.session_state.get("sampling_reproduce"):
        st.rerun()


def _picture(model: str, text: str, said: dict[str, Any]) -> bytes:
    """The picture's buffer, after whatever the reader has pressed. Raises ValueError sentences."""
    kept = session.written((model, text, said["chat"], said["system"]))
    action = session.asked()
    stored = first_views.find("sampling", model, text, knobs.shown(said))
    if stored is not None and action is None and not kept["steps"] and not kept["redraws"]:
        return stored.payload
    settings_of(said)  # forged knobs are a sentence before anything is computed
    begun = moments.begin(model, text, said)
    if action is not None:
        session.obey(action, begun, kept, said)
    header, arrays = moments.picture(begun, text, session.steps_of(kept), knobs.shown(said), session.redraw_of(kept))
    end = session.ended(begun, kept)
    return pack(
        {**header, "running": kept["left"] > 0, "note": end or kept["note"], "ended": bool(end),
         "serial": kept["serial"]},
        arrays,
    )


def examples(model: str) -> list[dict[str, Any]]:
    """The examples that suit a model: questions only where it was taught to answer."""
    chats = catalog.entry(model).has_chat_template
    return [item for item in frame.examples("sampling") if chats or not item.get("chat")]


def follow_example(text: str) -> None:
    """A pressed example brings its chat format along; a link and a typed text leave the switch as it is."""
    before = st.session_state.get("sampling_seen")
    st.session_state["sampling_seen"] = text
    example = frame.example("sampling")
    if before not in (None, text) and example is not None:
        st.session_state["sampling_chat"] = bool(example.get("chat"))
