"""Exact, or not at all: what holds for every tokenizer on this machine and any text, sixty texts each, or five hundred.

Besides the vocabularies that ship, those in a folder of real ones and whatever `python -m components.models fetch`
has brought are taken in without being named here.
"""

from __future__ import annotations

from functools import cache, partial

import pytest
import regex
from hypothesis import strategies as st

from components.models import catalog, sources
from components.models.open import OpenTokenizer
from components.tokenization import Kind, cut, trace
from components.tokenization.uploads_build import CASES, build
from tests.unit import tokenizers_here
from tests.unit.any_text import for_any
from tests.unit.test_tokenization import check, check_tiles, library_ids, missing_bytes
from tests.unit.tokenizers_here import EVERYONE, LOSSLESS, VOCABULARIES

WORDS = VOCABULARIES / "bert-base-uncased" / "vocab.txt"
HERE = [entry.id for entry in catalog.with_tokenizer() if sources.state(entry.id).here]
EVERYBODY = list(dict.fromkeys([*EVERYONE, *HERE, *(f"vocab.txt, {case}" for case in CASES)]))

#: Every plane, controls, combining marks and joiners, among ordinary words, so that merges happen beside them.
TEXTS = st.lists(st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    st.text(st.characters(categories=["Cc", "Cf", "Mn", "Mc", "Zs"]), max_size=4),
    st.text(st.characters(min_codepoint=0x10000), max_size=3),
    st.text("abcdefghinorstuy ", max_size=14),
    st.sampled_from(["unhappiness", " the", "  ", "\n\n", "\r\n", "1234", "don't", "e\u0301", "\u200d", "👩🏽‍🚀", "िश",
                     "각", "\u1100\u1161", "مرحبا", "שָׁלוֹם", "🇩🇪", "ﬁn", "㎞", "İ", "<|endoftext|>", "</s>",
                     "[UNK]", "##s", "<0x0A>", "▁",
                     "\ufffd", "\U0010ffff"]),
), max_size=6).map("".join)


@cache
def here(name: str) -> OpenTokenizer:
    if name.startswith("vocab.txt, ") and WORDS.is_file():
        return build("words", WORDS.read_bytes(), name.removeprefix("vocab.txt, "))
    return tokenizers_here.here(name)


def decoded(tokenizer: OpenTokenizer, ids: list[int]) -> str | None:
    """What the library gives back; None where that is no text at all."""
    if tokenizer.kind == "tiktoken":
        try:
            return str(tokenizer.library_object.decode(ids, errors="strict"))
        except UnicodeDecodeError:
            return None
    if tokenizer.kind == "sentencepiece":
        return str(tokenizer.library_object.decode(ids))
    return str(tokenizer.library_object.decode(ids, skip_special_tokens=False))


def holds(tokenizer: OpenTokenizer, text: str, limit: int) -> None:
    found = trace(tokenizer, text)
    ids = library_ids(tokenizer, text)
    assert found.ids.tolist() == ids
    check(found, text)
    if found.tiles:
        check_tiles(found, text)
    if tokenizer.name in LOSSLESS and "▁" not in text and not set(text.encode()) & missing_bytes(tokenizer):
        assert found.tiles
    # A space that the library puts in front, and takes away again, is no change of the text.
    assert found.round_trip.exact == (decoded(tokenizer, ids) == text)
    assert found.round_trip.exact == (not found.round_trip.changes)
    assert (Kind.UNKNOWN in found.kinds.tolist()) <= (not found.round_trip.exact or "UNK" in text)
    if tokenizer.kind == "tokenizers":
        spells_the_normalised(tokenizer, text, [(token.kind, token.piece) for token in found])
    for keep in ("start", "end"):
        part = cut(tokenizer, text, limit, keep=keep)
        assert part.text == text[part.start : part.end]
        assert part.tokens == len(library_ids(tokenizer, part.text)) <= limit
        assert {part.start, part.end} <= {0, *(sign.end() for sign in regex.finditer(r"\X", text))}


def spells_the_normalised(tokenizer: OpenTokenizer, text: str, pieces: list[tuple[Kind, bytes]]) -> None:
    """The pieces are what the normaliser made of the text: all of it, once, in its order, but for white space."""
    library = tokenizer.library_object
    if library.normalizer is None or {kind for kind, _ in pieces} & {Kind.UNKNOWN, Kind.SPECIAL}:
        return  # an unknown piece says its name and not its text; a control token is never normalised
    wanted = library.normalizer.normalize_str(text)
    if any(name in text for name in map(str, library.get_added_tokens_decoder().values())):
        return
    spoken = b"".join(piece for _, piece in pieces).decode("utf-8")
    assert _dense(spoken) == _dense(wanted)


def _dense(text: str) -> str:
    return regex.sub(r"[\s▁]+", "", text)


def any_text(name: str, examples: int) -> None:
    for_any(partial(holds, here(name)), TEXTS, st.integers(1, 24), examples=examples, first=[("\U0010fffe", 1)])


@pytest.mark.parametrize("name", EVERYBODY)
def test_any_text(name: str) -> None:
    any_text(name, 60)


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERYBODY)
def test_any_text_at_length(name: str) -> None:
    any_text(name, 500)
