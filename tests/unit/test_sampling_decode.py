"""Reading, drawing and writing on."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from components.sampling import Settings, decode, fold, next_logits, pick, prefixes, read, uniform
from tests.unit.tiny_decoders import tiny

PROMPT = [5, 9, 9, 42, 7]


def test_the_random_number_lands_where_the_probabilities_add_up() -> None:
    p = np.array([0.2, 0.0, 0.5, 0.3], dtype=np.float32)
    # Side by side by falling probability: token 2 until .5, token 3 until .8, token 0 until 1.
    for random, token, low, high in [(0.0, 2, 0, 0.5), (0.499, 2, 0, 0.5), (0.5, 3, 0.5, 0.8), (0.9999, 0, 0.8, 1)]:
        draw = pick(p, random)
        assert draw.id == token
        assert (draw.low, draw.high) == (pytest.approx(low, abs=1e-6), pytest.approx(high, abs=1e-6))
        assert draw.low <= random < draw.high or draw.high == pytest.approx(random)
    assert pick(np.array([0.5, 0.5], dtype=np.float32), 0.2).id == 0
    for random in (1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            pick(p, random)
    with pytest.raises(ValueError, match="banned"):
        pick(np.zeros(3, dtype=np.float32), 0.5)


def test_draws_follow_the_probabilities() -> None:
    p = np.array([0.1, 0.6, 0.3], dtype=np.float32)
    counts = np.bincount([pick(p, uniform(seed, 0)).id for seed in range(4000)], minlength=3) / 4000
    np.testing.assert_allclose(counts, p, atol=0.03)


def test_random_numbers_depend_on_seed_step_and_redraw_alone() -> None:
    assert uniform(1, 0) == uniform(1, 0) == np.random.default_rng([1, 0, 0]).random()
    assert len({uniform(1, 0), uniform(2, 0), uniform(1, 1), uniform(1, 0, 1)}) == 4


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_greedy_is_what_generate_writes(kind: str) -> None:
    model = tiny(kind, seed=4)
    made = model.generate(torch.tensor([PROMPT]), do_sample=False, max_new_tokens=20)[0].tolist()[len(PROMPT):]
    for settings in (Settings(temperature=0, max_new_tokens=20), Settings(do_sample=False, max_new_tokens=20)):
        assert list(decode(model, PROMPT, [settings])[0].ids) == made


def test_same_seed_same_tokens_alone_or_among_others() -> None:
    model = tiny()
    one, two = Settings(seed=1, max_new_tokens=12), Settings(seed=2, max_new_tokens=12, top_k=20)
    alone = decode(model, PROMPT, [two])[0]
    prefixes.clear()
    first, second = decode(model, PROMPT, [one, two])
    assert second.ids == alone.ids
    assert first.ids != second.ids
    assert decode(model, PROMPT, [one])[0].ids == first.ids


def test_a_steps_record_is_what_the_stages_say() -> None:
    model = tiny()
    settings = Settings(temperature=0.7, top_k=30, top_p=0.95, repetition_penalty=1.2, max_new_tokens=5)
    made = decode(model, PROMPT, [settings])[0]
    history = list(PROMPT)
    for place, step in enumerate(made.steps):
        stages = fold(next_logits(model, history), history, settings, model=model)
        assert step.raw == pytest.approx(float(stages[0].probabilities[step.id]), rel=1e-3)
        assert step.probability == pytest.approx(float(stages[-1].probabilities[step.id]), rel=1e-3)
        assert step.surprise == pytest.approx(-np.log(stages[0].probabilities[step.id]), abs=1e-3)
        assert step.rank == int((stages[0].probabilities > stages[0].probabilities[step.id]).sum()) + 1
        assert step.random == uniform(settings.seed, place)
        assert step.low <= step.random < step.high
        history.append(step.id)


def test_reading_gives_the_surprises_and_logits_of_one_plain_forward() -> None:
    model = tiny("llama")
    ids = [(7 * place) % 300 for place in range(60)]
    told: list[float] = []
    reading = read(model, ids, report=told.append)
    logits = model(torch.tensor([ids])).logits[0]
    expected = -torch.log_softmax(logits, -1)[torch.arange(len(ids) - 1), torch.tensor(ids[1:])].numpy()
    assert np.isnan(reading.surprises[0])
    np.testing.assert_allclose(reading.surprises[1:], expected, atol=1e-4)
    np.testing.assert_allclose(reading.logits, logits[-1].numpy(), atol=1e-4)
    assert told[-1] == 1.0


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from components.sampling import reading

    model = tiny()
    whole = read(model, list(range(2, 40)))
    monkeypatch.setattr(reading, "CHUNK", 7)
    prefixes.clear()
    pieces = reading.read(model, list(range(2, 40)))
    np.testing.assert_allclose(pieces.surprises, whole.surprises, atol=1e-4)
    np.testing.assert_allclose(pieces.logits, whole.logits, atol=1e-4)


def test_going_back_and_forth_reuses_the_cache_and_changes_nothing() -> None:
    model = tiny()
    prefixes.clear()
    fresh = {length: model(torch.tensor([PROMPT[:length]])).logits[0, -1].numpy() for length in (3, 5)}
    for length in (5, 3, 5, 5, 3):
        np.testing.assert_allclose(next_logits(model, PROMPT[:length]), fresh[length], atol=1e-4)
    kept = prefixes.take(model, [*PROMPT, 1])
    assert len(kept.ids) >= 3


def test_two_readers_at_once_do_not_mix() -> None:
    model = tiny()
    settings = [Settings(seed=seed, max_new_tokens=15) for seed in range(4)]
    alone = [decode(model, PROMPT, [one])[0].ids for one in settings]
    together: dict[int, tuple[int, ...]] = {}

    def work(place: int) -> None:
        together[place] = decode(model, PROMPT, [settings[place]])[0].ids

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[place] for place in range(4)] == alone


def test_stop_takes_effect_within_one_token() -> None:
    model = tiny()
    seen: list[int] = []
    made = decode(model, PROMPT, [Settings(max_new_tokens=50)], on_token=lambda _, step: seen.append(step.id),
                  cancelled=lambda: len(seen) >= 4)[0]
    assert made.ended == "stopped"
    assert list(made.ids) == seen
    assert len(seen) == 4


def test_endings() -> None:
    model = tiny()
    assert decode(model, PROMPT, [Settings(max_new_tokens=3)])[0].ended == "length"
    full = decode(model, PROMPT, [Settings(max_new_tokens=512, seed=5)])[0]
    assert full.ended in ("context", "end")
    assert len(PROMPT) + len(full.ids) <= 64
    greedy = decode(model, PROMPT, [Settings(temperature=0, max_new_tokens=5)])[0]
    model.generation_config.eos_token_id = [greedy.ids[1], 501]
    ended = decode(model, PROMPT, [Settings(temperature=0, max_new_tokens=5)])[0]
    assert ended.ended == "end"
    assert ended.ids == greedy.ids[: greedy.ids.index(greedy.ids[1]) + 1]


@pytest.mark.parametrize(
    ("ids", "words"), [([], "no token"), (list(range(65)), "at most 64"), ([503], "not among"), ([-1], "not among")]
)
def test_unusable_ids_are_a_sentence(ids: list, words: str) -> None:
    model = tiny()
    calls = (lambda: read(model, ids), lambda: next_logits(model, ids), lambda: decode(model, ids, [Settings()]))
    for call in calls:
        with pytest.raises(ValueError, match=words):
            call()
