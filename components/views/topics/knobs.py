"""The knobs of the Topics page: which documents, and how they are grouped."""

from __future__ import annotations

import streamlit as st

from components.topics import Settings
from components.views import collections

NAMES = {name: collections.NAMES[name] for name in ("messages", "encyclopedia")} | {"own": "My own documents"}
UNITS = {"messages": "messages", "encyclopedia": "passages", "own": "documents"}
DEFAULT = Settings()
USUAL = {"messages": DEFAULT.min_cluster_size, "encyclopedia": 5, "own": 4}
"""min_cluster_size on opening: the encyclopedia has a dozen passages on each thing, pasted documents are often few."""


def _other_corpus() -> None:
    """Another collection starts with its own usual size; what the reader had set belonged to the other one."""
    st.session_state["topics_min_cluster_size"] = USUAL[st.session_state["topics_corpus"]]


def corpus() -> str:
    """The documents to group: a name in `NAMES`."""
    return collections.choose(
        "Documents", NAMES, key="topics_corpus", on_change=_other_corpus,
        help="Two collections written for this app, or text that you paste.",
    )


def own_documents() -> str:
    """The box for the reader's own documents."""
    text: str = st.text_area(
        "Your documents, one between blank lines, or one a line",
        key="topics_own",
        height=170,
        placeholder="The lamp at the corner is out.\nOur bin was not emptied.\nThe bus did not come.",
        help="Up to 2,000 documents and 5 MB. They stay in this server's memory, for you alone, until you leave.",
    )
    return text


def draw(corpus_name: str) -> Settings:
    """The three sliders, in one row where there is room."""
    columns = st.columns(3, gap="medium")
    with columns[0]:
        size = st.slider(
            "`min_cluster_size` smallest topic", 2, 60, USUAL[corpus_name], 1,
            key="topics_min_cluster_size", bind="query-params",
            help="The fewest documents that count as a topic. Answers at once: the map stays as it is.",
        )
    with columns[1]:
        near = st.slider(
            "`n_neighbors` neighbours", 2, 60, DEFAULT.n_neighbors, 1,
            key="topics_n_neighbors", bind="query-params",
            help="How many nearest documents each one is tied to. Few: small islands. Many: broad land.",
        )
    with columns[2]:
        seed = st.slider(
            "`random_state` seed", 0, 50, DEFAULT.random_state, 1,
            key="topics_random_state", bind="query-params",
            help="Another seed, another map of the same documents. Groups that stay are the ones to trust.",
        )
    return Settings(min_cluster_size=int(size), n_neighbors=int(near), random_state=int(seed))
