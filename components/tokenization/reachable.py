"""Entries that no encoding of their own text ever gives: the vocabulary holds them, and cutting comes first.

A split pattern may cut inside the entry before the merges begin, or the merges may reach its bytes by another way.
Land and Bartolo (EMNLP 2024) call such tokens unreachable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.models.open import OpenTokenizer
from components.tokenization.browse import FRAGMENT, INSIDE, ORDINARY, SPACE, VocabularyEntries
from components.tokenization.trace import Kind, trace

#: Entries that are tried before progress is told.
STEP = 4_000


@dataclass(frozen=True)
class Reach:
    """Which entries come back from their own text.

    Attributes:
        never: bool [entry], tried and not given back.
        tried: bool [entry]. Not tried are control tokens, bare bytes, entries that are not valid UTF-8,
            WordPiece's `##` entries, and those of Unigram that do not stand alone: what they come from is more than
            their own text.
    """

    never: NDArray[np.bool_]
    tried: NDArray[np.bool_]


def reach(tokenizer: OpenTokenizer, seen: VocabularyEntries, report: Callable[[float], None] | None = None) -> Reach:
    """Encode every entry's own text and see whether the entry itself, and nothing else, comes back.

    For a vocabulary that puts a space in front of every text (SentencePiece, Metaspace), an entry that begins with a
    space is tried without it, and an entry without one behind a line break.

    Args:
        seen: from `entries`.
        report: called with the share that is done; may raise to stop.
    """
    tried = (seen.traits & ORDINARY > 0) & (seen.traits & FRAGMENT == 0)
    puts_space = _puts_space(tokenizer)
    if seen.table.algorithm == "WordPiece":
        tried &= seen.traits & INSIDE == 0
    rows = np.flatnonzero(tried)
    given = np.zeros(len(seen), np.bool_)
    for start in range(0, len(rows), STEP):
        some = rows[start:start + STEP]
        pieces = [seen.table.piece(token).decode("utf-8") for token in seen.ids[some].tolist()]
        for texts in _attempts(pieces, puts_space):
            for row, ids in zip(some.tolist(), _encode(tokenizer, texts), strict=True):
                own = int(seen.ids[row])
                alone = len(ids) == 1 or (puts_space and all(not seen.table.piece(one).strip() for one in ids[:-1]))
                given[row] |= bool(ids) and ids[-1] == own and alone
        if report:
            report(min(1.0, (start + STEP) / len(rows)))
    if seen.table.algorithm == "Unigram":
        # Behind other letters the neighbours decide; that such a piece does not stand alone says nothing.
        tried &= given | (seen.traits & SPACE > 0) & (seen.lengths > 1)
    return Reach(tried & ~given, tried)


def _attempts(pieces: list[str], puts_space: bool) -> list[list[str]]:
    if not puts_space:
        return [pieces]
    return [[piece.removeprefix(" ") for piece in pieces], pieces, ["\n" + piece for piece in pieces]]


def _puts_space(tokenizer: OpenTokenizer) -> bool:
    return any(token.kind == Kind.ADDED_SPACE for token in trace(tokenizer, "a", specials="text"))


def _encode(tokenizer: OpenTokenizer, texts: list[str]) -> list[list[int]]:
    library = tokenizer.library_object
    if tokenizer.kind == "tiktoken":
        return [library.encode_ordinary(text) for text in texts]
    if tokenizer.kind == "sentencepiece":
        found: list[list[int]] = library.encode(texts)
        return found
    return [one.ids for one in library.encode_batch_fast(texts, add_special_tokens=False)]
