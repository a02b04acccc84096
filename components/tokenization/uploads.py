"""A tokenizer file of the reader's own -> a tokenizer that is safe to use here, or one sentence why not.

A file from outside may be anything. So its first bytes say what it is, never its name; a process of its own, under a
limit of time and memory, builds it first, looks it through and tries it on awkward texts (`uploads_child.py`). Only
what passes there is built again here, from the very same bytes. Nothing is unpacked, unpickled or run.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from components.models.open import OpenTokenizer
from components.tokenization.apart import run_apart
from components.tokenization.uploads_build import CASES, PATTERNS, build
from components.workshop import LIMITS, megabytes

SECONDS, MEGABYTES = 40.0, 1_800
"""A file that takes longer to build and to try, or more memory, is refused."""
NAMES = {"json": "tokenizer.json", "ranks": "tiktoken rank file", "model": "SentencePiece model",
         "words": "WordPiece vocab.txt"}

_RANK = re.compile(rb"[A-Za-z0-9+/]+={0,2} +\d+\s*\Z")
_OLD_PICKLE = re.compile(rb"\(?[cd(lp0-9\n]*c[\w.]+\n[\w.]+\n")
_PACKED = ((b"PK\x03\x04", "zip archive"), (b"PK\x05\x06", "zip archive"), (b"\x1f\x8b", "gzip archive"),
           (b"BZh", "bzip2 archive"), (b"\xfd7zXZ", "xz archive"), (b"7z\xbc\xaf", "7z archive"),
           (b"\x28\xb5\x2f\xfd", "zstd archive"), (b"Rar!", "rar archive"))


@dataclass(frozen=True)
class Brought:
    """A tokenizer read from a reader's file.

    Attributes:
        tokenizer: ready to use; its name is "own".
        kind: one of `NAMES`.
        read_as: what had to be chosen to read it, a name in `PATTERNS` or `CASES`; "" where the file says everything.
        algorithm, size: as in `vocabulary.Vocabulary`.
        specials: its special tokens with their ids, the first 60 by id.
        special_count: how many there are.
        notes: what is odd about it, a sentence each.
        bytes: length of the file.
    """

    tokenizer: OpenTokenizer
    kind: str
    read_as: str
    algorithm: str
    size: int
    specials: tuple[tuple[str, int], ...]
    special_count: int
    notes: tuple[str, ...]
    bytes: int


def kind_of(raw: bytes, filename: str) -> str:
    """What kind of tokenizer file this is, by its content: "json", "ranks", "model" or "words".

    Raises:
        ValueError: it is too large, empty, packed, a pickle, a model's weights, or nothing known.
    """
    name = PurePath(filename.replace("\\", "/")).name[:80] or "The file"
    if len(raw) > LIMITS.tokenizer_bytes:
        raise ValueError(f"{name} has {megabytes(len(raw))}, and the limit for a tokenizer file is "
                         f"{megabytes(LIMITS.tokenizer_bytes)}; bring the vocabulary alone, without a model.")
    head = raw[:4096]
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        raise ValueError(f"{name} is empty; choose the tokenizer's own file.")
    for sign, what in _PACKED:
        if head.startswith(sign):
            raise ValueError(f"{name} is a {what}, and nothing is unpacked here; unpack it yourself and bring the "
                             "tokenizer.json that is in it.")
    if (head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05") or _OLD_PICKLE.match(head):
        raise ValueError(f"{name} is a Python pickle, which can run a program when it is opened, so it was not opened; "
                         "bring a tokenizer.json instead.")
    if head.startswith(b"GGUF") or head[8:10] == b'{"':
        raise ValueError(f"{name} holds a model's weights, not a tokenizer; bring the tokenizer.json beside it.")
    if start.startswith(b"version https://git-lfs"):
        raise ValueError(f"{name} is only a pointer to a large file (Git LFS); download the file itself.")
    if start[:1] == b"<" and b"<html" in start.lower():
        raise ValueError(f"{name} is a web page; download the file itself, with the button for the raw file.")
    if start[:1] == b"{":
        return "json"
    if head[:1] == b"\n" and b"\0" in head[:200]:
        return "model"
    lines = head.split(b"\n")
    named = filename.lower().endswith((".tiktoken", ".model"))
    if _RANK.match(lines[0]) and (named or all(map(_RANK.match, filter(None, lines[:-1] or lines)))):
        return "ranks"
    if b"\0" not in head and not filename.lower().endswith((".model", ".json", ".tiktoken", ".bin", ".pt", ".pkl")):
        with contextlib.suppress(UnicodeDecodeError):
            raw.decode("utf-8")
            return "words"
    # A SentencePiece model begins with its first piece: field 1, a few bytes long.
    if head[:1] == b"\n":
        return "model"
    raise ValueError(f"{name} is none of the files that can be read here; bring a tokenizer.json, a .tiktoken rank "
                     "file, a SentencePiece .model or a vocab.txt.")


def bring(
    raw: bytes,
    filename: str,
    *,
    pattern: str = "auto",
    case: str = "auto",
    report: Callable[[float | None, str], None] = lambda share, stage: None,
    check_wanted: Callable[[], None] = lambda: None,
    seconds: float = SECONDS,
) -> Brought:
    """Read a tokenizer file.

    Args:
        raw: the whole file, at most 40 MB.
        filename: as the reader calls it; used in sentences only.
        pattern: for a rank file, which says nothing of how text is split: a name in `PATTERNS`, or "auto" for the
            one whose own vocabulary has nearly as many entries.
        case: for a vocab.txt: "cased", "uncased", or "auto" for what its entries suggest.
        report: told what is done now.
        check_wanted: called several times a second; when it raises, the process is ended and the exception goes on.
        seconds: how long building and trying may take.

    Raises:
        ValueError: one sentence: what is wrong with the file, and what to do.
    """
    for value, known in ((pattern, PATTERNS), (case, CASES)):
        if value not in ("auto", *known):
            raise ValueError(f"{value!r} is not one of auto, {', '.join(known)}; choose one of these.")
    kind = kind_of(raw, filename)
    report(None, "looking it through in a process of its own")
    read_as = {"ranks": pattern, "words": case}.get(kind, "")
    facts = _try_apart({"kind": kind, "read_as": read_as, "megabytes": MEGABYTES}, raw, check_wanted, seconds)
    report(None, "opening it")
    tokenizer = build(kind, raw, facts["read_as"])
    return Brought(tokenizer, kind, facts["read_as"], facts["algorithm"], facts["size"],
                   tuple((name, token) for name, token in facts["specials"]), facts["special_count"],
                   tuple(facts["notes"]), len(raw))


def _try_apart(head: dict[str, object], raw: bytes, check_wanted: Callable[[], None], seconds: float) -> dict[str, Any]:
    said = run_apart("components.tokenization.uploads_child", head, raw, check_wanted, seconds=seconds,
                     too_long=f"This file was not read within {seconds:.0f} seconds, so it was given up; a usual "
                              "tokenizer takes a few. Check where it comes from, or bring a smaller one.")
    if "algorithm" not in said:
        raise ValueError(said.get("error") or "This file made its reader end at once, perhaps for want of memory, so "
                         "it was refused; check where it comes from, or bring a smaller one.")
    return said
