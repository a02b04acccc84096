"""No two texts of a collection come from one template: held within the encyclopedia, the messages and the questions."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from components import corpora
from tests import likeness

COLLECTIONS = ("encyclopedia", "messages", "queries")


@functools.cache
def texts(name: str) -> dict[str, str]:
    if name == "queries":
        return {question.id: question.text for question in corpora.questions()}
    corpus = corpora.bundled(name)
    return dict(zip(corpus.ids, corpus.texts, strict=True))


@pytest.mark.parametrize("name", COLLECTIONS)
def test_no_two_share_more_than_a_quarter_of_their_five_word_runs(name: str) -> None:
    worst = likeness.worst_jaccard(texts(name))
    assert worst[0][0] <= 0.25, worst


@pytest.mark.parametrize("name", COLLECTIONS)
def test_no_two_mean_the_same(name: str) -> None:
    stored = corpora.stored_vectors("questions" if name == "queries" else name, list(texts(name).values()))
    assert stored is not None, "run `python -m assets.recipes.vectors`"
    worst = likeness.worst_cosine(stored, list(texts(name)))
    assert worst[0][0] < 0.97, worst


@pytest.mark.parametrize("name", COLLECTIONS)
def test_no_opening_of_four_words_comes_more_than_three_times(name: str) -> None:
    often = likeness.openings(texts(name))
    assert often[0][0] <= 3, often


@pytest.mark.parametrize("name", COLLECTIONS)
def test_no_run_of_five_words_is_in_more_than_twelve(name: str) -> None:
    often = likeness.phrases(texts(name))
    assert often[0][0] <= 12, often


@pytest.mark.parametrize("name", COLLECTIONS)
def test_three_quarters_of_all_trigrams_are_distinct(name: str) -> None:
    assert likeness.distinct_trigrams(texts(name)) >= 0.75


def test_the_measures_see_a_template() -> None:
    """The same checks on texts made from one sentence with a gap: each of them has to object."""
    sentence = "The old bridge of {0} was built by hand and still carries the road to {0} today."
    made = {f"t{i}": sentence.format(f"city{i}") for i in range(13)}
    assert likeness.worst_jaccard(made)[0][0] > 0.25
    assert likeness.openings(made)[0] == (13, "the old bridge of")
    assert likeness.phrases(made)[0][0] == 13
    assert likeness.distinct_trigrams(made) < 0.75
    vectors = np.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]], np.float32)
    assert likeness.worst_cosine(vectors, ["a", "b", "c"])[0] == (pytest.approx(0.96), "b", "c")


def test_jaccard_by_hand() -> None:
    """Six words have two runs of five; one of three is shared."""
    pair = {"a": "one two three four five six", "b": "zero one two three four five"}
    assert likeness.worst_jaccard(pair)[0] == (pytest.approx(1 / 3), "a", "b")
    assert likeness.worst_jaccard({"a": "one two", "b": "three four"})[0][0] == 0
