"""A text on its way through a tokenizer -> the one buffer that the browser draws from. No Streamlit here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from components.models.open import OpenTokenizer
from components.payload import pack
from components.tokenization import Kind, Pipeline, Step, pipeline
from components.views.tokenizer import wording

STEPS = Path(__file__).resolve().parents[3] / "assets" / "copy" / "pipeline_steps.json"
KINDS = {"changed": 0, "added": 1, "removed": 2}
#: Settings that the name and the sentence say already, or that are tables.
_SAID = {"pattern", "content", "prepend", "tokens", "precompiled_charsmap", "single", "pair", "special_tokens", "sep",
         "cls", "parts", "suffix"}


@cache
def wordings() -> Mapping[str, Mapping[str, Any]]:
    """`stage.type` -> its name, what it does in a few words (`does`), one or two sentences (`says`), a pattern that
    the library holds in its own code, and which `settings` are worth showing. `variants` replace parts of these where
    their settings are met."""
    found: dict[str, dict[str, Any]] = json.loads(STEPS.read_text("utf-8"))
    return found


def words(step: Step) -> dict[str, Any]:
    """Name, `does`, `says`, `pattern` and `settings` of one step, ready to be shown."""
    every = wordings()
    found = dict(every.get(f"{step.stage}.{step.type}") or every[f"{step.stage}.*"])
    for variant in found.pop("variants", ()):
        if all(step.settings.get(name) == value for name, value in variant["when"].items()):
            found.update(variant)
    pattern = step.settings.get("pattern")
    spelt = next(iter(pattern.values()), "") if isinstance(pattern, dict) else ""
    added = [step.text[mark.start:mark.end] for mark in step.marks if mark.kind == "added"]
    places = {"added": _listed(added) or "nothing", "pattern": _quoted(spelt),
              "tokens": _listed(step.settings.get("tokens", ())),
              **{name: _quoted(str(step.settings.get(name, ""))) for name in ("content", "prepend", "suffix")}}
    settings_of = step.settings.keys() - _SAID
    settings = {name: value for name, value in step.settings.items()
                if name in found.get("settings", settings_of) and isinstance(value, str | int) and value != ""}
    return {
        "name": found["name"] or step.type, "does": found["does"].format(**places), "says": found.get("says", ""),
        # A pattern that is one plain string stands in the words already.
        "pattern": (spelt if isinstance(pattern, dict) and "Regex" in pattern else "") or found.get("pattern", ""),
        "settings": [f"{name} {json.dumps(value) if isinstance(value, bool) else value}"
                     for name, value in settings.items()],
    }


def _quoted(text: str) -> str:
    return wording.shown(text) if len(text) <= 24 else wording.shown(text[:23]) + "…"


def _listed(names: Any) -> str:
    unique = list(dict.fromkeys(names))
    if len(unique) > 4:
        return f"{', '.join(unique[:3])} and {len(unique) - 3} more"
    return f"{', '.join(unique[:-1])} and {unique[-1]}" if len(unique) > 1 else "".join(unique)


def payload(tokenizer: OpenTokenizer, title: str, text: str) -> bytes:
    """What the browser draws from.

    Header: `title`, `steps` (one a step: `stage`, `changed`, `text`, `before` (of each mark) and what `words` gives),
    `exact`, `summary` (what became of the text, see `wording.summary`).
    Arrays for step number k: int32 `cuts<k>` [piece + 1], `sources<k>` [piece, 2] and `marks<k>` [mark, 3] (begin,
    end, one of `KINDS`), uint16 `origin<k>` [piece, 2], uint8 `kinds<k>` [piece], and where there are any uint16
    `places<k>` [character, 2] and int32 `ids<k>` [piece]. Places count characters (Unicode code points), not
    JavaScript's units. A step that changed nothing has the arrays of the one before it.
    """
    return picture(pipeline(tokenizer, text), title)


def picture(found: Pipeline, title: str) -> bytes:
    """The payload of a finished pipeline."""
    arrays: dict[str, Any] = {}
    steps = []
    for place, step in enumerate(found.steps):
        steps.append({"stage": step.stage, "type": step.type, "changed": step.changed,
                      "before": [mark.before for mark in step.marks], **words(step),
                      **({"text": step.text} if step.changed else {})})
        arrays[f"sources{place}"] = step.sources
        if step.changed:
            arrays |= {f"cuts{place}": step.cuts, f"origin{place}": step.origin.astype(np.uint16),
                       f"kinds{place}": step.kinds,
                       f"marks{place}": np.array([(mark.start, mark.end, KINDS[mark.kind]) for mark in step.marks],
                                                 np.int32).reshape(-1, 3)}
            arrays |= {} if step.places is None else {f"places{place}": step.places.astype(np.uint16)}
            arrays |= {} if step.ids is None else {f"ids{place}": step.ids}
    exact = found.decoded == found.text
    return pack({"title": title, "characters": len(found.text), "steps": steps, "exact": exact,
                 "summary": [] if exact else _summary(found)}, arrays)


def _summary(found: Pipeline) -> list[str]:
    """What became of the text, in a few short parts."""
    said = [part["text"] for part in wording.summary(found.trace.round_trip, len(found.text))]
    typed = [found.text[start:end] for start, end, kind in
             zip(found.trace.char_start, found.trace.char_end, found.trace.kinds, strict=True) if kind == Kind.SPECIAL]
    skipped = {name for step in found.of("decoder") for name in step.settings.get("tokens", ())}
    names = [name for name in typed if name in skipped]
    return [*said, f"{_listed(names)} left out"] if names else said
