"""Every step of BPE, WordPiece and Unigram, held against the ids of the library itself."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path as File
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from components.models.open import OpenTokenizer, open_tokenizer
from components.tokenization import Lattice, Matching, Merging, Replay, replay, trace
from tests.unit.test_tokenization import AWKWARD, library_ids
from tests.unit.tokenizers_here import LOSSLESS, LOSSY, opened

EVERYONE = [*LOSSLESS, *LOSSY, "o200k_harmony"]
MIXED = "The unhappiness of 1234 tortoises:\ndef rain(days):\n    return days * 0.25  # 🐢\nबारिश रुकी"
#: Ordinary words between any character of any plane, so that merges happen and rare characters meet them.
TEXTS = st.lists(st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.text("abcdefghinorstuy ", max_size=16),
    st.sampled_from(["unhappiness", " the", "  ", "\n", "▁", "##s", "<unk>", "<0x0A>", "<|endoftext|>", "[UNK]", "e\u0301",
                     "\u200d", "👩🏽‍🚀", "िश", "ﬁ", "1234", "don't", "'LL", "Straße", "\x00", "\U0010ffff"]),
), max_size=6).map("".join)


def here(name: str) -> OpenTokenizer:
    found = opened(name)
    if found is None:
        pytest.skip(f"{name} is not here; `python -m components.models fetch {name}` brings it")
    return found


def ends_in_the_librarys_ids(tokenizer: OpenTokenizer, text: str) -> Replay:
    """`replay` compares with the ids that `trace` gives; here they are asked of the library once more, and each step
    is held against the one before it."""
    found = replay(tokenizer, text)
    assert found.ids.tolist() == library_ids(tokenizer, text)
    assert len(found.needed) <= len(text.encode()) + 1
    assert found.pieces_after(found.merges) == len(found.ids)
    for way in found.ways:
        check_way(way)
    for word in found.words:
        assert 0 <= word.start <= word.end <= len(text)
    return found


def check_way(way: Any) -> None:
    if isinstance(way, Merging):
        standing = {unit.start: unit.end for unit in way.units}
        for merge in way.merges:
            assert standing[merge.start] <= merge.middle
            assert standing.pop(merge.middle) == merge.end
            standing[merge.start] = merge.end
        assert list(way.needed) == sorted(way.needed)
        if way.whole is None:
            assert sorted(standing.items()) == [(piece.start, piece.end) for piece in way.pieces]
    elif isinstance(way, Matching):
        tries = list(way.tries())
        assert [(one.start, one.end, one.id) for one in tries if one.id is not None] == \
            [(piece.start, piece.end, piece.ids[0]) for piece in way.found]
    else:
        assert isinstance(way, Lattice)
        scores = [path.score for path in way.paths]
        assert scores == sorted(scores, reverse=True) or math.isclose(scores[0], max(scores), abs_tol=1e-4)
        assert len({path.edges for path in way.paths}) == len(way.paths)
        for path in way.paths:
            edges = [way.edges[place] for place in path.edges]
            assert [0, *(edge.end for edge in edges)] == [*(edge.start for edge in edges), len(way.spelling)]


@pytest.mark.parametrize("name", EVERYONE)
def test_awkward_texts(name: str) -> None:
    tokenizer = here(name)
    for text in [*AWKWARD.values(), MIXED, "a" * 300, "▁" * 40, " " * 70, "🐢" * 30, "x" * 101, "antidis" * 20]:
        ends_in_the_librarys_ids(tokenizer, text)


def property_of(name: str, examples: int) -> None:
    tokenizer = here(name)

    @settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(TEXTS)
    @example(MIXED)
    def holds(text: str) -> None:
        ends_in_the_librarys_ids(tokenizer, text)

    holds()


@pytest.mark.parametrize("name", EVERYONE)
def test_any_text(name: str) -> None:
    property_of(name, 60)


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERYONE)
def test_any_text_at_length(name: str) -> None:
    property_of(name, 500)
