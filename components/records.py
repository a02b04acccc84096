"""The JSON Lines that ship with the app, read line by line; a broken line is named with its file and number.

Each file of `assets/corpora/` has a schema here: which fields a line has, and what each may hold. Whoever reads a file
through `read` gets records that keep to it, and need not look again.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

REMEDY = "correct the line, or get a complete copy of the app"

KINDS = (
    "exact term", "paraphrase", "synonym", "question", "several facts", "negation", "number", "ambiguous",
    "misspelt", "other language", "unanswerable",
)  # fmt: skip
"""What a judged question is there to show."""

CHANNELS = ("email", "app", "phone note", "letter", "web form")
SENTENCES = ("greeting", "legal", "recipe", "numbers", "technical", "proverb", "dialogue", "long")
"""The sentences of `parallel.jsonl`, in their order."""

Check = Callable[[Any], str | None]
"""Looks at one value; says what is wrong with it, or None."""


def _text(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"is {_shown(value)} and must be text"
    return None if value.strip() else "is empty"


def _like(pattern: str, meaning: str) -> Check:
    compiled = re.compile(pattern)

    def check(value: Any) -> str | None:
        fits = isinstance(value, str) and compiled.fullmatch(value)
        return None if fits else f"is {_shown(value)} and must be {meaning}"

    return check


def _one_of(choices: tuple[str, ...]) -> Check:
    def check(value: Any) -> str | None:
        return None if value in choices else f"is {_shown(value)} and must be one of: {', '.join(choices)}"

    return check


def _date(value: Any) -> str | None:
    try:
        # fromisoformat also takes 20240131 and 2024-W05; one spelling only, so that dates sort as text.
        right = isinstance(value, str) and datetime.date.fromisoformat(value).isoformat() == value
    except ValueError:
        right = False
    return None if right else f"is {_shown(value)} and must be a date that the calendar has, such as 2024-02-29"


def _judgements(value: Any) -> str | None:
    if not isinstance(value, list):
        return f"is {_shown(value)} and must be a list"
    seen = set()
    for entry in value:
        if not isinstance(entry, dict) or set(entry) != {"id", "grade", "why"}:
            return f"holds {_shown(entry)}; each judgement has id, grade and why"
        if type(entry["grade"]) is not int or not 0 <= entry["grade"] <= 3:
            return f"grades {entry['id']} with {_shown(entry['grade'])}; a grade is 0, 1, 2 or 3"
        if not isinstance(entry["why"], str) or (entry["grade"] and not entry["why"].strip()):
            return f"gives no reason for {entry['id']}; every grade of 1 or more has one"
        if not isinstance(entry["id"], str) or entry["id"] in seen:
            return f"judges {_shown(entry['id'])} twice"
        seen.add(entry["id"])
    return None


SCHEMAS: Mapping[str, Mapping[str, Check]] = MappingProxyType(
    {
        "encyclopedia": {
            "id": _like(r"enc-\d{4}", "enc- and four digits"), "title": _text, "subject": _text, "text": _text,
        },
        "queries": {
            "id": _like(r"q-\d{2,}", "q- and a number such as q-07"), "text": _text, "kind": _one_of(KINDS),
            "judged": _judgements,
        },
        "messages": {
            "id": _like(r"msg-\d{4}", "msg- and four digits"), "text": _text, "date": _date, "district": _text,
            "channel": _one_of(CHANNELS),
        },
        "messages_key": {"id": _like(r"msg-\d{4}", "msg- and four digits"), "category": _text},
        "parallel": {
            "language": _like(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?", "a BCP 47 tag such as en or zh-Hans"),
            "script": _like(r"[A-Z][a-z]{3}", "an ISO 15924 code such as Latn"),
            "sentence": _one_of(SENTENCES), "text": _text,
        },
    }
)  # fmt: skip
"""File (without `.jsonl`) -> field -> what it may hold. A line has these fields and no others."""


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The records of one file, in order. Empty lines are passed over.

    Raises:
        ValueError: the file is missing, not UTF-8, empty, or a line breaks the schema of `SCHEMAS[path.stem]`: the
            sentence names the file, the line and what is wrong with it.
    """
    schema = SCHEMAS[path.stem]
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"The corpus file {path.name} is not here; get a complete copy of the app.") from error
    known: set[str] = set()
    # Split at line feeds alone: str.splitlines would also cut at U+2028, which may stand in a text.
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        where = f"Line {number} of {path.name}"
        try:
            record = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise ValueError(f"{where} is not UTF-8; {REMEDY}.") from error
        except ValueError as error:
            raise ValueError(f"{where} is not JSON; {REMEDY}.") from error
        if not isinstance(record, dict):
            raise ValueError(f"{where} is {_shown(record)} and must be an object; {REMEDY}.")
        for field, check in schema.items():
            if field not in record:
                raise ValueError(f"{where} has no {field}; {REMEDY}.")
            wrong = check(record[field])
            if wrong:
                raise ValueError(f"{where}: {field} {wrong}; {REMEDY}.")
        unknown = [field for field in record if field not in schema]
        if unknown:
            raise ValueError(f"{where} has a field {_shown(unknown[0])} that nobody reads; {REMEDY}.")
        name = str(record["id"] if "id" in schema else (record["language"], record["sentence"]))
        if name in known:
            raise ValueError(f"{where} uses {name} twice; {REMEDY}.")
        known.add(name)
        yield record
    if not known:
        raise ValueError(f"{path.name} is empty; get a complete copy of the app.")


def _shown(value: Any) -> str:
    """A value as a sentence can hold it."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
