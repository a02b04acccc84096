"""Shapes at the door: what compiles, what is refused in a sentence, what a matcher lets through."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.models.open import open_model
from components.sampling.grammar import MOST_CHOICES, Grammar, Shape, compile_shape


@pytest.fixture(scope="module")
def model() -> Any:
    return open_model("storyteller")


def texts(model: Any, mask: np.ndarray) -> list[str]:
    return [model.tokenizer.library_object.decode([token]) for token in np.flatnonzero(mask).tolist()]


def follows(model: Any, grammar: Grammar, text: str) -> bool:
    """Whether a text, cut as the tokenizer cuts it, goes through and has the whole shape."""
    matcher = grammar.matcher()
    for token in model.tokenizer.library_object.encode(text, add_special_tokens=False).ids:
        if not matcher.allowed()[token]:
            return False
        matcher.take(token)
    return matcher.accepting


def walked(grammar: Grammar, chance: random.Random) -> str:
    """A text made of tokens drawn evenly from those that are allowed."""
    matcher, ids = grammar.matcher(), []
    for _ in range(200):
        allowed = [token for token in np.flatnonzero(matcher.allowed()).tolist() if token not in grammar.ends]
        if not allowed:
            break
        ids.append(chance.choice(allowed))
        matcher.take(ids[-1])
    assert matcher.accepting
    return bytes(grammar._tokenizer.decode_bytes(ids)).decode("utf-8")


def test_choices_let_through_what_spells_them(model: Any) -> None:
    matcher = compile_shape(model, Shape("choices", choices=("yes", "no"))).matcher()
    found = set(texts(model, matcher.allowed()))
    assert found
    assert all("yes".startswith(one) or "no".startswith(one) for one in found)
    (y,) = model.tokenizer.library_object.encode("y", add_special_tokens=False).ids
    matcher.take(y)
    assert len(texts(model, matcher.allowed())) == 1
    with pytest.raises(ValueError, match="left the shape"):
        matcher.take(y)


def test_an_end_token_only_where_the_shape_is_complete(model: Any) -> None:
    grammar = compile_shape(model, Shape("choices", choices=("a", "a tree")))
    end = next(iter(grammar.ends))
    matcher = grammar.matcher()
    assert not matcher.allowed()[end]
    assert not matcher.accepting
    (token,) = model.tokenizer.library_object.encode("a", add_special_tokens=False).ids
    matcher.take(token)
    assert matcher.accepting
    assert matcher.allowed()[end]
    other = matcher.copy()
    other.take(int(np.flatnonzero(matcher.allowed() & (np.arange(grammar.vocabulary) != end))[0]))
    assert matcher.accepting  # the copy went on alone


@pytest.mark.parametrize(
    "choice", ['he said "yes"', "a\\b", "line\nbreak", "ü 😀 \u0e01", "<|endoftext|>", "| /x/ ~", "'"]
)
def test_choices_are_taken_letter_by_letter(model: Any, choice: str) -> None:
    grammar = compile_shape(model, Shape("choices", choices=(choice, "other")))
    found = {walked(grammar, random.Random(seed)) for seed in range(12)}
    assert found == {choice, "other"}


@settings(max_examples=25, derandomize=True, deadline=None)
@given(st.integers(0, 10**6))
def test_whatever_is_drawn_from_a_schema_is_json_of_that_schema(model: Any, seed: int) -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 12},
              "age": {"type": "integer", "minimum": 0, "maximum": 120}, "tags": {"type": "array", "maxItems": 2,
              "items": {"enum": ["red", "blue"]}}}, "required": ["name", "age", "tags"],
              "additionalProperties": False}
    grammar = compile_shape(model, Shape("json", json.dumps(schema)))
    found = json.loads(walked(grammar, random.Random(seed)))
    assert list(found) == ["name", "age", "tags"]
    assert len(found["name"]) <= 12
    assert 0 <= found["age"] <= 120
    assert set(found["tags"]) <= {"red", "blue"}


@pytest.mark.parametrize(("pattern", "yes", "no"), [
    (r"[0-9]{4}-[0-9]{2}", "2026-12", "2026-1"), (r"^abc$", "abc", "abcd"), (r"(?i)hello", "HeLLo", "help"),
    (r" ?\p{Lu}\p{Ll}+", " Anna", "anna"), (r"(cat|dog)s?", "dogs", "birds"), (r"a.b", "a/b", "a\nb"),
])
def test_regular_expressions_hold_for_the_whole_output(model: Any, pattern: str, yes: str, no: str) -> None:
    grammar = compile_shape(model, Shape("regex", pattern))
    assert follows(model, grammar, yes)
    assert not follows(model, grammar, no)


def test_any_json(model: Any) -> None:
    for schema in ("{}", "true"):
        grammar = compile_shape(model, Shape("json", schema))
        for text in ('{"a": [1, 2.5, null]}', '"word"', "false", "-3e5"):
            assert follows(model, grammar, text)
        for text in ("{a: 1}", "[1, ]", "'word'", "01", ""):
            assert not follows(model, grammar, text)


@pytest.mark.parametrize(("shape", "says"), [
    (Shape("choices"), "no choice to choose from"), (Shape("choices", choices=("a", "a")), "twice"),
    (Shape("choices", choices=("a", "")), "empty"), (Shape("choices", choices=("x" * 500,)), "shorten"),
    (Shape("choices", choices=tuple(map(str, range(MOST_CHOICES + 1)))), "leave some out"),
    (Shape("choices", choices=("\ud800",)), "surrogate"),
    (Shape("regex", ""), "empty"), (Shape("regex", "(a"), "unclosed group"), (Shape("regex", "a**{"), "cannot be used"),
    (Shape("regex", r"(a)\1"), "backreferences"), (Shape("regex", r"(?=a)b"), "look-around"),
    (Shape("regex", "[a&&b]"), "No text can meet"), (Shape("regex", "()"), "only an empty output"),
    (Shape("regex", "a" * 2000), "shorten"), (Shape("regex", "\udfff"), "surrogate"),
    (Shape("regex", "[" * 900), "cannot be used"), (Shape("regex", "(" * 400 + "a" + ")" * 400), "cannot be used"),
    (Shape("json", ""), "write {} for any JSON"), (Shape("json", "{"), "line 1, sign 2"),
    (Shape("json", "[" * 15_000), "nested too deeply"), (Shape("json", "[]"), "JSON object"),
    (Shape("json", "7"), "JSON object"), (Shape("json", "false"), "allows nothing"),
    (Shape("json", " " * 30_000), "shorten"), (Shape("json", '{"type": "strin"}'), "strin"),
    (Shape("json", '{"type": 5}'), "type must be"), (Shape("json", '{"properties": []}'), "must be an object"),
    (Shape("json", '{"type": "integer", "minimum": 3, "maximum": 1}'), "No text can meet this schema: minimum"),
    (Shape("json", '{"type": "string", "minLength": 5, "maxLength": 2}'), "No text can meet"),
    (Shape("json", '{"type": "array", "minItems": 5, "maxItems": 2}'), "No text can meet"),
    (Shape("json", '{"allOf": [{"type": "string"}, {"type": "integer"}]}'), "No text can meet"),
    (Shape("json", '{"enum": []}'), "No text can meet"), (Shape("json", '{"const": 1, "type": "string"}'), "No text"),
    (Shape("json", '{"type": "object", "properties": {"a": {"enum": []}}, "required": ["a"]}'), "'a' is unsatisfiable"),
    (Shape("json", '{"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}'), "No text can meet"),
    (Shape("json", '{"type": "array", "uniqueItems": true}'), "does not know uniqueItems"),
    (Shape("json", '{"not": {"type": "string"}}'), "does not know not"), (Shape("json", '{"if": {}}'), "does not know"),
    (Shape("json", '{"oneOf": [{"type": "string"}, {"type": "string", "maxLength": 3}]}'), "anyOf"),
    (Shape("json", '{"type": "string", "format": "wobble"}'), "wobble"),
    (Shape("json", '{"type": "string", "pattern": "(a"}'), "unclosed group"),
    (Shape("json", '{"$ref": "file:///etc/passwd"}'), "nothing is fetched"),
    (Shape("json", '{"$ref": "http://127.0.0.1/x"}'), "nothing is fetched"),
    (Shape("poem", "x"), "no shape called"),
], ids=lambda value: str(value)[:40] if isinstance(value, str) else value.text[:20] or "choices")
def test_trouble_is_a_sentence_at_the_door(model: Any, shape: Shape, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        compile_shape(model, shape)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


EXPLODING = [r"(?:a?){500}a{500}", r"(a{1,500}){1,500}", r"((((a{1,900}){1,900}){1,900}){1,900})",
             r"(.{1,3000}){1,3000}", r"(a|b)*a(a|b){300}c", r"(x+x+)+y", r"([a-z]+)+!", r".{100000}",
             r"((a|b)*a(a|b){12}){12}", r"(.*a){50}"]


@pytest.mark.parametrize("pattern", EXPLODING)
def test_a_regular_expression_that_explodes_is_bounded(model: Any, pattern: str) -> None:
    """Where a backtracking engine or a full automaton would run away, every step ends: with a mask or a sentence."""
    says = ran(model, pattern, 60)
    assert not says or "explodes" in says


def ran(model: Any, pattern: str, steps: int) -> str:
    """Follow a pattern where it leads; why it could not go on, or nothing."""
    chance = random.Random(1)
    try:
        grammar = compile_shape(model, Shape("regex", pattern))
        matcher = grammar.matcher()
        for _ in range(steps):
            allowed = [token for token in np.flatnonzero(matcher.allowed()).tolist() if token not in grammar.ends]
            if not allowed:
                break
            matcher.take(chance.choice(allowed))
    except ValueError as problem:
        return str(problem)
    return ""


def test_the_limits_are_met(model: Any) -> None:
    assert "explodes" in ran(model, EXPLODING[1], 2_000)


def test_logits_beyond_the_tokenizer_are_never_allowed(model: Any) -> None:
    """Some models have more logits than their tokenizer has tokens (a rounded-up matrix)."""
    import dataclasses
    import types

    import torch

    class Wide:
        generation_config = types.SimpleNamespace(eos_token_id=0)

        def generate(self) -> None: ...

        def get_output_embeddings(self) -> Any:
            return types.SimpleNamespace(weight=torch.zeros(4_200, 2))

    wide = dataclasses.replace(model, model=Wide())
    grammar = compile_shape(wide, Shape("regex", "[a-z ]+"))
    mask = grammar.matcher().allowed()
    assert mask.shape == (4_200,)
    assert mask[:4_096].any()
    assert not mask[4_096:].any()
