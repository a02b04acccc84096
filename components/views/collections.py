"""Which texts a page works on: the shipped collections by their plain names, or the reader's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from components.views import address

NAMES: Mapping[str, str] = {
    "encyclopedia": "600 encyclopedia passages",
    "messages": "1,200 messages to a town",
}
"""Shipped collection -> its name in a picker. Counts are rounded down, so that an address that holds the name lasts."""


def choose(
    label: str, names: Mapping[str, str], *, key: str, help: str, on_change: Callable[[], None] | None = None
) -> str:
    """The chosen collection, kept in the address.

    Args:
        label: the words over the box.
        names: collection -> shown name; the first one is chosen on opening.
        key: the widget's key, and its name in the address.
        help: the hint behind the question mark.
        on_change: called when the reader has chosen another.
    """
    address.accept_ids([key], names, names.__getitem__)
    chosen: str = st.selectbox(
        label, list(names), format_func=names.__getitem__, key=key, bind="query-params", on_change=on_change,
        help=help,
    )
    return chosen
