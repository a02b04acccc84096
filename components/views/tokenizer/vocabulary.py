"""The panel "Vocabulary": every entry of one column's tokenizer, searched, counted and looked at one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import streamlit as st

from components import caching
from components.models import catalog, places, sources
from components.models.open import OpenTokenizer
from components.tokenization import (
    ENTRY_KINDS,
    SCRIPTS,
    EntryQuery,
    Matrix,
    Reach,
    VocabularyEntries,
    entries,
    learnt,
    look_up,
    neighbours,
    open_matrix,
    reach,
    spoken,
    vector_lengths,
)
from components.views import frame
from components.views.component import mount
from components.views.tokenizer import vocabulary_payload, wording, work
from components.views.tokenizer.vocabulary_payload import ORDERS, Embedding
from components.workshop import Job

T = TypeVar("T")

#: What can be chosen, each kept in the session and in the address as `tokenizer_vocabulary_<name>`.
DEFAULTS = {"of": "", "find": "", "way": "text", "kind": "any", "script": "any", "bytes": "", "order": "id",
            "from": "0", "id": ""}
PREFIX = "tokenizer_vocabulary_"
#: A vocabulary whose embedding is another entry's: MiniLM reads with BERT's.
HOLDERS = {"bert": "minilm"}
NEIGHBOURS = 10
#: Where the training text can be counted, what came of it (tests/unit/test_tokenization_embeddings.py does it again).
TRUTHS = {
    "storyteller": "For storyteller they can be checked, because its tales can be counted: 34 of these 80 never occur "
                   "there and none more than 226 times. Half of all entries occur 1,541 times or more.",
}
_ALLOWED = {
    "way": lambda value: value in ("text", "bytes", "id", "pattern"), "kind": lambda value: value in ENTRY_KINDS,
    "script": lambda value: value in ("any", *SCRIPTS), "order": lambda value: value in ORDERS,
    "bytes": lambda value: re.fullmatch(r"\d{1,6}(?:-\d{0,6})?", value), "from": lambda value: value.isdecimal(),
    "id": lambda value: value.isdecimal() and len(value) < 10,
}


@st.fragment
def draw(chosen: Sequence[str]) -> None:
    """The search, its counts, the rows and one entry. `chosen`: the tokenizers of the columns."""
    state = _state(chosen)
    name = state["of"]
    with frame.sentences():
        tokenizer = work.opened(name)
        seen = _kept("tokens-entries", (name,), lambda job: entries(tokenizer), f"The vocabulary of {work.title(name)}")
        embedding = _embedding(name, seen)
        back = _reach(name, tokenizer, seen, needed=state["kind"] == "never")
        masks = {}
        if back is not None:
            masks["never"] = back.never
        if embedding is not None and len(embedding.learnt.candidates):
            masks["candidate"] = np.isin(seen.ids, embedding.learnt.candidates)
        if state["kind"] not in masks and state["kind"] in ("never", "candidate"):
            state["kind"] = "any"  # this vocabulary has no embedding here
        if state["order"] in ("near", "norm") and embedding is None:
            state["order"] = "id"
        query = _query(state)
        trouble = ""
        try:
            said = _said(name, seen, query)
        except ValueError as error:
            trouble, said = str(error), np.zeros(len(seen), np.bool_)  # said beside the box; nothing typed is lost
        found = look_up(seen, query, masks, said)
        picture = vocabulary_payload.payload(
            seen, found, state, title=work.title(name), trouble=trouble, embedding=embedding,
            columns=[{"id": one, "title": work.title(one)} for one in dict.fromkeys(chosen)],
            picked=_picked(name, tokenizer, seen, embedding, back, state["id"]))
        _write(state, chosen)
        mount("tokenizer_vocabulary", picture, key="tokenizer_vocabulary_view", triggers=("ask",),
              callbacks={"ask": _asked})


def _asked() -> None:
    """The browser says which choices are new; each is checked when the panel draws."""
    said = (st.session_state.get("tokenizer_vocabulary_view") or {}).get("ask")
    if not isinstance(said, dict):
        return
    for field, value in said.items():
        if field in DEFAULTS and isinstance(value, str) and len(value) <= 1_000:
            st.session_state[PREFIX + field] = value


def _state(chosen: Sequence[str]) -> dict[str, str]:
    """Every choice: from this session, else from the address, else as at first. A forged one falls back."""
    found = {}
    for field, first in DEFAULTS.items():
        value = st.session_state.get(PREFIX + field)
        if value is None:
            value = st.query_params.get(PREFIX + field, first)
            st.session_state[PREFIX + field] = value
        allowed = _ALLOWED.get(field)
        found[field] = first if value != first and allowed and not allowed(str(value)) else str(value)
    if found["of"] not in chosen:
        found["of"] = chosen[0]
    # An id means something else in another vocabulary.
    if st.session_state.get(PREFIX + "was", found["of"]) != found["of"]:
        found["id"], found["from"] = "", "0"
        st.session_state.update({PREFIX + "id": "", PREFIX + "from": "0"})
    st.session_state[PREFIX + "was"] = found["of"]
    return found


def _write(state: dict[str, str], chosen: Sequence[str]) -> None:
    """Keep the address in step; what is as at first is not written."""
    for field, value in state.items():
        first = chosen[0] if field == "of" else DEFAULTS[field]
        key = PREFIX + field
        if value == first:
            if key in st.query_params:
                del st.query_params[key]
        elif st.query_params.get(key) != value:
            st.query_params[key] = value


def _query(state: dict[str, str]) -> EntryQuery:
    first, dash, last = state["bytes"].partition("-")
    shortest = int(first or 1)
    longest = int(last) if last else 1_000_000 if dash or not first else shortest
    return EntryQuery(state["find"], state["way"], state["kind"], state["script"], shortest, longest)


def _kept(kind: str, key: tuple[Any, ...], work_it_out: Callable[[Job], T], label: str) -> T:
    """A result from the cache or the background; one of the reader's own tokenizers stays with the reader."""
    return frame.compute(kind, key, work_it_out, label=label, session=work.private(key[:1]))


def _said(name: str, seen: VocabularyEntries, query: EntryQuery) -> Any:
    """The search itself. A regular expression takes its time, so it runs in the background and is kept."""
    if query.way != "pattern" or not query.find:
        return spoken(seen, query)
    return _kept("tokens-pattern", (name, query.find), lambda job: spoken(seen, query), "Regular expression")


def _reach(name: str, tokenizer: OpenTokenizer, seen: VocabularyEntries, *, needed: bool) -> Reach | None:
    """Which entries never come back from their own text: worked out when asked for, shown once it is known."""
    if not needed:
        store = caching.session_store() if work.private([name]) else None
        return store.peek(("tokens-reach", name)) if store else caching.peek("tokens-reach", (name,))

    def run(job: Job) -> Reach:
        def told(share: float) -> None:
            job.check()
            job.report(share, "every entry's own text")

        return reach(tokenizer, seen, told)

    return _kept("tokens-reach", (name,), run, work.title(name))


def _embedding(name: str, seen: VocabularyEntries) -> Embedding | None:
    """The measures of the embedding that goes with this vocabulary, where its model is here."""
    model = _model(name)
    if model is None:
        return None

    def run(job: Job) -> Embedding:
        job.report(None, "reading the embedding")
        found = sources.find(model)
        places.verify(model, found)
        matrix = open_matrix(found.path / "model.safetensors")
        return Embedding(wording.short(model) if model == name else catalog.entry(model).title,
                         learnt(matrix, seen), _untrained(model) is not None, TRUTHS.get(model, ""))

    return _kept("tokens-embedding", (name,), run, work.title(name))


def _model(name: str) -> str | None:
    """The model whose embedding has a row for each id of this vocabulary, if its weights are here in one file."""
    if work.private([name]):
        return None
    model = HOLDERS.get(name, name)
    if catalog.entry(model).kind == "tokenizer" or not sources.state(model).here:
        return None
    return model if (sources.find(model).path / "model.safetensors").is_file() else None


def _untrained(model: str) -> Matrix | None:
    """The embedding before the first step of training, where it was kept."""
    path = sources.find(model).path / "untrained_embedding.safetensors"
    return open_matrix(path) if path.is_file() else None


def _picked(name: str, tokenizer: OpenTokenizer, seen: VocabularyEntries, embedding: Embedding | None,
            back: Reach | None, token: str) -> dict[str, Any] | None:
    row = seen.row(int(token)) if token else None
    if row is None:
        return None
    after: list[dict[str, Any]] = []
    before: list[dict[str, Any]] = []
    model = _model(name)
    if embedding is not None and model is not None:
        own_id = int(seen.ids[row])

        def look() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
            trained = open_matrix(sources.find(model).path / "model.safetensors")
            ids, cosines = neighbours(trained, own_id, embedding.learnt.norms, NEIGHBOURS)
            first = _untrained(model)
            if first is None:
                return vocabulary_payload.near(seen, ids, cosines), []
            start = neighbours(first, own_id, vector_lengths(first), NEIGHBOURS)
            return vocabulary_payload.near(seen, ids, cosines), vocabulary_payload.near(seen, *start)

        after, before = caching.shared("tokens-neighbours", (name, own_id), look)
    return vocabulary_payload.detail(seen, tokenizer, row, back, embedding, after, before)
