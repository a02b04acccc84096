"""Tokenizer files of a reader's own: each kind against its library, and hostile files, each with its one sentence."""

from __future__ import annotations

import base64
import gzip
import io
import json
import pickle
import time
import zipfile
from typing import Any

import pytest

from components.models import sources
from components.models.open import open_tokenizer
from components.tokenization import trace
from components.tokenization.uploads import SECONDS, bring, kind_of
from components.tokenization.uploads_patterns import endless
from components.workshop import Cancelled
from tests.conftest import SHARED, needs, needs_shared

TEXT = "The tortoise's 1234 naïve cafés\n\n  slept: 🐢 नमस्ते 日本 <|endoftext|> [SEP]"


def file_of(name: str) -> bytes:
    path = sources.locate(name)
    return (path / "tokenizer.json" if path.is_dir() else path).read_bytes()


def a_tokenizer(model: dict[str, Any] | None = None, **parts: Any) -> bytes:
    """A tokenizer.json with these parts; its BPE knows a, b and ab."""
    usual = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
             "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}
    return json.dumps({"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
                       "pre_tokenizer": None, "post_processor": None, "decoder": None, **parts,
                       "model": {**usual, **(model or {})}}).encode()


def ranks(extra: dict[bytes, int] | None = None, without: int | None = None) -> bytes:
    entries = {bytes([byte]): byte for byte in range(256) if byte != without} | (extra or {})
    return b"".join(base64.b64encode(piece) + f" {rank}\n".encode() for piece, rank in entries.items())


# What can be read ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["storyteller", "storyteller-wordpiece", "storyteller-unigram", "bert", "smollm2"])
def test_a_tokenizer_json_gives_the_ids_of_the_library(name: str) -> None:
    if not sources.state(name).here:
        pytest.skip(f"{name} is not here")
    found = bring(file_of(name), "tokenizer.json")
    expected = open_tokenizer(name)
    assert found.tokenizer.library_object.encode(TEXT, add_special_tokens=False).ids == \
        expected.library_object.encode(TEXT, add_special_tokens=False).ids
    assert found.size == len(expected.library_object.get_vocab())
    assert trace(found.tokenizer, TEXT).ids.tolist() == trace(expected, TEXT).ids.tolist()
    known = expected.library_object.get_added_tokens_decoder()
    assert all(known[token].content == text for text, token in found.specials)


@needs("mistral-v1")
def test_a_sentencepiece_model_gives_the_ids_of_the_library() -> None:
    found = bring(file_of("mistral-v1"), "tokenizer.model")
    assert found.kind == "model"
    assert found.tokenizer.library_object.encode(TEXT) == open_tokenizer("mistral-v1").library_object.encode(TEXT)


@needs_shared("vocab/bert-base-uncased/vocab.txt")
@needs("bert")
def test_a_vocab_txt_is_wordpiece_in_the_case_that_its_entries_suggest() -> None:
    raw = (SHARED / "vocab/bert-base-uncased/vocab.txt").read_bytes()
    found = bring(raw, "vocab.txt")
    assert (found.kind, found.read_as, found.algorithm, found.special_count) == ("words", "uncased", "WordPiece", 5)
    bert = open_tokenizer("bert")
    assert trace(found.tokenizer, TEXT).ids.tolist() == trace(bert, TEXT).ids.tolist()
    cased = bring(raw, "vocab.txt", case="cased")
    assert cased.tokenizer.library_object.encode("Rain", add_special_tokens=False).tokens == ["[UNK]"]


def test_small_vocabularies_of_words_and_ranks() -> None:
    words = bring(b"[PAD]\n[UNK]\nRain\nrain\n##s\n", "my words.txt")
    assert words.read_as == "cased"
    assert words.tokenizer.library_object.encode("Rains rain").tokens == ["Rain", "##s", "rain"]
    found = bring(ranks({b"ra": 256, b"in": 257, b"rain": 258}), "mine.tiktoken", pattern="r50k")
    assert found.tokenizer.library_object.encode("rain 12") == [258, 32, 49, 50]
    assert any("no special tokens" in note for note in found.notes)


@pytest.mark.parametrize("name", ["r50k", "cl100k", "o200k"])
@needs_shared("vocab/tiktoken")
def test_a_rank_file_and_its_pattern_give_tiktokens_ids(name: str) -> None:
    from components.models import catalog, vocabularies

    digest = {"r50k": "0ea1e91bbb3a60f729a8dc8f777fd2fc07cd8df4", "cl100k": "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
              "o200k": "fb374d419588a4632f3f557e76b4b70aebbca790"}[name]
    assert catalog.entry("cl100k")
    path = SHARED / "vocab/tiktoken" / digest
    found = bring(path.read_bytes(), f"{name}.tiktoken")
    assert found.read_as == name, "by its size"
    own = vocabularies.openai(f"{name}_base", path)
    assert found.tokenizer.library_object.encode(TEXT, disallowed_special=()) == own.encode(TEXT, disallowed_special=())


def test_what_is_odd_is_said() -> None:
    raw = a_tokenizer({"dropout": 0.5, "merges": [["a", "b"], ["a", "b"]], "vocab": {"a": 0, "b": 1, "ab": 5}},
                      truncation={"max_length": 3, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
                      padding={"strategy": {"Fixed": 1_000_000_000}, "direction": "Right", "pad_to_multiple_of": None,
                               "pad_id": 0, "pad_type_id": 0, "pad_token": "a"})
    found = bring(raw, "tokenizer.json")
    said = " ".join(found.notes)
    for part in ("after 3 tokens", "Fills short texts", "at random", "twice", "3 ids", "no decoder", "without a trace",
                 "no special tokens"):
        assert part in said, part
    assert found.tokenizer.library_object.encode("abababab").ids == [5] * 4, "no cut, no padding, no chance"


# Bad input -----------------------------------------------------------------------------------------------------------

def refused(raw: bytes, name: str = "tokenizer.json", **how: Any) -> str:
    began = time.monotonic()
    with pytest.raises(ValueError) as caught:
        bring(raw, name, **how)
    assert time.monotonic() - began < SECONDS + 10
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


class Bomb:
    ran = False

    def __reduce__(self) -> Any:
        return setattr, (Bomb, "ran", True)


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
def test_a_pickle_is_named_and_never_run(protocol: int) -> None:
    for name in ("tokenizer.pkl", "tokenizer.json", "vocab.txt"):
        said = refused(pickle.dumps(Bomb(), protocol), name)
        assert "pickle" in said or "none of the files" in said or "[UNK]" in said
        if protocol != 1:
            assert "pickle" in said
    assert not Bomb.ran


def test_archives_are_never_unpacked() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tokenizer.json", b"0" * 30_000_000)
    assert "zip archive" in refused(packed.getvalue(), "tokenizer.json")
    assert "gzip archive" in refused(gzip.compress(b"0" * 1_000_000), "tokenizer.json.gz")


def test_a_file_of_100_megabytes_is_refused_before_anything_is_read() -> None:
    assert "100 MB" in refused(b"{" + b" " * 100_000_000)


@pytest.mark.parametrize(("raw", "name", "part"), [
    (b"", "tokenizer.json", "is empty"),
    (b"  \n ", "tokenizer.json", "is empty"),
    (b"GGUF\x03\0\0\0", "model.gguf", "weights"),
    (b"\x40\x01\0\0\0\0\0\0{\"__metadata__\":{}}", "model.safetensors", "weights"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "tokenizer.json", "Git LFS"),
    (b"<!doctype html><html><body>404</body></html>", "tokenizer.json", "web page"),
    (b"\x89PNG\r\n\x1a\n\0\0\0", "chips.png", "none of the files"),
    (b'{"a": 1', "tokenizer.json", "not whole"),
    (b'{"a": 1, "b": 2}', "vocab.json", 'no "model"'),
    (b'{"model": ' + b"[" * 100_000, "tokenizer.json", "nested too deeply"),
    (b'{"model": {"type": "BPE"}, "x": ' + b"9" * 10_000 + b"}", "tokenizer.json", "not whole"),
    (b"just an essay about rain.\n" * 50, "essay.txt", "[UNK]"),
    (b"[UNK]\nrain\nrain\n", "vocab.txt", "line 2 and in line 3"),
    (b"[UNK]\n\xff\xfe\n", "vocab.txt", "none of the files"),
    (b"\n\x05\n\x01a\x15\0\0\0\0" * 3, "tokenizer.model", "library that reads such files refuses"),
    (ranks(without=65), "x.tiktoken", "41"),
    (ranks({b"ab": 65}), "x.tiktoken", "one rank to two entries"),
    (ranks() + ranks(), "x.tiktoken", "two ranks to one entry"),
    (ranks({b"ab": 4_000_000_000}), "x.tiktoken", "out of bounds"),
    (ranks() + b"not a rank line at all\n", "x.tiktoken", "Line 257"),
])
def test_what_is_no_tokenizer_is_one_sentence(raw: bytes, name: str, part: str) -> None:
    assert part in refused(raw, name)


_UNIGRAM = {"type": "Unigram", "merges": None}


@pytest.mark.parametrize(("raw", "part"), [
    (a_tokenizer({"vocab": {"a": 0, "b": 0, "ab": 2}}), "The id 0 is given to 'a' and to 'b'"),
    (a_tokenizer().replace(b'"b": 1', b'"a": 1'), "names 'a' twice"),
    (a_tokenizer(added_tokens=[{"id": 2, "content": "<s>", "special": True}]), "does not agree"),
    (a_tokenizer({"merges": [["a", ""]], "vocab": {"a": 0, "": 1}}), "is cyclic"),
    (a_tokenizer({"merges": [["a", "zz"]]}), "has no entry"),
    (a_tokenizer({"merges": [["##b", "##b"]], "vocab": {"##b": 0}, "continuing_subword_prefix": "##b"}), "is cyclic"),
    (a_tokenizer({"merges": [["a"]]}), "not a pair"),
    (a_tokenizer({"unk_token": "<unk>"}), "unknown token '<unk>' has no entry"),
    (a_tokenizer({"type": "WordPiece", "unk_token": "[UNK]"}), "unknown token '[UNK]' has no entry"),
    (a_tokenizer({"type": "WordLevel", "unk_token": "[UNK]"}), "unknown token '[UNK]' has no entry"),
    (a_tokenizer({**_UNIGRAM, "vocab": [["a", -1.0]], "unk_id": None}), "no unknown token"),
    (a_tokenizer({**_UNIGRAM, "vocab": [["a", -1.0]], "unk_id": 7}), "unk_id"),
    (a_tokenizer({**_UNIGRAM, "vocab": [["a", -1.0], ["a", -2.0]], "unk_id": 0}), "stands twice"),
    (a_tokenizer({**_UNIGRAM, "vocab": [["a", float("nan")]], "unk_id": 0}), "finite"),
    (a_tokenizer({**_UNIGRAM, "vocab": [["u", 0.0], ["a" * 5_000, -1.0]], "unk_id": 0}), "5,000 characters"),
    (a_tokenizer({"vocab": {"a": 0, "b": 1, "ab": 4_000_000_000}}), "outside 0 to"),
    (a_tokenizer({"vocab": {"a": 0, "b": 1, "ab": -1}}), "outside 0 to"),
    (a_tokenizer({"vocab": {}, "merges": []}), "is empty"),
    (a_tokenizer({"type": "Magic"}), "Magic"),
    (a_tokenizer({"type": "WordPiece", "unk_token": "a", "max_input_chars_per_word": 10**9}), "max_input_chars"),
    (a_tokenizer(pre_tokenizer={"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated",
                                "invert": False}), "repeat inside a repeat"),
    (a_tokenizer(normalizer={"type": "Sequence", "normalizers": [
        {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}] * 40}), "times longer"),
    (a_tokenizer(decoder={"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 100_000}), "times longer"),
    (a_tokenizer(normalizer={"type": "Nonsense"}), "refuses it"),
    (a_tokenizer(normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA"}), "refuse"),
])
def test_a_hostile_tokenizer_json_is_one_sentence(raw: bytes, part: str) -> None:
    assert part in refused(raw)


def test_a_file_that_takes_too_long_or_is_not_wanted_any_more_is_given_up() -> None:
    huge = a_tokenizer({"vocab": {f"{number}": number for number in range(400_000)}, "merges": []})
    began = time.monotonic()
    assert "not read within 0 seconds" in refused(huge, seconds=0.2)

    def stop() -> None:
        raise Cancelled("not wanted")

    with pytest.raises(Cancelled):
        bring(huge, "tokenizer.json", check_wanted=stop)
    assert time.monotonic() - began < 8


def test_a_list_that_would_fill_the_memory_is_refused() -> None:
    raw = b'{"model": {"type": "BPE", "vocab": {}, "merges": [' + b"[]," * 12_000_000 + b"[]]}}"
    assert len(raw) < 40_000_000
    assert "memory" in refused(raw) or "empty" in refused(raw)


def test_choices_that_cannot_be() -> None:
    assert "not one of" in refused(ranks(), "x.tiktoken", pattern="gpt9")
    assert "not one of" in refused(b"[UNK]\n", "vocab.txt", case="loud")


# Patterns ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("pattern", [
    "(a+)+$", "(?:a*)*b", "(a|a)*c", "(?:a|b+)+", "((a?)b?)+", "(?:[a-z]+,?)*x", "(a{1,}){2,}", "(.*)\\1", "a(?R)?b",
    "(?:a{2,5})+", "[a-z", "(?(1)a|b)", "x" * 6_000, "(?:(?:a+))+", "(a+){100}",
])
def test_patterns_that_might_never_end(pattern: str) -> None:
    assert endless(pattern)


def test_published_patterns_pass() -> None:
    from components.models.vocabularies import pattern_of

    published = [*map(pattern_of, ("r50k_base", "cl100k_base", "o200k_base")),
                 r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
                 r"|\s*[\r\n]+|\s+(?!\S)|\s+",
                 r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+"
                 r"|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*",
                 r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", r"\s?\p{L}+", " ?[^(\\s|[.,!?…。，、।۔،])]+", r"(?<=\s)(?=\S)",
                 r"(?:\r?\n)+(?!\r?\n)|a"][:-1]
    assert [pattern for pattern in published if endless(pattern)] == []


@pytest.mark.parametrize(("head", "kind"), [
    (b'\xef\xbb\xbf {"a"', "json"), (b"IQ== 0\nIg== 1\n", "ranks"), (b"\n\x0e\n\x05<unk>\x15\0\0", "model"),
    (b"[PAD]\n[UNK]\n", "words"),
])
def test_the_first_bytes_say_what_it_is_whatever_the_name(head: bytes, kind: str) -> None:
    assert kind_of(head, "file") == kind
