"""The knobs beside the picture: the library's names, a plain word each, one line of help, all in the address."""

from __future__ import annotations

from typing import Any

import streamlit as st

DEFAULTS: dict[str, Any] = {
    "temperature": 0.8,
    "top_k": 50,
    "top_p": 0.9,
    "min_p": 0.05,
    "repetition_penalty": 1.0,
    "seed": 1,
    "max_new_tokens": 60,
    "chat": False,
    "system": "",
}


def reset() -> None:
    """Every knob back to where the page opens."""
    for name in ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed", "max_new_tokens"):
        st.session_state[f"sampling_{name}"] = DEFAULTS[name]


def draw(has_chat: bool) -> dict[str, Any]:
    """Draw the knobs and return what they say, `chat` and `system` included."""
    with st.container(horizontal=True, vertical_alignment="center", key="sampling_knobs_head"):
        st.markdown("### Knobs", width="stretch")
        st.button("reset", on_click=reset, type="tertiary", key="sampling_reset")
    said: dict[str, Any] = {}
    said["repetition_penalty"] = st.slider(
        "`repetition_penalty` repeat less", 1.0, 2.0, DEFAULTS["repetition_penalty"], 0.05,
        key="sampling_repetition_penalty", bind="query-params",
        help="Tokens that the text has used already get a lower score, the prompt's own included. 1 is off.",
    )
    said["temperature"] = st.slider(
        "`temperature` bolder or safer", 0.0, 2.0, DEFAULTS["temperature"], 0.05,
        key="sampling_temperature", bind="query-params",
        help="Scores are divided by it. Below 1 the likely gain, above 1 the unlikely. 0 takes the likeliest, undrawn.",
    )
    said["top_k"] = st.slider(
        "`top_k` at most so many", 0, 200, DEFAULTS["top_k"], 1, key="sampling_top_k", bind="query-params",
        help="Only so many of the likeliest tokens stay. 0 is off. Left unsaid, the library takes 50.",
    )
    said["top_p"] = st.slider(
        "`top_p` enough for this share", 0.0, 1.0, DEFAULTS["top_p"], 0.01, key="sampling_top_p", bind="query-params",
        help="The likeliest tokens stay until their chances add up to this. 1 is off.",
    )
    said["min_p"] = st.slider(
        "`min_p` share of the best", 0.0, 1.0, DEFAULTS["min_p"], 0.01, key="sampling_min_p", bind="query-params",
        help="Tokens with less than this share of the best one's chance go. 0 is off.",
    )
    with st.container(horizontal=True, key="sampling_numbers"):
        said["seed"] = st.number_input(
            "`seed` of the draw", 0, 2**31 - 1, DEFAULTS["seed"], 1, key="sampling_seed", bind="query-params",
            help="Fixes the random numbers: the same seed writes the same text.",
        )
        said["max_new_tokens"] = st.number_input(
            "`max_new_tokens`", 1, 512, DEFAULTS["max_new_tokens"], 1, key="sampling_max_new_tokens",
            bind="query-params", help="Where Generate stops at the latest.",
        )
    said["chat"] = False
    if has_chat:
        said["chat"] = st.toggle(
            "Chat format", DEFAULTS["chat"], key="sampling_chat", bind="query-params",
            help="Wraps your text in the roles and marks that this model was taught to answer.",
        )
    said["system"] = str(st.session_state.get("sampling_system_kept", "")) if said["chat"] else ""
    return said


def keep_system() -> None:
    """A widget that is not drawn loses its value, so the system prompt is kept beside it."""
    st.session_state["sampling_system_kept"] = st.session_state.get("sampling_system", "")


def shown(said: dict[str, Any]) -> dict[str, Any]:
    """The knobs that the picture depends on."""
    return {name: value for name, value in said.items() if name != "max_new_tokens"}
