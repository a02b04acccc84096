"""What each id of a vocabulary stands for, in bytes: one table a tokenizer, made once.

Libraries write their entries in their own ways. GPT-2's byte-level BPE spells each byte as a printable character
(`Ġ` is the space), SentencePiece writes a space as `▁` and a lone byte as `<0xF0>`, WordPiece marks the middle of a
word with `##`. Here all of them become plain bytes, since bytes are what a text is made of.
"""

from __future__ import annotations

import json
import re
import threading
import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.models.open import OpenTokenizer
from components.workshop import give_back_memory

#: Flags of an entry.
SPECIAL, UNKNOWN, BYTE = 1, 2, 4

_FALLBACK = re.compile(r"<0x([0-9A-Fa-f]{2})>\Z")


def byte_characters() -> dict[str, int]:
    """GPT-2's table: the 256 characters with which byte-level BPE spells the bytes.

    Printable bytes stand for themselves, the others move to U+0100 and up, in order. (OpenAI's GPT-2,
    `encoder.py`, `bytes_to_unicode`.)
    """
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    rest = [byte for byte in range(256) if byte not in set(printable)]
    table = {chr(byte): byte for byte in printable}
    table.update({chr(256 + place): byte for place, byte in enumerate(rest)})
    return table


@dataclass(frozen=True)
class Vocabulary:
    """The entries of a tokenizer as bytes.

    Attributes:
        size: number of entries that exist.
        buffer: the bytes of all entries, one after the other, by id.
        starts: int32 [id + 1], where each entry begins in `buffer`; an id that no entry has is empty.
        flags: uint8 [id], a sum of SPECIAL, UNKNOWN and BYTE (a byte-fallback entry such as `<0x0A>`).
        algorithm: "byte-level BPE", "BPE with byte fallback", "BPE", "WordPiece", "Unigram" or "word list".
        exact_pieces: whether the entries of a text, one after the other, can give back the text itself.
        unknown_text: what the library writes for the unknown entry, or None.
    """

    size: int
    buffer: bytes
    starts: NDArray[np.int32]
    flags: NDArray[np.uint8]
    algorithm: str
    exact_pieces: bool
    unknown_text: str | None

    def piece(self, token: int) -> bytes:
        """The bytes that one id stands for; empty for an id that no entry has."""
        if not 0 <= token < len(self.flags):
            return b""
        return self.buffer[self.starts[token]:self.starts[token + 1]]

    def lengths(self, ids: NDArray[np.int32]) -> NDArray[np.int32]:
        """Bytes of each id's entry: int32 [token]."""
        return self.starts[ids + 1] - self.starts[ids]

    def join(self, ids: NDArray[np.int32]) -> bytes:
        """The entries of these ids, one after the other."""
        if not len(ids):
            return b""
        lengths = self.lengths(ids)
        ends = np.cumsum(lengths, dtype=np.int64)
        # Each byte of the result takes its place in the buffer from its entry's start, without a Python loop.
        places = np.repeat(self.starts[ids] - (ends - lengths), lengths) + np.arange(ends[-1])
        return np.frombuffer(self.buffer, np.uint8)[places].tobytes()


_tables: dict[int, Vocabulary] = {}
_making = threading.Lock()


def vocabulary(tokenizer: OpenTokenizer) -> Vocabulary:
    """The table of this tokenizer, made at the first call and kept as long as the tokenizer lives."""
    found = _tables.get(id(tokenizer))
    if found is not None:
        return found
    with _making:
        if id(tokenizer) not in _tables:
            readers = {"tiktoken": _tiktoken, "tokenizers": _tokenizers, "sentencepiece": _sentencepiece}
            if tokenizer.kind not in readers:
                raise ValueError(f"{tokenizer.kind!r} is no kind of tokenizer known here; "
                                 f"choose one of {', '.join(readers)}.")
            _tables[id(tokenizer)] = readers[tokenizer.kind](tokenizer.library_object)
            give_back_memory()  # the entries as Python objects were several times as large
            weakref.finalize(tokenizer, _tables.pop, id(tokenizer), None)
        return _tables[id(tokenizer)]


def _table(pieces: dict[int, bytes], flags: dict[int, int], **facts: Any) -> Vocabulary:
    top = max(pieces, default=-1) + 1
    starts = np.zeros(top + 1, np.int32)
    marks = np.zeros(top, np.uint8)
    for token, flag in flags.items():
        marks[token] = flag
    for token, piece in pieces.items():
        starts[token + 1] = len(piece)
    buffer = b"".join(pieces.get(token, b"") for token in range(top))
    return Vocabulary(size=len(pieces), buffer=buffer, starts=np.cumsum(starts, dtype=np.int32), flags=marks, **facts)


def _tiktoken(encoding: Any) -> Vocabulary:
    pieces: dict[int, bytes] = {}
    for token in range(encoding.n_vocab):
        try:
            pieces[token] = encoding.decode_single_token_bytes(token)
        except KeyError:  # cl100k has holes: ids below its size that no token has
            continue
    special = {encoding.encode_single_token(name): SPECIAL for name in encoding.special_tokens_set}
    return _table(pieces, special, algorithm="byte-level BPE", exact_pieces=True, unknown_text=None)


def _sentencepiece(processor: Any) -> Vocabulary:
    pieces: dict[int, bytes] = {}
    flags: dict[int, int] = {}
    for token in range(processor.get_piece_size()):
        name = processor.id_to_piece(token)
        if processor.is_byte(token):
            flags[token] = BYTE
            pieces[token] = bytes([int(name[3:5], 16)])
        elif processor.is_unknown(token):
            flags[token] = UNKNOWN
            pieces[token] = name.encode()
        elif processor.is_control(token):
            flags[token] = SPECIAL
            pieces[token] = name.encode()
        else:
            pieces[token] = name.replace("▁", " ").encode()
    fallback = any(flag == BYTE for flag in flags.values())
    unknown = processor.unk_id()
    return _table(pieces, flags, algorithm="BPE with byte fallback" if fallback else "SentencePiece",
                  exact_pieces=fallback,
                  unknown_text=processor.decode([unknown]).strip() if unknown >= 0 else None)


def steps(component: Any) -> list[dict[str, Any]]:
    """A normaliser, pre-tokeniser or decoder of the tokenizers library as a flat list of its settings, in order."""
    if component is None:
        return []
    found = json.loads(component.__getstate__())
    parts = found.get("normalizers") or found.get("pretokenizers") or found.get("decoders")
    return parts if found["type"] == "Sequence" and parts else [found]


def _tokenizers(tokenizer: Any) -> Vocabulary:
    kinds = {step["type"] for part in (tokenizer.pre_tokenizer, tokenizer.decoder) for step in steps(part)}
    model = type(tokenizer.model).__name__
    entries = tokenizer.get_vocab(with_added_tokens=False)
    added = tokenizer.get_added_tokens_decoder()
    byte_level = "ByteLevel" in kinds
    fallback = not byte_level and "<0x00>" in entries
    spelling = byte_characters()
    prefix = getattr(tokenizer.model, "continuing_subword_prefix", None) or ("##" if model == "WordPiece" else "")
    pieces: dict[int, bytes] = {}
    flags: dict[int, int] = {}
    for name, token in entries.items():
        if byte_level:
            # An entry with a character outside the table was never spelt in bytes: it stands for itself.
            codes = [spelling.get(character, -1) for character in name]
            pieces[token] = name.encode() if -1 in codes else bytes(codes)
        elif fallback and (found := _FALLBACK.match(name)):
            pieces[token], flags[token] = bytes([int(found[1], 16)]), BYTE
        elif model == "WordPiece":
            pieces[token] = name.removeprefix(prefix).encode()
        else:
            pieces[token] = name.replace("▁", " ").encode()
    for token, entry in added.items():
        pieces[token] = entry.content.encode()
        flags[token] = SPECIAL if entry.special else 0
    unknown = _unknown(tokenizer, model)
    if unknown is not None and unknown in pieces:
        flags[unknown] = flags.get(unknown, 0) | UNKNOWN
    algorithm = {"WordPiece": "WordPiece", "Unigram": "Unigram", "WordLevel": "word list"}.get(
        model, "byte-level BPE" if byte_level else "BPE with byte fallback" if fallback else "BPE")
    return _table(pieces, flags, algorithm=algorithm, exact_pieces=byte_level or fallback,
                  unknown_text=None if unknown is None else pieces.get(unknown, b"").decode() or None)


def _unknown(tokenizer: Any, model: str) -> int | None:
    name = getattr(tokenizer.model, "unk_token", None)
    if name is not None:
        return tokenizer.token_to_id(name)
    if model == "Unigram":  # the binding does not show its id, its saved state does
        found: int | None = json.loads(tokenizer.model.__getstate__()).get("unk_id")
        return found
    return None
