"""A chain replayed on the N likeliest tokens: what it calls exact is exact, and its bounds hold the truth."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.sampling import Settings, replay_remote
from components.sampling.orders import arrange

V = 5_000


def truth(probabilities: NDArray[np.float64], knobs: Settings) -> list[NDArray[np.float64]]:
    """The whole chain on the whole distribution (falling), written out on probabilities, in double precision."""
    names = ("temperature", "top_k", "top_p", "min_p")
    neutral = {"temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0}
    now, found = probabilities, [probabilities]
    for name in (names[place] for place in arrange(names, knobs.order)):
        value = getattr(knobs, name)
        if value == neutral[name]:
            continue
        if name == "temperature":
            now = (now / now.max()) ** (1 / value)
        elif name == "top_k":
            now = np.where(now >= np.sort(now)[::-1][min(value, now.size) - 1], now, 0)
        elif name == "top_p":
            before = np.cumsum(now) - now
            now = np.where((before < value) | (np.arange(now.size) == 0), now, 0)
        else:
            now = np.where(now >= value * now.max(), now, 0)
        now = now / now.sum()
        found.append(now)
    return found


def distribution(seed: int, spread: float) -> NDArray[np.float64]:
    logits = np.random.default_rng(seed).normal(0, spread, V)
    chances = np.exp(logits - logits.max())
    return np.sort(chances / chances.sum())[::-1]


KNOBS = st.builds(
    Settings,
    temperature=st.sampled_from([1.0, 1.0, 0.3, 0.7, 0.95, 1.05, 1.6]),
    top_k=st.sampled_from([0, 0, 1, 3, 20, 21, 40, 300]),
    top_p=st.sampled_from([1.0, 1.0, 0.1, 0.5, 0.83, 0.97, 0.9999]),
    min_p=st.sampled_from([0.0, 0.0, 0.02, 0.2, 0.6, 1.0]),
    order=st.permutations(["temperature", "top_k", "top_p", "min_p"]).map(tuple),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(KNOBS, st.integers(0, 50), st.sampled_from([0.5, 2.0, 3.5, 6.0]), st.sampled_from([1, 5, 20, 100]),
       st.booleans())
def test_bounds_hold_the_truth_and_exact_is_exact(
    knobs: Settings, seed: int, spread: float, listed: int, told: bool
) -> None:
    whole = distribution(seed, spread)
    stages = replay_remote(np.log(whole[:listed]), knobs, vocabulary=V if told else None)
    real = truth(whole, knobs)
    assert len(stages) == len(real)
    for stage, now in zip(stages, real, strict=True):
        seen, unseen, alive = now[:listed], now[listed:].sum(), int((now > 0).sum())
        assert (stage.low <= seen + 1e-9).all(), stage
        assert (seen <= stage.high + 1e-9).all(), stage
        assert stage.unseen_low - 1e-9 <= unseen <= stage.unseen_high + 1e-9, stage
        least, most = stage.survivors
        assert least <= alive
        assert most is None or alive <= most
        if stage.exact:
            np.testing.assert_allclose(stage.low, seen, rtol=1e-7, atol=1e-9)
            assert stage.unseen_low == pytest.approx(unseen, abs=1e-8)


def verdicts(logprobs: NDArray[np.float64], **knobs: float) -> list[bool]:
    return [stage.exact for stage in replay_remote(logprobs, Settings(**knobs))]


def test_what_the_rules_promise() -> None:
    """From the list alone: top_k within it, min_p above its end, top_p reached within it; temperature is a bound."""
    whole = distribution(3, 3.5)
    twenty = np.log(whole[:20])
    assert verdicts(twenty, top_k=20) == [True, True]
    assert verdicts(twenty, top_k=21) == [True, False]
    assert replay_remote(twenty, Settings(top_k=21))[-1].survivors == (21, 21)
    assert verdicts(twenty, min_p=float(whole[19] / whole[0]) * 1.01) == [True, True]
    assert verdicts(twenty, min_p=float(whole[19] / whole[0]) * 0.99) == [True, False]
    mass = float(whole[:20].sum())
    assert verdicts(twenty, top_p=round(mass - 0.01, 4)) == [True, True]
    assert verdicts(twenty, top_p=round(mass + 0.01, 4)) == [True, False]
    assert verdicts(twenty, temperature=0.8) == [True, False]
    assert verdicts(twenty, temperature=1.5) == [True, False]
    # What was a bound becomes exact once the unlisted are gone.
    assert verdicts(twenty, temperature=1.5, top_k=10) == [True, False, True]


def test_the_whole_vocabulary_in_the_list_leaves_nothing_open() -> None:
    whole = distribution(5, 2.0)[:50]
    whole = whole / whole.sum()
    stages = replay_remote(np.log(whole), Settings(temperature=1.7, top_k=30, top_p=0.8, min_p=0.1), vocabulary=50)
    assert all(stage.exact for stage in stages)
    real = truth(whole, Settings(temperature=1.7, top_k=30, top_p=0.8, min_p=0.1))
    for stage, now in zip(stages, real, strict=True):
        np.testing.assert_allclose(stage.low, now, atol=1e-9)


def test_it_equals_the_librarys_own_processors() -> None:
    """The last stage against transformers' processors on the whole distribution."""
    torch = pytest.importorskip("torch")
    from transformers import MinPLogitsWarper, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    whole = distribution(11, 4.0)
    knobs = Settings(temperature=0.9, top_k=40, top_p=0.9, min_p=0.01)
    stages = replay_remote(np.log(whole[:50]), knobs)
    scores = torch.tensor(np.log(whole))[None]
    for processor in (TemperatureLogitsWarper(0.9), TopKLogitsWarper(40), TopPLogitsWarper(0.9),
                      MinPLogitsWarper(0.01)):
        scores = processor(None, scores)
    assert [stage.name for stage in stages] == ["logits", "temperature", "top_k", "top_p", "min_p"]
    assert stages[-1].exact
    np.testing.assert_allclose(stages[-1].low, torch.softmax(scores, -1)[0, :50].numpy(), atol=1e-9)


def test_more_of_the_list_never_widens_a_bound() -> None:
    whole = distribution(7, 3.0)
    widths = []
    for listed in (5, 20, 80, 320):
        stage = replay_remote(np.log(whole[:listed]), Settings(temperature=1.3), vocabulary=V)[-1]
        widths.append(float((stage.high - stage.low)[:5].max()))
    assert all(wide >= narrow for wide, narrow in pairwise(widths))


def test_temperature_above_one_needs_the_vocabulary() -> None:
    twenty = np.log(distribution(3, 3.5)[:20])
    open_ended = replay_remote(twenty, Settings(temperature=1.5))[-1]
    assert (open_ended.low == 0).all()
    assert open_ended.unseen_high == 1
    closed = replay_remote(twenty, Settings(temperature=1.5), vocabulary=V)[-1]
    assert closed.low[0] > 0
    assert closed.unseen_high < 1


def test_ties_with_an_unlisted_token_are_said() -> None:
    logprobs = np.log([0.4, 0.1, 0.1, 0.1])
    stage = replay_remote(logprobs, Settings(top_k=4))[-1]
    assert stage.exact
    assert stage.tied
    assert replay_remote(logprobs, Settings(top_k=2))[-1].survivors == (4, 4)
    assert not replay_remote(logprobs, Settings(top_k=1))[-1].tied


def test_greedy_takes_the_first() -> None:
    for knobs in (Settings(temperature=0), Settings(do_sample=False, top_p=0.3)):
        stages = replay_remote(np.log([0.5, 0.3]), knobs)
        assert [stage.name for stage in stages] == ["logits", "greedy"]
        assert stages[-1].low.tolist() == stages[-1].high.tolist() == [1, 0]


@pytest.mark.parametrize(("logprobs", "vocabulary", "says"), [
    ([], None, "no log-probabilities"),
    ([-0.1, math.nan], None, "numbers of 0 or less"),
    ([0.2], None, "numbers of 0 or less"),
    ([-math.inf], None, "finite"),
    ([-2.0, -1.0], None, "sort them"),
    ([-0.1, -0.2, -0.3], None, "more than 1"),
    ([-2.0, -3.0], 1, "correct its size"),
])
def test_what_cannot_be_replayed_is_a_sentence(logprobs: list[float], vocabulary: int | None, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        replay_remote(logprobs, Settings(), vocabulary=vocabulary)


def test_impossible_tokens_at_the_end_of_a_list() -> None:
    stages = replay_remote([math.log(0.7), math.log(0.3), -math.inf], Settings(temperature=1.4, top_p=0.9))
    assert all(stage.exact for stage in stages)
    assert stages[-1].low[2] == 0
