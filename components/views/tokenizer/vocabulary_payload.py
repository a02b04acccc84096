"""What the panel "Vocabulary" draws: 200 rows at most, counts for the whole, and one entry in every detail."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.models.open import OpenTokenizer
from components.payload import pack
from components.tokenization import (
    SCRIPTS,
    EntriesFound,
    EntryQuery,
    Learnt,
    Reach,
    VocabularyEntries,
    look_up,
    trace,
)

ROWS = 200
#: Characters of one entry that are named one by one.
NAMED = 12
#: Kind -> its word on a button, and what it means.
KINDS = {
    "any": ("all", "Every entry."),
    "ordinary": ("ordinary", "Whole characters, and no control token."),
    "space": ("begins with a space", "The space belongs to the word that follows it."),
    "inside": ("inside a word", "Letters with no space in front: they go on with a word, or begin one after a quote "
                                "or a line break."),
    "byte": ("single byte", "An entry for a single byte, so that nothing is impossible to write."),
    "fragment": ("part of a character", "Not valid UTF-8 by itself: its bytes begin or end inside a character."),
    "special": ("control token", "A sign for the model, never read out of plain text."),
    "never": ("never from its own text", "Encode its own text, and other tokens come back: the text is cut before this "
                                         "entry could be made."),
    "candidate": ("under-trained?", "Candidates only: the 2 % whose vectors lie nearest to entries that cannot have "
                                    "been trained. Nobody has tested them here."),
}
ORDERS = {"id": "id", "longest": "longest first", "shortest": "shortest first", "near": "least trained first",
          "norm": "shortest vector first"}


@dataclass(frozen=True)
class Embedding:
    """What is known of the embedding that belongs to a vocabulary.

    Attributes:
        title: the model that it is from.
        learnt: its measures.
        before: whether the embedding before training is here too.
        truth: what is known of the candidates, where the training text can be counted.
    """

    title: str
    learnt: Learnt
    before: bool
    truth: str = ""


def ordered(seen: VocabularyEntries, rows: NDArray[np.int32], order: str,
            embedding: Embedding | None) -> NDArray[np.int32]:
    """The rows in the order that was asked for; ties by id."""
    if order == "longest":
        return rows[np.argsort(-seen.lengths[rows], kind="stable")]
    if order == "shortest":
        return rows[np.argsort(seen.lengths[rows], kind="stable")]
    if embedding and order in ("near", "norm"):
        by = embedding.learnt.distances if order == "near" else embedding.learnt.norms
        return rows[np.argsort(by[seen.ids[rows]], kind="stable")]
    return rows


def payload(seen: VocabularyEntries, found: EntriesFound, state: Mapping[str, str], *, title: str,
            columns: Sequence[Mapping[str, str]], embedding: Embedding | None, picked: Mapping[str, Any] | None,
            trouble: str = "") -> bytes:
    """Header: what is chosen, counts, words. Arrays: for the drawn rows `ids` int32, `traits` and `scripts` uint8,
    `pieces` uint8 with `starts` int32, `distance` and `norm` float32 where there is an embedding; `plane` int32
    [id step, length]; `scripts_now`, `scripts_all`, `lengths_now`, `lengths_all` int32."""
    rows = ordered(seen, found.rows, state["order"], embedding)
    first = min(int(state["from"]), max(0, (len(rows) - 1) // ROWS * ROWS))
    rows = rows[first:first + ROWS]
    ids = seen.ids[rows]
    pieces = [seen.table.piece(token) for token in ids.tolist()]
    whole = look_up(seen, EntryQuery())
    header = {
        "columns": list(columns), "title": title, "about": f"{len(seen):,} entries, {seen.table.algorithm}",
        "state": {**state, "from": str(first)}, "total": len(seen), "matches": len(found.rows), "trouble": trouble,
        "kinds": [[name, *words, found.kinds.get(name)] for name, words in KINDS.items()
                  if name != "candidate" or name in found.kinds],
        "orders": [[name, words] for name, words in ORDERS.items() if name not in ("near", "norm") or (embedding
                   and (name == "norm" or len(embedding.learnt.unused)))],
        "scripts": list(SCRIPTS), "top_id": int(seen.ids[-1]), "averages": _averages(seen),
        "embedding": embedding.title if embedding else None, "truth": embedding.truth if embedding else "",
        "picked": picked,
    }
    starts = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])]).astype(np.int32)
    arrays: dict[str, NDArray[Any]] = {
        "ids": ids, "traits": seen.traits[rows], "scripts": seen.scripts[rows], "starts": starts,
        "pieces": np.frombuffer(b"".join(pieces), np.uint8), "plane": found.plane,
        "scripts_now": found.scripts, "scripts_all": whole.scripts, "lengths_now": found.lengths,
        "lengths_all": whole.lengths,
    }
    if embedding:
        arrays["norm"] = embedding.learnt.norms[ids]
        if len(embedding.learnt.unused):
            arrays["distance"] = embedding.learnt.distances[ids]
    return pack(header, arrays)


def _averages(seen: VocabularyEntries) -> list[float]:
    """Bytes of an entry on average, in the first and in the last tenth of the ids."""
    tenth = max(1, len(seen) // 10)
    return [round(float(seen.lengths[part].mean()), 2) for part in (slice(tenth), slice(-tenth, None))]


def detail(seen: VocabularyEntries, tokenizer: OpenTokenizer, row: int, reach: Reach | None,
           embedding: Embedding | None, after: Sequence[Mapping[str, Any]],
           before: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Everything that is known of one entry."""
    token = int(seen.ids[row])
    text = seen.text(row) or ""
    signs = "" if text.isascii() and text.strip().isprintable() and text.strip() else text  # plain ones need no names
    said: dict[str, Any] = {
        "id": token, "hex": seen.table.piece(token).hex(), "traits": int(seen.traits[row]),
        "spelling": spelling(tokenizer, token),
        "characters": [[f"U+{ord(sign):04X}", unicodedata.name(sign, "no name of its own")]
                       for sign in signs[:NAMED]],
        "more": max(0, len(signs) - NAMED),
        "own_text": None if reach is None else "untried" if not reach.tried[row]
        else "never" if reach.never[row] else "back",
        "after": list(after), "before": list(before),
    }
    if said["own_text"] == "never":
        ids = trace(tokenizer, text, specials="text").ids.tolist()
        said["instead"] = [seen.table.piece(one).hex() for one in ids[:NAMED]]
    if embedding:
        learnt = embedding.learnt
        said |= {"norm": float(learnt.norms[token]), "usual_norm": float(np.median(learnt.norms)),
                 "has_before": embedding.before}
        if len(learnt.unused):
            said |= {"distance": float(learnt.distances[token]), "limit": learnt.limit,
                     "nearer_than": float(np.mean(learnt.distances[seen.ids] > learnt.distances[token])),
                     "candidate": token in learnt.candidates, "unused": token in learnt.unused,
                     "reference": reference(seen, learnt)}
    return said


def reference(seen: VocabularyEntries, learnt: Learnt) -> str:
    """In words, which entries the distance is taken from."""
    count = len(learnt.unused)
    rows = [seen.row(token) for token in learnt.unused.tolist()]
    if all(row is not None and seen.scripts[row] == SCRIPTS.index("control token") for row in rows):
        return f"{count} control tokens whose vectors are the same"
    if all(row is not None for row in rows):
        return f"{count} bytes that no text has"
    return f"{count} rows that no text can reach"


def spelling(tokenizer: OpenTokenizer, token: int) -> str | None:
    """How the library's own file writes an entry; None where it has bytes as they are."""
    if tokenizer.kind == "tokenizers":
        return tokenizer.library_object.id_to_token(token)  # type: ignore[no-any-return]
    if tokenizer.kind == "sentencepiece":
        return tokenizer.library_object.id_to_piece(token)  # type: ignore[no-any-return]
    return None


def near(seen: VocabularyEntries, ids: NDArray[np.int32], cosines: NDArray[np.float32]) -> list[dict[str, Any]]:
    """Neighbours as the browser draws them."""
    found = []
    for token, cosine in zip(ids.tolist(), cosines.tolist(), strict=True):
        found.append({"id": token, "hex": seen.table.piece(token).hex(), "cosine": round(cosine, 4)})
    return found
