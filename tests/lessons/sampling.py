"""The claims of the Sampling page's lessons, each held against the model it names, with a margin."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.models import sources
from components.sampling import Settings, Stage, decode, fold, prompt, read

LESSONS = Path(__file__).resolve().parents[2] / "assets" / "lessons" / "sampling.json"


@cache
def _opened(model: str) -> Any:
    from components.models.open import open_model

    if not sources.state(model).here:
        pytest.skip(f"{model} is not here; run `python -m components.models fetch {model}`")
    return open_model(model)


def _lesson(name: str) -> dict[str, Any]:
    return next(item for item in json.loads(LESSONS.read_text("utf-8"))["lessons"] if item["id"] == name)


def _settings(lesson: dict[str, Any], **other: Any) -> Settings:
    """The knobs as the lesson sets them up."""
    knobs = {key.removeprefix("sampling_"): value for key, value in lesson["setup"].items()}
    order = tuple(name for name in knobs.pop("order", "").split(",") if name)
    kept = {key: value for key, value in knobs.items() if key not in ("chat", "panel")}
    return Settings.of({**kept, "order": order, **other})


@cache
def _logits(model: str, text: str) -> tuple[tuple[int, ...], np.ndarray]:
    reading = read(_opened(model), prompt(_opened(model), text).ids)
    return reading.ids, reading.logits


def _stages(name: str, text: str | None = None, **other: Any) -> dict[str, Stage]:
    lesson = _lesson(name)
    ids, logits = _logits(lesson["model"], text or lesson["text"])
    stages = fold(logits, ids, _settings(lesson, **other), model=_opened(lesson["model"]))
    return {stage.name: stage for stage in stages}


def _id(text: str, model: str = "smollm2") -> int:
    found: int = _opened(model).tokenizer.library_object.encode(text).ids[0]
    return found


def lesson_temperature_keeps_the_order() -> None:
    cool, warm = (_stages("temperature-keeps-the-order", temperature=heat) for heat in (0.8, 1.5))
    before, after = cool["temperature"].probabilities, warm["temperature"].probabilities
    he, they = _id(" he"), _id(" they")
    assert before[he] == pytest.approx(0.51, abs=0.02)
    assert before[they] == pytest.approx(0.12, abs=0.02)
    assert after[he] == pytest.approx(0.13, abs=0.02)
    assert after[they] == pytest.approx(0.06, abs=0.02)
    top = np.argsort(-before)[:1000]
    assert (np.diff(after[top]) <= 0).all()
    assert 5 <= cool["top_p"].survivors <= 9
    assert 4000 <= warm["top_p"].survivors <= 5000


def lesson_top_p_counts_for_itself() -> None:
    here = _stages("top-p-counts-for-itself")
    assert 600 <= here["top_p"].survivors <= 800
    assert 7 <= _stages("top-p-counts-for-itself", "The capital of France is")["top_p"].survivors <= 14
    assert here["logits"].probabilities[_id(" cat")] == pytest.approx(0.11, abs=0.02)
    assert here["logits"].probabilities[_id(" elephant")] == pytest.approx(0.07, abs=0.02)


def lesson_the_fifty_nobody_asked_for() -> None:
    warm = _stages("the-fifty-nobody-asked-for")
    assert warm["top_k"].removed == pytest.approx(0.40, abs=0.03)
    assert warm["top_k"].effective == pytest.approx(19, abs=2)
    assert _stages("the-fifty-nobody-asked-for", top_k=0)["min_p"].effective == pytest.approx(410, abs=30)
    assert _stages("the-fifty-nobody-asked-for", temperature=1.0)["top_k"].removed == pytest.approx(0.03, abs=0.01)


def lesson_the_penalty_reads_your_prompt() -> None:
    stages = _stages("the-penalty-reads-your-prompt")
    before, after = stages["logits"].probabilities, stages["repetition_penalty"].probabilities
    apples = _id(" apples")
    assert int(before.argmax()) == apples
    assert before[apples] == pytest.approx(0.15, abs=0.02)
    assert after[apples] < 0.01
    assert int(after.argmax()) == _id(" oranges")
    for text in (" bread", ","):
        assert after[_id(text)] < before[_id(text)]


def lesson_greedy_goes_round() -> None:
    lesson = _lesson("greedy-goes-round")
    opened = _opened(lesson["model"])
    made = decode(opened, prompt(opened, lesson["text"]).ids, [_settings(lesson)])[0]
    text = opened.tokenizer.library_object.decode(list(made.ids))
    assert text.count("she had been working at the bakery for 20 years") >= 2, text


def lesson_order_is_a_knob_too() -> None:
    other, usual = (_stages("order-is-a-knob-too", **change) for change in ({}, {"order": ()}))
    assert other["temperature"].survivors == 12
    assert 4000 <= usual["top_p"].survivors <= 5000
    lesson = _lesson("order-is-a-knob-too")
    opened = _opened("smollm2")
    ids = prompt(opened, lesson["text"]).ids
    settings = [_settings(lesson, max_new_tokens=1, **change) for change in ({}, {"order": ()})]
    assert [made.ids[0] for made in decode(opened, ids, settings)] == [_id(" she"), _id(" a")]


def lesson_a_made_up_fact_is_likely() -> None:
    lesson = _lesson("a-made-up-fact-is-likely")
    opened = _opened("smollm2")
    ids = prompt(opened, lesson["text"], chat=True).ids
    decoded = opened.tokenizer.library_object.decode
    made = [one for start in (1, 9, 17) for one in
            decode(opened, ids, [_settings(lesson, seed=seed) for seed in range(start, min(start + 8, 21))])]
    texts = [decoded(list(one.ids)) for one in made]
    assert not [text for text in texts if re.search("know|sorry|no record|cannot|fiction", text)]
    years = [found[0] for text in texts if (found := re.findall(r"\b(?:1[5-9]|20)\d\d", text))]
    assert len(years) >= 12, texts
    assert len(set(years)) >= len(years) - 2, years
    assert {"1883", "1927", "1945", "1967", "1975", "1991"} <= set(years)
    begins = "The bridge of Little Osmondby was built in 1"
    plain = next(one for one, text in zip(made, texts, strict=True) if text.startswith(begins))
    said = [decoded([step.id]) for step in plain.steps]
    digits = [i for i, piece in enumerate(said) if piece.isdigit()][:4]
    sentence = [step.raw for step in plain.steps[1 : digits[0] - 2]]
    assert float(np.median(sentence)) > 0.9
    assert min(plain.steps[i].raw for i in digits[1:]) < 0.3


def lesson_well_formed_and_wrong() -> None:
    import datetime

    from components.sampling import CALL_SCHEMA, Shape, compile_shape, constrained, run_call
    from components.views.sampling.shape_ask import call_prompt

    opened = _opened("smollm2")
    grammar = compile_shape(opened, Shape("json", CALL_SCHEMA))

    def called(question: str) -> Any:
        ids = prompt(opened, call_prompt(question)).ids
        made = constrained(opened, ids, grammar, Settings(temperature=0, max_new_tokens=60))
        assert made.complete
        return run_call(opened.tokenizer.library_object.decode(list(made.ids)), datetime.date(2026, 11, 21))

    right, wrong, hamlet = map(called, ("What is 17 times 23?", "What is 17 * 23?", "Who wrote Hamlet?"))
    assert (right.function, right.ran) == ("calculator", True)
    assert "391" in right.says
    assert (wrong.function, wrong.argument, wrong.well_formed, wrong.ran) == ("date", "17 * 23", True, False)
    assert hamlet.well_formed
