"""The snippets of "Force a shape", run as a reader would run them, give the panel's numbers. One process runs them."""

from __future__ import annotations

from typing import Any

import pytest

from components import sampling
from components.models import sources
from components.models.open import open_model
from components.sampling import Settings
from components.views.sampling import shape_ask
from components.views.sampling.shape_ask import Ask
from components.views.sampling.snippet_shape import snippet_shape
from tests.conftest import here
from tests.snippets.fresh import placed, run

TALE = "Once upon a time there was a little girl. She was so"
SCHEMA = '{"type": "object", "properties": {"name": {"type": "string", "maxLength": 9}}, "required": ["name"]}'
CASES = (
    Ask("choices", "storyteller", TALE, False, " happy\n sad\n sadly \"so\"", Settings(do_sample=False)),
    Ask("regex", "storyteller", TALE, False, r" [a-z]{3,9}, '[0-9]+'\.",
        Settings(temperature=0.9, top_k=40, top_p=0.95, min_p=0.02, repetition_penalty=1.2, seed=5, max_new_tokens=20)),
    Ask("json", "smollm2", "Maria is 31.", True, SCHEMA, Settings(do_sample=False, max_new_tokens=12)),
    Ask("likely", "smollm2", "It broke.", False, "positive\nnegative", Settings(), "Review: {text}\nSentiment:",
        "Is it good? {text}"),
)

NAMES = ("written", "allowed", "forbidden", "log_p", "log_q", "here", "empty", "adds", "said", "masked", "whole")


@pytest.fixture(scope="module")
def results() -> dict[int, dict[str, Any]]:
    usable = [place for place, ask in enumerate(CASES) if here(ask.model)]
    runs = [placed(snippet_shape(CASES[place]), sources.locate(CASES[place].model)) for place in usable]
    return dict(zip(usable, run(runs, NAMES), strict=True))


@pytest.mark.parametrize("place", range(len(CASES)))
def test_numbers_are_the_panels(place: int, results: dict[int, dict[str, Any]]) -> None:
    ask = CASES[place]
    if place not in results:
        pytest.skip(f"{ask.model} is not here; `python -m components.models fetch {ask.model}` brings it")
    got, model = results[place], open_model(ask.model)
    if ask.kind == "likely":
        whole, bare = shape_ask.filled(ask.form, ask.before), shape_ask.filled(ask.form, "")
        ids = sampling.prompt(model, whole).ids
        rows = [sampling.continuation(model, whole, " " + one, ids) for one in shape_ask.lines(ask.text)]
        found = sampling.score_options(model, ids, rows, sampling.prompt(model, bare).ids)
        assert got["here"] == pytest.approx(found.log_p.tolist(), abs=1e-3)
        assert got["empty"] == pytest.approx(found.log_p_empty.tolist(), abs=1e-3)
        assert got["adds"] == pytest.approx(found.calibrated.tolist(), abs=1e-3)
        assert got["said"]
        return
    prompt = sampling.prompt(model, ask.before, chat=ask.chat)
    grammar = sampling.compile_shape(model, shape_ask.shape_of(ask))
    made = sampling.constrained(model, prompt.ids, grammar, ask.settings)
    assert got["written"] == [one.step.id for one in made.steps]
    assert got["allowed"] == [one.allowed for one in made.steps]
    assert got["forbidden"] == pytest.approx([one.forbidden for one in made.steps], abs=1e-4)
    assert got["log_p"] == pytest.approx(made.log_p, abs=1e-2)
    assert got["log_q"] == pytest.approx(made.log_q, abs=1e-2)
    if ask.kind == "choices":
        odds = sampling.choice_odds(model, prompt.ids, grammar)
        assert got["masked"] == pytest.approx(odds.masked.tolist(), abs=3e-3)
        assert got["whole"] == pytest.approx(odds.whole.tolist(), abs=3e-3)
