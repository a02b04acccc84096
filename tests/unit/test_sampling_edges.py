"""What holds for our samplers with any scores, and the chain at its edges: nothing left, one left, everything left."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from components.sampling import Chain, Settings, fold, samplers, take

INF = math.inf

SCORES = st.lists(
    st.one_of(st.floats(-60, 60, width=32), st.just(-INF), st.just(0.0)), min_size=1, max_size=40,
).filter(lambda values: any(math.isfinite(value) for value in values))
SHARE = st.floats(0, 1)
TOKENS = st.lists(st.integers(0, 12), max_size=30)


def draws(function: Callable[..., torch.Tensor], *values: st.SearchStrategy) -> st.SearchStrategy:
    return st.tuples(*values).map(lambda given: lambda scores: function(scores, *given))


ANY = st.one_of(
    draws(samplers.presence, TOKENS, st.floats(-10, 10)),
    draws(samplers.frequency, TOKENS, st.floats(-10, 10)),
    draws(samplers.dry, TOKENS, st.floats(0, 100), st.floats(1, 8), st.integers(1, 5),
          st.frozensets(st.integers(0, 5))),
    draws(samplers.top_n_sigma, st.floats(0, 10)),
    draws(samplers.top_a, SHARE),
    draws(samplers.tail_free, SHARE),
    draws(samplers.xtc, SHARE, SHARE, st.floats(0, 0.999)),
    draws(samplers.mirostat_1, st.floats(-50, 2000)),
    draws(samplers.mirostat_2, st.floats(-50, 2000)),
    draws(samplers.dynamic_temperature, st.floats(0, 2), st.floats(2, 4), st.floats(0.01, 10)),
    draws(samplers.quadratic, st.floats(0, 20), st.floats(1, 3)),
)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(SCORES, ANY)
def test_any_sampler_leaves_a_token_its_input_and_the_bans(values: list[float], sampler: Callable) -> None:
    scores = torch.tensor(values, dtype=torch.float32)
    before = scores.clone()
    left = sampler(scores)
    assert torch.equal(scores, before)
    assert left.shape == scores.shape
    assert left.dtype == torch.float32
    assert torch.isfinite(left).any()
    assert not torch.isnan(left).any()
    assert torch.isneginf(left[torch.isneginf(scores)]).all()


OFF = Settings(watermark_bias=7, penalty_last_n=5, dry_base=2, dry_allowed_length=1, dry_breakers=(3,),
               xtc_threshold=0.01, mirostat_tau=1, mirostat_eta=1, dynatemp_exponent=3, smoothing_curve=4,
               negative_prompt_ids=(1, 2))


@settings(derandomize=True, max_examples=40, deadline=None)
@given(SCORES, st.lists(st.integers(0, 12), min_size=1, max_size=10))
def test_neutral_knobs_change_nothing(values: list[float], history: list[int]) -> None:
    logits = np.array(values, dtype=np.float32)
    for stage in fold(logits, history, OFF):
        np.testing.assert_array_equal(stage.scores, logits)


# Through the chain, the library's own included.

ALL = Settings(temperature=0.7, top_k=5, top_p=0.9, min_p=0.05, typical_p=0.9, top_h=0.9, presence_penalty=0.5,
               frequency_penalty=0.5, dry_multiplier=0.8, top_n_sigma=1.0, top_a=0.1, tfs_z=0.9, xtc_probability=1.0,
               smoothing_factor=0.3, dynatemp_range=0.3)


def test_one_token_left_stays_through_all_samplers() -> None:
    stages = fold(np.array([-INF, 4.0, -INF]), [1, 1, 1, 1], ALL)
    assert {stage.survivors for stage in stages} == {1}
    assert stages[-1].probabilities.tolist() == [0, 1, 0]


def test_all_banned_is_a_sentence() -> None:
    banned = Settings(suppress_tokens=(0, 1, 2), top_n_sigma=1.0, tfs_z=0.5, dynatemp_range=0.5, xtc_probability=1.0)
    with pytest.raises(ValueError, match="After suppress_tokens no token is left"):
        fold(np.array([1.0, 2.0, 3.0]), [0], banned)
    left = Chain(banned).scores(np.array([1.0, 2.0, 3.0]), [0])
    assert torch.isneginf(left).all()
    for greedy in (False, True):
        with pytest.raises(ValueError, match="leave no token"):
            take(np.array([1.0, 2.0, 3.0]), [0], Chain(replace(banned, do_sample=not greedy)), 0)
    with pytest.raises(ValueError, match="Every token is banned"):
        fold(np.full(3, -INF), [0], ALL)
    with pytest.raises(ValueError, match="no numbers"):
        fold(np.array([1.0, math.nan]), [0], ALL)


@pytest.mark.parametrize("values", [
    {"top_p": 0.0}, {"min_p": 1.0}, {"top_k": 1}, {"xtc_probability": 1.0, "xtc_threshold": 0.0}, {"tfs_z": 0.0},
    {"top_a": 1.0}, {"top_n_sigma": 0.001}, {"temperature": 0.01}, {"mirostat": 2, "mirostat_tau": 0.0},
    {"mirostat": 1, "mirostat_tau": 0.0}, {"epsilon_cutoff": 0.999}, {"eta_cutoff": 0.999}, {"top_h": 0.001},
])
def test_the_hardest_setting_of_every_edge_leaves_a_token(values: dict) -> None:
    assert 1 <= fold(np.linspace(0, 3, 12), [0], Settings(**values))[-1].survivors < 8
    for logits in (np.array([5.0, 5.0, 1.0]), np.array([2.0]), np.array([-INF, 3.0, 2.0, 1.0])):
        assert fold(logits, [0], Settings(**values))[-1].survivors >= 1


@pytest.mark.parametrize("values", [
    {"top_p": 1.0}, {"min_p": 0.0}, {"top_k": 100_000}, {"top_k": 12}, {"xtc_probability": 1.0, "xtc_threshold": 1.0},
    {"top_n_sigma": 100.0}, {"typical_p": 1.0}, {"mirostat": 2, "mirostat_tau": 30.0},
])
def test_the_softest_setting_of_every_edge_removes_nothing(values: dict) -> None:
    assert fold(np.linspace(0, 3, 12), [0], Settings(**values))[-1].survivors == 12


def test_removed_invalid_values_stay_removed_in_what_follows() -> None:
    repaired = Settings(suppress_tokens=(0,), remove_invalid_values=True, smoothing_factor=0.5, top_n_sigma=2.0,
                        order=("suppress_tokens", "remove_invalid_values", "top_n_sigma", "smoothing_factor"))
    stages = {stage.name: stage for stage in fold(np.linspace(3, 0, 12), [0], repaired)}
    assert stages["remove_invalid_values"].survivors == 11
    assert 1 < stages["top_n_sigma"].survivors <= 11
    assert stages["smoothing_factor"].probabilities[0] == 0
