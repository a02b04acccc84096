"""Names in the address of a page: it holds a choice as its box shows it, and a link may use the short id as well."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx


def accept_ids(keys: Iterable[str], names: Iterable[str], title: Callable[[str], str]) -> None:
    """Put ids in the address right before the boxes that are bound to it are drawn.

    Streamlit reads and writes the shown name. Where a link has an id instead, the shown name takes its place, so that
    the choice holds and the address keeps it. What is neither is left to the box, which falls back to its default.

    Args:
        keys: the widgets' keys, and their names in the address.
        names: the ids that can be chosen.
        title: id -> the name that the box shows.
    """
    known = set(names)
    asked = {key: value for key in keys if (value := st.query_params.get(key)) in known}
    by_id = {key: shown for key, value in asked.items() if (shown := title(value)) != value}
    context = get_script_run_ctx()
    if not by_id or context is None:
        return
    # A box reads the address that the session began with, which st.query_params does not change; and what belongs to
    # a box that was drawn before, it refuses to change. So both are set here.
    with context.session_state.query_params() as found:
        for key, shown in by_id.items():
            st.session_state.pop(key, None)
            found.set_corrected_value(key, shown, "string_value")
        found.set_initial_query_params_from_current()
