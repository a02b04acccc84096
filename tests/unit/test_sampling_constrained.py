"""Writing inside a shape: equal to generate with llguidance's own mask; what each step says; ends and cuts."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from components import sampling
from components.models.open import open_model
from components.sampling import Chain, Settings, fold, next_logits
from components.sampling.constrained import Constrained, constrained
from components.sampling.grammar import Shape, compile_shape
from tests.conftest import needs

TEXT = "Once upon a time there was a little girl. She was so"
PERSON = json.dumps({
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 20},
                   "age": {"type": "integer", "minimum": 0, "maximum": 120}},
    "required": ["name", "age"],
    "additionalProperties": False,
})
SHAPES = [Shape("choices", choices=(" happy", " sad", " very tired", " happy indeed")),
          Shape("regex", r" [0-9]{2,4} years( old)?\."), Shape("json", PERSON)]


@pytest.fixture(scope="module")
def model() -> Any:
    return open_model("storyteller")


def written(model: Any, made: Constrained) -> str:
    return str(model.tokenizer.library_object.decode(list(made.ids)))


def by_the_library(model: Any, prompt: tuple[int, ...], shape: Shape, settings: Settings) -> list[int]:
    """`generate` with a logits processor made of llguidance alone."""
    import llguidance.hf
    from llguidance import LLMatcher
    from transformers import AutoTokenizer, LogitsProcessor

    tokenizer = llguidance.hf.from_tokenizer(AutoTokenizer.from_pretrained(model.path),
                                             eos_token=list(model.eos_ids))
    options = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
    grammar = {
        "choices": lambda: "start: " + " | ".join(json.dumps(one) for one in shape.choices),
        "regex": lambda: LLMatcher.grammar_from_regex(shape.text),
        "json": lambda: LLMatcher.grammar_from_json_schema(shape.text, defaults=options),
    }[shape.kind]()
    matcher = LLMatcher(tokenizer, grammar)
    assert not matcher.is_error()

    class Mask(LogitsProcessor):
        def __call__(self, ids: Any, scores: Any) -> Any:
            if ids.shape[1] > len(prompt):
                matcher.consume_token(int(ids[0, -1]))
            bits = np.unpackbits(np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8), bitorder="little")
            return scores.masked_fill(torch.from_numpy(bits[: scores.shape[1]] == 0)[None], float("-inf"))

    made = model.model.generate(torch.tensor([list(prompt)]), logits_processor=[Mask()],
                                max_new_tokens=settings.max_new_tokens, **settings.generate_arguments())
    return [token for token in made[0, len(prompt) :].tolist() if token not in model.eos_ids]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.kind)
@pytest.mark.parametrize("settings", [Settings(do_sample=False, max_new_tokens=30),
                                      Settings(temperature=0, repetition_penalty=1.3, max_new_tokens=30)], ids=[0, 1])
def test_greedy_is_generate_with_the_mask(model: Any, shape: Shape, settings: Settings) -> None:
    prompt = sampling.prompt(model, TEXT).ids
    made = constrained(model, prompt, compile_shape(model, shape), settings)
    assert list(made.ids) == by_the_library(model, prompt, shape, settings)


@needs("smollm2")
def test_greedy_is_generate_with_the_mask_in_a_real_model() -> None:
    model = open_model("smollm2")
    settings = Settings(do_sample=False, max_new_tokens=16)
    prompt = sampling.prompt(model, "The capital of France is").ids
    made = constrained(model, prompt, compile_shape(model, SHAPES[2]), settings)
    assert list(made.ids) == by_the_library(model, prompt, SHAPES[2], settings)
    assert set(json.loads(written(model, made))) == {"name", "age"}


@pytest.mark.parametrize("seed", range(3))
def test_what_is_drawn_has_the_shape(model: Any, seed: int) -> None:
    import re

    prompt = sampling.prompt(model, TEXT).ids
    settings = Settings(seed=seed, temperature=1.2, max_new_tokens=60)
    for shape in SHAPES:
        made = constrained(model, prompt, compile_shape(model, shape), settings)
        text = written(model, made)
        assert (made.ended, made.complete) == ("complete", True)
        if shape.kind == "choices":
            assert text in shape.choices
        elif shape.kind == "regex":
            assert re.fullmatch(shape.text, text)
        else:
            assert set(json.loads(text)) == {"name", "age"}


def test_each_step_says_what_the_models_own_logits_say(model: Any) -> None:
    prompt = sampling.prompt(model, TEXT).ids
    grammar = compile_shape(model, SHAPES[1])
    settings = Settings(seed=3, temperature=0.9, top_k=5, max_new_tokens=20)
    told: list[Any] = []
    made = constrained(model, prompt, grammar, settings, on_token=told.append)
    assert tuple(told) == made.steps
    matcher, history, log_p, log_q = grammar.matcher(), list(prompt), 0.0, 0.0
    for record in made.steps:
        mask = matcher.allowed()
        raw = fold(next_logits(model, history), history, Settings())[0].probabilities.astype(np.float64)
        token = record.step.id
        assert mask[token]
        assert record.allowed == mask.sum()
        assert record.forced == (mask.sum() == 1)
        assert record.forbidden == pytest.approx(raw[~mask].sum(), abs=1e-5)
        assert record.log_p == pytest.approx(np.log(raw[token]), abs=1e-3)
        assert record.log_q == pytest.approx(np.log(raw[token] / raw[mask].sum()), abs=1e-3)
        assert [one for one, _, _ in record.before] == np.argsort(-raw, kind="stable")[:6].tolist()
        assert all(allowed == mask[one] for one, _, allowed in record.before)
        assert sum(p for _, p in record.after) <= 1 + 1e-9
        assert record.after[0][1] == pytest.approx(raw[mask].max() / raw[mask].sum(), rel=1e-3)
        log_p, log_q = log_p + record.log_p, log_q + record.log_q
        if not record.ends:
            matcher.take(token)
            history.append(token)
    assert made.log_p == pytest.approx(log_p)
    assert made.log_q == pytest.approx(log_q)
    assert made.log_p < made.log_q < 0


def test_the_grammar_has_its_row_in_the_chain(model: Any) -> None:
    """The constraint's stage removes exactly the forbidden mass, and the draw is among what the rest leaves."""
    prompt = sampling.prompt(model, TEXT).ids
    grammar = compile_shape(model, SHAPES[0])
    settings = Settings(seed=3, top_k=5, max_new_tokens=20)
    first = constrained(model, prompt, grammar, settings).steps[0]
    mask = torch.from_numpy(~grammar.matcher().allowed())[None]
    chain = Chain(settings, model=model.model, prompt_ids=prompt,
                  constraint=lambda ids, scores: scores.masked_fill(mask, float("-inf")))
    stages = {stage.name: stage for stage in chain.fold(next_logits(model, prompt), prompt)}
    assert list(stages).index("constraint") < list(stages).index("temperature")
    assert stages["constraint"].removed == pytest.approx(first.forbidden, abs=1e-6)
    assert stages["constraint"].survivors == first.allowed
    assert stages["top_k"].survivors == 5
    assert first.step.probability == pytest.approx(float(stages["min_p"].probabilities[first.step.id]), rel=1e-5)


def test_where_one_token_is_left_nothing_is_chosen(model: Any) -> None:
    prompt = sampling.prompt(model, TEXT).ids
    made = constrained(model, prompt, compile_shape(model, Shape("choices", choices=(" happily ever after",))),
                       Settings(do_sample=False, max_new_tokens=10))
    assert written(model, made) == " happily ever after"
    assert all(one.forced and one.log_q == pytest.approx(0) for one in made.steps)
    assert made.log_p < made.log_q


def test_it_ends_where_the_shape_does_or_is_cut_and_says_so(model: Any) -> None:
    prompt = sampling.prompt(model, TEXT).ids
    person = compile_shape(model, SHAPES[2])
    cut = constrained(model, prompt, person, Settings(do_sample=False, max_new_tokens=5))
    assert (cut.ended, cut.complete, len(cut.steps)) == ("length", False, 5)
    digits = compile_shape(model, Shape("regex", "[0-9]{3,9}"))
    three = constrained(model, prompt, digits, Settings(seed=1, max_new_tokens=3))
    assert (three.ended, three.complete) == ("length", True)  # it could have gone on
    two = compile_shape(model, Shape("regex", "[0-9]{3}"))
    exactly = constrained(model, prompt, two, Settings(do_sample=False, max_new_tokens=3))
    assert (exactly.ended, exactly.complete, len(exactly.steps)) == ("complete", True, 3)
    long = (prompt * 30)[:250]
    full = constrained(model, long, person, Settings(do_sample=False, max_new_tokens=60))
    assert (full.ended, full.complete) == ("context", False)
    assert len(long) + len(full.steps) == model.context


def test_an_end_token_is_drawn_only_where_it_is_allowed(model: Any) -> None:
    prompt = sampling.prompt(model, TEXT).ids
    grammar = compile_shape(model, Shape("regex", " [a-z ]{3,}"))
    (end,) = grammar.ends
    settings = Settings(do_sample=False, max_new_tokens=12, sequence_bias=(((end,), 40.0),))
    made = constrained(model, prompt, grammar, settings)
    assert made.steps[-1].ends
    assert made.ended == "complete"
    assert len(written(model, made)) >= 4
    assert end not in made.ids


def test_stop_takes_effect_within_a_token_and_keeps_what_is_written(model: Any) -> None:
    prompt = sampling.prompt(model, TEXT).ids
    seen: list[Any] = []
    made = constrained(model, prompt, compile_shape(model, SHAPES[2]), Settings(do_sample=False, max_new_tokens=50),
                       on_token=seen.append, cancelled=lambda: len(seen) >= 4)
    assert (made.ended, made.complete, len(made.steps)) == ("stopped", False, 4)


def test_a_grammar_beyond_its_limits_keeps_what_is_written(model: Any) -> None:
    prompt = sampling.prompt(model, TEXT).ids
    grammar = compile_shape(model, Shape("regex", "(a{1,500}){1,500}"))
    made = constrained(model, prompt, grammar, Settings(do_sample=False, max_new_tokens=200))
    assert made.ended == "limit"
    assert made.steps
    assert "explodes" in made.note
    assert not made.complete
