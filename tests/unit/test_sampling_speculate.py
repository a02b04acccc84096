"""Prompt lookup: the model's own text, with fewer runs; sampling keeps the model's own distribution."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from components.sampling import Settings, decode, judge, look_up, pick, prompt_lookup
from tests.conftest import needs
from tests.unit.test_sampling_beam import real
from tests.unit.tiny_decoders import tiny

PROMPT = [5, 9, 42, 7, 5, 9, 42, 8, 5, 9]


@cache
def model(kind: str, seed: int) -> Any:
    made = tiny(kind, seed)
    made.generation_config.pad_token_id = 0
    return made


def library(
    of: Any, prompt: list[int], steps: int, tokens: int, ngram: int, settings: Settings
) -> tuple[list[int], int]:
    """What `generate` writes, and how often it ran the model."""
    runs = []
    watch = of.register_forward_hook(lambda *_: runs.append(1))
    try:
        made = of.generate(torch.tensor([prompt]), max_new_tokens=steps, prompt_lookup_num_tokens=tokens,
                           max_matching_ngram_size=ngram, **settings.generate_arguments())
    finally:
        watch.remove()
    return made[0].tolist()[len(prompt) :], len(runs)


@examples(max_examples=25, deadline=None, derandomize=True)
@given(kind=st.sampled_from(["gpt2", "llama"]), seed=st.integers(0, 1), steps=st.integers(1, 12),
       tokens=st.integers(1, 8), ngram=st.integers(1, 4), prompt=st.lists(st.integers(1, 6), min_size=1, max_size=14),
       penalty=st.sampled_from([1.0, 1.3]), early=st.booleans())
def test_greedy_text_and_runs_are_the_librarys(
    kind: str, seed: int, steps: int, tokens: int, ngram: int, prompt: list[int], penalty: float, early: bool
) -> None:
    of = model(kind, seed)
    settings = Settings(do_sample=False, repetition_penalty=penalty, max_new_tokens=steps)
    of.generation_config.eos_token_id = of.config.eos_token_id
    plain = decode(of, prompt, [settings])[0].ids
    if early and len(plain) > 4:
        of.generation_config.eos_token_id = [of.config.eos_token_id, plain[4]]
    found = prompt_lookup(of, prompt, max_new_tokens=steps, num_tokens=tokens, max_ngram=ngram, settings=settings)
    written, runs = library(of, prompt, steps, tokens, ngram, settings)
    assert list(found.ids) == written == list(decode(of, prompt, [settings])[0].ids)
    assert found.forwards == runs
    assert found.saved == len(found.ids) - runs


@pytest.mark.parametrize(("name", "steps", "least"), [
    ("storyteller", 30, 15), pytest.param("smollm2", 8, 3, marks=needs("smollm2"))])
def test_a_refrain_saves_runs_of_a_real_model(name: str, steps: int, least: int) -> None:
    opened = real(name)
    text = "The wind blew and the mill turned. The wind blew and the mill turned. The wind blew and the"
    prompt = list(opened.tokenizer.library_object.encode(text).ids)
    settings = Settings(do_sample=False, max_new_tokens=steps)
    found = prompt_lookup(opened, prompt, max_new_tokens=steps, settings=settings)
    written, runs = library(opened.model, prompt, steps, 10, 2, settings)
    assert (list(found.ids), found.forwards) == (written, runs)
    assert found.saved >= least


def test_each_round_is_what_it_says() -> None:
    of = model("gpt2", 0)
    of.generation_config.eos_token_id = of.config.eos_token_id
    found = prompt_lookup(of, PROMPT, max_new_tokens=20, num_tokens=4, max_ngram=3)
    text = tuple(PROMPT)
    for one in found.rounds:
        assert one.start == len(text)
        if one.draft:
            size, at = one.draft.ngram, one.draft.copied
            assert text[at - size : at] == text[-size:]
            assert one.draft.ids == text[at : at + len(one.draft.ids)]
            assert [j.accepted for j in one.judged[:-1]] == [True] * len(one.judged[:-1])
            if not one.judged[-1].accepted:
                assert one.written != one.judged[-1].id
            else:
                assert len(one.judged) == len(one.draft.ids)
        with torch.inference_mode():
            row = of(torch.tensor([[*text, *one.accepted]])).logits[0, -1].softmax(-1)
        assert one.raw == pytest.approx(float(row[one.written]), abs=1e-4)
        text = (*text, *one.ids)
    assert text == (*PROMPT, *found.ids)
    assert found.accepted + found.forwards == len(found.ids) == 20


def test_look_up_worked_by_hand() -> None:
    draft = look_up([4, 5, 6, 4, 5], 2, 2)
    assert draft is not None
    assert (draft.ids, draft.ngram, draft.copied) == ((6, 4), 2, 2)
    one = look_up([1, 2, 3, 9, 3], 5, 4)
    assert one is not None
    assert (one.ids, one.ngram, one.copied) == ((9, 3), 1, 3)
    assert look_up([1, 2, 3], 5, 4) is None
    assert look_up([7], 5, 4) is None
    assert look_up([4, 5, 6, 4, 5], 3, 2, frozenset({6})) is None
    stops = look_up([4, 5, 8, 6, 4, 5], 3, 2, frozenset({6}))
    assert stops is not None
    assert stops.ids == (8,)


@pytest.mark.parametrize("proposal", [0, 1, 2, 3])
def test_judging_keeps_the_distribution(proposal: int) -> None:
    p = np.array([0.5, 0.3, 0.2, 0.0], dtype=np.float32)
    random = np.random.default_rng(3).random((8_000, 2))
    counts = np.zeros(4)
    accepted = 0
    for u, v in random:
        yes, token = judge(p, proposal, u, v)
        accepted += yes
        assert not yes or token == proposal
        counts[token] += 1
    assert accepted / 8_000 == pytest.approx(p[proposal], abs=0.02)
    assert counts[3] == 0
    # Chi-square with 2 degrees of freedom: 13.8 is passed once in a thousand.
    assert (((counts - 8_000 * p) ** 2)[:3] / (8_000 * p[:3])).sum() < 13.8


def test_sampling_with_drafts_follows_the_models_own_distribution() -> None:
    """Two tokens of a model with twelve, over 300 seeds, against their exact probabilities."""
    import transformers

    torch.manual_seed(1)
    config = transformers.GPT2Config(vocab_size=12, n_positions=32, n_embd=16, n_layer=1, n_head=1, bos_token_id=0,
                                     eos_token_id=11, initializer_range=0.7)
    of = transformers.GPT2LMHeadModel(config).eval().requires_grad_(False)
    of.generation_config.eos_token_id = None
    with torch.inference_mode():
        best = int(of(torch.tensor([[3, 4, 3, 4, 3]])).logits[0, -1].argmax())
        prompt = [3, best, 3, best, 3]  # the draft is likely, so both branches are taken often
        first = of(torch.tensor([prompt])).logits[0, -1].softmax(-1).numpy()
        second = of(torch.tensor([[*prompt, token] for token in range(12)])).logits[:, -1].softmax(-1).numpy()
    exact = first[:, None] * second
    counts = np.zeros((12, 12))
    accepted = 0
    for seed in range(300):
        found = prompt_lookup(of, prompt, max_new_tokens=2, num_tokens=3, settings=Settings(seed=seed))
        counts[found.ids[0], found.ids[1]] += 1
        accepted += found.accepted
    assert 30 < accepted < 295
    big = exact * 300 >= 5
    observed = np.array([*counts[big], counts[~big].sum()])
    expected = np.array([*exact[big], exact[~big].sum()]) * 300
    freedom = len(observed) - 1
    # Wilson and Hilferty's approximation of the chi-square quantile, once in a thousand.
    limit = freedom * (1 - 2 / (9 * freedom) + 3.09 * (2 / (9 * freedom)) ** 0.5) ** 3
    assert ((observed - expected) ** 2 / expected).sum() < limit


def test_a_seed_gives_one_text_and_rejected_drafts_are_replaced() -> None:
    of = model("gpt2", 0)
    asked = {"max_new_tokens": 20, "num_tokens": 5, "settings": Settings(seed=4, temperature=0.7)}
    assert prompt_lookup(of, PROMPT, **asked) == prompt_lookup(of, PROMPT, **asked)
    for one in prompt_lookup(of, PROMPT, **asked).rounds:
        for token in one.judged:
            assert token.random is not None
            assert token.accepted == (token.random < token.probability)
    p = np.array([0.0, 1.0], dtype=np.float32)
    assert judge(p, 0, 0.0, 0.5) == (False, 1)
    assert judge(p, 1, 0.999999, 0.5) == (True, 1)
    assert pick(p, 0.3).id == 1


def test_it_stops_and_ends() -> None:
    of = model("gpt2", 0)
    rounds: list[Any] = []
    found = prompt_lookup(of, PROMPT, on_round=rounds.append, cancelled=lambda: len(rounds) == 2)
    assert (found.rounds, found.ended) == (tuple(rounds), "stopped")
    found = prompt_lookup(of, [*range(1, 31), *range(1, 31)], max_new_tokens=20)
    assert (found.ended, len(found.ids)) == ("context", 4)


@pytest.mark.parametrize(("asked", "says"), [
    ({"num_tokens": 0}, "prompt_lookup_num_tokens is 0"), ({"max_ngram": 11}, "from 1 to 10"),
    ({"settings": Settings(mirostat=1)}, "mirostat keeps track of one"),
    ({"settings": Settings(suppress_tokens=tuple(range(503)))}, "leave no token"),
])
def test_bad_requests_are_sentences(asked: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        prompt_lookup(model("gpt2", 0), PROMPT, **asked)
