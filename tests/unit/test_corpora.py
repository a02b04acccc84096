"""Corpora: what is bundled, what is pasted, and the vectors beside them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from components import corpora


@pytest.mark.parametrize(("name", "least"), [("encyclopedia", 150), ("messages", 300)])
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


def test_a_damaged_file_is_a_sentence(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(corpora, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match="not here"):
        corpora.bundled("messages")
    for number, (content, sentence) in enumerate(
        [("", "empty"), ("not json\n", "Line 1"), ('{"id": "a"}\n', "no text"),
         ('{"id": "a", "text": "x"}\n{"id": "a", "text": "y"}\n', "twice")]
    ):
        (tmp_path / "messages.jsonl").write_text(content)
        corpora._read.cache_clear()
        with pytest.raises(ValueError, match=sentence):
            corpora._read("messages", number)
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
