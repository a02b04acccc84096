"""What a reader asks of the panel "Force a shape", and the work behind it: plain data in, one finished buffer out."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from components import sampling
from components.models import loaders
from components.sampling import CALL_SCHEMA, Constrained, Settings, Shape, ShapeStep
from components.views import frame
from components.views.sampling import moments, shape_picture
from components.workshop import Job

# Told after every token, and drawn only when somebody looks.
Tell = Callable[[Callable[[], bytes]], None]
FREE_TOKENS = 16


@dataclass(frozen=True)
class Ask:
    """One press of Run.

    Attributes:
        kind: "choices", "regex", "json", "call" or "likely".
        model: catalog id.
        before: the text that the output stands behind; the question of a call; the text that is asked about.
        chat: `before` is a chat message.
        text: the shape as it was typed; for "likely" the answers, one a line.
        settings: the knobs of the draw.
        form: for "likely", how text and answer stand together, with {text} in it.
        ask: for "likely", the same question in words, for the free answer.
        every: for "likely", all ready reviews in place of `before`.
    """

    kind: str
    model: str
    before: str
    chat: bool
    text: str
    settings: Settings
    form: str = ""
    ask: str = ""
    every: bool = False


@cache
def page_copy() -> dict[str, Any]:
    """The panel's texts, examples and ready questions."""
    found: dict[str, Any] = json.loads((frame.ASSETS / "copy" / "sampling_shapes.json").read_text("utf-8"))
    return found


def lines(text: str) -> tuple[str, ...]:
    """What was typed line by line; empty lines fall out, a space in front of a line stays."""
    return tuple(line.rstrip("\r") for line in text.split("\n") if line.strip())


def shape_of(ask: Ask) -> Shape:
    """The shape that is asked for."""
    if ask.kind == "choices":
        return Shape("choices", choices=lines(ask.text))
    return Shape("json", CALL_SCHEMA) if ask.kind == "call" else Shape(ask.kind, ask.text)


def call_prompt(question: str) -> str:
    """The text that a model reads before it calls: what there is, two examples, the question."""
    calls = page_copy()["calls"]
    shown = "".join(f"Question: {one}\nCall:{call}\n" for one, call in calls["shown"])
    return f"{calls['system']}\n\n{shown}Question: {question.strip()}\nCall:"


def work(ask: Ask, job: Job, tell: Tell) -> bytes:
    """Do what was asked; `tell` gets the picture after every token. Raises ValueError sentences."""
    job.report(None, "opening the model")
    opened = loaders.model(ask.model)
    if ask.kind == "likely":
        return _reviews(ask, opened, job, tell) if ask.every else _likely(ask, opened, job)
    job.report(None, "compiling the shape")
    grammar = sampling.compile_shape(opened, shape_of(ask))
    before = call_prompt(ask.before) if ask.kind == "call" else ask.before
    prompt = sampling.prompt(opened, before, chat=ask.chat)
    job.report(None, "reading the text")
    sampling.read(opened, prompt.ids, cancelled=job.cancelled)
    picture = shape_picture.Picture(ask.kind, opened, moments.labels(ask.model), prompt)
    steps: list[ShapeStep] = []

    def on_token(record: ShapeStep) -> None:
        job.check()
        steps.append(record)
        job.report(len(steps) / ask.settings.max_new_tokens, f"token {len(steps)}")
        tell(partial(picture.draw, tuple(steps)))

    made = sampling.constrained(opened, prompt.ids, grammar, ask.settings, on_token=on_token, cancelled=job.cancelled)
    job.check()
    more: dict[str, Any] = {"honest": page_copy()["honest"]["steps"]}
    if ask.kind == "choices":
        job.report(None, "weighing the choices")
        more["odds"] = shape_picture.odds(sampling.choice_odds(opened, prompt.ids, grammar, cancelled=job.cancelled))
    if ask.kind == "call":
        more["call"] = _called(ask, picture.text(made.steps), made)
    return picture.draw(made.steps, made, **more)


def _called(ask: Ask, text: str, made: Constrained) -> dict[str, Any]:
    """The call that came out, what it gave, and what was expected where that is known."""
    today = datetime.date.today()
    call = sampling.run_call(text, today)
    found: dict[str, Any] = {
        "function": call.function, "argument": call.argument, "well_formed": call.well_formed, "ran": call.ran,
        "says": call.says, "complete": made.complete, "expected": None, "prompt": call_prompt(ask.before),
    }
    ready = next((one for one in page_copy()["calls"]["ready"] if one["question"] == ask.before.strip()), None)
    if ready is None:
        return found
    if not ready["function"]:
        return {**found, "verdict": "none", "expected": {"function": "", "argument": "", "says": ""}}
    right = sampling.run_call(json.dumps({"function": ready["function"], "argument": ready["argument"]}), today)
    verdict = "right"
    if call.function != right.function:
        verdict = "function"
    elif not call.ran or call.says != right.says:
        verdict = "argument"
    expected = {"function": right.function, "argument": right.argument, "says": right.says}
    return {**found, "verdict": verdict, "expected": expected}


# ------------------------------------------------------------------------------------------------ asking by likelihood


def filled(form: str, text: str) -> str:
    """The form with a text in its place, and no white space where the answer begins."""
    if "{text}" not in form:
        raise ValueError("The form has no {text} in it, so there is no place for the text; write {text} where it goes.")
    return form.replace("{text}", text).rstrip()


def _score(opened: Any, form: str, text: str, options: tuple[str, ...], job: Job) -> sampling.Likelihoods:
    whole, bare = filled(form, text), filled(form, "")
    ids, empty = sampling.prompt(opened, whole).ids, sampling.prompt(opened, bare).ids
    rows = [sampling.continuation(opened, whole, " " + one.strip(), ids) for one in options]
    return sampling.score_options(opened, ids, rows, empty, cancelled=job.cancelled)


def _free(opened: Any, ask: str, text: str, job: Job) -> str:
    """What the model says in its own words: greedy, a few tokens."""
    prompt = sampling.prompt(opened, filled(ask, text), chat=opened.chat_template is not None)
    settings = Settings(do_sample=False, max_new_tokens=FREE_TOKENS)
    made = sampling.decode(opened, prompt.ids, [settings], cancelled=job.cancelled)[0]
    said = str(opened.tokenizer.library_object.decode(list(made.ids))).strip()
    return said + ("" if made.ended == "end" else " …")


def _likely(ask: Ask, opened: Any, job: Job) -> bytes:
    options = lines(ask.text)
    if len(options) < 2:
        raise ValueError("There are fewer than two answers, so nothing can be compared; write one on each line.")
    if not ask.before.strip():
        raise ValueError("The text is empty; write what is asked about, or press an example.")
    job.report(0.1, "scoring the answers")
    found = _score(opened, ask.form, ask.before, options, job)
    job.check()
    job.report(0.5, "asking in words")
    said = _free(opened, ask.ask, ask.before, job)
    job.check()
    return shape_picture.likely(ask.before, options, found, said, _expected(ask), filled(ask.form, ask.before))


def _expected(ask: Ask) -> str:
    """The right answer of a ready example, empty for a reader's own."""
    ready = [(one["before"], one["form"], one["expected"]) for one in page_copy()["examples"]["likely"]]
    return next((right for before, form, right in ready if (before, form) == (ask.before, ask.form)), "")


def _reviews(ask: Ask, opened: Any, job: Job, tell: Tell) -> bytes:
    reviews = page_copy()["reviews"]
    options = tuple(reviews["options"])
    rows: list[dict[str, Any]] = []
    for place, (text, expected) in enumerate(reviews["texts"]):
        job.report(place / len(reviews["texts"]), f"review {place + 1} of {len(reviews['texts'])}")
        found = _score(opened, reviews["form"], text, options, job)
        job.check()
        said = _free(opened, reviews["ask"], text, job)
        job.check()
        rows.append({
            "text": text, "expected": expected, "calibrated": options[int(found.calibrated.argmax())],
            "plain": options[int(found.log_p.argmax())], "said": said, "named": named(said, options),
            "margin": float(abs(found.calibrated[0] - found.calibrated[1])),
        })
        tell(partial(shape_picture.reviews, tuple(rows), len(reviews["texts"])))
    return shape_picture.reviews(rows, len(reviews["texts"]))


def named(said: str, options: tuple[str, ...]) -> str:
    """Which of the answers a free text names first; empty where it names none."""
    low = said.lower()
    places = [(low.find(one.lower()), one) for one in options if one.lower() in low]
    return min(places)[1] if places else ""
