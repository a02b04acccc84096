"""The knobs beside the picture: the library's names, a plain word each, one line of help, all in the address."""

from __future__ import annotations

from typing import Any

import streamlit as st

from components.payload import pack
from components.sampling import Settings
from components.views.component import mount
from components.views.sampling import copy, more, orders

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
# The five that every engine has, with the range of their sliders.
MAIN: dict[str, tuple[Any, Any, Any]] = {
    "repetition_penalty": (1.0, 2.0, 0.05),
    "temperature": (0.0, 2.0, 0.05),
    "top_k": (0, 200, 1),
    "top_p": (0.0, 1.0, 0.01),
    "min_p": (0.0, 1.0, 0.01),
}


def reset() -> None:
    """Every knob back to where the page opens, the order of the stages as well."""
    for name in (*MAIN, "seed", "max_new_tokens"):
        st.session_state[f"sampling_{name}"] = DEFAULTS[name]
    more.reset()
    orders.reset()


def take_defaults() -> None:
    """The values that the chosen engine starts from, for the knobs that it names; its order stays."""
    for name, value in copy.engine(orders.name_of(orders.now())).get("defaults", {}).items():
        st.session_state[f"sampling_{name}"] = value


def draw(has_chat: bool) -> dict[str, Any]:
    """Draw the knobs and return what they say, `chat` and `system` included; `more.resolve` adds the further ones.

    A forged value in the address is named in a sentence and left out.
    """
    complaints = [*more.arrive(), *orders.arrive()]
    fold = st.container(key="sampling_fold")
    with st.container(horizontal=True, vertical_alignment="center", key="sampling_knobs_head"):
        st.markdown("### Knobs", width="stretch")
        st.button("reset", on_click=reset, type="tertiary", key="sampling_reset",
                  help="Every knob back to where this page opens, the order of the stages as well.")
    for complaint in complaints:
        st.caption(complaint)
    said: dict[str, Any] = {}
    with st.container(horizontal=True, key="sampling_numbers", vertical_alignment="bottom"):
        said["order"] = orders.choose()
        said["seed"] = st.number_input(
            "`seed` of the draw", 0, 2**31 - 1, DEFAULTS["seed"], 1, key="sampling_seed", bind="query-params",
            help=copy.info("seed"),
        )
    title = copy.engine(orders.name_of(said["order"])).get("title")
    if title:
        st.button(f"Take the default values of {title}", on_click=take_defaults, type="tertiary",
                  key="sampling_engine_defaults",
                  help="Sets the knobs to what this engine starts from when nothing is said. Engines differ in that.")
    for name, (low, high, step) in MAIN.items():
        said[name] = st.slider(copy.label(name), low, high, DEFAULTS[name], step, key=f"sampling_{name}",
                               bind="query-params", help=copy.info(name))
    with st.container(horizontal=True, key="sampling_last_numbers", vertical_alignment="bottom"):
        said["max_new_tokens"] = st.number_input(
            "`max_new_tokens`", 1, 512, DEFAULTS["max_new_tokens"], 1, key="sampling_max_new_tokens",
            bind="query-params", help=copy.info("max_new_tokens"),
        )
        said["chat"] = False
        if has_chat:
            said["chat"] = st.toggle(
                "Chat format", DEFAULTS["chat"], key="sampling_chat", bind="query-params",
                help="Wraps your text in the roles and marks that this model was taught to answer.",
            )
    with fold:
        words = {"box": "sampling_knobs", "title": "Knobs", "words": in_short(said)}
        mount("fold", pack(words), key="sampling_fold_line")
    if not said["order"]:
        del said["order"]
    said["system"] = str(st.session_state.get("sampling_system_kept", "")) if said["chat"] else ""
    return said


def in_short(said: dict[str, Any]) -> str:
    """The main knobs that are on, in one line: two by name, the rest by number."""
    neutral = Settings()
    on = [f"{name} {said[name]:g}" for name in ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
          if said[name] != getattr(neutral, name)]
    return " \u00b7 ".join([*on[:2], *([f"{len(on) - 2} more"] if len(on) > 2 else [])]) or "all off"


def keep_system() -> None:
    """A widget that is not drawn loses its value, so the system prompt is kept beside it."""
    st.session_state["sampling_system_kept"] = st.session_state.get("sampling_system", "")


def shown(said: dict[str, Any]) -> dict[str, Any]:
    """The knobs that the picture depends on."""
    return {name: value for name, value in said.items() if name != "max_new_tokens"}
