"""The panel "Inside, step by step": the text after the normaliser, pre-tokeniser, model, post-processor and decoder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import streamlit as st

from components.payload import annotate
from components.tokenization import PIPELINE_CHARACTERS
from components.views import frame
from components.views.component import mount
from components.views.tokenizer import own, work
from components.views.tokenizer.pipeline_payload import payload
from components.workshop import Job


def draw(text: str, chosen: Sequence[str]) -> None:
    """The staircase of one of the columns' tokenizers."""
    if not text:
        st.caption("Type a sentence, or press an example.")
        return
    name = _side(chosen)
    if len(text) > PIPELINE_CHARACTERS:
        frame.trouble(f"The text has {len(text):,} characters, and every step is kept for at most "
                      f"{PIPELINE_CHARACTERS:,}; shorten it to look inside.")
        return
    mount("tokenizer_pipeline", annotate(_steps(name, text), name=name), key="tokenizer_pipeline")


def _steps(name: str, text: str) -> bytes:
    """The payload, kept for everyone; for one of the reader's own tokenizers in this session alone."""
    mine = work.opened(name) if name.startswith(own.PREFIX) else None  # only this session knows it
    title = work.title(name)
    key = (name, title, hashlib.blake2b(text.encode("utf-8"), digest_size=16).digest())

    def steps(job: Job) -> bytes:
        job.report(None, "step by step")
        return payload(mine or work.opened(name), title, text)

    return frame.compute("tokens-pipeline", key, steps, label=title, session=mine is not None or len(text) > 5_000)


def _side(chosen: Sequence[str]) -> str:
    """Which of the columns is looked into; the first one at first."""
    names = list(dict.fromkeys(chosen))
    if len(names) == 1:
        return names[0]
    key = "tokenizer_pipeline_of"
    # The address holds a name as the switch shows it; a link may also use the catalog's id.
    asked = st.query_params.get(key)
    if asked in names and work.title(asked) != asked:
        del st.query_params[key]
        st.session_state[key] = asked
    if st.session_state.get(key) not in (None, *names):
        del st.session_state[key]
    picked = st.segmented_control("Tokenizer", names, format_func=work.title, default=names[0], required=True, key=key,
                                  bind="query-params", label_visibility="collapsed")
    return picked if picked in names else names[0]
