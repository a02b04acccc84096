"""Comparing settings: what a text is like, where two part, many draws as a distribution, settings as one line."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from components.sampling import Settings, decode
from components.sampling.compare import count, draw_many, measure, parting, repeated
from components.sampling.spelling import spell, unspell
from tests.unit.tiny_decoders import tiny

PROMPT = [5, 9, 9, 42, 7]


def test_repetition_counts_runs_that_stood_there_before() -> None:
    assert repeated([1, 2, 3, 1, 2, 3], 3) == pytest.approx(1 / 4)  # 123 231 312 123
    assert repeated([7] * 6, 3) == pytest.approx(3 / 4)
    assert repeated([1, 2, 3, 4], 4) == 0
    assert repeated([1, 2], 3) is None


def test_where_texts_part() -> None:
    assert parting([1, 2, 3], [1, 2, 3]) is None
    assert parting([1, 2, 3], [1, 5, 3]) == 1
    assert parting([1, 2, 3], [1, 2]) == 2
    assert parting([], [4]) == 0


def test_what_a_text_is_like() -> None:
    model = tiny()
    made = decode(model, PROMPT, [Settings(temperature=0.8, max_new_tokens=6)])[0]
    said = measure(made, "The king's cat; the KING'S dog, der König")
    assert (said.words, said.distinct_words) == (8, 6)
    assert (said.tokens, said.ended) == (6, "length")
    history, surprises = list(PROMPT), []
    for token in made.ids:
        with torch.no_grad():
            surprises.append(-float(torch.log_softmax(model(torch.tensor([history])).logits[0, -1], -1)[token]))
        history.append(token)
    assert said.surprise == pytest.approx(np.mean(surprises), abs=1e-4)
    assert said.probability == pytest.approx(np.mean([step.probability for step in made.steps]))
    empty = measure(decode(model, PROMPT, [Settings()], cancelled=lambda: True)[0], "")
    assert (empty.words, empty.surprise, empty.repeated_3) == (0, None, None)


def test_outcomes_are_counted_and_their_probability_is_exact() -> None:
    model = tiny()
    settings = Settings(temperature=0.5, top_k=3, seed=10, max_new_tokens=2)
    made = draw_many(model, PROMPT, [settings], 100)[0]
    assert made.draws == sum(one.count for one in made.outcomes) == 100
    assert [one.count for one in made.outcomes] == sorted((one.count for one in made.outcomes), reverse=True)
    shares = [one.count / 100 for one in made.outcomes]
    assert made.entropy == pytest.approx(-sum(share * math.log(share) for share in shares))
    # By hand: every pair of the three likeliest after each text, through one plain forward each.
    exact: dict[tuple[int, ...], float] = {(): 1.0}
    for _ in range(2):
        longer = {}
        for ids, chance in exact.items():
            with torch.no_grad():
                top = model(torch.tensor([[*PROMPT, *ids]])).logits[0, -1].topk(3)
            for token, share in zip(top.indices.tolist(), torch.softmax(top.values / 0.5, -1).tolist(), strict=True):
                longer[*ids, token] = chance * share
        exact = longer
    for one in made.outcomes:
        assert one.probability == pytest.approx(exact[one.ids], abs=1e-5)
        assert abs(one.count / 100 - exact[one.ids]) < 4.5 * math.sqrt(exact[one.ids] / 100)
    assert made.covered == pytest.approx(sum(exact[one.ids] for one in made.outcomes), abs=1e-4)


def test_draws_come_in_batches_with_the_seeds_from_the_settings_on() -> None:
    model = tiny()
    one, other = Settings(seed=7, max_new_tokens=3), Settings(temperature=0, seed=7, max_new_tokens=3)
    told: list[list[int]] = []
    made = draw_many(model, PROMPT, [one, other], 50, on_batch=lambda now: told.append([each.draws for each in now]))
    assert told == [[20, 20], [40, 40], [50, 50]]
    alone = decode(model, PROMPT, [Settings(seed=seed, max_new_tokens=3) for seed in range(7, 57)], noise="gumbel")
    together, apart = ({each.ids: each for each in found.outcomes} for found in (made[0], count(one, alone)))
    assert {ids: each.count for ids, each in together.items()} == {ids: each.count for ids, each in apart.items()}
    for ids, each in together.items():
        assert each.probability == pytest.approx(apart[ids].probability, rel=1e-4)
    assert [(each.count, each.probability) for each in made[1].outcomes] == [(50, 1.0)]
    assert made[1].entropy == 0
    asked = itertools.count()
    stopped = draw_many(model, PROMPT, [one], 50, cancelled=lambda: next(asked) > 70)
    assert stopped[0].draws == 20


def test_where_a_coin_is_thrown_no_probability_is_claimed() -> None:
    model = tiny()
    coin = Settings(xtc_probability=0.5, xtc_threshold=0.01, max_new_tokens=2)
    made = draw_many(model, PROMPT, [coin, Settings(mirostat=2, max_new_tokens=2)], 5)
    assert all(one.probability is None for one in made[0].outcomes)
    assert made[0].covered is None
    assert all(one.probability is not None for one in made[1].outcomes)


@pytest.mark.parametrize(("draws", "many", "words"), [(0, 1, "draws"), (101, 1, "draws"), (5, 9, "settings")])
def test_too_much_is_a_sentence(draws: int, many: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        draw_many(tiny(), PROMPT, [Settings()] * many, draws)


EVERYTHING = Settings(
    temperature=0.7, top_k=5, top_p=0.95, seed=12, do_sample=False, order=("top_p", "temperature"),
    sequence_bias=(((5, 6), 2.5), ((7,), -3.0)), bad_words_ids=((7,), (8, 9)), suppress_tokens=(1, 2),
    forced_eos_token_id=3, exponential_decay_length_penalty=(4, 1.5), watermark="greenlist",
    remove_invalid_values=True, epsilon_cutoff=3e-05, dry_breakers=(13,), mirostat_tau=4.0,
)


def test_settings_as_one_line_and_back() -> None:
    assert spell(Settings()) == ""
    assert spell(Settings(temperature=0.7, top_p=0.9)) == "temperature=0.7,top_p=0.9"
    assert unspell(" temperature = 0.7 , top_k=5,") == Settings(temperature=0.7, top_k=5)
    assert unspell(spell(EVERYTHING)) == EVERYTHING


@run(max_examples=40, derandomize=True, deadline=None)
@given(st.fixed_dictionaries({}, optional={
    "temperature": st.floats(0.01, 100), "min_p": st.floats(0, 1), "top_k": st.integers(0, 10**7),
    "sequence_bias": st.lists(st.tuples(st.lists(st.integers(0, 99), min_size=1), st.floats(-9, 9)), min_size=1,
                              unique_by=lambda pair: tuple(pair[0])),
    "bad_words_ids": st.lists(st.lists(st.integers(0, 99), min_size=1), min_size=1),
    "watermark": st.sampled_from(["", "synthid"]), "do_sample": st.booleans(), "mirostat": st.integers(0, 2),
}))
def test_any_settings_come_back_from_their_line(values: dict) -> None:
    settings = Settings.of(values)
    assert unspell(spell(settings)) == settings


@pytest.mark.parametrize(("line", "words"), [
    ("heat=1", "no knob"), ("temperature", "no setting"), ("temperature=warm", "no number"), ("top_k=2.5", "no number"),
    ("top_p=0.9,top_p=0.8", "twice"), ("do_sample=maybe", "yes or no"), ("temperature=-1", "temperature"),
    ("suppress_tokens=a+b", "no number"), ("sequence_bias=5", "no number"), ("order=top_p+heat", "heat"),
    ("bad_words_ids=", "no number"), ("temperature=nan", "temperature"), ("top_k=" + "9" * 2_000, "characters"),
])
def test_a_forged_line_is_a_sentence(line: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        unspell(line)
    assert str(caught.value).endswith(".")
