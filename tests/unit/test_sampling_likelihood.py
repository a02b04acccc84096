"""Scoring answers in one batch equals scoring them one by one; choices weighed in two ways equal brute force."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from components import sampling
from components.models.open import open_model
from components.sampling import Settings, next_logits
from components.sampling.choices import choice_odds
from components.sampling.constrained import constrained, only_ends
from components.sampling.grammar import Grammar, Matcher, Shape, compile_shape
from components.sampling.likelihood import MOST_OPTIONS, ROWS, continuation, score_options
from tests.unit.tiny_decoders import tiny

TEXT = "Once upon a time there was a little girl. She was so"


@pytest.fixture(scope="module")
def model() -> Any:
    return open_model("storyteller")


def alone(model: Any, prompt: list[int], option: list[int]) -> float:
    """ln P of one option by a bare forward."""
    library = getattr(model, "model", model) if not hasattr(model, "generate") else model
    with torch.inference_mode():
        scores = torch.log_softmax(library(torch.tensor([[*prompt, *option]])).logits[0].double(), -1)
    return sum(float(scores[len(prompt) - 1 + place, token]) for place, token in enumerate(option))


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_a_batch_is_one_by_one(kind: str) -> None:
    bare = tiny(kind, seed=2)
    prompt, empty = [5, 9, 9, 42, 7], [5]
    options = [[3], [4, 5, 6], [7, 8], [9, 10, 11, 12, 13], *([one] for one in range(20, 20 + MOST_OPTIONS - 4))]
    assert len(options) > ROWS  # more than one batch
    for _ in range(2):  # the second time from the kept cache
        found = score_options(bare, prompt, options, empty)
        np.testing.assert_allclose(found.log_p, [alone(bare, prompt, one) for one in options], atol=1e-4)
        np.testing.assert_allclose(found.log_p_empty, [alone(bare, empty, one) for one in options], atol=1e-4)
    assert found.tokens.tolist() == [len(one) for one in options]
    np.testing.assert_allclose(found.calibrated, found.log_p - found.log_p_empty)
    np.testing.assert_allclose(found.mean, found.log_p / found.tokens)


def test_the_kept_prompt_is_not_spoiled_by_what_stood_behind_it(model: Any) -> None:
    prompt = sampling.prompt(model, TEXT).ids
    before = next_logits(model, prompt).copy()
    sampling.prefixes.clear()
    score_options(model, prompt, [[100, 200, 300], [4]], prompt[:1])
    np.testing.assert_allclose(next_logits(model, prompt), before, atol=1e-4)


@pytest.mark.parametrize(("prompt", "options", "says"), [
    ([5], [], "no option"), ([5], [[1], []], "no token"), ([], [[1]], "no token to go on"),
    ([5], [[9999]], "not among"),
    ([5], [[1]] * (MOST_OPTIONS + 1), "leave some out"), ([5] * 60, [[1] * 6], "shorten"),
])
def test_trouble_is_a_sentence(prompt: list[int], options: list[list[int]], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        score_options(tiny(), prompt, options, [5])


def test_a_scoring_can_be_stopped() -> None:
    with pytest.raises(ValueError, match="stopped"):
        score_options(tiny(), [5], [[1]], [5], cancelled=lambda: True)


def test_an_option_is_cut_as_it_stands_behind_its_prompt(model: Any) -> None:
    library = model.tokenizer.library_object
    ids = library.encode(TEXT, add_special_tokens=False).ids
    found = continuation(model, TEXT, " happy", ids)
    assert [*ids, *found] == library.encode(TEXT + " happy", add_special_tokens=False).ids
    # Where the two would grow together, the option is cut alone.
    assert continuation(model, "The ca", "t", library.encode("The ca").ids) == tuple(library.encode("t").ids)
    with pytest.raises(ValueError, match="no token"):
        continuation(model, TEXT, "", ids)


def brute(model: Any, prompt: tuple[int, ...], grammar: Grammar) -> tuple[dict[str, float], dict[str, float]]:
    """Every path of the grammar, each with a plain forward: masked and whole-text mass of each choice."""
    masked: dict[str, float] = {}
    whole: dict[str, float] = {}

    def walk(matcher: Matcher, path: tuple[int, ...], q: float, p: float) -> None:
        mask = matcher.allowed()
        text = grammar._tokenizer.decode_bytes(list(path)).decode("utf-8", "replace")
        if only_ends(mask, grammar):
            masked[text] = masked.get(text, 0) + q
            whole[text] = whole.get(text, 0) + p
            return
        with torch.inference_mode():
            logits = model.model(torch.tensor([[*prompt, *path]])).logits[0, -1].double()
        raw = torch.softmax(logits, -1).numpy()
        share = float(raw[mask].sum())
        for token in np.flatnonzero(mask).tolist():
            if token in grammar.ends:
                masked[text] = masked.get(text, 0) + q * raw[token] / share
                whole[text] = whole.get(text, 0) + p * raw[token]
                continue
            after = matcher.copy()
            after.take(token)
            walk(after, (*path, token), q * raw[token] / share, p * raw[token])

    walk(grammar.matcher(), (), 1.0, 1.0)
    total = sum(whole.values())
    return masked, {text: p / total for text, p in whole.items()}


@pytest.mark.parametrize("choices", [(" sad", " glad", " old"), (" sad", " sadly"), ("a", "an", "and")])
def test_both_weights_are_those_of_every_path(model: Any, choices: tuple[str, ...]) -> None:
    prompt = sampling.prompt(model, TEXT).ids
    grammar = compile_shape(model, Shape("choices", choices=choices))
    masked, whole = brute(model, prompt, grammar)
    found = choice_odds(model, prompt, grammar)
    np.testing.assert_allclose(found.masked, [masked[one] for one in choices], atol=found.unseen_masked + 1e-5)
    np.testing.assert_allclose(found.whole, [whole[one] for one in choices], atol=found.unseen_whole + 1e-5)
    assert found.unseen_masked < 1e-3
    assert found.unseen_whole < 1e-3
    assert found.masked.sum() + found.unseen_masked == pytest.approx(1, abs=1e-6)
    assert found.whole.sum() == pytest.approx(1, abs=1e-9)
    assert (found.own_cut <= found.masked + 1e-6).all()


def test_the_two_weights_can_disagree(model: Any) -> None:
    """The lesson of the panel: draws inside a shape do not follow the model's own distribution over its texts."""
    prompt = sampling.prompt(model, TEXT).ids
    grammar = compile_shape(model, Shape("choices", choices=(" sad", " very tired")))
    found = choice_odds(model, prompt, grammar)
    assert found.masked.argmax() != found.whole.argmax()
    # Draws do what `masked` says, within four standard errors.
    counts = np.zeros(2)
    for seed in range(60):
        made = constrained(model, prompt, grammar, Settings(seed=seed, max_new_tokens=20))
        counts[found.choices.index(model.tokenizer.library_object.decode(list(made.ids)))] += 1
    for share, p in zip(counts / 60, found.masked, strict=True):
        assert abs(share - p) < 4 * math.sqrt(p * (1 - p) / 60) + 1e-3


def test_only_choices_can_be_weighed(model: Any) -> None:
    with pytest.raises(ValueError, match="Only choices"):
        choice_odds(model, sampling.prompt(model, TEXT).ids, compile_shape(model, Shape("regex", "a+")))


def test_choices_that_are_next_to_impossible_still_sum_to_one(model: Any) -> None:
    prompt = sampling.prompt(model, TEXT).ids
    found = choice_odds(model, prompt, compile_shape(model, Shape("choices", choices=("🦀🦀", "ζζζ"))))
    assert found.whole.sum() == pytest.approx(1, abs=1e-9)
    assert np.isfinite(found.log_p).all()
