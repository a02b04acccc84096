"""A TopicMap -> one payload: what the picture, the panels, the exports and the stored first view draw from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np

from components.corpora import Corpus, heading
from components.payload import pack, unpack
from components.topics import Placement, Settings, TopicMap, neighbours, pack_map, unpack_map
from components.views.topics.knobs import NAMES, UNITS

WHOLE_TEXTS = 400_000
"""Above this many characters the browser gets the beginnings, and a text in full when it is chosen."""
SNIPPET = 150
NEAR = 4
HEAT = (14, 40)


@dataclass(frozen=True, eq=False)
class Board:
    """A map as the page shows it: a header (JSON) and arrays by document."""

    header: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]

    @cached_property
    def map(self) -> TopicMap:
        return unpack_map(self.header, self.arrays)

    @property
    def key(self) -> str:
        return str(self.header["key"])

    def payload(self, new: Mapping[str, Any] | None = None, full: Mapping[str, Any] | None = None) -> bytes:
        """The buffer for the browser, with the reader's new document and the chosen document's whole text."""
        left_out = ("space", "heat", "cosines")
        return pack(
            {**self.header, "new": new, "full": full, "stages": None},
            {name: array for name, array in self.arrays.items() if name not in left_out},
        )


def read(payload: bytes) -> Board:
    """A board out of a stored payload."""
    return Board(*unpack(payload))


def kind(corpus: Corpus) -> str:
    return "own" if corpus.name == "pasted" else corpus.name


def key_of(corpus: Corpus, settings: Settings) -> str:
    """A short name for one map: of these documents with these settings."""
    return hashlib.sha256(f"{corpus.hash} {asdict(settings)}".encode()).hexdigest()[:12]


def about(corpus: Corpus, index: int) -> str:
    """One line about a document: its heading, its subject, or district and date."""
    meta = corpus.meta[index]
    parts = [corpus.titles[index]] if corpus.name == "encyclopedia" else []
    parts += [str(meta[name]) for name in ("subject", "district", "channel") if meta.get(name)]
    if meta.get("date"):
        day = date.fromisoformat(str(meta["date"]))
        parts.append(f"{day.day} {day:%B %Y}")
    return ", ".join(parts)


def build(corpus: Corpus, topic_map: TopicMap, vectors: np.ndarray) -> Board:
    """Everything the page says about a map, apart from the reader's new document.

    Args:
        corpus: the documents.
        topic_map: their map.
        vectors: `[document, 384]`.
    """
    header, arrays = pack_map(topic_map)
    count = len(corpus)
    clipped = sum(map(len, corpus.texts)) > WHOLE_TEXTS
    k = min(topic_map.settings.n_neighbors, count)
    unit = np.asarray(vectors, np.float64)
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    near = neighbours(unit, min(count, max(k, NEAR + 1)))
    cosine = 1 - near.distance
    histogram, _ = np.histogram(cosine[:, 1:k], bins=24, range=(0, 1))
    rows = np.linspace(0, count - 1, min(HEAT[0], count)).astype(int)
    return Board(
        {
            **header,
            "key": key_of(corpus, topic_map.settings),
            "corpus": {
                "kind": kind(corpus),
                "title": NAMES[kind(corpus)],
                "unit": UNITS[kind(corpus)],
                "hash": corpus.hash,
                "count": count,
            },
            "ids": list(corpus.ids),
            "texts": [heading(text, SNIPPET) for text in corpus.texts] if clipped else list(corpus.texts),
            "meta": [about(corpus, i) for i in range(count)],
            "clipped": clipped,
            "stages": {
                "dimensions": int(unit.shape[1]),
                "neighbours": k,
                "nearest": float(np.round(cosine[:, 1].mean(), 3)) if count > 1 else None,
                "terms": topic_map.terms,
            },
        },
        {
            **arrays,
            "near": near.index[:, 1 : NEAR + 1].astype(np.int16),
            "near_cosine": cosine[:, 1 : NEAR + 1].astype(np.float32),
            "heat": unit[rows, : HEAT[1]].astype(np.float32),
            "cosines": histogram.astype(np.int32),
        },
    )


def new_document(text: str, placed: Placement, note: str | None) -> dict[str, Any]:
    """The reader's document as it stands in a header."""
    return {
        "text": text,
        "note": note,
        "x": round(placed.x, 5),
        "y": round(placed.y, 5),
        "topic": placed.topic,
        "share": round(placed.share, 4),
        "neighbours": list(placed.neighbours),
        "similarities": [round(value, 4) for value in placed.similarities],
        "weights": [round(value, 4) for value in placed.weights],
    }
