"""Does a text come back from its tokens? And where it does not: what became of which bytes?"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from components.tokenization.encode import decode

if TYPE_CHECKING:
    from components.tokenization.trace import TokenTrace

#: Differences are listed for this many characters of the text; whether all of it comes back is always known.
LISTED_CHARACTERS = 20_000
_WINDOW = 120


@dataclass(frozen=True)
class Change:
    """A stretch of the text that decoding does not give back.

    Attributes:
        byte_range: where it is in the original; empty where something was put in.
        original: the characters there.
        became: what decoding gives in their place.
        kind: "unknown" (no entry for it), "case", "accent", "space" (white space changed, dropped or put in),
            "removed", "added" or "changed".
    """

    byte_range: tuple[int, int]
    original: str
    became: str
    kind: str


@dataclass(frozen=True)
class RoundTrip:
    """Decoded against the text.

    Attributes:
        exact: whether decoding gives the text back, character by character.
        changes: what differs, in the text's order.
        listed_to: characters of the text that `changes` covers; all of it unless it is very long.
    """

    exact: bool
    changes: tuple[Change, ...]
    listed_to: int


def compare(trace: TokenTrace) -> RoundTrip:
    """Decode the trace's ids with the library and compare the result with the text."""
    text = trace.text
    decoded = decode(trace.tokenizer, trace.ids)
    if decoded == text:
        return RoundTrip(True, (), len(text))
    return RoundTrip(False, *differences(text, decoded, trace.vocabulary.unknown_text))


def differences(text: str, decoded: str, unknown: str | None = None) -> tuple[tuple[Change, ...], int]:
    """The changes that turn `text` into `decoded`, and how many characters of the text they cover.

    >>> differences("Héllo", "hello")[0][0]
    Change(byte_range=(0, 1), original='H', became='h', kind='case')
    """
    sign = ""
    if unknown and unknown not in text and unknown in decoded:
        # One character stands in for the library's word for "unknown": one that is found on neither side.
        sign = next(one for one in map(chr, range(0x10FFFE, 0, -1)) if one not in text and one not in decoded)
        decoded = decoded.replace(unknown, sign)
    end = min(len(text), LISTED_CHARACTERS)
    found: list[Change] = []
    here = there = byte = 0  # places in the text, in the decoded text, and in the text's bytes
    window = _WINDOW
    while here < end or (end == len(text) and there < len(decoded)):
        left, right = text[here:here + window], decoded[there:there + window]
        last = here + window >= len(text) and there + window >= len(decoded)
        # Characters that differ only in case, accent or kind of white space count as the same for finding the place.
        blocks = SequenceMatcher(None, _bare(left), _bare(right), autojunk=False).get_opcodes()
        if not last:
            # The window's edge cuts words in two: keep what lies before the last stretch that agrees, and go on
            # in the middle of it.
            agreed = [place for place, block in enumerate(blocks) if block[0] == "equal"]
            # Where nothing but single characters agree (emoji with spaces between, all of them unknown), those have
            # to do: a larger window would cost the third power of its size.
            equal = [place for place in agreed if blocks[place][2] - blocks[place][1] > 3] or agreed
            if not equal and window < 4_000:
                window *= 4
                continue
            if equal:
                tag, a, b, c, d = blocks[equal[-1]]
                half = (b - a + 1) // 2 if (b, d) != (len(left), len(right)) else b - a
                blocks = [*blocks[:equal[-1]], (tag, a, a + half, c, c + half)]
        window = _WINDOW
        if not blocks:
            break
        for tag, a, b, c, d in blocks:
            found.extend(_named(left[a:b], right[c:d], byte, sign, unknown or "", tag == "equal"))
            byte += len(left[a:b].encode())
        here, there = here + blocks[-1][2], there + blocks[-1][4]
    return tuple(_joined(found)), min(here, len(text))


def _bare(text: str) -> list[str]:
    """Each character without case, accents and kind of white space."""
    return [" " if one.isspace() else unicodedata.normalize("NFD", one.lower())[0] for one in text]


def _named(original: str, became: str, byte: int, sign: str, unknown: str, pairwise: bool) -> list[Change]:
    """The changes in one stretch; character by character where both sides correspond. `sign` stands for `unknown`."""
    changes = []
    if pairwise:
        if original == became:
            return []
        for old, new in zip(original, became, strict=True):
            size = len(old.encode())
            if old != new:
                changes.append(Change((byte, byte + size), old, new, _kind(old, new)))
            byte += size
        return changes
    if sign and sign in became:
        # White space around the unknown stretch is a matter of its own.
        front, core, back = _edges(original)
        new_front, new_core, new_back = _edges(became)
        parts = [(front, new_front, "space"), (core, new_core.replace(sign, unknown), "unknown"),
                 (back, new_back, "space")]
        for old, new, kind in parts:
            size = len(old.encode())
            if old != new:
                changes.append(Change((byte, byte + size), old, new, kind))
            byte += size
        return changes
    return [Change((byte, byte + len(original.encode())), original, became, _kind(original, became))]


def _edges(text: str) -> tuple[str, str, str]:
    """White space in front, the rest, white space behind."""
    core = text.strip()
    front = text[:len(text) - len(text.lstrip())] if core else text
    return front, core, text[len(front) + len(core):]


def _kind(original: str, became: str) -> str:
    if not (original + became).strip():
        return "space"
    if not original:
        return "added"
    if not became:
        return "accent" if all(unicodedata.combining(one) for one in original) else "removed"
    if original.lower() == became:
        return "case"
    bare = "".join(one for one in unicodedata.normalize("NFD", original) if not unicodedata.combining(one))
    if became in (bare, bare.lower()):
        return "accent"
    return "changed"


def _joined(changes: list[Change]) -> list[Change]:
    """Neighbouring changes of one kind as one."""
    found: list[Change] = []
    for change in changes:
        before = found[-1] if found else None
        if before and before.byte_range[1] == change.byte_range[0] and before.original and not change.became \
                and before.became and all(unicodedata.combining(one) for one in change.original):
            # A letter took up the mark behind it: one change, not two.
            whole = before.original + change.original
            found[-1] = Change((before.byte_range[0], change.byte_range[1]), whole, before.became,
                               _kind(whole, before.became))
            continue
        if before and before.kind == change.kind and before.byte_range[1] == change.byte_range[0] \
                and change.byte_range[0] < change.byte_range[1]:
            found[-1] = Change((before.byte_range[0], change.byte_range[1]), before.original + change.original,
                               before.became + change.became, change.kind)
        else:
            found.append(change)
    return found
