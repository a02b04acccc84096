"""The Topics picture on the page, and which document the reader has chosen in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from components.corpora import Corpus
from components.views.component import mount
from components.views.topics.board import Board

KEY = "topics_map"

# On a phone the knobs come under the picture, as everywhere; the page writes them first, since the picture needs them.
STYLE = """<style>
.st-key-topics_knobs [data-testid="stSlider"] { margin-bottom: -0.4rem; }
.st-key-topics_knobs [data-testid="stColumn"] { min-width: 11rem; flex: 1 1 11rem; }
@media (max-width: 640px) {
  [data-testid="stLayoutWrapper"]:has(> .st-key-topics_knobs) { order: 1; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-topics_rest) { order: 2; }
  .st-key-topics_knobs [data-testid="stHorizontalBlock"] { gap: 0.6rem; }
}
</style>"""


def chosen(board: Board) -> int | None:
    """The document the reader has chosen on this very map."""
    said = (st.session_state.get(KEY) or {}).get("chosen")
    if isinstance(said, str):
        name, _, number = said.partition(":")
        if name == board.key and number.isdecimal() and int(number) < board.header["corpus"]["count"]:
            return int(number)
    return None


def draw(board: Board, corpus: Corpus, new: Mapping[str, Any] | None) -> int | None:
    """The picture; returns the chosen document."""
    document = chosen(board)
    full = None
    if board.header["clipped"] and document is not None:
        full = {"index": document, "text": corpus.texts[document]}
    mount("topics", board.payload(new, full), key=KEY, state=("chosen",))
    return document
