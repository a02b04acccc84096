"""Corpora: what is bundled, what is pasted, and the vectors beside them."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from components import corpora, records


@pytest.mark.parametrize(("name", "least"), [("encyclopedia", 600), ("messages", 1_200)])
def test_bundled(name: str, least: int) -> None:
    corpus = corpora.bundled(name)
    assert len(corpus) >= least
    assert len(corpus.ids) == len(corpus.titles) == len(corpus.texts) == len(corpus.meta)
    assert len(set(corpus.ids)) == len(corpus)
    assert all(text.strip() and title.strip() for text, title in zip(corpus.texts, corpus.titles, strict=True))
    assert corpora.bundled(name) is corpus, "read once"
    with pytest.raises(TypeError):
        corpus.meta[0]["id"] = "changed"


def test_an_unknown_corpus_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="encyclopedia, messages"):
        corpora.bundled("../secrets")


def test_a_missing_file_is_a_sentence(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(corpora, "FOLDER", tmp_path)
    corpora._read.cache_clear()
    with pytest.raises(ValueError, match=r"messages\.jsonl is not here"):
        corpora.bundled("messages")
    corpora._read.cache_clear()


MESSAGE = '{"id": "msg-0001", "text": "x", "date": "2024-02-29", "district": "Pinfold", "channel": "app"}'

QUESTION = '{"id": "q-01", "text": "x", "kind": "number", "judged": []}'


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("messages", "", r"messages\.jsonl is empty"),
        ("messages", "not json", r"Line 1 of messages\.jsonl is not JSON; correct the line"),
        ("messages", f"{MESSAGE}\n\n[1]", r"Line 3 of messages\.jsonl is \[1\] and must be an object"),
        ("messages", '{"id": "msg-0001"}', "Line 1 of messages.jsonl has no text"),
        ("messages", MESSAGE.replace('"x"', '" "'), "text is empty"),
        ("messages", MESSAGE.replace('"x"', "7"), "text is 7 and must be text"),
        ("messages", MESSAGE.replace("02-29", "02-30"), "date is '2024-02-30' and must be a date"),
        ("messages", MESSAGE.replace("2024-02-29", "20240229"), "must be a date"),
        ("messages", MESSAGE.replace("app", "pigeon"), "channel is 'pigeon' and must be one of: email"),
        ("messages", MESSAGE.replace("msg-0001", "m1"), "id is 'm1' and must be msg- and four digits"),
        ("messages", f"{MESSAGE}\n{MESSAGE}", "Line 2 of messages.jsonl uses msg-0001 twice"),
        ("messages", MESSAGE.replace("}", ', "extra": 1}'), "a field 'extra' that nobody reads"),
        ("queries", QUESTION.replace("number", "riddle"), "kind is 'riddle' and must be one of: exact term"),
        ("queries", QUESTION.replace("[]", "{}"), "judged is {} and must be a list"),
        ("queries", QUESTION.replace("[]", '[{"id": "enc-0001", "grade": 2, "why": ""}]'), "no reason for enc-0001"),
        ("queries", QUESTION.replace("[]", '[{"id": "enc-0001", "grade": 4, "why": "y"}]'), "a grade is 0, 1, 2 or 3"),
        ("queries", QUESTION.replace("[]", '[{"id": "enc-0001", "grade": 0}]'), "each judgement has id, grade and why"),
        ("parallel", '{"language": "English", "script": "Latn", "sentence": "long", "text": "x"}', "a BCP 47 tag"),
    ],
)  # fmt: skip
def test_a_broken_line_is_named(tmp_path, file: str, content: str, sentence: str) -> None:
    path = tmp_path / f"{file}.jsonl"
    path.write_text(content, "utf-8")
    with pytest.raises(ValueError, match=sentence):
        list(records.read(path))


def test_a_line_that_is_not_utf8_is_named(tmp_path) -> None:
    path = tmp_path / "messages.jsonl"
    path.write_bytes(MESSAGE.encode() + b"\n\xff\xfe\n")
    with pytest.raises(ValueError, match=r"Line 2 of messages\.jsonl is not UTF-8"):
        list(records.read(path))


def test_a_line_separator_in_a_text_does_not_cut_the_line(tmp_path) -> None:
    path = tmp_path / "messages.jsonl"
    path.write_text(MESSAGE.replace('"x"', '"one\u2028two"'), "utf-8")
    assert [record["text"] for record in records.read(path)] == ["one\u2028two"]


def test_what_does_not_join_is_a_sentence(tmp_path, monkeypatch) -> None:
    """A judgement of a passage that is not there, a key for other messages, a language without a sentence."""
    monkeypatch.setattr(corpora, "FOLDER", tmp_path)
    corpora._read.cache_clear()
    (tmp_path / "encyclopedia.jsonl").write_text('{"id": "enc-0001", "title": "t", "subject": "s", "text": "x"}')
    (tmp_path / "queries.jsonl").write_text(
        '{"id": "q-01", "text": "x", "kind": "number", "judged": [{"id": "enc-0002", "grade": 0, "why": ""}]}'
    )
    with pytest.raises(ValueError, match="judges enc-0002, which the encyclopedia does not have"):
        corpora.questions()
    (tmp_path / "messages.jsonl").write_text(MESSAGE)
    (tmp_path / "messages_key.jsonl").write_text('{"id": "msg-0002", "category": "trees"}')
    with pytest.raises(ValueError, match="do not name the same messages"):
        corpora.categories()
    (tmp_path / "parallel.jsonl").write_text('{"language": "en", "script": "Latn", "sentence": "long", "text": "x"}')
    with pytest.raises(ValueError, match="no sentence 'greeting' in en"):
        corpora.parallel()
    corpora._read.cache_clear()


def test_pasted_splits_on_blank_lines_or_else_on_lines() -> None:
    assert corpora.pasted("one\nstill one\n\n \t\n two \r\n\r\nthree").texts == ("one\nstill one", "two", "three")
    assert corpora.pasted("one\ntwo\r\nthree\rfour").texts == ("one", "two", "three", "four")
    assert corpora.pasted("x").texts == ("x",)
    corpus = corpora.pasted("\n".join(f"line {i}" for i in range(12)))
    assert (corpus.ids[0], corpus.ids[-1]) == ("p01", "p12")
    assert corpus.name == "pasted"


def test_pasted_keeps_odd_text_as_it_is() -> None:
    odd = "<script>alert(1)</script>\n👩‍👩‍👧\nשלום\n\x00\x01\n<|endoftext|>"
    assert corpora.pasted(odd).texts == tuple(odd.split("\n"))
    assert corpora.pasted("a \ud800 b").texts == ("a \ufffd b",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "no passage yet"), (" \n \n", "no passage yet"), ("x\n" * 2_001, "2,001 passages"),
     ("y" * 20_001, "Passage 1 has 20,001"), ("é" * 2_600_000, "5.2 MB"), (None, "as text")],
)
def test_pasted_limits(text, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        corpora.pasted(text)


def test_a_megabyte_in_lines_is_held() -> None:
    assert len(corpora.pasted(("word " * 100 + "\n") * 2_000)) == 2_000


def test_headings() -> None:
    assert corpora.heading("short one") == "short one"
    long = corpora.heading("The lamp at the corner of Mill Lane has been dark since Monday.", 30)
    assert long == "The lamp at the corner of…"
    assert corpora.heading("x" * 100, 10) == "x" * 10 + "…"


def test_stored_vectors_are_for_these_very_texts(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(corpora, "FOLDER", tmp_path)
    texts = ["one", "two", "three"]
    vectors = np.eye(3, 4, dtype=np.float16) * np.float16(0.5)
    assert corpora.stored_vectors("messages", texts) is None, "no file"
    np.save(tmp_path / "messages.minilm.npy", vectors)
    (tmp_path / "messages.minilm.json").write_text(json.dumps({"texts": [corpora.fingerprint(t) for t in texts]}))
    got = corpora.stored_vectors("messages", ("three", "one"))
    np.testing.assert_array_equal(got, np.eye(3, 4, dtype=np.float32)[[2, 0]])
    assert corpora.stored_vectors("messages", ("three", "changed")) is None


def test_the_sentences_are_read_once_until_their_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = (corpora.FOLDER / "parallel.jsonl").read_text("utf-8")
    monkeypatch.setattr(corpora, "FOLDER", tmp_path)
    file = tmp_path / "parallel.jsonl"
    file.write_text(raw, "utf-8")
    first = corpora.parallel()
    assert corpora.parallel() is first
    file.write_text(raw.replace(first[0].text, "Another one."), "utf-8")
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1_000_000_000))
    assert corpora.parallel()[0].text == "Another one."
    file.unlink()
    with pytest.raises(ValueError, match="complete copy"):
        corpora.parallel()


def test_the_readme_counts_what_is_there() -> None:
    text = (corpora.FOLDER / "README.md").read_text("utf-8")
    subjects = {meta["subject"] for meta in corpora.bundled("encyclopedia").meta}
    sentences = corpora.parallel()
    sizes = Counter(corpora.categories().values())
    for words in (
        f"{len(corpora.bundled('encyclopedia'))} on {len(subjects)} subjects",
        f"{len(corpora.questions())} of {len(records.KINDS)} kinds",
        f"{len(corpora.bundled('messages')):,} in {len(sizes) - 1} categories, and {sizes['none']} that belong nowhere",
        f"{len(records.SENTENCES)} in {len({one.language for one in sentences})} languages and"
        f" {len({one.script for one in sentences})} scripts",
    ):
        assert words in text, words
    for name, size in sizes.items():
        assert name == "none" or f"{name} {size}" in " ".join(text.split()), name
