"""Any token of the vocabulary, looked for by text or id and followed through all stages."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components import caching
from components.models import loaders
from components.tokenization import EntryQuery, VocabularyEntries, entries, look_up
from components.views.sampling.labels import Labels
from components.views.sampling.picture import FOLLOWED

KEY = "sampling_follow"
FOUND = "sampling_found"
LISTED = 12
LONGEST = 60


def now() -> tuple[int, ...]:
    """The followed ids, from this session or from the link that began it."""
    if KEY not in st.session_state:
        parts = st.query_params.get(KEY, "").split(",")
        st.session_state[KEY] = [int(part) for part in parts if part.isdecimal() and len(part) < 9][:FOLLOWED]
    return tuple(st.session_state[KEY])


def _write(ids: list[int]) -> None:
    st.session_state[KEY] = ids
    if ids:
        st.query_params[KEY] = ",".join(map(str, ids))
    elif KEY in st.query_params:
        del st.query_params[KEY]


def obey(ask: dict[str, Any]) -> bool:
    """Do what the search box asks; False where it is nothing that the box sends."""
    do, token = ask.get("do"), ask.get("token")
    if do == "find" and isinstance(ask.get("text"), str):
        st.session_state[FOUND] = ask["text"][:LONGEST]
    elif do == "follow" and isinstance(token, int) and not isinstance(token, bool) and token >= 0:
        others = [one for one in now() if one != token]
        _write([*others, token][-FOLLOWED:])
        st.session_state.pop(FOUND, None)
    elif do == "unfollow" and isinstance(token, int):
        _write([one for one in now() if one != token])
    else:
        return False
    return True


def found(model: str, labels: Labels, chances: NDArray[np.float32]) -> dict[str, Any] | None:
    """What the last search gives: the tokens that hold the text, exact ones first, then the likeliest.

    Args:
        model: catalog id.
        labels: how tokens are shown.
        chances: [vocab] as the model gave them.

    Returns:
        `{"asked", "of", "tokens": [label with "p" and "rank"]}`; None where nothing was asked.
    """
    asked = st.session_state.get(FOUND)
    if not isinstance(asked, str) or not asked:
        return None
    ids = search(_entries(model), asked, chances)
    shown = [{**labels.label(int(token)), "p": float(chances[token]),
              "rank": int(np.count_nonzero(chances > chances[token])) + 1} for token in ids[:LISTED]]
    return {"asked": asked, "of": len(ids), "tokens": shown}


def search(seen: VocabularyEntries, asked: str, chances: NDArray[np.float32]) -> NDArray[np.int64]:
    """Ids of the tokens that hold a text, capital and small letters alike, or that have an id written as `#17` or `17`.

    Exact texts come first (a space in front does not count), then the others by falling chance.
    """
    text = asked.strip() or asked
    rows = look_up(seen, EntryQuery(find=text)).rows
    ids = seen.ids[rows].astype(np.int64)
    number = text.removeprefix("#")
    if number.isdecimal() and len(number) < 9 and int(number) < len(chances):
        ids = np.unique(np.append(ids, int(number)))
    ids = ids[ids < len(chances)]
    folded = text.lower().encode("utf-8")
    exact = np.array([seen.table.piece(int(token)).strip().lower() == folded or str(token) == number for token in ids],
                     dtype=bool)
    return ids[np.lexsort((ids, -chances[ids], ~exact))]


def _entries(model: str) -> VocabularyEntries:
    return caching.shared("sampling_entries", (model,), lambda: entries(loaders.model(model).tokenizer))
