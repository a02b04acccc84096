"""The way back: ids -> bytes and text, and bytes that are no text -> ids."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.models.open import OpenTokenizer
from components.tokenization.encode import decode, encode
from components.tokenization.vocabulary import SPECIAL, UNKNOWN, vocabulary

MOST_IDS = 5_000
MOST_BYTES = 20_000
_TYPED = 400_000
_KEYS = ("ids", "input_ids", "tokens", "token_ids")
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[ntr0abfv\\'\"]|.|\Z)", re.DOTALL)
_LETTERS = {"n": 10, "t": 9, "r": 13, "0": 0, "a": 7, "b": 8, "f": 12, "v": 11, "\\": 92, "'": 39, '"': 34}


@dataclass(frozen=True)
class Part:
    """One id in a list of ids.

    Attributes:
        id: as it was given.
        bytes: what its entry stands for; empty for an id that no entry has.
        kind: "ordinary", "special", "unknown" (the tokenizer's own unknown token) or "missing" (no such id).
        broken: which of its bytes belong to no whole character, counted from 0; always empty where entries do not
            spell the text.
        shares: whether it begins or ends inside a character that the ids around it complete.
    """

    id: int
    bytes: bytes
    kind: str
    broken: tuple[int, ...] = ()
    shares: bool = False


@dataclass(frozen=True)
class Decoded:
    """What a list of ids stands for.

    Attributes:
        parts: one for each id.
        text: what the library itself makes of the ids that it knows; U+FFFD for bytes that are no text.
        utf8: the bytes of all entries, one after the other, or None where the entries do not spell the text.
        again: the ids of that text, or None where it could not be encoded.
    """

    parts: tuple[Part, ...]
    text: str
    utf8: bytes | None
    again: tuple[int, ...] | None


def read_ids(typed: str) -> list[int]:
    """Ids out of what a person pastes: numbers with commas, spaces or brackets, JSON, or hexadecimal with 0x.

    Raises:
        ValueError: nothing, too many, or something that is no number.
    """
    if len(typed) > _TYPED:
        raise ValueError(f"This list has {len(typed):,} characters, and the limit is {_TYPED:,}; paste a part.")
    if not typed.strip():
        raise ValueError("No ids yet; type some, such as 15496, 995.")
    words = _from_json(typed)
    if words is None:
        words = [word for word in re.split(r"[\s,;|\[\](){}]+", typed) if word]
    if not words:
        raise ValueError("No number is in this; type ids, such as 15496, 995.")
    if len(words) > MOST_IDS:
        raise ValueError(f"These are {len(words):,} ids, and up to {MOST_IDS:,} are decoded at once; paste a part.")
    # Letters among the digits of one word make all of them hexadecimal, as a debugger prints them.
    bare = all(re.fullmatch(r"[0-9A-Fa-f]{1,8}", word) for word in words) and any(not word.isdigit() for word in words)
    return [_one(word, bare) for word in words]


def _from_json(typed: str) -> list[str] | None:
    if typed.strip()[:1] not in "[{":
        return None
    try:
        found = json.loads(typed)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, dict):
        name = next((name for name in _KEYS if name in found), None)
        if name is None:
            raise ValueError(f"This JSON has no list named {', '.join(_KEYS[:-1])} or {_KEYS[-1]}; paste the list.")
        found = found[name]
    flat: list[str] = []
    waiting: list[Any] = [found]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting.extend(reversed(one))
        elif isinstance(one, int) and not isinstance(one, bool):
            flat.append(hex(one))  # `str` refuses numbers of thousands of digits
        elif isinstance(one, str):
            flat.append(one.strip())
        else:
            raise ValueError(f"{str(one)[:30]!r} is no id; an id is a whole number, such as 15496.")
    return flat


def _one(word: str, bare: bool) -> int:
    try:
        number = int(word, 16 if bare or word.lower().startswith(("0x", "-0x")) else 10) if len(word) < 30 else -1
    except ValueError:
        raise ValueError(f"{word[:30]!r} is no id; write whole numbers, such as 15496, 995 or 0x3C88.") from None
    if not 0 <= number < 2**31:
        raise ValueError(f"{word[:30]!r} is no id: ids run from 0 to 2,147,483,647; check the list.")
    return number


def decode_ids(tokenizer: OpenTokenizer, ids: list[int]) -> Decoded:
    """What each id stands for, and all of them together. An id that no entry has is marked and left out of the text."""
    table = vocabulary(tokenizer)
    pieces = [table.piece(one) if _is_entry(tokenizer, one) else None for one in ids]
    broken: set[int] = set()
    inside: set[int] = set()
    joined = None
    if table.exact_pieces:
        joined = b"".join(piece or b"" for piece in pieces)
        broken, inside = damage(joined)
    parts = []
    place = 0
    for one, piece in zip(ids, pieces, strict=True):
        if piece is None:
            parts.append(Part(one, b"", "missing"))
            continue
        flags = int(table.flags[one])
        kind = "unknown" if flags & UNKNOWN else "special" if flags & SPECIAL else "ordinary"
        end = place + len(piece)
        wrong = tuple(at - place for at in range(place, end) if at in broken) if broken else ()
        parts.append(Part(one, piece, kind, wrong, joined is not None and (place in inside or end in inside)))
        place = end
    known = np.array([one for one, piece in zip(ids, pieces, strict=True) if piece is not None], np.int32)
    text = decode(tokenizer, known) if len(known) else ""
    again = None
    if text and not broken and len(known) == len(ids):
        again = tuple(encode(tokenizer, text, "auto", offsets=False).ids.tolist())
    return Decoded(tuple(parts), text, joined, again)


def _is_entry(tokenizer: OpenTokenizer, one: int) -> bool:
    library = tokenizer.library_object
    if tokenizer.kind == "tokenizers":
        return library.id_to_token(one) is not None
    if tokenizer.kind == "sentencepiece":
        return bool(one < library.get_piece_size())
    return len(vocabulary(tokenizer).piece(one)) > 0


def damage(raw: bytes) -> tuple[set[int], set[int]]:
    """Places in bytes that should be UTF-8: bytes that belong to no character, and places inside a character."""
    broken: set[int] = set()
    inside: set[int] = set()
    place = 0
    # `surrogateescape` turns each byte that cannot be read into one sign that no valid text has.
    for sign in raw.decode("utf-8", "surrogateescape"):
        code = ord(sign)
        if 0xDC80 <= code <= 0xDCFF:
            broken.add(place)
            place += 1
            continue
        size = 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
        inside.update(range(place + 1, place + size))
        place += size
    return broken, inside


def read_bytes(typed: str) -> tuple[bytes, str]:
    """Bytes out of what a person types, and how it was read: "hexadecimal", "text with escapes" or "text".

    Hexadecimal is pairs of digits (`F0 9F`, `f09f`, `0xF0, 0x9F`); escapes are Python's (`\\xF0`, `\\n`, `\\u00e9`).

    Raises:
        ValueError: nothing, too much, or an escape that is none.
    """
    if not typed:
        raise ValueError(r"No bytes yet; type some, such as F0 9F or caf\xC3.")
    if len(typed) > 10 * MOST_BYTES:
        raise ValueError(f"This has {len(typed):,} characters; up to {MOST_BYTES:,} bytes are cut here, so shorten it.")
    if "\\" in typed:
        raw, how = _escaped(typed), "text with escapes"
    else:
        digits = re.sub(r"0[xX]|[\s,;:]", "", typed)
        if len(digits) % 2 == 0 and re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", digits):
            raw, how = bytes.fromhex(digits), "hexadecimal"
        else:
            raw, how = typed.encode("utf-8", "replace"), "text"
    if len(raw) > MOST_BYTES:
        raise ValueError(f"These are {len(raw):,} bytes, and up to {MOST_BYTES:,} are cut here; shorten it.")
    return raw, how


def _escaped(typed: str) -> bytes:
    out = bytearray()
    place = 0
    for found in _ESCAPE.finditer(typed):
        out += typed[place:found.start()].encode("utf-8", "replace")
        place = found.end()
        what = found[1]
        if what[:1] == "x" and len(what) == 3:
            out.append(int(what[1:], 16))
        elif what[:1] in ("u", "U") and len(what) > 1:
            code = int(what[1:], 16)
            if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
                raise ValueError(f"\\{what} is no character; write its bytes with \\x instead.")
            out += chr(code).encode("utf-8")
        elif what in _LETTERS:
            out.append(_LETTERS[what])
        else:
            raise ValueError(f"\\{what[:1]} is no escape; write a byte as \\xF0 and a backslash as \\\\.")
    return bytes(out + typed[place:].encode("utf-8", "replace"))


def encode_bytes(tokenizer: OpenTokenizer, raw: bytes) -> list[int]:
    """Bytes -> ids, also where they are no valid UTF-8, as far as the tokenizer's library takes bytes.

    Raises:
        ValueError: they are not valid UTF-8, and the library takes text only.
    """
    if tokenizer.kind == "tiktoken":
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            # tiktoken's own call for bytes, which is not part of its documented interface.
            return [int(one) for one in tokenizer.library_object._encode_bytes(raw)]
        return [int(one) for one in encode(tokenizer, text, "text", offsets=False).ids]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as problem:
        library = {"tokenizers": "tokenizers", "sentencepiece": "SentencePiece"}[tokenizer.kind]
        raise ValueError(f"These bytes are no valid UTF-8 (byte {problem.start + 1:,}, {raw[problem.start]:02X}), so "
                         f"there is no text to give: the {library} library takes text only. Choose a tiktoken "
                         "vocabulary, such as GPT-4's.") from None
    return [int(one) for one in encode(tokenizer, text, "auto", offsets=False).ids]
