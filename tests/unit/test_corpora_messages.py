"""The citizens' messages, the parallel sentences and the pages' examples hold what their README says."""

from __future__ import annotations

import datetime
import itertools
import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from tests import likeness

CORPORA = Path(__file__).resolve().parents[2] / "assets" / "corpora"
CHANNELS = {"email", "app", "phone note", "letter", "web form"}
SENTENCES = {"greeting", "legal", "recipe", "numbers", "technical", "proverb", "dialogue", "long"}
EXAMPLE_PAGES = {"tokens", "attention", "sampling", "search", "topics", "home"}
# What a script's text must contain, by the first word of the Unicode character name.
SCRIPT_NAMES = {
    "Latn": "LATIN", "Cyrl": "CYRILLIC", "Grek": "GREEK", "Arab": "ARABIC", "Hebr": "HEBREW", "Deva": "DEVANAGARI",
    "Jpan": "HIRAGANA", "Hans": "CJK", "Hant": "CJK", "Kore": "HANGUL", "Thai": "THAI",
    "Beng": "BENGALI", "Taml": "TAMIL", "Telu": "TELUGU", "Ethi": "ETHIOPIC", "Geor": "GEORGIAN", "Mymr": "MYANMAR",
}  # fmt: skip


def _lines(name: str) -> list[dict[str, str]]:
    text = (CORPORA / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def messages() -> list[dict[str, str]]:
    return _lines("messages.jsonl")


@pytest.fixture(scope="module")
def categories() -> dict[str, str]:
    return {row["id"]: row["category"] for row in _lines("messages_key.jsonl")}


def _first_words(text: str, count: int) -> str:
    return " ".join(re.findall(r"[\w'’£]+", text.lower())[:count])


def test_messages_have_their_fields_and_their_length(messages: list[dict[str, str]]) -> None:
    assert len(messages) >= 1_200
    assert [row["id"] for row in messages] == [f"msg-{number:04d}" for number in range(1, len(messages) + 1)]
    for row in messages:
        assert set(row) == {"id", "text", "date", "district", "channel"}, row["id"]
        assert 15 <= len(row["text"].split()) <= 60, row["id"]
        assert row["text"] == unicodedata.normalize("NFC", row["text"]).strip(), row["id"]
        assert row["channel"] in CHANNELS, row["id"]
        assert 2022 <= datetime.date.fromisoformat(row["date"]).year <= 2024, row["id"]
    assert {row["date"][:4] for row in messages} == {"2022", "2023", "2024"}
    assert {row["channel"] for row in messages} == CHANNELS


def test_messages_come_from_at_least_eight_districts(messages: list[dict[str, str]]) -> None:
    sizes = Counter(row["district"] for row in messages)
    assert len(sizes) >= 8
    assert min(sizes.values()) >= 60


def test_key_names_every_message_once(messages: list[dict[str, str]], categories: dict[str, str]) -> None:
    assert list(categories) == [row["id"] for row in messages]
    assert len(_lines("messages_key.jsonl")) == len(messages)
    sizes = Counter(categories.values())
    belong_nowhere = sizes.pop("none")
    assert 0.03 <= belong_nowhere / len(messages) <= 0.05
    assert len(sizes) >= 14
    assert min(sizes.values()) >= 25
    assert max(sizes.values()) <= 180
    assert max(sizes.values()) >= 4 * min(sizes.values())


def test_seasons_are_kept(messages: list[dict[str, str]], categories: dict[str, str]) -> None:
    months: dict[str, set[int]] = {}
    for row in messages:
        months.setdefault(categories[row["id"]], set()).add(int(row["date"][5:7]))
    assert months["snow-and-ice"] <= {11, 12, 1, 2, 3}
    assert months["festival-and-market"] <= {5, 6, 9, 11, 12}
    assert len(months["potholes"]) >= 10


def test_categories_are_mixed_in_the_file(categories: dict[str, str]) -> None:
    order = list(categories.values())
    neighbours_alike = sum(one == two for one, two in itertools.pairwise(order))
    assert neighbours_alike < 0.15 * len(order)


def test_few_messages_open_alike(messages: list[dict[str, str]]) -> None:
    assert max(Counter(_first_words(row["text"], 2) for row in messages).values()) <= len(messages) // 60


def test_no_two_messages_are_nearly_the_same(messages: list[dict[str, str]]) -> None:
    """One sentence with other words put into its gaps keeps its word pairs."""
    pairs = [frozenset(likeness.ngrams(row["text"], 2)) for row in messages]
    having: dict[tuple[str, ...], list[int]] = {}
    for place, own in enumerate(pairs):
        for pair in own:
            having.setdefault(pair, []).append(place)
    shared: Counter[tuple[int, int]] = Counter()
    for places in having.values():
        if len(places) < 60:  # "of the" and its like say nothing
            shared.update(itertools.combinations(places, 2))
    for (one, other), count in shared.items():
        assert count < 0.3 * min(len(pairs[one]), len(pairs[other])), (messages[one]["text"], messages[other]["text"])


def test_parallel_sentences_are_complete_and_in_their_script() -> None:
    rows = _lines("parallel.jsonl")
    by_language: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        assert set(row) == {"language", "script", "sentence", "text"}
        by_language.setdefault(row["language"], []).append(row)
    assert len(by_language) >= 24
    assert len({row["script"] for row in rows}) >= 10
    for language, eight in by_language.items():
        assert {row["sentence"] for row in eight} == SENTENCES, language
        assert len(eight) == len(SENTENCES), language
        assert len({row["script"] for row in eight}) == 1, language
        for row in eight:
            assert unicodedata.is_normalized("NFC", row["text"]), row
            names = Counter(unicodedata.name(c).split()[0] for c in row["text"] if c.isalpha())
            assert names[SCRIPT_NAMES[row["script"]]] > 0.25 * sum(names.values()), row
        numbers = next(row["text"] for row in eight if row["sentence"] == "numbers")
        digits = [unicodedata.decimal(c) for c in numbers if c.isdecimal()]
        assert sorted(digits) == sorted([7, 4, 5, 1, 2, 3, 2, 0]), language
    assert len({row["text"] for row in rows}) == len(rows)


def test_examples_are_usable_on_every_page() -> None:
    examples = json.loads((CORPORA / "examples.json").read_text(encoding="utf-8"))
    assert set(examples) == EXAMPLE_PAGES
    for page, entries in examples.items():
        assert 5 <= len(entries) <= 8, page
        assert len({entry["id"] for entry in entries}) == len(entries), page
        assert len({entry["text"] for entry in entries}) == len(entries), page
        for entry in entries:
            assert {"id", "label", "text"} <= set(entry), entry["id"]
            assert set(entry) <= {"id", "label", "text", "chat", "kind", "columns"}, entry["id"]
            assert re.fullmatch(r"[a-z0-9-]+", entry["id"]), entry["id"]
            assert 0 < len(entry["label"]) <= 32, entry["id"]
            assert 0 < len(entry["text"].strip()) <= 600, entry["id"]
    first = examples["tokens"][0]["text"]
    assert any(ord(c) > 0xFFFF for c in first)
    assert any(c.isdecimal() for c in first)
    assert len(first.splitlines()) <= 3
    assert examples["attention"][0]["text"].startswith("The tortoise who lived under the stairs")
    assert examples["sampling"][0]["text"] == "The old lighthouse keeper climbed the stairs because"
    assert any(entry.get("chat") is True for entry in examples["sampling"])
    assert not examples["sampling"][0].get("chat")
    for page in ("attention", "home"):
        assert all("\n" not in entry["text"] for entry in examples[page]), page


def test_topic_examples_are_new_messages(messages: list[dict[str, str]]) -> None:
    examples = json.loads((CORPORA / "examples.json").read_text(encoding="utf-8"))
    known = {_first_words(row["text"], 4) for row in messages}
    for entry in examples["topics"]:
        assert _first_words(entry["text"], 4) not in known, entry["id"]
