"""The data of the panel "Other engines": an answer, its lists, the replayed stages, and the page's own model beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.payload import pack
from components.remote import RemoteAnswer, RemoteStep, certain_bytes
from components.sampling import RemoteStage, replay_remote
from components.views.sampling.engines_ask import Ask, knobs, not_replayed, words
from components.views.sampling.engines_words import say
from components.views.sampling.labels import FRAGMENT, NO_TEXT, ORDINARY

ENDED = {
    "": "writing", "stop": "The model ended its text here.", "length": "Written as far as asked for.",
    "broken": "It broke off.", "stopped": "Stopped; what had come is kept.",
}
LOST = "This list lost tokens on its way here, so nothing can be replayed on it."


@dataclass(frozen=True)
class Asked:
    """A question and what came of it. `vocabulary`: of the model there, None where not told."""

    ask: Ask
    answer: RemoteAnswer
    model: str = ""
    vocabulary: int | None = None


@dataclass(frozen=True)
class Beside:
    """The page's own model at one step, where tokens can be matched by their bytes.

    Attributes:
        at: the step.
        shares: for each listed token its probability, or None where that model has no single token of these bytes.
        likeliest: (label, probability, whether listed) of its own likeliest tokens.
        says: why there is nothing, where there is nothing.
    """

    at: int
    shares: tuple[float | None, ...] = ()
    likeliest: tuple[tuple[dict[str, Any], float, bool], ...] = ()
    says: str = ""


def label(text: str, raw: bytes | None) -> dict[str, Any]:
    """A token as the browser draws it: its text, or the bytes of a piece of a character."""
    if raw is None:
        return {"t": text or "(no text)", "k": ORDINARY if text and "\ufffd" not in text else NO_TEXT}
    try:
        return {"t": raw.decode("utf-8") or text or "(no text)", "k": ORDINARY if raw else NO_TEXT}
    except UnicodeDecodeError:
        return {"t": raw.hex(" ").upper(), "k": FRAGMENT}


def before(ask: Ask, steps: Sequence[RemoteStep], at: int) -> str | None:
    """What was written before a step; None where it ends inside a character or bytes are unknown."""
    pieces = [certain_bytes(step.text) if step.bytes is None else step.bytes for step in steps[:at]]
    if any(piece is None for piece in pieces):
        return None
    try:
        return b"".join(piece or b"" for piece in pieces).decode("utf-8")
    except UnicodeDecodeError:
        return None


def replayed(asked: Asked, step: RemoteStep) -> list[RemoteStage]:
    """The chain on one step's list; nothing where the list is missing or has holes."""
    if not step.top or not step.whole:
        return []
    size = asked.vocabulary if asked.vocabulary is None else max(asked.vocabulary, len(step.top))
    return replay_remote([one.logprob for one in step.top], asked.ask.settings, vocabulary=size)


def payload(asked: Asked, *, at: int | None = None, beside: Beside | None = None, note: str = "",
            local: str = "") -> bytes:
    """The browser's buffer: a header, and for each step, stage and listed token the bounds, float32 padded with NaN."""
    ask, answer = asked.ask, asked.answer
    chains = [replayed(asked, step) for step in answer.steps]
    width = max((len(step.top) for step in answer.steps), default=0)
    depth = max((len(chain) for chain in chains), default=0)
    shape = (len(chains), depth, width)
    low, high = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    raw = np.full((len(chains), width), np.nan, np.float32)
    for place, (step, chain) in enumerate(zip(answer.steps, chains, strict=True)):
        raw[place, : len(step.top)] = np.exp([one.logprob for one in step.top])
        for row, stage in enumerate(chain):
            low[place, row, : len(step.top)], high[place, row, : len(step.top)] = stage.low, stage.high
    arrays: dict[str, NDArray[Any]] = {"raw": raw, "low": low, "high": high}
    where = words()["engines"][ask.engine]
    header = {
        "text": ask.text,
        "chat": ask.chat,
        "address": ask.address,
        "engine": where["title"],
        "engine_notes": where["notes"],
        "model": asked.model or answer.model,
        "local": local,
        "steps": [_step(asked, step, chain) for step, chain in zip(answer.steps, chains, strict=True)],
        "asked_top": ask.top,
        "ended": ENDED[answer.ended],
        "running": answer.ended == "",
        "says": list(answer.says),
        "seconds": [round(one, 3) for one in answer.seconds],
        "prompt_tokens": answer.prompt_tokens,
        "vocabulary": asked.vocabulary,
        "knobs": [{"name": knob.name, "value": _shown(knob.value), "sent": knob.sent, "why": knob.why}
                  for knob in knobs(ask.engine, ask.settings)],
        "wraps": where.get("wraps", ""),
        "not_replayed": [list(one) for one in not_replayed(ask.settings)],
        "note": note,
        "at": at,
        "beside": _beside(beside),
    }
    return pack(header, arrays)


def _step(asked: Asked, step: RemoteStep, chain: Sequence[RemoteStage]) -> dict[str, Any]:
    known = asked.vocabulary is not None
    return {
        **label(step.text, step.bytes),
        "p": None if step.logprob is None else float(np.exp(step.logprob)),
        "chosen": step.chosen,
        "unseen": step.unseen if step.top else None,
        "top": [label(one.text, one.bytes) for one in step.top],
        "lost": "" if step.whole else LOST,
        "stages": [
            {
                "name": stage.name, "value": stage.value, "exact": stage.exact, "left": list(stage.survivors),
                "unseen": [stage.unseen_low, stage.unseen_high], "says": say(stage, step, known),
            }
            for stage in chain
        ],
    }


def _shown(value: Any) -> Any:
    return f"{value:g}" if isinstance(value, float) else value if isinstance(value, (int, str, bool)) else "set"


def _beside(found: Beside | None) -> Mapping[str, Any] | None:
    if found is None:
        return None
    return {"at": found.at, "shares": list(found.shares), "says": found.says,
            "likeliest": [[name, share, listed] for name, share, listed in found.likeliest]}
