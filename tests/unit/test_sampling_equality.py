"""For any knobs, the stages of the page end in what `generate` samples from: bit for bit, at every step.

Our own samplers stand in `generate` as its custom processors. Mirostat cannot: it learns from what was drawn, which
`generate` does not tell its processors. Sixty examples run always, five hundred with `bash tests/run --all`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.sampling import Chain, Settings, own_samplers
from tests.conftest import needs
from tests.unit.tiny_decoders import tiny

pytestmark = pytest.mark.filterwarnings("ignore:Unfeasible length constraints")

# Tokens under 250 are in every vocabulary here, and none of them ends a text.
TOKEN = st.integers(3, 250)
WORD = st.lists(TOKEN, min_size=1, max_size=3).map(tuple)
BANNED = st.lists(st.integers(100, 250), min_size=1, max_size=6).map(tuple)

KNOBS: dict[str, st.SearchStrategy[Any]] = {
    "temperature": st.one_of(st.floats(0.05, 3), st.just(0)),
    "top_k": st.one_of(st.integers(1, 60), st.just(100_000)),
    "top_p": st.floats(0, 1),
    "min_p": st.floats(0, 1),
    "typical_p": st.floats(0.05, 1),
    "epsilon_cutoff": st.floats(0.0001, 0.3),
    "eta_cutoff": st.floats(0.0001, 0.3),
    "top_h": st.floats(0.05, 1),
    "repetition_penalty": st.floats(0.5, 3),
    "encoder_repetition_penalty": st.floats(0.5, 3),
    "no_repeat_ngram_size": st.integers(1, 4),
    "encoder_no_repeat_ngram_size": st.integers(1, 4),
    "sequence_bias": st.lists(st.tuples(WORD, st.floats(-20, 20)), max_size=4, unique_by=lambda pair: pair[0]),
    "bad_words_ids": st.lists(WORD, min_size=1, max_size=4),
    "suppress_tokens": BANNED,
    "begin_suppress_tokens": BANNED,
    "min_length": st.integers(1, 10),
    "min_new_tokens": st.integers(1, 3),
    "forced_bos_token_id": st.integers(3, 99),
    "forced_eos_token_id": st.integers(3, 99),
    "exponential_decay_length_penalty": st.tuples(st.integers(0, 2), st.floats(0.8, 3)),
    "remove_invalid_values": st.booleans(),
    "renormalize_logits": st.booleans(),
    "guidance_scale": st.floats(-2, 4),
    "negative_prompt_ids": st.lists(TOKEN, max_size=4).map(tuple),
    "watermark": st.sampled_from(("greenlist", "synthid")),
    "watermark_bias": st.floats(-5, 5),
    "presence_penalty": st.floats(-3, 3),
    "frequency_penalty": st.floats(-3, 3),
    "penalty_last_n": st.sampled_from((-1, 0, 1, 4, 64)),
    "dry_multiplier": st.floats(0, 5),
    "dry_base": st.floats(1, 4),
    "dry_allowed_length": st.integers(1, 3),
    "dry_penalty_last_n": st.sampled_from((-1, 0, 5)),
    "dry_breakers": st.lists(TOKEN, max_size=3).map(tuple),
    "xtc_probability": st.floats(0, 1),
    "xtc_threshold": st.floats(0, 0.6),
    "top_n_sigma": st.floats(0.1, 6),
    "top_a": st.floats(0, 1),
    "tfs_z": st.floats(0, 1),
    "dynatemp_range": st.floats(0, 2),
    "dynatemp_exponent": st.floats(0.1, 4),
    "smoothing_factor": st.floats(0, 3),
    "smoothing_curve": st.floats(1, 4),
    "seed": st.integers(0, 1_000),
    "do_sample": st.booleans(),
}
# A prompt that repeats itself, so that penalties, n-grams and DRY have something to do.
PROMPT = st.lists(st.sampled_from((5, 9, 42, 7, 130)), min_size=1, max_size=9)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Settings, list[int]]:
    chosen = draw(st.sets(st.sampled_from(sorted(KNOBS)), min_size=4, max_size=16))
    return Settings(max_new_tokens=4, **{name: draw(KNOBS[name]) for name in sorted(chosen)}), draw(PROMPT)


def test_every_knob_is_tried() -> None:
    left_out = {"max_new_tokens", "order", "mirostat", "mirostat_tau", "mirostat_eta"}
    assert set(KNOBS) == {field.name for field in fields(Settings)} - left_out


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The library warns of settings that are odd together; here they are meant to be."""
    import transformers

    before = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    yield
    transformers.logging.set_verbosity(before)


@functools.cache
def library(name: str) -> Any:
    if name in ("gpt2", "llama"):
        return tiny(name)
    from components.models.open import open_model

    return open_model(name).model


def equal(name: str, said: Settings, prompt: list[int]) -> None:
    from transformers import LogitsProcessorList

    model = library(name)
    ours = LogitsProcessorList([own.as_processor(len(prompt)) for own in own_samplers(said)])
    negative = torch.tensor([list(said.negative_prompt_ids)]) if said.negative_prompt_ids else None
    torch.manual_seed(said.seed)
    with torch.inference_mode():
        made = model.generate(
            torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            max_new_tokens=said.max_new_tokens, output_scores=True, output_logits=True, return_dict_in_generate=True,
            logits_processor=ours, negative_prompt_ids=negative, **said.generate_arguments(),
        )
    ids = made.sequences[0].tolist()
    watched, bare = (Chain(said, model=model, prompt_ids=prompt) for _ in range(2))
    for step, (logits, scores) in enumerate(zip(made.logits, made.scores, strict=True)):
        text = ids[: len(prompt) + step]
        last = watched.fold(logits[0], text)[-1]
        assert torch.equal(torch.from_numpy(last.scores.copy()), scores[0]), watched.names
        assert torch.equal(torch.from_numpy(last.probabilities.copy()), torch.softmax(scores[0], dim=-1))
        assert torch.equal(bare.scores(logits[0], text), scores[0])


def test_min_new_tokens_takes_the_place_of_min_length() -> None:
    for longer, prompt in ((10, [5]), (3, [5]), (2, [5, 9, 42, 7])):
        equal("gpt2", Settings(max_new_tokens=4, min_length=longer, min_new_tokens=2), prompt)


def checked(name: str, examples: int) -> Callable[[], None]:
    @settings(derandomize=True, max_examples=examples, deadline=None, database=None,
              suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(cases())
    def run(case: tuple[Settings, list[int]]) -> None:
        equal(name, *case)

    return run


@pytest.mark.parametrize(("name", "examples"), [
    ("gpt2", 22), ("llama", 22), ("storyteller", 12), pytest.param("smollm2", 4, marks=needs("smollm2")),
])
def test_any_knobs_equal_generate(name: str, examples: int) -> None:
    checked(name, examples)()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "examples"), [
    ("gpt2", 190), ("llama", 190), ("storyteller", 90), pytest.param("smollm2", 30, marks=needs("smollm2")),
])
def test_many_more_knobs_equal_generate(name: str, examples: int) -> None:
    checked(name, examples)()
