"""Several settings written in one batch: each gets what it gets alone; and the noise that they share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from components.sampling import Chain, Settings, Step, decode, fold, next_logits, pick, prefixes, take, uniform
from components.sampling.draw import gumbel, loudest
from tests.unit.tiny_decoders import tiny

PROMPT = [5, 9, 9, 42, 7]


MANY = [
    Settings(temperature=0.7, seed=3, max_new_tokens=14),
    Settings(temperature=1.3, top_p=0.9, seed=3, max_new_tokens=14),
    Settings(temperature=0, repetition_penalty=1.3, max_new_tokens=9),
    Settings(guidance_scale=1.5, negative_prompt_ids=(3, 4), seed=1, max_new_tokens=8),
    Settings(guidance_scale=1.5, negative_prompt_ids=(3, 4), seed=2, max_new_tokens=8),
    Settings(xtc_probability=0.5, xtc_threshold=0.05, seed=5, max_new_tokens=12),
    Settings(mirostat=2, mirostat_tau=3.0, seed=6, max_new_tokens=12),
    Settings(watermark="synthid", top_k=40, seed=7, max_new_tokens=10),
]


def same(one: Step, other: Step) -> bool:
    close = all(getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-5) for name in ("raw", "probability"))
    return close and (one.id, one.rank, one.random) == (other.id, other.rank, other.random)


@pytest.mark.parametrize(("kind", "noise"), [("gpt2", "uniform"), ("llama", "gumbel")])
def test_a_batch_gives_every_setting_what_it_gets_alone(kind: str, noise: str) -> None:
    model = tiny(kind, seed=2)
    told: dict[int, list[Step]] = {place: [] for place in range(len(MANY))}
    together = decode(model, PROMPT, MANY, noise=noise, on_token=lambda place, step: told[place].append(step))
    for place, (settings, made) in enumerate(zip(MANY, together, strict=True)):
        alone = decode(model, PROMPT, [settings], noise=noise)[0]
        assert made.ids == alone.ids
        assert all(map(same, made.steps, alone.steps))
        assert made.ended == alone.ended
        assert told[place] == list(made.steps)


def test_each_step_is_one_forward_of_the_distinct_texts() -> None:
    model = tiny()
    prefixes.clear()
    sizes: list[tuple[int, int]] = []
    model.register_forward_pre_hook(
        lambda _, args, named: sizes.append(tuple(named["input_ids"].shape)), with_kwargs=True)
    greedy = Settings(temperature=0, max_new_tokens=5)
    warm = [Settings(seed=seed, max_new_tokens=5) for seed in (1, 2)]
    made = decode(model, PROMPT, [greedy, greedy, *warm, warm[0]])
    assert sizes[0] == (1, len(PROMPT))
    assert sizes[1:] == [(len({one.ids[:step] for one in made}), 1) for step in range(1, 5)]
    assert made[0].ids == made[1].ids
    assert made[2].ids == made[4].ids
    sizes.clear()
    decode(model, PROMPT, [greedy, warm[0]])
    assert sizes[0] == (1, 1), "of a prompt that was read before only the last token is read again"


def test_the_prompts_cache_stays_whole_beside_a_batch() -> None:
    model = tiny("llama")
    expected = model(torch.tensor([PROMPT])).logits[0, -1].numpy()
    decode(model, PROMPT, [Settings(seed=seed, max_new_tokens=6) for seed in range(3)])
    kept = prefixes.take(model, [*PROMPT, 1])
    assert kept.ids == tuple(PROMPT)
    assert {tuple(layer.keys.shape[::2]) for layer in kept.cache.layers} == {(1, len(PROMPT))}
    prefixes.put(model, kept)
    np.testing.assert_allclose(next_logits(model, PROMPT), expected, atol=1e-5)


def test_rows_that_end_leave_the_others_alone() -> None:
    model = tiny()
    settings = [Settings(seed=seed, max_new_tokens=length) for seed, length in ((1, 3), (2, 9), (3, 512))]
    short, longer, full = decode(model, PROMPT, settings)
    assert (len(short.ids), short.ended) == (3, "length")
    assert longer.ids == decode(model, PROMPT, settings[1:2])[0].ids
    if full.ended == "context":
        assert len(PROMPT) + len(full.ids) == 64
    model.generation_config.eos_token_id = longer.ids[4]
    ended = decode(model, PROMPT, settings)[1]
    assert (ended.ids, ended.ended) == (longer.ids[: longer.ids.index(longer.ids[4]) + 1], "end")


def test_a_text_that_fills_the_context_ends_in_a_batch_too() -> None:
    model = tiny()
    model.generation_config.eos_token_id = None
    made = decode(model, PROMPT, [Settings(seed=seed, max_new_tokens=512) for seed in (1, 2)])
    assert [(one.ended, len(one.ids)) for one in made] == [("context", 64 - len(PROMPT))] * 2
    full = decode(model, list(range(64)), [Settings(), Settings(seed=2)])
    assert [(one.ended, one.ids) for one in full] == [("context", ())] * 2


def test_more_rows_than_fit_at_once_are_written_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    from components.sampling import batch

    model = tiny()
    settings = [Settings(seed=seed, max_new_tokens=8) for seed in range(5)]
    whole = decode(model, PROMPT, settings)
    monkeypatch.setattr(batch, "BUDGET", 1)
    assert [one.ids for one in decode(model, PROMPT, settings)] == [one.ids for one in whole]


def test_stop_in_a_batch_takes_effect_within_one_token() -> None:
    model = tiny()
    seen: list[int] = []
    made = decode(model, PROMPT, [Settings(seed=seed, max_new_tokens=30) for seed in range(3)],
                  on_token=lambda place, _: seen.append(place), cancelled=lambda: len(seen) >= 7)
    assert [len(one.ids) for one in made] == [3, 2, 2]
    assert {one.ended for one in made} == {"stopped"}
    assert all(one.ids == () for one in decode(model, PROMPT, [Settings()] * 2, cancelled=lambda: True))


def test_stages_are_those_of_each_step_and_folded_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny()
    told: dict[int, list] = {0: [], 1: []}
    two = [replace(one, max_new_tokens=5) for one in MANY[:2]]
    made = decode(model, PROMPT, two, on_stages=lambda place, stages: told[place].append(stages))
    for place, one in enumerate(made):
        history = list(PROMPT)
        for step, stages in zip(one.steps, told[place], strict=True):
            again = fold(next_logits(model, history), history, one.settings, model=model)
            assert [stage.name for stage in stages] == [stage.name for stage in again]
            np.testing.assert_allclose(stages[-1].probabilities, again[-1].probabilities, atol=1e-5)
            assert step.probability == pytest.approx(float(stages[-1].probabilities[step.id]))
            history.append(step.id)
    monkeypatch.setattr(Chain, "fold", lambda *_, **__: pytest.fail("nobody asked for stages"))
    assert [one.ids for one in decode(model, PROMPT, two)] == [one.ids for one in made]


@pytest.mark.parametrize("name", ["TemperatureLogitsWarper", "TopHLogitsWarper", "TopKLogitsWarper", "TopPLogitsWarper",
                                  "MinPLogitsWarper", "TypicalLogitsWarper", "EpsilonLogitsWarper",
                                  "EtaLogitsWarper", "RepetitionPenaltyLogitsProcessor"])
def test_processors_that_are_given_no_copy_write_into_nothing(name: str) -> None:
    import transformers

    from components.sampling.library import READS_ONLY

    assert name in READS_ONLY
    scores = torch.linspace(-4, 5, 300)[torch.randperm(300)][None]
    before = scores.clone()
    value = {"TopKLogitsWarper": 7, "RepetitionPenaltyLogitsProcessor": 1.3}.get(name, 0.5)
    getattr(transformers, name)(value)(torch.tensor([[4, 9, 9]]), scores)
    assert torch.equal(scores, before)


def test_of_several_settings_the_one_that_leaves_no_token_is_named() -> None:
    model = tiny()
    everything = Settings(suppress_tokens=tuple(range(503)), max_new_tokens=3)
    with pytest.raises(ValueError, match=r"^Setting 2 of 3: .*no token is left"):
        decode(model, [5, 9, 42], [Settings(), everything, Settings(seed=2)], on_stages=lambda place, stages: None)
    with pytest.raises(ValueError, match=r"^(?!Setting)"):
        decode(model, [5, 9, 42], [everything])


# The noise ------------------------------------------------------------------------------------------------------------

def test_gumbel_draws_follow_the_probabilities_and_depend_on_seed_step_and_redraw() -> None:
    p = np.array([0.1, 0.0, 0.6, 0.3], dtype=np.float32)
    counts = np.bincount([loudest(p, gumbel(4, seed, 0)) for seed in range(4000)], minlength=4) / 4000
    np.testing.assert_allclose(counts, p, atol=0.03)
    expected = -np.log(np.random.default_rng([3, 1, 0, 2]).standard_exponential(50))
    np.testing.assert_array_equal(gumbel(50, 3, 1), expected)
    assert len({gumbel(4, *key)[0] for key in ((1, 0, 0), (2, 0, 0), (1, 1, 0), (1, 0, 1))}) == 4
    with pytest.raises(ValueError, match="banned"):
        loudest(np.zeros(3, dtype=np.float32), np.zeros(3))


def test_settings_that_share_their_noise_part_less_than_settings_that_do_not() -> None:
    random = np.random.default_rng(0)
    agree = {"shared": 0.0, "one number": 0.0, "own": 0.0}
    for seed in range(300):
        logits = random.normal(0, 2, 200)
        one, other = (np.exp(logits / t - np.logaddexp.reduce(logits / t)).astype(np.float32) for t in (0.7, 1.0))
        noise = gumbel(200, seed, 0)
        agree["shared"] += loudest(one, noise) == loudest(other, noise)
        agree["one number"] += pick(one, uniform(seed, 0)).id == pick(other, uniform(seed, 0)).id
        agree["own"] += loudest(one, noise) == loudest(other, gumbel(200, seed + 10_000, 0))
    assert agree["shared"] > 1.5 * agree["one number"] > 1.5 * agree["own"], agree


def test_equal_distributions_and_equal_noise_give_equal_texts() -> None:
    model = tiny()
    one = Settings(seed=4, max_new_tokens=10)
    made = decode(model, PROMPT, [one, Settings(seed=4, top_k=503, max_new_tokens=10), Settings(seed=5)],
                  noise="gumbel")
    assert made[0].ids == made[1].ids != made[2].ids[:10]
    assert all(step.random is None and step.low is None for step in made[0].steps)
    with pytest.raises(ValueError, match="noise"):
        decode(model, PROMPT, [one], noise="white")
    chain = Chain(one, model=model, prompt_ids=PROMPT)
    step = take(next_logits(model, PROMPT), PROMPT, chain, 0, noise="gumbel")
    assert step.id == made[0].ids[0]


def test_a_number_that_lands_near_the_top_is_found_without_sorting_everything() -> None:
    random = np.random.default_rng(1)
    p = np.exp(random.normal(0, 2, 9_000)).round(3).astype(np.float32)  # many ties
    p /= p.sum()
    order = np.lexsort((np.arange(len(p)), -p))
    edges = np.cumsum(p[order], dtype=np.float64)
    for number in (0.0, 0.01, 0.3, 0.61, 0.9, 0.99, 0.999999):
        draw = pick(p, number)
        assert draw.id == order[np.searchsorted(edges / edges[-1], number, side="right")]
        assert draw.low <= number < draw.high
