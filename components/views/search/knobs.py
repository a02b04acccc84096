"""The knobs of the Search page: what is searched, and how keywords and ranks are weighed."""

from __future__ import annotations

from typing import Any

import streamlit as st

from components.views import collections
from components.views.search.board import settings

_NAMES = {**collections.NAMES, "pasted": "My own passages"}


def corpus() -> str:
    """The corpus to search."""
    return collections.choose(
        "Search in", _NAMES, key="search_corpus", help="Two collections written for this app, or text that you paste."
    )


def passages() -> str:
    """The box for the reader's own passages."""
    text: str = st.text_area(
        "Your passages, one between blank lines, or one a line",
        key="search_passages",
        height=170,
        placeholder="The library opens at ten.\nDogs may swim in the lake until May.\nBread is baked here at night.",
        help="Up to 2,000 passages and 5 MB. They stay in this server's memory, for you alone, until you leave.",
    )
    return text


def draw(corpus_name: str) -> dict[str, Any]:
    """The sliders; returns the settings as the picture's header keeps them."""
    k1 = st.slider(
        "`k1` repeats", 0.0, 3.0, 1.5, 0.1, key="search_k1", bind="query-params",
        help="How long further repeats of a word go on counting. 0: once is enough.",
    )
    b = st.slider(
        "`b` length", 0.0, 1.0, 0.75, 0.05, key="search_b", bind="query-params",
        help="How far long passages are held back. 0: not at all.",
    )
    rrf_k = st.slider(
        "`k` of RRF", 0, 200, 60, 1, key="search_rrf_k", bind="query-params",
        help="Small: first places decide. Large: being found in both lists decides.",
    )
    stemming = st.toggle(
        "`stem` words", True, key="search_stemming", bind="query-params",
        help="rises, rising and rise count as one word. Off: only the very same spelling matches.",
    )
    return settings(corpus_name, k1, b, rrf_k, stemming)
