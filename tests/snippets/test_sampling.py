"""Every "Reproduce in Python" of the Sampling page gives the picture's numbers. One fresh process runs them all."""

from __future__ import annotations

from typing import Any

import pytest

from components import sampling
from components.models import sources
from components.sampling import Settings
from components.views.sampling.snippet import snippet
from tests.conftest import here
from tests.snippets.fresh import placed, run

TEXT = "The old lighthouse keeper climbed the stairs because"
CASES: list[tuple[str, dict[str, Any]]] = [
    ("storyteller", {"settings": Settings(temperature=0.8, top_k=50, top_p=0.9, min_p=0.05), "written": (40, 41)}),
    ("storyteller", {"settings": Settings(temperature=0, repetition_penalty=1.3)}),
    ("storyteller", {"settings": Settings(temperature=1.4, seed=12), "redraw": 3}),
    ("storyteller", {"settings": Settings(temperature=0.9, top_k=200, typical_p=0.9, epsilon_cutoff=1e-5,
                                          eta_cutoff=1e-4,
                                          top_h=0.9, top_n_sigma=3.0, top_a=0.001, tfs_z=0.99, min_p=0.001),
                     "written": (40, 41, 42)}),
    ("storyteller", {"settings": Settings(
        temperature=0.8, top_k=40, top_p=0.95, presence_penalty=0.4, frequency_penalty=0.3, penalty_last_n=-1,
        dry_multiplier=0.8, dry_breakers=(10,), xtc_probability=1.0, xtc_threshold=0.05, repetition_penalty=1.1,
        order=("repetition_penalty", "dry_multiplier", "top_k", "top_p", "xtc_probability", "temperature")),
        "written": (300, 301, 302, 300, 301)}),
    ("storyteller", {"settings": Settings(dynatemp_range=0.5, dynatemp_exponent=1.5, smoothing_factor=0.2,
                                          smoothing_curve=1.5, top_p=0.9, no_repeat_ngram_size=2,
                                          encoder_no_repeat_ngram_size=2, encoder_repetition_penalty=1.2)}),
    ("storyteller", {"settings": Settings(
        sequence_bias=(((300,), 4.0), ((41, 301), 3.0)), bad_words_ids=((264,), (265, 266)), suppress_tokens=(270,),
        begin_suppress_tokens=(271,), min_new_tokens=9, min_length=30, top_k=60,
        exponential_decay_length_penalty=(1, 1.2)), "written": (40, 41)}),
    ("storyteller", {"settings": Settings(guidance_scale=1.5, negative_prompt_ids=(300, 301), top_k=100,
                                          renormalize_logits=True, remove_invalid_values=True), "written": (40, 41)}),
    ("storyteller", {"settings": Settings(watermark="greenlist", watermark_bias=1.5)}),
    ("storyteller", {"settings": Settings(watermark="synthid", top_k=400), "written": (40, 41, 42)}),
    ("storyteller", {"settings": Settings(mirostat=2, mirostat_tau=3.0, temperature=0.9), "written": (40, 41),
                     "chances": (0.2, 0.01)}),
    ("storyteller", {"settings": Settings(mirostat=1, mirostat_tau=4.0), "written": (40, 41), "chances": (0.5, 0.02)}),
    ("smollm2", {"settings": Settings(temperature=0.7, top_p=0.95, repetition_penalty=1.1), "chat": True,
                 "system": "You answer 'briefly'."}),
]
NAMES = ("before", "after", "survivors", "entropy", "token", "tokens", "top")


def source(model: str, case: dict[str, Any]) -> str:
    code = snippet(model, TEXT, case["settings"], written=case.get("written", ()), redraw=case.get("redraw", 0),
                   chat=case.get("chat", False), system=case.get("system", ""), chances=case.get("chances", ()))
    return placed(code, sources.locate(model))


@pytest.fixture(scope="module")
def results() -> dict[int, dict[str, Any]]:
    usable = [place for place, (model, _) in enumerate(CASES) if here(model)]
    found = run([source(*CASES[place]) for place in usable], NAMES)
    return dict(zip(usable, found, strict=True))


@pytest.fixture(scope="module")
def opened() -> dict[str, Any]:
    from components.models.open import open_model

    return {name: open_model(name) for name in {model for model, _ in CASES} if here(name)}


@pytest.mark.parametrize("place", range(len(CASES)))
def test_numbers_are_the_pictures(place: int, results: dict[int, dict[str, Any]], opened: dict[str, Any]) -> None:
    model, case = CASES[place]
    if place not in results:
        pytest.skip(f"{model} is not here; `python -m components.models fetch {model}` brings it")
    settings, written = case["settings"], case.get("written", ())
    prompt = sampling.prompt(opened[model], TEXT, chat=case.get("chat", False), system=case.get("system", ""))
    ids = (*prompt.ids, *written)
    logits = sampling.next_logits(opened[model], ids)
    chain = sampling.Chain(settings, model=opened[model].model, prompt_ids=prompt.ids)
    redraw, chances = case.get("redraw", 0), case.get("chances", ())
    stages = chain.fold(logits, ids, redraw=redraw, chances=chances)
    step = sampling.take(logits, ids, chain, len(written), redraw, chances=chances)
    got = results[place]
    assert got["before"] == pytest.approx([float(stages[0].probabilities[i]) for i in got["top"]], abs=1e-4)
    assert got["after"] == pytest.approx([float(stages[-1].probabilities[i]) for i in got["top"]], abs=1e-4)
    assert got["survivors"] == pytest.approx(stages[-1].survivors, abs=2)
    assert got["entropy"] == pytest.approx(stages[-1].entropy, abs=1e-3)
    assert got["token"] == step.id
