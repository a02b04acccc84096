"""The texts that search and topics work on: shipped with the app, or pasted by the reader.

A corpus is checked once, here at the door, and frozen. Whoever holds a `Corpus` need not check it again.
Vectors of the shipped corpora lie beside them (`assets/corpora/<name>.minilm.npy`), so that a page opens without a
sentence encoder in memory; `python -m assets.recipes.vectors` makes them.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from . import records

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "corpora"

BUNDLED: Mapping[str, str] = MappingProxyType(
    {
        "encyclopedia": "short encyclopedic passages, each about one thing",
        "messages": "short messages of citizens to their town",
    }
)
"""Name of each corpus that ships with the app, and what it is in a few words."""

MAX_PASSAGES = 2_000
MAX_PASSAGE_CHARACTERS = 20_000
MAX_BYTES = 5_000_000
TITLE_CHARACTERS = 48

_BLANK_LINES = re.compile(r"\n[^\S\n]*\n\s*")


@dataclass(frozen=True, eq=False)
class Corpus:
    """Texts in a fixed order. All four columns have the same length.

    Attributes:
        name: "encyclopedia", "messages" or "pasted".
        ids: one short name a text, unique within the corpus.
        titles: a heading a text; where a text has none, its first words.
        texts: what is searched, grouped and shown.
        meta: further columns of each text, such as subject, date or district (read-only mappings).
    """

    name: str
    ids: tuple[str, ...]
    titles: tuple[str, ...]
    texts: tuple[str, ...]
    meta: tuple[Mapping[str, Any], ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def hash(self) -> str:
        """A name for the content: 16 hexadecimal digits over all ids and texts in order."""
        content = "\x1e".join(f"{i}\x1f{t}" for i, t in zip(self.ids, self.texts, strict=True))
        return fingerprint(content)


@dataclass(frozen=True)
class Judgement:
    """What a reader said of one passage as an answer to one question.

    Attributes:
        id: the passage.
        grade: 3 answers the question; 2 answers a part of it, or a close neighbour of it; 1 the same matter, no
            answer; 0 none of these.
        why: a sentence; may be empty where the grade is 0.
    """

    id: str
    grade: int
    why: str


@dataclass(frozen=True)
class Question:
    """A question about the encyclopedia, of one of the eleven kinds in `records.KINDS`, and its judgements."""

    id: str
    text: str
    kind: str
    judged: tuple[Judgement, ...]

    @property
    def grades(self) -> Mapping[str, int]:
        """Passage -> grade, for every passage that was judged."""
        return MappingProxyType({one.id: one.grade for one in self.judged})


@dataclass(frozen=True)
class Sentence:
    """One sentence in one language: BCP 47 tag, ISO 15924 script, which of `records.SENTENCES`, and the text."""

    language: str
    script: str
    sentence: str
    text: str


def fingerprint(text: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a text in UTF-8 (lone surrogates kept as they are)."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def heading(text: str, limit: int = TITLE_CHARACTERS) -> str:
    """The first words of a text as a title: cut at a word, with an ellipsis where something was left out.

    >>> heading("The lamp at the corner of Mill Lane has been dark since Monday.", 30)
    'The lamp at the corner of…'
    """
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    cut = line[:limit].rsplit(" ", 1)[0] if " " in line[:limit] else line[:limit]
    return cut.rstrip(" ,;:.-–—") + "…"


def bundled(name: str) -> Corpus:
    """One of the corpora that ship with the app.

    Raises:
        ValueError: there is no such corpus, or its file is missing or damaged.
    """
    if name not in BUNDLED:
        raise ValueError(f"There is no corpus named {name!r}; choose one of: {', '.join(BUNDLED)}.")
    path = FOLDER / f"{name}.jsonl"
    return _read(name, path.stat().st_mtime_ns if path.is_file() else 0)


@functools.lru_cache(maxsize=4)
def _read(name: str, _stamp: int) -> Corpus:
    ids: list[str] = []
    titles: list[str] = []
    texts: list[str] = []
    meta: list[Mapping[str, Any]] = []
    for record in records.read(FOLDER / f"{name}.jsonl"):
        ids.append(record["id"])
        titles.append(record.get("title") or heading(record["text"]))
        texts.append(record["text"])
        meta.append(MappingProxyType({k: v for k, v in record.items() if k not in ("id", "title", "text")}))
    return Corpus(name, tuple(ids), tuple(titles), tuple(texts), tuple(meta))


def questions() -> tuple[Question, ...]:
    """The judged questions about the encyclopedia (`queries.jsonl`).

    Raises:
        ValueError: the file is missing or damaged, or judges a passage that the encyclopedia does not have.
    """
    known = set(bundled("encyclopedia").ids)
    out = []
    for record in records.read(FOLDER / "queries.jsonl"):
        judged = tuple(Judgement(entry["id"], entry["grade"], entry["why"]) for entry in record["judged"])
        lost = next((one.id for one in judged if one.id not in known), None)
        if lost is not None:
            raise ValueError(
                f"Question {record['id']} of queries.jsonl judges {lost}, which the encyclopedia does not have;"
                " get a complete copy of the app."
            )
        out.append(Question(record["id"], record["text"], record["kind"], judged))
    return tuple(out)


def categories() -> Mapping[str, str]:
    """What each message was written for, by its id; "none" for those that belong nowhere (`messages_key.jsonl`).

    For figures about a method only. It is never shown to one, and never to a reader as if a method had found it.

    Raises:
        ValueError: the file is missing or damaged, or does not name exactly the messages.
    """
    key = {record["id"]: record["category"] for record in records.read(FOLDER / "messages_key.jsonl")}
    if tuple(key) != bundled("messages").ids:
        raise ValueError(
            "messages_key.jsonl and messages.jsonl do not name the same messages in the same order;"
            " get a complete copy of the app."
        )
    return MappingProxyType(key)


def parallel() -> tuple[Sentence, ...]:
    """The same few sentences in many languages (`parallel.jsonl`), language by language.

    Raises:
        ValueError: the file is missing or damaged, or a language lacks a sentence.
    """
    path = FOLDER / "parallel.jsonl"
    return _read_parallel(path, path.stat().st_mtime_ns if path.is_file() else 0)


@functools.lru_cache(maxsize=2)
def _read_parallel(path: Path, _stamp: int) -> tuple[Sentence, ...]:
    found = tuple(
        Sentence(record["language"], record["script"], record["sentence"], record["text"])
        for record in records.read(path)
    )
    have = {(one.language, one.sentence) for one in found}
    for language in dict.fromkeys(one.language for one in found):
        lacking = next((name for name in records.SENTENCES if (language, name) not in have), None)
        if lacking is not None:
            raise ValueError(
                f"parallel.jsonl has no sentence {lacking!r} in {language}; get a complete copy of the app."
            )
    return found


def split(text: str) -> list[str]:
    """Cut pasted text into passages: at blank lines where there are any, else at every line. Empty ones are dropped.

    >>> split("One.\\nStill one.\\n\\nTwo.")
    ['One.\\nStill one.', 'Two.']
    >>> split("One.\\nTwo.")
    ['One.', 'Two.']
    """
    plain = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    pieces = _BLANK_LINES.split(plain) if _BLANK_LINES.search(plain) else plain.split("\n")
    return [piece.strip() for piece in pieces if piece.strip()]


def pasted(text: str) -> Corpus:
    """The reader's own passages, one between blank lines (or one a line where there is no blank line).

    Raises:
        ValueError: nothing was pasted, or it is more than a page can hold.
    """
    if not isinstance(text, str):
        raise ValueError("Passages are pasted as text; paste some text.")
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise ValueError(
            f"The pasted passages are {size / 1e6:.1f} MB and this page holds {MAX_BYTES / 1e6:.0f} MB; paste fewer."
        )
    # A lone surrogate cannot be encoded by a tokenizer; the replacement mark stands in for it, as everywhere.
    passages = split(re.sub(r"[\ud800-\udfff]", "\ufffd", text))
    if not passages:
        raise ValueError("There is no passage yet; paste some text, one passage between blank lines or one a line.")
    if len(passages) > MAX_PASSAGES:
        raise ValueError(
            f"That makes {len(passages):,} passages and this page holds {MAX_PASSAGES:,}; paste fewer, or put several"
            " lines into one passage by leaving blank lines between passages."
        )
    for number, passage in enumerate(passages, start=1):
        if len(passage) > MAX_PASSAGE_CHARACTERS:
            raise ValueError(
                f"Passage {number} has {len(passage):,} characters and a passage may have"
                f" {MAX_PASSAGE_CHARACTERS:,}; cut it with a blank line."
            )
    width = len(str(len(passages)))
    ids = tuple(f"p{number:0{width}d}" for number in range(1, len(passages) + 1))
    empty: Mapping[str, Any] = MappingProxyType({})
    return Corpus("pasted", ids, tuple(heading(p) for p in passages), tuple(passages), (empty,) * len(passages))


@functools.lru_cache(maxsize=8)
def _load_vectors(path: Path, _stamp: int) -> tuple[np.ndarray, dict[str, Any]]:
    stored = np.load(path, allow_pickle=False)
    stamp = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return stored, stamp


def stored_vectors(name: str, texts: tuple[str, ...] | list[str]) -> np.ndarray | None:
    """MiniLM's vectors of these texts out of `assets/corpora/<name>.minilm.npy`, float32 `[text, 384]` of unit length.

    None where the file is missing, damaged, or lacks one of the texts: then the caller has them encoded. They were
    stored as float16, so a cosine differs from a fresh one by about 0.0003 at most.
    """
    path = FOLDER / f"{name}.minilm.npy"
    try:
        vectors, stamp = _load_vectors(path, path.stat().st_mtime_ns)
        row = {digest: number for number, digest in enumerate(stamp["texts"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    rows = [row.get(fingerprint(text), -1) for text in texts]
    if not rows or min(rows) < 0 or max(rows) >= len(vectors):
        return None
    # In float64, so that the last digit of the result does not depend on the processor: the map of topics magnifies it.
    exact = vectors[rows].astype(np.float64)
    out = (exact / np.linalg.norm(exact, axis=1, keepdims=True)).astype(np.float32)
    out.setflags(write=False)
    return out
