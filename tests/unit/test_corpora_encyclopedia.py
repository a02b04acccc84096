"""The encyclopedia and its example questions hold what `assets/corpora/README.md` says of them."""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

from assets.recipes import pool
from components import corpora

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "corpora"
KINDS = {
    "exact term", "paraphrase", "synonym", "question", "several facts", "negation", "number", "ambiguous",
    "misspelt", "other language", "unanswerable",
}


def records(name: str) -> list[dict[str, Any]]:
    # Split at line feeds alone: str.splitlines would also cut at U+2028 and hide a broken line.
    lines = (FOLDER / name).read_bytes().decode("utf-8").split("\n")
    assert lines.pop() == "", f"{name} ends with a line feed"
    return [json.loads(line) for line in lines]


PASSAGES = records("encyclopedia.jsonl")
QUERIES = records("queries.jsonl")


def repeated(values: list[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def test_fields_and_identities() -> None:
    assert len(PASSAGES) >= 600
    for passage in PASSAGES:
        assert list(passage) == ["id", "title", "subject", "text"]
        assert re.fullmatch(r"enc-\d{4}", passage["id"])
    for field in ("id", "title", "text"):
        assert not repeated([passage[field].lower() for passage in PASSAGES]), field


def test_length_of_passages() -> None:
    lengths = {passage["id"]: len(passage["text"].split()) for passage in PASSAGES}
    assert {name: n for name, n in lengths.items() if not 60 <= n <= 130} == {}


def test_subjects_are_many_and_stand_together() -> None:
    runs = [subject for subject, _ in itertools.groupby(passage["subject"] for passage in PASSAGES)]
    assert len(runs) >= 30
    assert not repeated(runs), "passages of one subject follow one another"


def test_each_passage_opens_differently() -> None:
    assert not repeated([" ".join(words(passage["text"])[:3]) for passage in PASSAGES])


def test_no_two_passages_share_a_long_run_of_words() -> None:
    """Eight words in a row in two passages would betray a pattern with slots, or one text pasted twice."""
    seen: dict[tuple[str, ...], str] = {}
    for passage in PASSAGES:
        tokens = words(passage["text"])
        for start in range(len(tokens) - 7):
            run = tuple(tokens[start : start + 8])
            assert seen.setdefault(run, passage["id"]) == passage["id"], (seen[run], passage["id"], " ".join(run))


def test_characters_are_plain() -> None:
    for passage in PASSAGES:
        for text in (passage["title"], passage["subject"], passage["text"]):
            assert unicodedata.is_normalized("NFC", text), passage["id"]
            assert text == text.strip(), passage["id"]
            assert "  " not in text, passage["id"]
            odd = {c for c in text if not c.isalnum() and c not in " .,;:?'()-/"}
            assert not odd, (passage["id"], odd)


def test_look_alikes_are_there() -> None:
    titles = " | ".join(passage["title"].lower() for passage in PASSAGES)
    least = {"mercury": 3, "jaguar": 2, "java": 3, "python": 3, "crane": 2, "bank": 2, "cell": 2}
    assert {word: titles.count(word) for word, n in least.items() if titles.count(word) < n} == {}


def test_questions() -> None:
    assert len(QUERIES) >= 150
    sizes = Counter(query["kind"] for query in QUERIES)
    assert set(sizes) == KINDS
    assert min(sizes.values()) >= 10, sizes
    assert not repeated([query["id"] for query in QUERIES])
    assert not repeated([query["text"].lower() for query in QUERIES])
    for query in QUERIES:
        assert list(query) == ["id", "text", "kind", "judged"]
        assert re.fullmatch(r"q-\d{2,}", query["id"])


def test_judgements_name_passages_that_exist() -> None:
    known = {passage["id"] for passage in PASSAGES}
    for query in QUERIES:
        judged = query["judged"]
        assert {entry["id"] for entry in judged} <= known, query["id"]
        assert not repeated([entry["id"] for entry in judged]), query["id"]
        best = max(entry["grade"] for entry in judged)
        assert best <= 1 if query["kind"] == "unanswerable" else best == 3, query["id"]


def test_reasons_are_sentences() -> None:
    for query in QUERIES:
        for entry in query["judged"]:
            assert set(entry) == {"id", "grade", "why"}
            if entry["grade"] or entry["why"]:
                assert len(entry["why"].split()) >= 3, (query["id"], entry)
                assert entry["why"].endswith("."), (query["id"], entry)


def test_every_pooled_passage_is_judged() -> None:
    """What the first ten of each method hold was read and graded, and a first place graded 0 is explained."""
    texts = [query["text"] for query in QUERIES]
    vectors = corpora.stored_vectors("questions", texts)
    assert vectors is not None, "run `python -m assets.recipes.vectors questions`"
    left = {query["id"]: pool.unjudged(query, vector) + pool.unexplained(query, vector)
            for query, vector in zip(QUERIES, vectors, strict=True)}
    assert {name: ids for name, ids in left.items() if ids} == {}, "run `python -m assets.recipes.pool`"


def test_other_languages_are_four() -> None:
    """Hindi shows by its script; German, Spanish and French by words that the others do not have."""
    marks = {"de": r"\b(der|die|das|ein|eine|wie|wer|ist)\b", "es": r"[¿ñ]|\b(el|los|qué|cómo)\b",
             "fr": r"\b(le|les|est|qui|une|pourquoi)\b", "hi": r"[\u0900-\u097f]"}
    texts = [query["text"].lower() for query in QUERIES if query["kind"] == "other language"]
    found = {name: sum(bool(re.search(mark, text)) for text in texts) for name, mark in marks.items()}
    assert min(found.values()) >= 2, found


def test_an_exact_term_stands_in_its_best_passage_only() -> None:
    texts = {passage["id"]: words(passage["title"] + " " + passage["text"]) for passage in PASSAGES}
    for query in (query for query in QUERIES if query["kind"] == "exact term"):
        found = {word: sum(word in text for text in texts.values()) for word in words(query["text"])}
        rarest = min((word for word, count in found.items() if count), key=found.__getitem__)
        best = {entry["id"] for entry in query["judged"] if entry["grade"] == 3}
        assert {name for name, text in texts.items() if rarest in text} == best, query["id"]


def test_synonyms_share_no_rare_word_with_their_answer() -> None:
    """The point of these questions is that a search by letters has little to hold on to."""
    texts = {passage["id"]: passage["title"] + " " + passage["text"] for passage in PASSAGES}
    for needle, query in (("polio", "q-05"), ("lift", "q-06")):
        record = next(record for record in QUERIES if record["id"] == query)
        best = next(entry["id"] for entry in record["judged"] if entry["grade"] == 3)
        assert needle in words(texts[best])
        assert needle not in words(record["text"])
