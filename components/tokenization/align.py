"""Tokens whose entries do not spell the text: which bytes of the original is each one answerable for?

A tokenizer that lower-cases, drops accents or folds `ﬁ` to `fi` gives entries that differ from the text, and its
library gives character offsets, with three habits that have to be undone: a space that belongs to a token is left out
of its offsets, tokens that share a character all claim the whole of it, and a mark that was merged into the letter
before it is claimed by nobody.
"""

from __future__ import annotations

import unicodedata

import numpy as np
from numpy.typing import NDArray


def align(text: bytes, pieces: list[bytes | None], begin: NDArray[np.int32],
          end: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]]:
    """Byte ranges in the original for tokens with the library's offsets.

    Args:
        text: the original text in UTF-8.
        pieces: what each token stands for; None where it stands for anything (unknown, special).
        begin, end: int32 [token], the library's offsets turned into bytes.

    Returns:
        start, stop (int32 [token], in order, each inside the text) and `shared` (bool [token]): the token shares its
        characters with a neighbour and no byte of them can be told to be its own.

    >>> align("ﬁn".encode(), [b"fi", b"n"], np.array([0, 3]), np.array([3, 4]))[:2]
    (array([0, 3], dtype=int32), array([3, 4], dtype=int32))
    """
    start, stop = begin.astype(np.int32).copy(), end.astype(np.int32).copy()
    shared = np.zeros(len(pieces), bool)
    _give_spaces(text, pieces, start, stop)
    _give_marks(text, pieces, start, stop)
    first = 0
    while first < len(pieces):
        last = first
        reach = stop[first]
        while last + 1 < len(pieces) and start[last + 1] < reach and start[first] < stop[first]:
            last += 1
            reach = max(reach, stop[last])
        if last > first:
            _divide(text, pieces, start, stop, shared, first, last, int(reach))
        first = last + 1
    return start, stop, shared


def _give_spaces(text: bytes, pieces: list[bytes | None], start: NDArray[np.int32], stop: NDArray[np.int32]) -> None:
    """A token that begins with a space owns the white space before it, where nobody else does."""
    owned = 0
    for index, piece in enumerate(pieces):
        begin, end = int(start[index]), int(stop[index])
        if piece and piece[:1].isspace() and begin < len(text) + 1:
            alone = not piece.strip()
            inside = text[begin:end][:1].isspace()
            if not inside:
                width = _space_before(text, begin, owned)
                if alone:  # its offsets are those of the next token, or nothing
                    start[index], stop[index] = begin - width, begin
                elif width:
                    start[index] = begin - width
        owned = max(owned, int(stop[index]))


def _space_before(text: bytes, place: int, owned: int) -> int:
    """Bytes of the one white-space character that ends at `place`, 0 where there is none free."""
    begin = place - 1
    while begin > owned and begin >= 0 and text[begin] & 0xC0 == 0x80:
        begin -= 1
    if begin < owned or begin < 0:
        return 0
    return place - begin if text[begin:place].decode("utf-8", errors="replace").isspace() else 0


def _give_marks(text: bytes, pieces: list[bytes | None], start: NDArray[np.int32], stop: NDArray[np.int32]) -> None:
    """Combining marks after a token belong to it where normalising both together gives the token."""
    for index, piece in enumerate(pieces):
        end = int(stop[index])
        limit = int(start[index + 1]) if index + 1 < len(pieces) else len(text)
        if piece is None or limit <= end or end >= len(text) or text[end] < 0xCC:
            continue
        gap = text[end:limit].decode("utf-8", errors="replace")
        marks = len(gap) - len(gap.lstrip("".join(c for c in set(gap) if unicodedata.combining(c))))
        if not marks:
            continue
        reach = end + len(gap[:marks].encode())
        whole = text[start[index]:reach].decode("utf-8", errors="replace")
        if unicodedata.normalize("NFKC", whole).encode() == piece:
            stop[index] = reach


def _divide(text: bytes, pieces: list[bytes | None], start: NDArray[np.int32], stop: NDArray[np.int32],
            shared: NDArray[np.bool_], first: int, last: int, reach: int) -> None:
    """Tokens first..last claim the same characters: by their own bytes where those spell the text, else together."""
    group = pieces[first:last + 1]
    if None not in group:
        joined = b"".join(piece for piece in group if piece is not None)
        if joined == text[start[first]:reach]:
            ends = start[first] + np.cumsum([len(piece) for piece in group if piece is not None])
            stop[first:last + 1] = ends
            start[first + 1:last + 1] = ends[:-1]
            return
    shared[first:last + 1] = True
