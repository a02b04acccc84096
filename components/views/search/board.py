"""Rankings -> one payload: what the picture, the panels, the export and the snippet of the Search page draw from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.corpora import Corpus
from components.payload import pack, unpack
from components.search import Index, Ranking, keyword_reason, query_terms, words

TOP = 10
WORDS_SHOWN = 40
TERMS_SHOWN = 12

METHODS: dict[str, dict[str, str]] = {
    "bm25": {"name": "Keyword", "sub": "BM25, shared words", "letter": "K"},
    "dense": {"name": "Meaning", "sub": "MiniLM, cosine", "letter": "M"},
    "rrf": {"name": "Both", "sub": "RRF, ranks fused, × 1000", "letter": "B"},
}
"""The columns of the picture, left to right; a further method is a further entry."""


@dataclass(frozen=True, eq=False)
class Board:
    """A search as the page shows it: header (JSON) and arrays `scores_<method>`, `ranks_<method>` `[passage]`."""

    header: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]
    payload: bytes

    @property
    def default(self) -> int | None:
        """The passage that is followed until the reader chooses another."""
        found = self.header["followed"]
        return None if found is None else int(found)

    def rank(self, method: str, passage: int) -> int | None:
        """1 for the best; None where the method does not find the passage."""
        return int(self.arrays[f"ranks_{method}"][passage]) or None

    def score(self, method: str, passage: int) -> float:
        return float(self.arrays[f"scores_{method}"][passage])

    def top(self, method: str, k: int = TOP) -> list[int]:
        """The first k passages of a column."""
        ranks = self.arrays[f"ranks_{method}"]
        order = np.argsort(np.where(ranks > 0, ranks, len(ranks) + 1), kind="stable")
        return [int(i) for i in order[: min(k, int(np.count_nonzero(ranks)))]]


def read(payload: bytes) -> Board:
    """A board out of its payload, such as a stored first view."""
    header, arrays = unpack(payload)
    return Board(header, arrays, payload)


def settings(corpus: str, k1: float, b: float, rrf_k: float, stemming: bool) -> dict[str, Any]:
    """The knobs as they stand in a header, rounded as the sliders step."""
    return {
        "corpus": corpus,
        "k1": round(float(k1), 3),
        "b": round(float(b), 3),
        "rrf_k": round(float(rrf_k), 3),
        "stemming": bool(stemming),
    }


def build(
    corpus: Corpus,
    index: Index,
    rankings: Mapping[str, Ranking],
    knobs: Mapping[str, Any],
    *,
    notes: Sequence[str] = (),
    stamp: Mapping[str, str] | None = None,
    also: Sequence[int] = (),
) -> Board:
    """Everything the page needs to draw one search. `also` are further passages whose text the reading card needs."""
    question = next(iter(rankings.values())).query
    colours = {term: number for number, term in enumerate(query_terms(index, question))}
    shown: list[int] = []
    for method in METHODS:
        shown += [hit.passage for hit in rankings[method].hits[:TOP]]
    shown = list(dict.fromkeys([*shown, *also]))
    every = words(question, stemming=index.stemming)
    header = {
        "id": hashlib.sha256(f"{corpus.hash}\x1f{question}".encode("utf-8", "surrogatepass")).hexdigest()[:12],
        "text": question,
        "settings": dict(knobs),
        "stamp": dict(stamp or {}),
        "corpus": corpus.name,
        "count": len(corpus),
        "top": TOP,
        "methods": [{"id": name, **labels} for name, labels in METHODS.items()],
        "found": {method: rankings[method].found for method in METHODS},
        "words": [
            {
                "text": word.text,
                "term": word.term,
                "out": word.why_out,
                "passages": index.passages_with(word.term) if word.term else 0,
                "idf": round(index.idf(word.term), 4) if word.term else 0.0,
                "colour": colours[word.term] if word.term else -1,
            }
            for word in every[:WORDS_SHOWN]
        ],
        "more_words": max(0, len(every) - WORDS_SHOWN),
        "passages": {str(i): _passage(corpus, index, question, colours, i) for i in shown},
        "titles": list(corpus.titles),
        "ids": list(corpus.ids),
        "followed": _telling(rankings),
        "notes": list(notes),
        "message": "",
    }
    arrays: dict[str, np.ndarray] = {}
    for method in METHODS:
        arrays[f"scores_{method}"] = rankings[method].scores.astype(np.float32)
        arrays[f"ranks_{method}"] = rankings[method].ranks.astype(np.int32)
    return Board(header, arrays, pack(header, arrays))


def blank(message: str) -> Board:
    """The picture before there is anything to draw: empty columns and one sentence."""
    header = {
        "id": "",
        "text": "",
        "settings": {},
        "stamp": {},
        "corpus": "",
        "count": 0,
        "top": TOP,
        "methods": [{"id": name, **labels} for name, labels in METHODS.items()],
        "found": dict.fromkeys(METHODS, 0),
        "words": [],
        "more_words": 0,
        "passages": {},
        "titles": [],
        "ids": [],
        "followed": None,
        "notes": [],
        "message": message,
    }
    arrays: dict[str, np.ndarray] = {}
    for method in METHODS:
        arrays[f"scores_{method}"] = np.zeros(0, np.float32)
        arrays[f"ranks_{method}"] = np.zeros(0, np.int32)
    return Board(header, arrays, pack(header, arrays))


def _passage(corpus: Corpus, index: Index, question: str, colours: dict[str, int], i: int) -> dict[str, Any]:
    reason = keyword_reason(index, question, i)
    return {
        "id": corpus.ids[i],
        "title": corpus.titles[i],
        "text": corpus.texts[i],
        "meta": {key: value for key, value in corpus.meta[i].items() if isinstance(value, str) and value},
        "terms": [
            {
                "word": term.word,
                "term": term.term,
                "colour": colours[term.term],
                "score": round(term.score, 5),
                "count": term.count,
                "found": term.found,
                "passages": term.passages,
                "idf": round(term.idf, 5),
                "saturation": round(term.saturation, 5),
            }
            for term in reason.terms[:TERMS_SHOWN]
        ],
        "others": round(sum(term.score for term in reason.terms[TERMS_SHOWN:]), 5),
        "spans": [[*_utf16(corpus.texts[i], start, end), colours[term]] for start, end, term in reason.spans],
    }


def _utf16(text: str, start: int, end: int) -> tuple[int, int]:
    """A range of characters as JavaScript counts them, in UTF-16 units."""
    before = len(text[:start].encode("utf-16-le", "surrogatepass")) // 2
    return before, before + len(text[start:end].encode("utf-16-le", "surrogatepass")) // 2


def _telling(rankings: Mapping[str, Ranking]) -> int | None:
    """The passage worth following first: the best by meaning that keyword search leaves out of its top ten, where it
    is among the three nearest; else the best of both."""
    keyword = rankings["bm25"]
    for hit in rankings["dense"].hits[:3]:
        rank = keyword.rank_of(hit.passage)
        if rank is None or rank > TOP:
            return hit.passage
    best = rankings["rrf"].hits
    return best[0].passage if best else None
