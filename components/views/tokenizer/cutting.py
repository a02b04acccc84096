"""The panel "Cut at N": the text cut to N tokens from either end, or into chunks that overlap, ready to be copied."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import streamlit as st

from components.models.open import OpenTokenizer
from components.payload import pack
from components.tokenization import Cut, chunks, cut
from components.views import frame
from components.views.component import mount
from components.views.tokenizer import work
from components.workshop import Job

WAYS = {"start": "keep the start", "end": "keep the end", "chunks": "chunks"}
DRAWN = 20_000
"""Characters that are drawn; all are cut."""
AT_ONCE = 5_000


def draw(text: str, chosen: Sequence[str]) -> None:
    """Knobs, the text with its cut, and the pieces to take away."""
    if not text:
        st.caption("Type a sentence, or press an example.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="tokenizer_cut_knobs"):
        way = st.segmented_control("What to do", list(WAYS), default="start", required=True,
                                   format_func=WAYS.__getitem__, key="tokenizer_cut_way", bind="query-params")
        name = st.selectbox("Counted by", list(chosen), format_func=work.title, key="tokenizer_cut_by", width=220,
                            bind="query-params")
        limit = st.number_input("`N` tokens", 1, 1_000_000, 20, key="tokenizer_cut_n", bind="query-params", width=150)
        overlap = 0
        if way == "chunks":
            overlap = st.number_input("`overlap` tokens", 0, 100_000, 4, key="tokenizer_cut_overlap",
                                      bind="query-params", width=150,
                                      help="So many tokens at the end of a chunk stand again at the start of the next.")
    with frame.sentences():
        found = _found(name, text, way, int(limit), int(overlap))
        mount("tokenizer_cutting", payload(text, found, way, int(limit), work.title(name)), key="tokenizer_cut_picture")
        if way == "chunks":
            st.download_button("Download the chunks (JSON Lines)", lambda: as_lines(found), "chunks.jsonl",
                               "application/x-ndjson", key="tokenizer_cut_download", on_click="ignore")


def _found(name: str, text: str, way: str, limit: int, overlap: int) -> tuple[Cut, ...]:
    tokenizer = work.opened(name)
    key = (name, work.digest(text), way, limit, overlap)

    def make(job: Job | None = None) -> tuple[Cut, ...]:
        if job:
            job.report(None, "cutting")
        return _cut(tokenizer, text, way, limit, overlap)

    if len(text) > AT_ONCE:
        return frame.compute("tokens-cut", key, make, label="Cutting", session=True)
    return work.kept("tokens-cut", [name], key, make)


def _cut(tokenizer: OpenTokenizer, text: str, way: str, limit: int, overlap: int) -> tuple[Cut, ...]:
    if way == "chunks":
        return chunks(tokenizer, text, limit, overlap)
    return (cut(tokenizer, text, limit, keep=way),)


def payload(text: str, found: Sequence[Cut], way: str, limit: int, title: str) -> bytes:
    """Header: the drawn text, what was done, by whom. Arrays: `start`, `end` (characters), `tokens` int32 `[piece]`."""
    pieces = [one for one in found if one.start < DRAWN] if way == "chunks" else list(found)
    columns = {what: np.array([getattr(one, what) for one in pieces], np.int32)
               for what in ("start", "end", "tokens")}
    header: dict[str, object] = {
        "way": way, "limit": limit, "by": title, "characters": len(text), "pieces": len(found),
        "from": 0, "text": text[:DRAWN], "whole": found[0].text if way != "chunks" and found else "",
    }
    if way == "end" and len(text) > DRAWN:
        # What is kept stands at the end of a long text, so the end is what is drawn.
        header |= {"from": len(text) - DRAWN, "text": text[-DRAWN:]}
    return pack(header, columns)


def as_lines(found: Sequence[Cut]) -> bytes:
    """One JSON object a chunk: its place, where it begins and ends in characters, its tokens and its text."""
    rows = ({"chunk": place, "start": one.start, "end": one.end, "tokens": one.tokens, "text": one.text}
            for place, one in enumerate(found, start=1))
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8")
