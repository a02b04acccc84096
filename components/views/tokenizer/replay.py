"""The panel "Replay the algorithm": BPE merge by merge, WordPiece try by try, Unigram's lattice, for any word."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components import first_views
from components.payload import annotate
from components.tokenization import REPLAYED_CHARACTERS
from components.views import frame
from components.views.component import mount
from components.views.tokenizer import work
from components.views.tokenizer.replay_payload import STOP, payload
from components.workshop import Job

_AT, _STOP = "tokenizer_replay_at", "tokenizer_replay_stop"


def draw(text: str, chosen: Sequence[str]) -> None:
    """The replay of one of the columns' tokenizers on the text."""
    if not text:
        st.caption("Type a sentence, or press an example.")
        return
    name = work.side("tokenizer_replay_of", chosen)
    stored = (first_views.find("tokenizer_replay", model, text, {"of": name}) for model in ("smollm2", "storyteller"))
    found = next(filter(None, stored), None)
    picture = found.payload if found else _steps(name, text)
    mount("tokenizer_replay", annotate(picture, view=_view(), whole=len(text)), key="tokenizer_replay",
          state=("view",), callbacks={"view": _moved})


def _steps(name: str, text: str) -> bytes:
    """The payload for one tokenizer and as much of a text as is replayed, kept as long as there is room."""
    mine = work.opened(name) if work.private([name]) else None  # only this session knows it
    part = text if len(text) <= REPLAYED_CHARACTERS else _beginning(text)
    title = work.title(name)
    key = (name, title, work.digest(part))

    def steps(job: Job) -> bytes:
        job.report(None, "step by step")
        return payload(mine or work.opened(name), title, part)

    return frame.compute("tokens-replay", key, steps, label=title, session=mine is not None or len(text) > work.AT_ONCE)


def _beginning(text: str) -> str:
    """As much of a long text as is replayed, up to a space where there is one near."""
    cut = text.rfind(" ", REPLAYED_CHARACTERS - 200, REPLAYED_CHARACTERS)
    return text[:cut if cut > 0 else REPLAYED_CHARACTERS]


def _moved() -> None:
    """The browser says which word is looked at (a character of the text) and where the merges stop."""
    said = (st.session_state.get("tokenizer_replay") or {}).get("view") or {}
    for key, value, first in ((_AT, said.get("at"), None), (_STOP, said.get("stop"), STOP)):
        if isinstance(value, int) and value >= 0 and value != first:
            st.session_state[key] = value
        else:
            st.session_state.pop(key, None)
            st.query_params.pop(key, None)


def _view() -> dict[str, int | None]:
    """The chosen word and stop, from this session or from a link, kept in the address."""
    found: dict[str, int | None] = {}
    for name, key in (("at", _AT), ("stop", _STOP)):
        value = st.session_state.get(key)
        linked = st.query_params.get(key, "")
        if value is None and linked.isdecimal() and len(linked) < 9:
            value = int(linked)
            st.session_state[key] = value
        if value is not None and linked != str(value):
            st.query_params[key] = str(value)
        found[name] = value
    return found
