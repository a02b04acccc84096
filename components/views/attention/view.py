"""How one head is shown: chosen inside the picture, kept in the session and in the address."""

from __future__ import annotations

from typing import Any

import streamlit as st

from components.views.attention.payload import LAYOUTS, SHOWS, WHOSE, View

# In the picture's own words -> in the address; a choice that stands at its first value is left out there.
CHOICES: dict[str, tuple[str, tuple[str, ...]]] = {
    "whose": ("attention_whose", WHOSE),
    "layout": ("attention_layout", LAYOUTS),
    "show": ("attention_show", SHOWS),
}
SWITCHES = {"words": "attention_words", "value": "attention_value", "like": "attention_like"}


def current() -> View:
    """The view that holds now: what the reader chose, or a lesson set, or a link says; written into the address."""
    chosen: dict[str, Any] = {}
    for name, (key, allowed) in CHOICES.items():
        value = st.session_state.get(key, st.query_params.get(key, allowed[0]))
        chosen[name] = value if value in allowed else allowed[0]
        keep(key, chosen[name], chosen[name] if chosen[name] != allowed[0] else None)
    for name, key in SWITCHES.items():
        value = st.session_state.get(key, st.query_params.get(key) == "true")
        chosen[name] = value is True
        keep(key, chosen[name], "true" if chosen[name] else None)
    return View(**chosen)


def keep(key: str, value: object, linked: str | None) -> None:
    """A value into the session, and as `linked` into the address; None leaves it out there."""
    st.session_state[key] = value
    if linked is None:
        if key in st.query_params:
            del st.query_params[key]
    elif st.query_params.get(key) != linked:
        st.query_params[key] = linked


def take(said: object) -> None:
    """What the picture reports, into the session; anything that it cannot have said is passed over."""
    if not isinstance(said, dict):
        return
    for name, (key, allowed) in CHOICES.items():
        if said.get(name) in allowed:
            st.session_state[key] = said[name]
    for name, key in SWITCHES.items():
        if isinstance(said.get(name), bool):
            st.session_state[key] = said[name]
