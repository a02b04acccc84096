""""Reproduce these branches" gives the panel's tokens and numbers. One fresh process runs all cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from components import sampling
from components.models import sources
from components.models.open import open_model
from components.sampling import Settings
from components.views.sampling.snippet_branches import snippet_branches
from tests.snippets.fresh import placed, run

TEXT = "The old lighthouse keeper climbed the stairs because"
COUNT = 5
CASES: list[dict[str, Any]] = [
    {"settings": Settings(temperature=0.8, top_k=50, top_p=0.9, min_p=0.05)},
    {"settings": Settings(temperature=1.3, repetition_penalty=1.4, presence_penalty=0.5), "written": (40, 41)},
]


def source(case: dict[str, Any]) -> str:
    code = snippet_branches("storyteller", TEXT, case["settings"], COUNT, written=case.get("written", ()))
    assert code.startswith('folder = "assets/models/storyteller"\n')
    return placed(code, sources.locate("storyteller"))


@pytest.fixture(scope="module")
def results() -> list[dict[str, Any]]:
    return run([source(case) for case in CASES], ("branches", "probabilities", "surprises"))


@pytest.mark.parametrize("place", range(len(CASES)))
def test_branches_are_the_panels(place: int, results: list[dict[str, Any]]) -> None:
    model, settings, ids = open_model("storyteller"), CASES[place]["settings"], CASES[place].get("written", ())
    prompt = sampling.prompt(model, TEXT).ids
    chain = sampling.Chain(settings, model=model.model, prompt_ids=prompt)
    steps: list[sampling.Step] = []
    for token in ids:
        text = (*prompt, *(step.id for step in steps))
        steps.append(sampling.take(sampling.next_logits(model, text), text, chain, len(steps), wanted=token))
    text = (*prompt, *ids)
    stages = chain.fold(sampling.next_logits(model, text), text)
    firsts = [one[0] for one in sampling.offers(stages[0].probabilities, stages[-1].probabilities)]
    made = sampling.look_ahead(model, prompt, steps, firsts, settings, COUNT)
    got = results[place]
    assert got["branches"] == [[one.step.id for one in branch] for branch in made]
    for branch, after, surprise in zip(made, got["probabilities"], got["surprises"], strict=True):
        np.testing.assert_allclose(after, [one.chance for one in branch], atol=1e-4)
        np.testing.assert_allclose(surprise, [one.step.surprise for one in branch], atol=1e-3)


@pytest.mark.parametrize(
    "settings", [Settings(mirostat=2), Settings(xtc_probability=0.5), Settings(watermark="greenlist")]
)
def test_what_remembers_more_than_the_text_is_a_sentence(settings: Settings) -> None:
    with pytest.raises(ValueError, match="switch it off"):
        snippet_branches("storyteller", TEXT, settings, COUNT)
