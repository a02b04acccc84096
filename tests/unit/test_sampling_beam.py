"""Beam search equals the library's: sequences, scores, beam indices; and its record is what happened."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from components.sampling import BeamSearch, Settings, beam, beam_search, decode
from tests.conftest import needs
from tests.unit.tiny_decoders import tiny

PROMPT = [5, 9, 9, 42, 7]


@cache
def model(kind: str, seed: int) -> Any:
    made = tiny(kind, seed)
    made.generation_config.pad_token_id = 0
    return made


@cache
def real(name: str) -> Any:
    """An open model, once for the tests of one process."""
    from components.models.open import open_model

    return open_model(name)


def library(of: Any, prompt: list[int], asked: dict[str, Any], settings: Settings, seed: int = 1) -> Any:
    torch.manual_seed(seed)
    return of.generate(
        torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long), output_scores=True,
        return_dict_in_generate=True, num_return_sequences=asked["num_beams"], **asked, **settings.generate_arguments(),
    )


def same(found: BeamSearch, made: Any, prompt: list[int]) -> None:
    width = made.sequences.shape[1] - len(prompt)
    assert width == max(len(one.ids) for one in found.hypotheses)
    for one, sequence, beams in zip(found.hypotheses, made.sequences.tolist(), made.beam_indices.tolist(), strict=True):
        assert list(one.ids) == sequence[len(prompt) : len(prompt) + len(one.ids)]
        assert [*one.beams, *[-1] * (width - len(one.beams))] == beams
    scores = np.array([one.score for one in found.hypotheses])
    np.testing.assert_allclose(scores, made.sequences_scores.numpy(), rtol=1e-4, atol=1e-4)


def with_ends(of: Any, ends: list[int]) -> None:
    of.generation_config.eos_token_id = ends


@examples(max_examples=40, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(["gpt2", "llama"]), seed=st.integers(0, 1), num_beams=st.integers(2, 6),
    steps=st.integers(3, 7), length_penalty=st.sampled_from([-3.0, -1.0, -0.3, 0.0, 0.5, 1.0, 2.0, 3.0]),
    early=st.sampled_from([False, True, "never"]), likely_ends=st.integers(0, 3), drawn=st.booleans(),
    named=st.booleans(),
    knobs=st.sampled_from([{}, {"repetition_penalty": 1.4}, {"top_k": 5}, {"temperature": 0.6, "top_p": 0.8},
                           {"no_repeat_ngram_size": 2, "min_new_tokens": 2}, {"typical_p": 0.7, "temperature": 1.5}]),
)
def test_equals_generate(
    kind: str, seed: int, num_beams: int, steps: int, length_penalty: float, early: bool | str, likely_ends: int,
    drawn: bool, named: bool, knobs: dict[str, Any],
) -> None:
    of = model(kind, seed)
    # End tokens that the search meets: the likeliest continuations of the prompt.
    with torch.inference_mode():
        likely = torch.topk(of(torch.tensor([PROMPT])).logits[0].max(0).values, 3)[1].tolist()
    ends = [of.config.eos_token_id, *likely[:likely_ends]]
    with_ends(of, [of.config.eos_token_id] if named else ends)
    asked = {"num_beams": num_beams, "max_new_tokens": steps, "length_penalty": length_penalty, "early_stopping": early}
    settings = Settings(do_sample=drawn, **knobs)
    found = beam_search(of, PROMPT, **asked, settings=settings, do_sample=drawn, seed=7, ends=ends if named else None)
    same(found, library(of, PROMPT, asked | ({"eos_token_id": ends} if named else {}), settings, seed=7), PROMPT)


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
@pytest.mark.parametrize("knobs", [{}, {"repetition_penalty": 1.4}])
def test_one_beam_is_greedy_decoding_or_plain_sampling(kind: str, knobs: dict[str, Any]) -> None:
    of = model(kind, 0)
    with_ends(of, [of.config.eos_token_id])
    settings = Settings(do_sample=False, max_new_tokens=8, **knobs)
    found = beam_search(of, PROMPT, num_beams=1, max_new_tokens=8, settings=settings)
    assert found.hypotheses[0].ids == decode(of, PROMPT, [settings])[0].ids
    with_ends(of, [found.hypotheses[0].ids[3]])
    short = beam_search(of, PROMPT, num_beams=1, max_new_tokens=8, settings=settings).hypotheses[0]
    assert short.ids == decode(of, PROMPT, [settings])[0].ids == found.hypotheses[0].ids[: len(short.ids)]
    assert (short.ended, len(short.ids) <= 4) == ("end", True)
    with_ends(of, [of.config.eos_token_id])
    drawn = Settings(temperature=1.3, top_k=30, **knobs)
    torch.manual_seed(11)
    made = of.generate(torch.tensor([PROMPT]), max_new_tokens=8, **drawn.generate_arguments())[0].tolist()
    found = beam_search(of, PROMPT, num_beams=1, max_new_tokens=8, settings=drawn, do_sample=True, seed=11)
    assert [*PROMPT, *found.hypotheses[0].ids] == made


@pytest.mark.parametrize("name", ["storyteller", pytest.param("smollm2", marks=needs("smollm2"))])
def test_real_models_equal_generate(name: str) -> None:
    opened = real(name)
    prompt = list(opened.tokenizer.library_object.encode("The old miller had a cat. One day the").ids)
    for asked, drawn in (
        ({"num_beams": 3, "max_new_tokens": 4, "length_penalty": 1.0, "early_stopping": False}, False),
        ({"num_beams": 4, "max_new_tokens": 6, "length_penalty": -1.0, "early_stopping": "never"}, True),
    )[: 1 if name == "smollm2" else 2]:
        settings = Settings(do_sample=drawn, temperature=1.2, repetition_penalty=1.1)
        found = beam_search(opened, prompt, **asked, settings=settings, do_sample=drawn, seed=5)
        same(found, library(opened.model, prompt, asked, settings, seed=5), prompt)


def test_the_record_is_what_happened() -> None:
    of = model("gpt2", 0)
    with torch.inference_mode():
        likely = torch.topk(of(torch.tensor([PROMPT])).logits[0].max(0).values, 2)[1].tolist()
    with_ends(of, likely)
    told: list[Any] = []
    found = beam_search(of, PROMPT, num_beams=3, max_new_tokens=8, length_penalty=0.7, early_stopping="never",
                        on_step=told.append)
    assert tuple(told) == found.steps
    texts: list[tuple[int, ...]] = [(), (), ()]
    totals = [0.0, 0.0, 0.0]
    ended = []
    for number, step in enumerate(found.steps):
        assert len(step.candidates) == 3 * 3  # two end tokens
        assert [one.total for one in step.candidates] == sorted((one.total for one in step.candidates), reverse=True)
        following: dict[int, tuple[tuple[int, ...], float]] = {}
        for place, one in enumerate(step.candidates):
            text = (*texts[one.parent], one.id)
            assert one.total == pytest.approx(totals[one.parent] + one.log_p, abs=1e-4)
            with torch.inference_mode():
                row = of(torch.tensor([[*PROMPT, *text[:-1]]])).logits[0, -1].log_softmax(-1)
            assert one.raw == pytest.approx(float(row[one.id]), abs=1e-4)
            stops = one.id in likely or number == 7
            assert one.fate == ("finished" if place < 3 else "late") if stops else one.fate in ("kept", "dropped")
            if one.fate == "finished":
                assert one.score == pytest.approx(one.total / (number + 1) ** 0.7, abs=1e-5)
                ended.append(text)
            if one.beam is not None:
                following[one.beam] = (text, one.total)
        if number < 7 and step is not found.steps[-1]:
            assert sorted(following) == [0, 1, 2]
        texts = [following[beam][0] for beam in sorted(following)]
        totals = [following[beam][1] for beam in sorted(following)]
        assert list(step.running) == texts
    assert [one.ids for one in found.every] == ended
    assert {one.ids for one in found.hypotheses} <= set(ended)
    with_ends(of, [of.config.eos_token_id])


def test_it_stops_within_a_step_and_keeps_what_there_is() -> None:
    steps: list[Any] = []
    of = model("gpt2", 0)
    found = beam_search(of, PROMPT, num_beams=2, max_new_tokens=20, on_step=steps.append,
                        cancelled=lambda: len(steps) == 3)
    assert (len(found.steps), found.ended) == (3, "stopped")


def test_the_context_ends_it() -> None:
    of = model("gpt2", 0)
    found = beam_search(of, [*range(1, 61)], num_beams=2, max_new_tokens=20)
    assert (found.ended, len(found.hypotheses[0].ids)) == ("context", 4)
    with pytest.raises(ValueError, match="nothing can follow"):
        beam_search(of, [1] * 64)


@pytest.mark.parametrize(("asked", "says"), [
    ({"num_beams": 0}, "from 1 to 16"), ({"num_beams": True}, "from 1 to 16"), ({"max_new_tokens": 101}, "1 to 100"),
    ({"length_penalty": float("nan")}, "between -10 and 10"), ({"early_stopping": "soon"}, "False, True or 'never'"),
    ({"early_stopping": 1}, "False, True or 'never'"),
    ({"settings": Settings(temperature=0), "do_sample": True}, "nothing to draw"),
    ({"settings": Settings(mirostat=2)}, "mirostat keeps track of one"),
])
def test_bad_requests_are_sentences(asked: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        beam_search(model("gpt2", 0), PROMPT, **asked)


def test_copies_of_a_long_prompt_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    # Two layers, keys and values, 32 numbers of four bytes for each of 5 tokens.
    bytes_of_one = 2 * 2 * 32 * 4 * len(PROMPT)
    monkeypatch.setattr(beam, "CACHE_BYTES", 4 * bytes_of_one)
    beam_search(model("gpt2", 0), PROMPT, num_beams=4, max_new_tokens=1)
    with pytest.raises(ValueError, match="5 texts of 5 tokens"):
        beam_search(model("gpt2", 0), PROMPT, num_beams=5)


def test_nothing_left_is_a_sentence() -> None:
    of = model("gpt2", 0)
    with pytest.raises(ValueError, match="leave no token"):
        beam_search(of, PROMPT, settings=Settings(do_sample=False, suppress_tokens=tuple(range(503))))
    # One token left for two beams: the places that nothing can fill are void, and it is no trouble.
    found = beam_search(of, PROMPT, num_beams=2, max_new_tokens=2,
                        settings=Settings(do_sample=False, suppress_tokens=tuple(range(1, 503))))
    assert found.hypotheses[0].ids == (0, 0)
    assert {one.fate for one in found.steps[0].candidates} == {"kept", "void"}
