"""Cuts and chunks: never inside a grapheme, never more tokens than asked for, nothing lost in between."""

from __future__ import annotations

import functools
import itertools

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from components.models.open import OpenTokenizer, open_tokenizer
from components.tokenization import chunks, cut, trace
from tests.conftest import here

NAMES = ("storyteller", "storyteller-wordpiece", "storyteller-unigram", "bert", "smollm2", "cl100k", "mistral-v1")
AWKWARD = st.text(
    st.one_of(st.sampled_from("ab é \n\t१२बारिश👨‍👩‍👧‍👦👩🏽‍🚀e\u0301\u200d\u0300🇩🇪🇫🇷한국어"),
              st.characters(exclude_categories=["Cs"])),
    max_size=60,
)


@functools.cache
def _opened(name: str) -> OpenTokenizer:
    return open_tokenizer(name)


def opened(name: str) -> OpenTokenizer:
    if not here(name):
        pytest.skip(f"{name} is not here; `python -m components.models fetch {name}` brings it")
    return _opened(name)


def boundaries(text: str) -> set[int]:
    return {0, *(sign.end() for sign in regex.finditer(r"\X", text))}


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(text=AWKWARD, limit=st.integers(1, 30), keep=st.sampled_from(["start", "end"]))
def test_a_cut_holds(name: str, text: str, limit: int, keep: str) -> None:
    tokenizer = opened(name)
    found = cut(tokenizer, text, limit, keep=keep)
    assert found.text == text[found.start : found.end]
    assert found.tokens == len(trace(tokenizer, found.text)) <= limit
    assert {found.start, found.end} <= boundaries(text)
    assert found.start == 0 if keep == "start" else found.end == len(text)
    if len(trace(tokenizer, text)) <= limit:
        assert found.text == text


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(text=AWKWARD, size=st.integers(24, 40), overlap=st.integers(0, 12))
def test_chunks_cover_the_text(name: str, text: str, size: int, overlap: int) -> None:
    tokenizer = opened(name)
    longest = max((len(trace(tokenizer, sign)) for sign in regex.findall(r"\X", text)), default=0)
    if longest > size:  # one sign of many joined characters
        with pytest.raises(ValueError, match="alone needs more"):
            chunks(tokenizer, text, size, overlap)
        return
    found = chunks(tokenizer, text, size, overlap)
    assert found[0].start == 0
    assert found[-1].end == len(text)
    for one in found:
        assert one.tokens == len(trace(tokenizer, one.text)) <= size
        assert {one.start, one.end} <= boundaries(text)
    for one, other in itertools.pairwise(found):
        assert one.start < other.start <= one.end, "forward, and without a hole"
        assert len(trace(tokenizer, text[other.start : one.end])) <= overlap


def test_the_first_tokens_of_prose_are_kept_whole() -> None:
    tokenizer = open_tokenizer("storyteller")
    text = "The old king lived in a castle by the sea. " * 40
    ids = trace(tokenizer, text).ids
    found = cut(tokenizer, text, 100)
    assert found.tokens == 100
    assert trace(tokenizer, found.text).ids.tolist() == ids[:100].tolist()
    last = cut(tokenizer, text, 100, keep="end")
    assert text.endswith(last.text)
    assert last.tokens == 100


def test_a_family_is_never_split() -> None:
    tokenizer = open_tokenizer("storyteller")
    family = "👨‍👩‍👧‍👦"
    needs = len(trace(tokenizer, family))
    assert cut(tokenizer, family, needs - 1).text == ""
    assert cut(tokenizer, family * 2, needs * 2 - 1).text == family
    with pytest.raises(ValueError, match=rf"alone needs more than {needs - 1} tokens"):
        chunks(tokenizer, family * 3, needs - 1)


def test_overlap_repeats_the_last_tokens() -> None:
    tokenizer = open_tokenizer("storyteller")
    text = "The old king lived in a castle by the sea. " * 20
    found = chunks(tokenizer, text, 50, 10)
    assert len(found) > 3
    for one, other in itertools.pairwise(found):
        shared = trace(tokenizer, text[other.start : one.end])
        assert 8 <= len(shared) <= 10


@pytest.mark.parametrize(
    ("size", "overlap", "sentence"),
    [(0, 0, "size of a chunk is 0"), (5, 5, "overlap is 5 and a chunk 5"), (5, -1, "overlap is -1"),
     (2, 1, "2,000 chunks")],
)
def test_refusals_are_sentences(size: int, overlap: int, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        chunks(open_tokenizer("storyteller"), "word and word " * 3_000, size, overlap)
    with pytest.raises(ValueError, match="limit is 0"):
        cut(open_tokenizer("storyteller"), "x", 0)
    with pytest.raises(ValueError, match="choose start or end"):
        cut(open_tokenizer("storyteller"), "x", 1, keep="middle")


def test_a_megabyte_is_cut() -> None:
    tokenizer = open_tokenizer("storyteller")
    text = "Many small streams make a great river, said the miller. " * 18_000
    found = cut(tokenizer, text, 1_000)
    assert found.tokens == 1_000
    assert cut(tokenizer, text, 1_000, keep="end").tokens == 1_000
