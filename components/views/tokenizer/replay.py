"""The panel "Replay the algorithm": BPE merge by merge, WordPiece try by try, Unigram's lattice, for any word."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from components.models.open import OpenTokenizer
from components.payload import annotate, pack
from components.tokenization import REPLAYED_CHARACTERS, Matching, Merging, Replay, Way, replay
from components.views import frame
from components.views.component import mount
from components.views.tokenizer import own, work
from components.workshop import Job

#: A word of more units (bytes or characters) is counted, its steps are not drawn.
DRAWN_UNITS = 120
#: So many different words can be chosen; those behind them are counted.
DRAWN_WAYS = 1_500
#: Ways through a Unigram lattice that are listed.
WAYS = 6
#: Where "stop after N merges" stands at first.
STOP = 1_000

_AT, _STOP = "tokenizer_replay_at", "tokenizer_replay_stop"


def draw(text: str, chosen: Sequence[str]) -> None:
    """The replay of one of the columns' tokenizers on the text."""
    if not text:
        st.caption("Type a sentence, or press an example.")
        return
    name = _side(chosen)
    mine = work.opened(name) if name.startswith(own.PREFIX) else None  # only this session knows it
    part = text if len(text) <= REPLAYED_CHARACTERS else _beginning(text)
    key = (name, work.title(name), hashlib.blake2b(part.encode("utf-8"), digest_size=16).digest())
    title = work.title(name)

    def steps(job: Job) -> bytes:
        job.report(None, "merging")
        return payload(mine or work.opened(name), title, part)

    picture = frame.compute("tokens-replay", key, steps, label=f"{title}, step by step",
                            session=name.startswith(own.PREFIX) or len(part) > work.AT_ONCE)
    mount("tokenizer_replay", annotate(picture, view=_view(), whole=len(text)), key="tokenizer_replay",
          state=("view",), callbacks={"view": _moved})


def _side(chosen: Sequence[str]) -> str:
    """Which of the columns is replayed; the first one at first."""
    names = list(dict.fromkeys(chosen))
    if len(names) == 1:
        return names[0]
    key = "tokenizer_replay_of"
    if st.session_state.get(key) not in (None, *names):
        del st.session_state[key]
    picked = st.segmented_control("Tokenizer", names, format_func=work.title, default=names[0], required=True, key=key,
                                  bind="query-params", label_visibility="collapsed")
    return picked if picked in names else names[0]


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


def payload(tokenizer: OpenTokenizer, title: str, text: str) -> bytes:
    """What the browser draws from.

    Header: `algorithm`, `title`, `text`, `base`, `merges`, `tokens` (of the whole text), `first` (the word to begin
    with), `stop`, `control` (place of a word: its id) and `ways`, one for every different word (see `_way`). Arrays:
    `words` int32 [word, 3] (way, first character, end), `needed` int32 (see `Replay.needed`).
    """
    found = replay(tokenizer, text, WAYS)
    return pack({
        "algorithm": found.algorithm, "title": title, "text": text, "base": found.base, "merges": found.merges,
        "tokens": len(found.ids), "first": first_word(found), "stop": STOP,
        "control": {str(place): word.control for place, word in enumerate(found.words) if word.control is not None},
        "ways": [_way(way) if place < DRAWN_WAYS else None for place, way in enumerate(found.ways)],
    }, {"words": np.array([(word.way, word.start, word.end) for word in found.words], np.int32).reshape(-1, 3),
        "needed": found.needed})


def _units(way: Way) -> int:
    return len(way.spelling)


def _way(way: Way) -> dict[str, Any]:
    """One word in as few characters as will do: `b` bytes in hexadecimal or `t` text, `p` the pieces in the end as
    [start, end, ids]; `n` alone says how many units a word has that is too long to draw.

    BPE: `u` its units as [start, end, how many ids] (left out where they are the bytes), `m` merges [rank, start,
    middle, end, id], `w` the rank from which on it is taken whole. WordPiece: `f` found [start, end, id], `s` where it
    got stuck, `l` too long, `x` the prefix. Unigram: `e` edges [start, end, id, score, unknown], `a` the edge by which
    each boundary is reached best, `d` the score there, `k` the ways [score, edges].
    """
    pieces = [[piece.start, piece.end, list(piece.ids)] for piece in way.pieces]
    if _units(way) > DRAWN_UNITS:
        return {"n": _units(way), "t": way.spelling[:40] if isinstance(way.spelling, str)
                else way.spelling[:40].decode("utf-8", errors="replace"), "c": len(way.ids)}
    if isinstance(way, Merging):
        ends = [unit.end for unit in way.units]
        plain = ends == list(range(1, len(way.spelling) + 1)) and all(len(unit.ids) == 1 for unit in way.units)
        return {"b": way.spelling.hex(), "m": [list(merge) for merge in way.merges], "p": pieces, "w": way.whole,
                **({} if plain else {"u": [[unit.start, unit.end, len(unit.ids)] for unit in way.units]})}
    if isinstance(way, Matching):
        return {"t": way.spelling, "x": way.prefix, "f": [[piece.start, piece.end, *piece.ids] for piece in way.found],
                "s": way.stuck, "l": way.too_long, "p": pieces}
    return {"t": way.spelling.replace("▁", " "), "p": pieces, "a": list(way.arrive),
            "d": [round(score, 4) for score in way.best],
            "e": [[edge.start, edge.end, edge.id, round(edge.score, 4), int(edge.unknown)] for edge in way.edges],
            "k": [[round(path.score, 4), list(path.edges)] for path in way.paths]}


def first_word(found: Replay) -> int:
    """The word to begin with: of those that fit well into a picture the one with the most to see."""
    def interest(place: int) -> tuple[int, int]:
        word = found.words[place]
        if word.way < 0:
            return -1, 0
        way = found.ways[word.way]
        letters = word.text.strip().isascii() and word.text.strip().isalpha()
        if isinstance(way, Merging):
            steps = len(way.merges)
        else:
            steps = len(way.spelling) * len(way.pieces) if isinstance(way, Matching) else len(way.edges)
        return (steps if _units(way) <= 14 else 0) * (4 if letters else 1), -place

    return max(range(min(len(found.words), 2_000)), key=interest, default=0) if found.words else -1

