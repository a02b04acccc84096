"""A replay -> the one buffer that the browser draws from. No Streamlit here: a recipe uses it too."""

from __future__ import annotations

from typing import Any

import numpy as np

from components.models.open import OpenTokenizer
from components.payload import pack
from components.tokenization import Matching, Merging, Replay, Way, replay

#: A word of more units (bytes or characters) is counted, its steps are not drawn.
DRAWN_UNITS = 120
#: So many different words can be chosen; those behind them are counted.
DRAWN_WAYS = 1_500
#: Ways through a Unigram lattice that are listed.
WAYS = 6
#: Where "stop after N merges" stands at first.
STOP = 1_000


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

