"""Texts for what has to hold for any of them, and one way to try it on many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

MIXED = "The unhappiness of 1234 tortoises:\ndef rain(days):\n    return days * 0.25  # 🐢\nबारिश रुकी"
#: Ordinary words between any character of any plane, so that merges happen and rare characters meet them.
TEXTS = st.lists(st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.text("abcdefghinorstuy ", max_size=16),
    st.sampled_from(["unhappiness", " the", "  ", "\n", "▁", "##s", "<unk>", "<0x0A>", "<|endoftext|>", "[UNK]",
                     "e\u0301", "\U0003d000", "\u200d", "👩🏽‍🚀", "िश", "ﬁ", "1234", "don't", "'LL", "Straße",
                     "\x00", "\U0010ffff"]),
), max_size=6).map("".join)
#: For the tokenizers that `tokenizers_here.trained` gives: their own words and added tokens, and what they never saw.
OWN_WORDS = st.lists(st.sampled_from(["the", "rain", "stairs", " ", "  ", "Tale", "tales", "<|end|>", "☃", "☃☃", "é",
                                      "unhappy", "▁", "tortoise", "x\n"]), max_size=12).map("".join)


def for_any(
    holds: Callable[..., object], *drawn: st.SearchStrategy[Any], examples: int, first: Sequence[Any] = ()
) -> None:
    """Call `holds` with what the strategies draw, the same each time; with each one of `first` before that."""
    @settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.tuples(*drawn))
    def one(what: tuple[Any, ...]) -> None:
        holds(*what)

    for shown in first:
        one = example(shown if isinstance(shown, tuple) else (shown,))(one)
    one()
