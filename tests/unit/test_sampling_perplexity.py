"""A given text read: equal to the bare library, whole and by sliding windows; compared stretch by stretch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from components import sampling
from components.models.open import open_model
from components.sampling import perplexity
from tests.unit.tiny_decoders import tiny

TEXT = "There was once a king who had three daughters, and the youngest of them was so clever that she counted stars."


@pytest.fixture(scope="module")
def story() -> Any:
    return open_model("storyteller")


def bare(model: Any, ids: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Surprise and rank of every token but the first, and the likeliest five, by the library alone."""
    with torch.inference_mode():
        logits = model(torch.tensor([ids])).logits[0, :-1].float()
    chances = torch.log_softmax(logits, -1)
    own = chances[torch.arange(len(ids) - 1), torch.tensor(ids[1:])]
    ranks = (logits > logits[torch.arange(len(ids) - 1), torch.tensor(ids[1:])][:, None]).sum(-1) + 1
    return -own.numpy(), ranks.numpy(), torch.topk(chances, 5).indices.numpy()


def sliding(model: Any, ids: list[int], window: int) -> np.ndarray:
    """The loop of the library's own guide, one window after the other."""
    found = np.full(len(ids), np.nan)
    stride, done = max(1, window // 2), 0
    for begin in range(0, len(ids), stride):
        end = min(begin + window, len(ids))
        with torch.inference_mode():
            chances = torch.log_softmax(model(torch.tensor([ids[begin:end]])).logits[0].float(), -1)
        for place in range(max(done, begin + 1), end):
            found[place] = -chances[place - 1 - begin, ids[place]]
        done = end
        if end == len(ids):
            break
    return found


def test_a_short_text_equals_the_bare_library(story: Any) -> None:
    found = sampling.score_text(story, TEXT * 4)  # longer than one chunk
    surprises, ranks, expected = bare(story.model, list(found.ids))
    assert np.isnan(found.surprises[0])
    assert found.ranks[0] == 0
    np.testing.assert_allclose(found.surprises[1:], surprises, atol=2e-4)
    # A near tie may change its order by the last bits of a number.
    assert (found.ranks[1:] == ranks).mean() > 0.97
    assert (found.expected[1:, 0] == expected[:, 0]).mean() > 0.97
    assert found.perplexity == pytest.approx(float(np.exp(surprises.mean())), rel=1e-4)
    size = len((TEXT * 4).encode()) - found.edges[1]
    assert found.bits_per_byte == pytest.approx(float(surprises.sum() / np.log(2) / size), rel=1e-4)
    assert sum(found.bands) == found.count == len(found.ids) - 1
    assert found.bands[0] == (found.ranks[1:] <= 10).sum()


@pytest.mark.parametrize(("window", "length"), [(2, 9), (8, 40), (64, 150), (256, 400)])
def test_a_long_text_equals_the_naive_sliding_loop(story: Any, window: int, length: int) -> None:
    ids = [int(one) for one in np.random.default_rng(window).integers(1, 4_000, length)]
    found = sampling.score(story, ids, window=window)
    np.testing.assert_allclose(found.surprises, sliding(story.model, ids, window), atol=5e-4)
    places = np.arange(length)
    assert (places - found.seen_from)[window:].min() >= window - window // 2, "half a window before each token"
    assert found.count == length - 1


def test_another_architecture_and_a_token_in_front() -> None:
    model = tiny()
    ids = [5, 9, 400, 2, 7, 7, 31]
    found = sampling.score(model, ids, begins=1)
    surprises, ranks, expected = bare(model, [1, *ids])
    np.testing.assert_allclose(found.surprises, surprises, atol=1e-5)
    assert found.ranks.tolist() == ranks.tolist()
    assert found.expected.tolist() == expected.tolist()
    assert found.chances[0, 0] == pytest.approx(found.chances[0].max())
    assert found.count == len(ids)
    assert sampling.score(model, ids, begins=1, window=4).seen_from.tolist() == [0, 0, 0, 1, 1, 3, 3]


def test_windows_cover_every_position_once() -> None:
    for count in (1, 2, 7, 30):
        for window in (2, 3, 4, 9, 40):
            parts = list(sampling.windows(count, window))
            fresh = [place for begin, end, new in parts for place in range(new, end)]
            assert fresh == list(range(count))
            assert all(end - begin <= window for begin, end, _ in parts)


def test_less_context_means_more_surprise(story: Any) -> None:
    whole, cut = sampling.score_text(story, TEXT * 3), sampling.score_text(story, TEXT * 3, window=4)
    assert cut.bits_per_byte > whole.bits_per_byte + 0.2
    assert cut.window == 4
    assert whole.window == story.context


def test_parts_are_told_and_stop_is_heard(story: Any) -> None:
    told: list[tuple[int, float]] = []
    sampling.score_text(story, TEXT * 8, on_part=lambda found, share: told.append((found.count, share)))
    assert len(told) > 2
    assert told == sorted(told)
    assert told[-1][1] == 1
    with pytest.raises(ValueError, match="stopped"):
        sampling.score_text(story, TEXT, cancelled=lambda: True)


class _Broken:
    """A decoder whose answer is no number."""

    generate = None

    def __init__(self, value: float) -> None:
        self.inner, self.value = tiny(), value
        self.config, self.generation_config = self.inner.config, self.inner.generation_config

    def get_output_embeddings(self) -> Any:
        return self.inner.get_output_embeddings()

    def __call__(self, **asked: Any) -> Any:
        found = self.inner(**asked)
        found.logits[0, 1, 3] = self.value
        return found


def test_bad_input_is_a_sentence(story: Any) -> None:
    for text, words in (("", "empty"), ("   ", "empty"), ("\ud800x", "surrogate"), ("the", "one token alone"),
                        ("a b " * 4_000, "shorten")):
        with pytest.raises(ValueError, match=words):
            sampling.score_text(story, text)
    with pytest.raises(ValueError, match="window of 1"):
        sampling.score_text(story, TEXT, window=1)
    with pytest.raises(ValueError, match="own tokenizer"):
        sampling.score(story, [1, 90_000])
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="numbers that are none"):
            sampling.score(_Broken(value), [5, 6, 7, 8])


def test_one_token_can_be_scored_behind_the_beginning(story: Any) -> None:
    assert sampling.score_text(story, "the", with_begin=True).count == 1


def test_two_readings_are_compared_over_the_same_bytes(story: Any) -> None:
    text = "A ghost — naïve, 🐈‍⬛ — walked in the übermill."
    one = sampling.score_text(story, text)
    other = sampling.score_text(story, text, window=3)
    found = sampling.stretches(text, one, other)
    assert len(found) == one.count, "the same tokens: a stretch for each"
    assert sum(stretch.bits for stretch in found) == pytest.approx(one.nats / np.log(2), rel=1e-5)
    assert sum(stretch.other_bits for stretch in found) == pytest.approx(other.nats / np.log(2), rel=1e-5)
    # Another cut of the same bytes: every second edge of the first one only.
    ids, edges = one.ids[::2], np.concatenate([one.edges[:-1][::2], one.edges[-1:]])
    coarse = perplexity.Scored(
        ids, None, np.concatenate([[np.nan], np.ones(len(ids) - 1)]).astype(np.float32), np.ones(len(ids), np.int32),
        one.expected[::2], one.chances[::2], one.seen_from[::2], 9, edges.astype(np.int32),
    )
    pairs = sampling.stretches(text, one, coarse)
    assert sum(pair.size for pair in pairs) == edges[-1] - edges[1]
    for pair in pairs:
        assert pair.last - pair.first == 2 or pair is pairs[-1]
        assert pair.bits == pytest.approx(float(one.surprises[pair.first : pair.last].sum()) / np.log(2), rel=1e-5)
        assert pair.other_bits == pytest.approx(1 / np.log(2))
    with pytest.raises(ValueError, match="different texts"):
        sampling.stretches("short", one, sampling.score_text(story, "short one"))
