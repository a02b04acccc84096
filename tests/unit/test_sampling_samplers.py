"""Our own samplers against examples worked by hand from their papers and definitions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from components.sampling import samplers
from components.sampling.samplers import Mirostat

INF = math.inf


def row(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)


def of(*probabilities: float) -> torch.Tensor:
    return torch.log(torch.tensor(probabilities, dtype=torch.float32))


def kept(scores: torch.Tensor) -> list[int]:
    return torch.nonzero(torch.isfinite(scores)).flatten().tolist()


def test_presence_counts_once_and_frequency_each_time() -> None:
    scores = row(1, 2, 3, -INF)
    assert samplers.presence(scores, [1, 1, 3], 0.5).tolist() == [1, 1.5, 3, -INF]
    assert samplers.frequency(scores, [1, 1, 3], 0.5).tolist() == [1, 1, 3, -INF]
    assert samplers.frequency(scores, [1, 1, 0], -0.25).tolist() == [1.25, 2.5, 3, -INF]
    # An id beyond the vocabulary, such as a special token that the head has no score for, counts for nothing.
    assert samplers.presence(scores, [9], 0.5).tolist() == scores.tolist()


def test_where_penalties_count() -> None:
    text = (5, 6, 7, 8)
    assert list(samplers.window(text, 3, 0)) == [8]
    assert list(samplers.window(text, 4, 0)) == []
    assert list(samplers.window(text, 3, -1)) == [5, 6, 7, 8]
    assert list(samplers.window(text, 3, 2)) == [7, 8]
    assert list(samplers.window(text, 3, 99)) == [5, 6, 7, 8]


A, B, C, Y = 0, 1, 2, 3
# The example in llama.cpp's own comments: after "a b c c b c y a b c", c would make 4, y 3 and b 2.
TEXT = (A, B, C, C, B, C, Y, A, B, C)


def test_dry_finds_the_longest_passage_for_each_token() -> None:
    assert samplers.dry_matches(TEXT) == {C: 3, B: 1, Y: 2}
    assert samplers.dry_matches((A,)) == {}
    assert samplers.dry_matches(()) == {}
    assert samplers.dry_matches((A, B, C)) == {}
    assert samplers.dry_matches((A, A, A)) == {A: 2}


def test_dry_never_reaches_over_a_breaker() -> None:
    assert samplers.dry_matches(TEXT, frozenset([B])) == {C: 1, Y: 1}
    assert samplers.dry_matches(TEXT, frozenset([Y])) == {C: 3, B: 1}
    assert samplers.dry_matches(TEXT, frozenset([C])) == {}
    assert samplers.dry_matches(TEXT, frozenset([A])) == {C: 2, B: 1, Y: 2}


def test_dry_takes_more_off_for_each_further_token() -> None:
    scores = row(0, 0, 0, 0)
    changed = samplers.dry(scores, TEXT, 0.8, 1.75, 2)
    assert changed.tolist() == pytest.approx([0, 0, -0.8 * 1.75, -0.8])
    assert samplers.dry(scores, TEXT, 0.8, 1.75, 1).tolist() == pytest.approx([0, -0.8, -0.8 * 1.75**2, -0.8 * 1.75])
    assert samplers.dry(scores, TEXT, 0.8, 1.0, 1).tolist() == pytest.approx([0, -0.8, -0.8, -0.8])
    assert samplers.dry(scores, TEXT, 0.8, 1.75, 4).tolist() == [0, 0, 0, 0]
    assert samplers.dry(row(0, 0, 0), TEXT, 0.8, 1.75, 1).tolist() == pytest.approx([0, -0.8, -0.8 * 1.75**2])


def test_dry_bounds_its_exponent() -> None:
    loop = [1] * 300  # a passage of 299
    # ln(largest float32) / ln 1.75 is 158.5, so the exponent goes no further than 158.
    assert samplers.dry(row(0, 0), loop, 1e-5, 1.75, 2)[1].item() == pytest.approx(-1e-5 * 1.75**158, rel=1e-5)
    assert samplers.dry(row(0, 0), loop, 1e-5, 1.05, 2)[1].item() == pytest.approx(-1e-5 * 1.05**297, rel=1e-5)
    # A token alone survives even the hardest penalty.
    alone = samplers.dry(row(-INF, 2), loop, 100, 8, 1)
    assert torch.softmax(alone, -1).tolist() == [0, 1]


def test_dry_agrees_with_a_plain_search() -> None:
    random = np.random.default_rng(2)

    def plain(text: Sequence[int], breakers: frozenset[int]) -> dict[int, int]:
        found: dict[int, int] = {}
        for end in range(len(text) - 1):
            length = 0
            while (length <= end and text[end - length] == text[-1 - length]
                   and text[-1 - length] not in breakers):
                length += 1
            if length and text[end + 1] not in breakers:
                found[text[end + 1]] = max(length, found.get(text[end + 1], 0))
        return found

    for _ in range(300):
        text = random.integers(0, random.integers(1, 5), size=random.integers(0, 30)).tolist()
        breakers = frozenset(random.integers(0, 9, size=2).tolist())
        assert samplers.dry_matches(text, breakers) == plain(text, breakers)


def test_xtc_leaves_the_least_likely_top_choice() -> None:
    scores = of(0.4, 0.3, 0.2, 0.1)
    assert samplers.xtc_targets(scores, 0.15).tolist() == [True, True, False, False]
    assert kept(samplers.xtc(scores, 0.15, 0.5, 0.49)) == [2, 3]
    assert samplers.xtc(scores, 0.15, 0.5, 0.5).tolist() == scores.tolist()
    assert kept(samplers.xtc(scores, 0.15, 1.0, 0.999)) == [2, 3]


def test_xtc_does_nothing_with_fewer_than_two_or_above_a_half() -> None:
    assert not samplers.xtc_targets(of(0.4, 0.3, 0.2, 0.1), 0.35).any()
    assert not samplers.xtc_targets(of(0.9, 0.1), 0.2).any()
    assert samplers.xtc_targets(of(0.5, 0.5), 0.5).sum() == 1
    assert not samplers.xtc_targets(of(0.5, 0.5), 0.51).any()
    assert not samplers.xtc_targets(of(1.0, 0.0), 0.5).any()


def test_xtc_at_threshold_0_leaves_a_token_that_can_come() -> None:
    assert kept(samplers.xtc(row(3, 2, -INF, 1), 0.0, 1.0, 0.0)) == [3]
    assert kept(samplers.xtc(row(200, 0, -INF), 0.0, 1.0, 0.0)) == [1]
    assert kept(samplers.xtc(row(5, -INF), 0.0, 1.0, 0.0)) == [0]


def zipf(size: int, exponent: float) -> torch.Tensor:
    return -exponent * torch.log(torch.arange(1, size + 1, dtype=torch.float64)).float()


@pytest.mark.parametrize(("exponent", "mu", "count"), [
    # ((s - 1) 2^mu / (1 - V^(1 - s)))^(1 / s) with V = 1000
    (1.5, 4.0, 4),  # (8 / 0.9684)^(2/3) = 4.09
    (1.5, 10.0, 65),  # (512 / 0.9684)^(2/3) = 65.4
    (2.0, 6.0, 8),  # (64 / 0.999)^(1/2) = 8.004
    (1.0, 6.0, 9),  # the limit: 64 / ln 1000 = 9.26
    (1.5, -3.0, 1),  # at least one
    (1.5, 5000.0, 1000),  # 2^5000 is beyond any float
])
def test_mirostat_1_on_words_that_follow_zipf(exponent: float, mu: float, count: int) -> None:
    assert kept(samplers.mirostat_1(zipf(1000, exponent), mu)) == list(range(count))


def test_mirostat_1_where_no_slope_can_be_fitted() -> None:
    assert kept(samplers.mirostat_1(row(1, 1, 1), 2.0)) == [0, 1, 2]
    assert kept(samplers.mirostat_1(row(-INF, 7, -INF), 2.0)) == [1]
    assert kept(samplers.mirostat_1(row(0, 1e-4, 0), 9.0)) == [0, 1, 2]


def test_mirostat_2_cuts_by_surprise() -> None:
    scores = of(0.5, 0.25, 0.125, 0.125)
    assert kept(samplers.mirostat_2(scores, 3.001)) == [0, 1, 2, 3]
    assert kept(samplers.mirostat_2(scores, 2.999)) == [0, 1]
    assert kept(samplers.mirostat_2(scores, 0.5)) == [0]
    assert kept(samplers.mirostat_2(scores, -4.0)) == [0]


def test_the_way_of_mu_by_hand() -> None:
    # Surprises of 2, 4 and 0 bits against a target of 3: errors of -1, 1 and -3, half of each taken off.
    assert samplers.mu_after(Mirostat(3.0, 0.5), [0.25, 1 / 16, 1.0]) == pytest.approx([6.0, 6.5, 6.0, 7.5])
    assert samplers.mu_after(Mirostat(3.0, 0.5), []) == [6.0]
    assert math.isfinite(samplers.mu_after(Mirostat(3.0, 0.5), [0.0])[-1])


def test_top_n_sigma_by_hand_and_at_any_temperature() -> None:
    scores = row(0, 0, 0, 0, 4)  # mean 0.8, standard deviation 1.6
    assert kept(samplers.top_n_sigma(scores, 1.0)) == [4]
    assert kept(samplers.top_n_sigma(scores, 2.6)) == [0, 1, 2, 3, 4]
    noise = torch.from_numpy(np.random.default_rng(3).normal(0, 2, 500).astype(np.float32))
    cold, warm = (kept(samplers.top_n_sigma(noise / temperature, 1.3)) for temperature in (0.25, 4.0))
    assert cold == warm == kept(samplers.top_n_sigma(noise, 1.3))
    assert 1 < len(cold) < 100


def test_top_n_sigma_leaves_banned_tokens_out_of_the_spread() -> None:
    with_bans = torch.cat([row(0, 0, 0, 0, 4), row(-INF, torch.finfo(torch.float32).min)])
    assert kept(samplers.top_n_sigma(with_bans, 1.0)) == [4]
    assert kept(samplers.top_n_sigma(row(-INF, 3), 0.1)) == [1]


def test_top_a_squares_the_best() -> None:
    scores = of(0.6, 0.3, 0.08, 0.02)  # 0.2 x 0.36 = 0.072
    assert kept(samplers.top_a(scores, 0.2)) == [0, 1, 2]
    assert kept(samplers.top_a(scores, 1.0)) == [0]
    assert kept(samplers.top_a(of(0.25, 0.25, 0.25, 0.25), 1.0)) == [0, 1, 2, 3]


def test_tail_free_cuts_where_the_bending_is_spent() -> None:
    # Differences 0.2, 0.2, 0.04, 0.02; of those 0, 0.16, 0.02; shares 0, 0.89, 0.11.
    scores = of(0.06, 0.5, 0.1, 0.3, 0.04)
    assert kept(samplers.tail_free(scores, 0.5)) == [1, 3]
    assert kept(samplers.tail_free(scores, 0.95)) == [1, 2, 3]
    banned = torch.cat([scores, row(-INF, -INF)])
    assert kept(samplers.tail_free(banned, 0.5)) == [1, 3]


def test_tail_free_without_a_tail() -> None:
    assert kept(samplers.tail_free(row(1, 2), 0.1)) == [0, 1]
    assert kept(samplers.tail_free(row(1, 1, 1, 1), 0.1)) == [0, 1, 2, 3]


def test_temperature_by_entropy() -> None:
    # 1.75 of 2 bits, squared 0.765625: of the way from 0.5 to 1.5.
    scores = of(0.5, 0.25, 0.125, 0.125)
    assert samplers.temperature_by_entropy(scores, 0.5, 1.5, 2.0) == pytest.approx(1.265625)
    assert samplers.temperature_by_entropy(scores, 0.5, 1.5, 1.0) == pytest.approx(1.375)
    assert samplers.temperature_by_entropy(row(0, 0, 0, -INF), 0.5, 1.5, 2.0) == pytest.approx(1.5)
    assert samplers.temperature_by_entropy(row(90, 0, 0), 0.5, 1.5, 1.0) == pytest.approx(0.5, abs=1e-6)
    assert samplers.temperature_by_entropy(row(3, -INF), 0.5, 1.5, 1.0) == 0.5
    assert samplers.dynamic_temperature(scores, 0.5, 1.5, 1.0).tolist() == pytest.approx((scores / 1.375).tolist())


def test_dynamic_temperature_next_to_0_leaves_the_best() -> None:
    assert kept(samplers.dynamic_temperature(row(90, 0, 0), 0.0, 1.0, 1.0)) == [0]
    assert kept(samplers.dynamic_temperature(row(4, -INF), 0.0, 1.0, 1.0)) == [0]
    assert kept(samplers.dynamic_temperature(row(90, 90, 0), 0.0, 0.001, 1.0)) == [0, 1]


def test_quadratic_smoothing_by_hand() -> None:
    assert samplers.quadratic(row(3, 2, 1, -INF), 0.5).tolist() == [3, 2.5, 1, -INF]
    # Curve 2: half of the square and half of the cube.
    assert samplers.quadratic(row(3, 2, 1, -INF), 0.5, 2.0).tolist() == [3, 2.5, 0, -INF]
    assert samplers.quadratic(row(3, 2, 1), 0.5, 3.0).tolist() == [3, 2.5, -1]


@pytest.mark.parametrize("curve", [1.0, 2.0, 3.0, 5.0])
def test_quadratic_smoothing_of_the_lowest_number(curve: float) -> None:
    bent = samplers.quadratic(row(3, 2, torch.finfo(torch.float32).min), 0.5, curve)
    assert torch.softmax(bent, -1)[2] == 0
    assert torch.isfinite(torch.softmax(bent, -1)).all()
