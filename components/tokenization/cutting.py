"""Cutting a text to so many tokens, and into chunks that overlap, never inside what a reader sees as one sign.

The first N tokens of a text, decoded, are not always N tokens again: the last word may have been cut in the middle of a
character, and a shorter text may be cut elsewhere. So a cut is found by encoding again until it holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import regex

from components.models.open import OpenTokenizer
from components.tokenization.trace import TokenTrace, trace

MOST_CHUNKS = 2_000

_GRAPHEME = regex.compile(r"\X")


@dataclass(frozen=True)
class Cut:
    """A stretch of a text that is at most so many tokens.

    Attributes:
        start, end: where in the text, in characters; never inside a grapheme.
        text: the stretch itself.
        tokens: how many tokens it has, encoded by itself.
    """

    start: int
    end: int
    text: str
    tokens: int


def cut(tokenizer: OpenTokenizer, text: str, limit: int, *, keep: str = "start") -> Cut:
    """The beginning (or end) of a text, cut near a token's edge: at most `limit` tokens when it is encoded again.

    Args:
        tokenizer: from `components.models.open.open_tokenizer`.
        text: at most 5 MB; may be empty.
        limit: tokens, 1 or more. Tokens that a template adds are not counted.
        keep: "start" or "end".

    Returns:
        A Cut; its text is empty where the first (or last) grapheme alone needs more tokens than the limit.

    Raises:
        ValueError: a limit below 1, an unknown side, or a text that cannot be traced.
    """
    _whole("The limit", limit, 1)
    if keep not in ("start", "end"):
        raise ValueError(f"keep is {keep!r}; choose start or end.")
    found = trace(tokenizer, text)
    if len(found) <= limit:
        return Cut(0, len(text), text, len(found))
    if keep == "start":
        return _front(tokenizer, text, 0, limit, found)
    at = int(found.char_start[len(found) - limit])
    # A token that owns no character of its own (an added space) stands before the next one that does.
    return _back(tokenizer, text, at, limit)


def chunks(tokenizer: OpenTokenizer, text: str, size: int, overlap: int = 0) -> tuple[Cut, ...]:
    """A text as pieces of at most `size` tokens, each beginning about `overlap` tokens before the last one's end.

    Args:
        tokenizer: from `components.models.open.open_tokenizer`.
        text: at most 5 MB.
        size: tokens of a piece, 1 or more.
        overlap: tokens that two neighbours share, fewer than `size`. A little less where a grapheme or a word would
            be split by exactly so many.

    Raises:
        ValueError: numbers out of range, more than 2,000 pieces, or a grapheme that alone is longer than a piece.
    """
    _whole("The size of a chunk", size, 1)
    _whole("The overlap", overlap, 0)
    if overlap >= size:
        raise ValueError(f"The overlap is {overlap:,} and a chunk {size:,} tokens; choose an overlap below the size.")
    found = trace(tokenizer, text)
    if len(found) > size and (len(found) - overlap) / (size - overlap) > MOST_CHUNKS:
        raise ValueError(f"That makes more than {MOST_CHUNKS:,} chunks; choose a larger size or a smaller overlap.")
    pieces: list[Cut] = []
    start = 0
    while start < len(text) or not pieces:
        one = _front(tokenizer, text, start, size, found)
        if not one.text and start < len(text):
            sign = _GRAPHEME.match(text, start)
            raise ValueError(f"The sign {sign[0] if sign else ''!r} alone needs more than {size:,} tokens; "
                             "choose larger chunks.")
        pieces.append(one)
        if one.end >= len(text):
            break
        if len(pieces) >= MOST_CHUNKS:
            raise ValueError(f"That makes more than {MOST_CHUNKS:,} chunks; choose a larger size or a smaller overlap.")
        start = one.end
        if overlap:
            back = _back(tokenizer, one.text, max(0, _place(tokenizer, one.text, overlap)), overlap)
            # Always forward, even where the shared part would be the whole chunk.
            begun = one.start + back.start
            start = begun if begun > one.start else one.end
    return tuple(pieces)


def _front(tokenizer: OpenTokenizer, text: str, start: int, limit: int, whole: TokenTrace) -> Cut:
    """The beginning of `text[start:]`. `whole` is the trace of the text: it says about how far so many tokens go."""
    first = int(np.searchsorted(whole.char_start, start, side="left"))
    # Encoded by itself a stretch may need a few tokens less than inside the text, hence the little more.
    guess = min(len(whole) - 1, first + limit + 8)
    end = len(text) if first + limit + 8 >= len(whole) else int(whole.char_end[guess])
    stretch = text[start:end]
    found = trace(tokenizer, stretch)
    if len(found) <= limit:
        return Cut(start, end, stretch, len(found))
    size = int(found.char_start[limit])  # where the first token that is too many begins
    while size > 0:
        size = _boundary(stretch, size)
        counted = len(trace(tokenizer, stretch[:size]))
        if counted <= limit:
            return Cut(start, start + size, stretch[:size], counted)
        size -= 1
    return Cut(start, start, "", 0)


def _back(tokenizer: OpenTokenizer, text: str, at: int, limit: int) -> Cut:
    """The end of a text from about character `at` on."""
    while at < len(text):
        at = _boundary(text, at, forward=True)
        rest = text[at:]
        counted = len(trace(tokenizer, rest))
        if counted <= limit:
            return Cut(at, len(text), rest, counted)
        at += 1
    return Cut(len(text), len(text), "", 0)


def _place(tokenizer: OpenTokenizer, text: str, tokens: int) -> int:
    """The character at which the last so many tokens begin."""
    found = trace(tokenizer, text)
    return int(found.char_start[len(found) - tokens]) if len(found) > tokens else 0


def _boundary(text: str, at: int, *, forward: bool = False) -> int:
    """The nearest grapheme boundary at or before (or after) a character; long stretches are looked at in part."""
    if at <= 0 or at >= len(text):
        return max(0, min(at, len(text)))
    # A line break always ends a grapheme, and so does a letter before a space: a safe place to begin looking.
    low = max(0, at - 200)
    while low > 0 and not (text[low - 1] == "\n" or (text[low - 1].isascii() and text[low].isascii())):
        low -= 1
    if text[low - 1 : low + 1] == "\r\n":
        low -= 1
    place = low
    for sign in _GRAPHEME.finditer(text, low):
        if sign.end() > at:
            place = sign.start()
            return sign.end() if forward and place < at else place
    return len(text)


def _whole(what: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{what} is {value!r} and must be a whole number of at least {least}.")
