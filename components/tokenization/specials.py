"""Control tokens: the same text read as plain characters and as orders, and who reads it which way by default."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.models.open import OpenTokenizer
from components.tokenization.trace import Kind, TokenTrace, trace
from components.tokenization.vocabulary import SPECIAL, vocabulary
from components.workshop import check_text


@dataclass(frozen=True)
class Special:
    """A control token that stands in a text: its id, its name, and where it begins and ends, in characters."""

    id: int
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Readings:
    """One text in one tokenizer, read both ways.

    Attributes:
        plain: every character is text, whatever it spells.
        control: names of control tokens are read as those tokens; None for a vocabulary that never does so.
        found: the control tokens of that second reading, in order.
        default: which of the two the library takes by itself: "plain", "control", or "refuses" (tiktoken's `encode`
            raises an error as long as nobody says which reading is meant).
    """

    plain: TokenTrace
    control: TokenTrace | None
    found: tuple[Special, ...]
    default: str


@dataclass(frozen=True)
class Marked:
    """One token of a text with control tokens: its id, the bytes it stands for, whether it is a control token, and the
    characters of the text that it owns (`start == end` for one that the tokenizer put in)."""

    id: int
    bytes: bytes
    special: bool
    start: int
    end: int


def special_names(tokenizer: OpenTokenizer) -> tuple[tuple[int, str], ...]:
    """Every control token of a vocabulary: (id, name), by id."""
    table = vocabulary(tokenizer)
    return tuple((int(token), table.piece(int(token)).decode("utf-8", "replace"))
                 for token in np.flatnonzero(table.flags & SPECIAL))


def readings(tokenizer: OpenTokenizer, text: str) -> Readings:
    """Read a text as plain characters and as one in which names of control tokens are orders.

    Raises:
        ValueError: what `trace` refuses.
    """
    plain = trace(tokenizer, text, specials="text")
    if tokenizer.kind == "sentencepiece":
        return Readings(plain, None, (), "plain")
    control = trace(tokenizer, text, specials="tokens")
    found = tuple(Special(token.id, token.text, *token.char_range)
                  for token in (control[int(place)] for place in np.flatnonzero(control.kinds == Kind.SPECIAL)))
    return Readings(plain, control, found, "control" if tokenizer.kind == "tokenizers" else "refuses")


def marked(tokenizer: OpenTokenizer, text: str, breaks: Sequence[int] = ()) -> tuple[Marked, ...]:
    """The tokens of a text in which control tokens are orders, also for vocabularies that cannot read them from text.

    Those get what programs do for them: the text is cut at the names, each name becomes its id, the rest is encoded.

    Args:
        tokenizer: from `components.models.open.open_tokenizer`.
        text: such as a rendered chat.
        breaks: characters at which the text is cut besides, each part encoded by itself.

    Raises:
        ValueError: what `trace` refuses.
    """
    check_text(text, allow_empty=True)
    ids = {name: token for token, name in special_names(tokenizer)}
    own = tokenizer.kind != "sentencepiece"
    found: list[Marked] = []
    for start, end, name in _stretches(text, () if own else tuple(ids), breaks):
        if name is not None:
            found.append(Marked(ids[name], name.encode(), True, start, end))
            continue
        part = trace(tokenizer, text[start:end], specials="tokens" if own else "auto")
        found += [Marked(token.id, token.bytes if token.bytes else token.piece, token.kind == Kind.SPECIAL,
                         start + token.char_range[0], start + token.char_range[1]) for token in part]
    return tuple(found)


def _stretches(text: str, names: Sequence[str], breaks: Sequence[int]) -> list[tuple[int, int, str | None]]:
    """The text in order as (start, end, name of a control token or None), nothing empty."""
    # Longest first: of two names that begin alike the longer one is meant.
    pattern = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    edges = sorted({0, len(text), *(at for at in breaks if 0 <= at <= len(text))})
    found: list[tuple[int, int, str | None]] = []
    for start, end in itertools.pairwise(edges):
        at = start
        for match in re.finditer(pattern, text[start:end]) if pattern else ():
            if start + match.start() > at:
                found.append((at, start + match.start(), None))
            found.append((start + match.start(), start + match.end(), match[0]))
            at = start + match.end()
        if at < end:
            found.append((at, end, None))
    return found
