"""What a reader types about tokens and words, made into token ids: biases, bans, breakers, a negative prompt.

A word means all its spellings: as typed and with a capital, each with and without a space in front. A spelling that is
one token is that token; one that is several is their sequence, of which only the last token can be biased or banned,
where the others stand in front of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LINES = 60
Encode = Callable[[str], Sequence[int]]


@dataclass(frozen=True)
class Spelling:
    """One way to write a word, and its tokens."""

    text: str
    ids: tuple[int, ...]


def spellings(word: str, encode: Encode) -> tuple[Spelling, ...]:
    """All spellings of a word, each sequence of tokens once, the shortest first."""
    bare = word.strip()
    found: dict[tuple[int, ...], Spelling] = {}
    for text in (bare, bare[:1].upper() + bare[1:]):
        for spelled in (" " + text, text):
            ids = tuple(map(int, encode(spelled)))
            if ids:
                found.setdefault(ids, Spelling(spelled, ids))
    return tuple(sorted(found.values(), key=lambda one: len(one.ids)))


def explain(word: str, encode: Encode) -> str:
    """A sentence on what a word is to this model's tokenizer."""
    every = spellings(word, encode)
    single = [one for one in every if len(one.ids) == 1]
    several = [one for one in every if len(one.ids) > 1]
    words = f"“{word.strip()}”: {len(single)} spelling{'' if len(single) == 1 else 's'} of one token"
    if several:
        most = max(len(one.ids) for one in several)
        words += (f", {len(several)} of {'2' if most == 2 else f'up to {most}'} tokens: those count only at their last "
                  "token, where the ones before it already stand")
    return words + "."


def _lines(text: str, what: str) -> list[tuple[int, str]]:
    found = [(place, line) for place, line in enumerate(text.split("\n"), 1) if line.strip()]
    if len(found) > LINES:
        raise ValueError(f"{what} takes {LINES} lines at most and this has {len(found)}; shorten it.")
    return found


def _weighted(text: str, what: str) -> list[tuple[int, str, float]]:
    """(line, what stands before the last colon, the number after it)."""
    found = []
    for place, line in _lines(text, what):
        head, colon, tail = line.rpartition(":")
        try:
            weight = float(tail)
        except ValueError:
            weight = float("nan")
        if not colon or not head.strip() or not abs(weight) <= 1_000:
            raise ValueError(f"Line {place} of {what} is {line.strip()[:40]!r}; write it as name: number, "
                             "such as  sea: 2.5  with a number from -1000 to 1000.")
        found.append((place, head, weight))
    return found


def token(text: str, what: str, ids_of_text: Callable[[str], int | None], vocabulary: int) -> int:
    """The id that a reader means by `262`, `#262` or by a token's text, in quotes where a space belongs to it.

    Raises:
        ValueError: no such id, or a text that is no token of its own.
    """
    said = text.strip()
    number = re.fullmatch(r"#?(\d{1,9})", said)
    if number:
        found = int(number[1])
        if found >= vocabulary:
            raise ValueError(f"Token {found:,} of {what} is not among this model's {vocabulary:,}; take a smaller one.")
        return found
    plain = said
    if len(said) > 1 and said[0] == said[-1] == '"':
        try:
            plain = str(json.loads(said))
        except ValueError:
            plain = said[1:-1]
    known = ids_of_text(plain)
    if known is None:
        raise ValueError(f"{said[:40]!r} in {what} is no single token of this model; name it by its id, write a space "
                         'in front of it inside quotes (" sea"), or use the field for words.')
    return known


@dataclass(frozen=True)
class Speller:
    """A model's tokenizer as the fields need it.

    Attributes:
        encode: text -> ids, nothing added.
        single: a token's exact text -> its id, or None.
        vocabulary: how many tokens the model knows.
    """

    encode: Encode
    single: Callable[[str], int | None]
    vocabulary: int

    def biases(self, on_tokens: str, on_words: str) -> tuple[tuple[tuple[int, ...], float], ...]:
        """`sequence_bias` from both fields; what is named twice adds up."""
        found: dict[tuple[int, ...], float] = {}
        for _, head, weight in _weighted(on_tokens, "the bias on tokens"):
            ids = (token(head, "the bias on tokens", self.single, self.vocabulary),)
            found[ids] = found.get(ids, 0.0) + weight
        for _, head, weight in _weighted(on_words, "the bias on words"):
            for one in spellings(head, self.encode):
                found[one.ids] = found.get(one.ids, 0.0) + weight
        return tuple((ids, weight) for ids, weight in sorted(found.items()) if weight)

    def words(self, text: str) -> tuple[tuple[int, ...], ...]:
        """`bad_words_ids`: all spellings of the words, one a line."""
        found = {one.ids for _, line in _lines(text, "the list of banned words")
                 for one in spellings(line, self.encode)}
        return tuple(sorted(found))

    def tokens(self, text: str, what: str) -> tuple[int, ...]:
        """Token ids or texts, one a line or parted by commas."""
        found = []
        for _, line in _lines(text, what):
            parts = [line] if '"' in line else line.split(",")
            found += [token(part, what, self.single, self.vocabulary) for part in parts if part.strip()]
        return tuple(dict.fromkeys(found))

    def breakers(self, text: str) -> tuple[int, ...]:
        """DRY's breakers: every token that holds one of the texts, one a line; `\\n` is the line break."""
        signs = [line.strip().replace("\\n", "\n").replace("\\t", "\t") for _, line in _lines(text, "the breakers")]
        found = []
        for sign in signs:
            for spelled in (sign, " " + sign):
                ids = tuple(self.encode(spelled))
                if ids:
                    found.append(int(ids[-1]))
        return tuple(sorted(set(found)))
