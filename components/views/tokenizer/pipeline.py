"""The panel "Inside, step by step": the text after the normaliser, pre-tokeniser, model, post-processor and decoder."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components.payload import annotate
from components.tokenization import PIPELINE_CHARACTERS
from components.views import frame
from components.views.component import mount
from components.views.tokenizer import work
from components.views.tokenizer.pipeline_payload import payload
from components.workshop import Job


def draw(text: str, chosen: Sequence[str]) -> None:
    """The staircase of one of the columns' tokenizers."""
    if not text:
        st.caption("Type a sentence, or press an example.")
        return
    name = work.side("tokenizer_pipeline_of", chosen)
    if len(text) > PIPELINE_CHARACTERS:
        frame.trouble(f"The text has {len(text):,} characters, and every step is kept for at most "
                      f"{PIPELINE_CHARACTERS:,}; shorten it to look inside.")
        return
    mount("tokenizer_pipeline", annotate(_steps(name, text), name=name), key="tokenizer_pipeline")


def _steps(name: str, text: str) -> bytes:
    """The payload, kept for everyone; for one of the reader's own tokenizers in this session alone."""
    mine = work.opened(name) if work.private([name]) else None  # only this session knows it
    title = work.title(name)
    key = (name, title, work.digest(text))

    def steps(job: Job) -> bytes:
        job.report(None, "step by step")
        return payload(mine or work.opened(name), title, text)

    return frame.compute("tokens-pipeline", key, steps, label=title, session=mine is not None or len(text) > 5_000)
