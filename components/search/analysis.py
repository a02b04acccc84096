"""What counts as a word for keyword search: bm25s' own rule, and where each word stands in a text.

Runs of two or more word characters, lower-cased, without 33 very common English words, cut to their stem by
Snowball's English stemmer (`leaves` and `leaf` become `leav` and `leaf`: stemming joins endings, not irregular forms).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

_RUN = re.compile(r"(?u)\w+")
_WORD = re.compile(r"(?u)\b\w\w+\b")  # bm25s' default pattern


@dataclass(frozen=True)
class Word:
    """A word as it stands in a text, and the term it counts as.

    Attributes:
        text: as written.
        start, end: character range in the text.
        term: the stem that is looked up, or None where the word is left out.
        why_out: "" where it counts, else "common word" or "one letter".
    """

    text: str
    start: int
    end: int
    term: str | None
    why_out: str = ""


@functools.cache
def stop_words() -> frozenset[str]:
    """The English words that are left out, bm25s' default list."""
    from bm25s.stopwords import STOPWORDS_EN

    return frozenset(STOPWORDS_EN)


@functools.lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Snowball's English stem of one lower-case word."""
    import Stemmer

    # A stemmer object keeps state and must not be shared between threads; a new one costs a microsecond.
    return str(Stemmer.Stemmer("english").stemWord(word))


def terms(text: str, *, stemming: bool) -> list[str]:
    """The terms of a text in order, repeats kept: the same list that `bm25s.tokenize` gives."""
    kept = [word for word in _WORD.findall(text.lower()) if word not in stop_words()]
    return [stem(word) for word in kept] if stemming else kept


def words(text: str, *, stemming: bool) -> list[Word]:
    """Every run of word characters in a text with its place and its term.

    >>> [(w.text, w.term) for w in words("Their leaves fall", stemming=True)]
    [('Their', None), ('leaves', 'leav'), ('fall', 'fall')]
    """
    out = []
    for match in _RUN.finditer(text):
        # Lower-casing can change the length of a word ("İ"), so each run is lowered by itself and keeps its own range.
        parts = _WORD.findall(match.group().lower())
        kept = [part for part in parts if part not in stop_words()]
        if kept:
            term = stem(kept[0]) if stemming else kept[0]
            out.append(Word(match.group(), match.start(), match.end(), term))
        else:
            out.append(
                Word(match.group(), match.start(), match.end(), None, "common word" if parts else "one letter")
            )
    return out


def spans(text: str, wanted: Sequence[str] | set[str], *, stemming: bool) -> tuple[tuple[int, int, str], ...]:
    """Where the wanted terms stand in a text: (start, end, term) in characters, in order."""
    sought = set(wanted)
    return tuple((w.start, w.end, w.term) for w in words(text, stemming=stemming) if w.term in sought and w.term)
