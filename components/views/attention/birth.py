"""The panel "How a head is born": storyteller's training log, scrubbed, beside the map of the shipped model."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import streamlit as st

from components.attention import BIRTH_CURVES, BIRTH_SCORES, Birth, LastingStep, lasting_step, read_birth, stripe_scores
from components.models import catalog, loaders, sources
from components.payload import pack
from components.views import frame
from components.views.attention.snippet_birth import snippet_birth
from components.views.component import mount
from components.views.footer import reproduce
from components.workshop import Job

#: The one model whose training was logged.
MODEL = "storyteller"
_ROW, _SCORE = "attention_birth_row", "attention_birth_score"


@cache
def copy() -> dict[str, Any]:
    """The panel's texts and the events of the run, from `assets/copy/attention_birth.json`."""
    found: dict[str, Any] = json.loads((frame.ASSETS / "copy" / "attention_birth.json").read_text("utf-8"))
    return found


@cache
def log() -> Birth:
    """The log, read once."""
    return read_birth(sources.locate(MODEL))


def moments(birth: Birth) -> list[dict[str, Any]]:
    """The lasting steps in the order in which the log has them, each in words that hold what its row holds."""
    back, induction = birth.best("previous"), birth.best("induction")
    loss = birth.curve("second_copy_loss")
    first = birth.curve("first_copy_loss")
    found = [
        (
            "previous",
            lasting_step(birth.of("previous", back)),
            "One head settles on the token before",
            f"Layer {back[0]}, head {back[1]}: score",
        ),
        (
            "induction",
            lasting_step(birth.of("induction", induction)),
            "The induction head appears",
            f"Layer {induction[0]}, head {induction[1]}: score",
        ),
        (
            "copy",
            lasting_step(loss, falling=True),
            "The second copy becomes easy",
            f"Loss on it in nats, with {float(np.median(first)):.1f} on the first copy:",
        ),
    ]
    made = [_moment(birth, *one) for one in found]
    return sorted(made, key=lambda one: (one["row"], one["kind"]))


def _moment(birth: Birth, kind: str, step: LastingStep, title: str, what: str) -> dict[str, Any]:
    left, right = (float(birth.tokens[at]) / 1e6 for at in (step.row, step.row + 1))
    return {
        "kind": kind,
        "row": step.row,
        "title": title,
        "says": f"{what} {step.before:.2f} before, {step.after:.2f} after",
        "when": f"{left:.2f} to {right:.2f} million tokens",
    }


def headline(birth: Birth, marks: list[dict[str, Any]]) -> str:
    """One sentence that holds for this log: where all three steps lie, of how much training."""
    first, last = marks[0]["row"], marks[-1]["row"] + 1
    left, right, whole = (float(birth.tokens[at]) / 1e6 for at in (first, last, -1))
    return f"Copying is born in {right - left:.1f} of {whole:.1f} million tokens"


def earlier(birth: Birth, marks: list[dict[str, Any]]) -> str:
    """What the log has against too simple a story: the best induction score before the first step, and its use."""
    before = birth.scores[BIRTH_SCORES.index("induction"), : marks[0]["row"] + 1]
    row, layer, head = (int(at) for at in np.unravel_index(before.argmax(), before.shape))
    first, second = (float(birth.curve(name)[row]) for name in ("first_copy_loss", "second_copy_loss"))
    return (
        f"Before step 1 layer {layer}, head {head} already scored {before.max():.2f} "
        f"(at {birth.tokens[row] / 1e6:.2f} million tokens), and the second copy still cost {second:.1f} nats, "
        f"the first {first:.1f}: to look at the right place is not yet to copy. "
        "Why it looked there, the log does not say."
    )


def payload(birth: Birth, shipped: np.ndarray, view: dict[str, Any]) -> bytes:
    """The panel's buffer: 60 kB for 106 rows and 48 heads."""
    marks = moments(birth)
    minutes = birth.minutes
    events = []
    for one in copy()["events"]:
        rows = np.searchsorted(minutes, [one["from"], one["to"]])
        events.append({**one, "rows": [int(min(row, minutes.size - 1)) for row in rows]})
    back, induction = birth.best("previous"), birth.best("induction")
    header = {
        "title": headline(birth, marks),
        "copy": {name: copy()[name] for name in ("sentence", "test", "why", "limits")},
        "earlier": earlier(birth, marks),
        "model": catalog.entry(MODEL).title,
        "layers": int(birth.scores.shape[2]),
        "heads": int(birth.scores.shape[3]),
        "curves": list(BIRTH_CURVES),
        "scores": list(BIRTH_SCORES),
        "marks": marks,
        "events": events,
        "best": {"previous": list(back), "induction": list(induction)},
        "agrees": float(np.abs(shipped - birth.scores[:, -1]).max()),
        "view": view,
    }
    arrays = {
        "tokens": birth.tokens,
        "steps": birth.steps,
        "minutes": minutes,
        "values": birth.curves,
        "log": birth.scores.astype(np.float16),
        "shipped": shipped.astype(np.float32),
    }
    return pack(header, arrays)


def _shipped() -> np.ndarray:
    def work(job: Job) -> np.ndarray:
        job.report(None, "opening the model" if not loaders.loaded(MODEL) else "eight sequences")
        opened = loaders.model(MODEL)
        job.check()
        job.report(None, "eight sequences of random tokens")
        return stripe_scores(opened)

    return frame.compute("attention-birth", (MODEL,), work, label="Scoring the shipped model's heads")


def _moved() -> None:
    said = (st.session_state.get("attention_birth") or {}).get("view") or {}
    row, score = said.get("row"), said.get("score")
    for key, value, good in (
        (_ROW, row, isinstance(row, int) and 0 <= row < log().tokens.size),
        (_SCORE, score, score in BIRTH_SCORES),
    ):
        if good:
            st.session_state[key] = value
            st.query_params[key] = str(value)


def _view() -> dict[str, Any]:
    """The row and the score that are shown: from this session or a link, else the moment of the induction head."""
    row, score = st.session_state.get(_ROW), st.session_state.get(_SCORE)
    linked = st.query_params.get(_ROW, "")
    if row is None and linked.isdecimal() and len(linked) < 6:
        row = int(linked)
    if score is None:
        score = st.query_params.get(_SCORE)
    if not (isinstance(row, int) and 0 <= row < log().tokens.size):
        row = None
    if score not in BIRTH_SCORES:
        score = "induction"
    if row is not None:
        st.session_state[_ROW] = row
        st.query_params[_ROW] = str(row)
    return {"row": row, "score": score}


def draw() -> None:
    """The log's curves on one axis, and the map of heads at the chosen moment beside the shipped model's."""
    birth = log()
    mount(
        "attention_birth",
        payload(birth, _shipped(), _view()),
        key="attention_birth",
        state=("view",),
        callbacks={"view": _moved},
    )
    reproduce("attention_birth", snippet_birth)
