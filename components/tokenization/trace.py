"""`trace(tokenizer, text)`: every token of a text with its id and the very bytes it owns.

The result holds columns, not objects: a megabyte of text has 250,000 tokens. Iterating gives lazy views.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from components.models.open import OpenTokenizer
from components.tokenization import vocabulary as entries
from components.tokenization.align import align
from components.tokenization.encode import SPECIALS, Encoded, Specials, encode, leaves_alone, pieces
from components.tokenization.roundtrip import RoundTrip, compare
from components.tokenization.vocabulary import Vocabulary, vocabulary
from components.workshop import LIMITS, check_text


class Kind(IntEnum):
    """What sort of token it is."""

    NORMAL = 0  # whole characters of the text
    SPECIAL = 1  # a control token, read out of the text
    FRAGMENT = 2  # begins or ends inside a character, or shares one
    UNKNOWN = 3  # the vocabulary has nothing for these characters
    ADDED_SPACE = 4  # holds a space that the tokenizer put there and the text has not
    BYTE = 5  # a byte-fallback entry such as <0x0A> that is a whole character


@dataclass(frozen=True)
class Token:
    """One token of a trace.

    Attributes:
        id: its number in the vocabulary.
        text: the characters of the original that it owns; U+FFFD for part of a character.
        bytes: the bytes of the original that it owns.
        byte_range, char_range: where, half open, from 0.
        kind: see `Kind`.
        piece: the bytes that its entry in the vocabulary stands for; other than `bytes` where the tokenizer changes
            the text before it cuts it.
    """

    id: int
    text: str
    bytes: builtins.bytes
    byte_range: tuple[int, int]
    char_range: tuple[int, int]
    kind: Kind
    piece: builtins.bytes


@dataclass(frozen=True)
class TokenTrace:
    """The tokens of a text, as columns over the text's UTF-8 bytes.

    Attributes:
        name: the tokenizer's name.
        utf8: the original text in UTF-8.
        ids: int32 [token], as the library gives them, without template tokens such as [CLS].
        byte_start, byte_end: int32 [token], the bytes of the original that the token owns. For a tokenizer whose
            entries spell the text (`tiles`) they follow each other without gap or overlap. For others there are gaps
            (dropped characters) and tokens that share a character have the same range.
        char_start, char_end: int32 [token], the characters that these bytes touch.
        kinds: uint8 [token], see `Kind`.
        tiles: whether the ranges cover the text exactly once.
        vocabulary: what each id stands for.
        tokenizer: the tokenizer itself, for decoding.
    """

    name: str
    utf8: bytes
    ids: NDArray[np.int32]
    byte_start: NDArray[np.int32]
    byte_end: NDArray[np.int32]
    char_start: NDArray[np.int32]
    char_end: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    tiles: bool
    tokenizer: OpenTokenizer

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Token:
        if not -len(self) <= index < len(self):
            raise IndexError(f"The text has {len(self)} tokens; {index} is none of them.")
        start, end = int(self.byte_start[index]), int(self.byte_end[index])
        owned = self.utf8[start:end]
        token = int(self.ids[index])
        return Token(token, owned.decode("utf-8", errors="replace"), owned, (start, end),
                     (int(self.char_start[index]), int(self.char_end[index])), Kind(int(self.kinds[index])),
                     self.vocabulary.piece(token))

    def __iter__(self) -> Iterator[Token]:
        return (self[index] for index in range(len(self)))

    @property
    def vocabulary(self) -> Vocabulary:
        return vocabulary(self.tokenizer)

    @property
    def text(self) -> str:
        return self.utf8.decode("utf-8")

    @property
    def bytes_per_token(self) -> float:
        """Bytes of the text for each token; 0.0 for no token."""
        return len(self.utf8) / len(self) if len(self) else 0.0

    @cached_property
    def round_trip(self) -> RoundTrip:
        """Whether decoding gives the text back, and what became of it where it does not. Worked out at first use."""
        return compare(self)


def trace(tokenizer: OpenTokenizer, text: str, *, specials: Specials = "auto") -> TokenTrace:
    """Encode a text and find the bytes that each token owns.

    Args:
        tokenizer: from `components.models.open.open_tokenizer`.
        text: at most 5 MB in UTF-8; may be empty.
        specials: how text that looks like a control token is read. "text" as plain characters; "tokens" as the
            control token; "auto" as the library does by itself: plain characters for tiktoken (its `encode` raises
            instead; here `disallowed_special=()`) and SentencePiece, control tokens for tokenizers.

    Returns:
        A TokenTrace. Template tokens ([CLS], a beginning-of-text mark) are not added.

    Raises:
        ValueError: no text, too long, half a surrogate pair, or a reading that the vocabulary has not.
    """
    check_text(text, max_bytes=LIMITS.text_bytes, allow_empty=True)
    if specials not in SPECIALS:
        raise ValueError(f"specials={specials!r} is no way to read control tokens; choose one of "
                         f"{', '.join(SPECIALS)}.")
    table = vocabulary(tokenizer)
    columns: list[tuple[NDArray[np.int32], ...]] = []
    place = 0
    tiles = True
    for piece in pieces(tokenizer, text):
        raw = piece.encode("utf-8")
        ids, start, end, marks, exact = _own(tokenizer, table, piece, raw, specials)
        columns.append((ids, start + place, end + place, marks))
        place += len(raw)
        tiles = tiles and exact
    ids, start, end, marks = (np.concatenate(column) for column in zip(*columns, strict=True))
    utf8 = text.encode("utf-8")
    char_start, char_end = _characters(utf8, start, end)
    kinds = _kinds(table, utf8, ids, start, end, marks)
    return TokenTrace(tokenizer.name, utf8, ids, start, end, char_start, char_end, kinds, tiles, tokenizer)


_SHARES, _ADDED = 1, 2


def _own(tokenizer: OpenTokenizer, table: Vocabulary, text: str, utf8: bytes,
         specials: Specials) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], bool]:
    """ids, byte ranges in this piece, marks (_SHARES, _ADDED) and whether the ranges tile the piece."""
    # A text that is changed would be encoded twice, first in vain.
    if table.exact_pieces and leaves_alone(tokenizer, text):
        ids = encode(tokenizer, text, specials, offsets=False).ids
        seen = table.join(ids)
        added = 1 if len(seen) == len(utf8) + 1 and seen[:1] == b" " else 0
        if seen[added:] == utf8:
            # The entries spell the text: each token owns the next bytes, as many as its entry has.
            end = np.cumsum(table.lengths(ids), dtype=np.int32) - np.int32(added)
            start = np.concatenate([np.zeros(min(1, len(ids)), np.int32), end[:-1]])
            marks = np.zeros(len(ids), np.int32)
            if added:
                marks[0] = _ADDED
            return ids, start, end, marks, True
    return *_aligned(table, text, utf8, encode(tokenizer, text, specials, offsets=True)), False


def _aligned(table: Vocabulary, text: str, utf8: bytes,
             found: Encoded) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    ids, spans = found.ids, found.spans
    assert spans is not None
    if found.in_bytes:
        begin, end = spans[:, 0], spans[:, 1]
    else:
        edges = np.append(np.flatnonzero(_is_first(utf8)), len(utf8)).astype(np.int32)
        begin, end = edges[spans[:, 0]], edges[spans[:, 1]]
    free = (table.flags[ids] & (entries.SPECIAL | entries.UNKNOWN)) > 0
    stand_for = [None if anything else table.piece(token)
                 for token, anything in zip(ids.tolist(), free.tolist(), strict=True)]
    start, stop, shared = align(utf8, stand_for, begin, end)
    marks = np.where(shared, _SHARES, 0).astype(np.int32)
    for index, piece in enumerate(stand_for):
        owned = utf8[start[index]:stop[index]].decode("utf-8", errors="replace")
        if piece and piece[:1] == b" " and not owned[:1].isspace():
            marks[index] |= _ADDED
    return ids, start, stop, marks


def _is_first(utf8: bytes) -> NDArray[np.bool_]:
    """bool [byte]: the byte is the first of its character."""
    return (np.frombuffer(utf8, np.uint8) & 0xC0) != 0x80


def _characters(utf8: bytes, start: NDArray[np.int32],
                end: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The characters that byte ranges touch. An empty range touches none and stands before the next one."""
    if not len(utf8):
        return np.zeros_like(start), np.zeros_like(end)
    begun = np.concatenate([[0], np.cumsum(_is_first(utf8), dtype=np.int32)]).astype(np.int32)  # before each byte
    # The character of byte b is begun[b + 1] - 1; the one after the character of the last byte is begun[end].
    last = np.minimum(start + 1, len(utf8))
    char_start = np.where(start < end, begun[last] - 1, begun[start])
    return char_start.astype(np.int32), np.where(start < end, begun[end], begun[start]).astype(np.int32)


def _kinds(table: Vocabulary, utf8: bytes, ids: NDArray[np.int32], start: NDArray[np.int32], end: NDArray[np.int32],
           marks: NDArray[np.int32]) -> NDArray[np.uint8]:
    flags = table.flags[ids]
    whole = np.append(_is_first(utf8), True) if len(utf8) else np.ones(1, bool)  # a character begins here, or the end
    kinds = np.full(len(ids), Kind.NORMAL, np.uint8)
    kinds[(flags & entries.BYTE) > 0] = Kind.BYTE
    kinds[(marks & _ADDED) > 0] = Kind.ADDED_SPACE
    kinds[((marks & _SHARES) > 0) | ~whole[start] | ~whole[end]] = Kind.FRAGMENT
    unknown = (flags & entries.UNKNOWN) > 0
    kinds[unknown] = Kind.UNKNOWN
    special = (flags & entries.SPECIAL) > 0
    for index in np.flatnonzero(special & unknown):
        # BERT's unknown entry is a special token too: only where the text itself says [UNK] was it read as one.
        special[index] = utf8[start[index]:end[index]] == table.piece(int(ids[index]))
    kinds[special] = Kind.SPECIAL
    return kinds
