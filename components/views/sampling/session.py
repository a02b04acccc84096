"""What one reader has written so far: plain data in the session's state, and what the buttons do to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import streamlit as st

from components.sampling import MAX_NEW_TOKENS, Step
from components.views.sampling import moments
from components.views.sampling.moments import Begun

KEY = "sampling_written"
ACTIONS = ("next", "ten", "back", "redraw", "generate", "stop", "tick")


def written(belongs_to: tuple[Any, ...]) -> dict[str, Any]:
    """This reader's continuation of this text; an empty one where text, model or chat format have changed."""
    kept = st.session_state.get(KEY)
    if not isinstance(kept, dict) or kept["belongs_to"] != belongs_to:
        kept = {"belongs_to": belongs_to, "steps": [], "redraws": {}, "left": 0, "note": "", "serial": 0}
        st.session_state[KEY] = kept
    return kept


def steps_of(kept: Mapping[str, Any]) -> tuple[Step, ...]:
    """The written tokens with their records."""
    return tuple(Step(**step) for step in kept["steps"])


def redraw_of(kept: Mapping[str, Any]) -> int:
    """How often the next step was drawn again."""
    return int(kept["redraws"].get(len(kept["steps"]), 0))


def asked() -> dict[str, Any] | None:
    """What the reader has pressed; None for nothing, and for anything that no button sends."""
    value = st.session_state.pop("sampling_asked", None)
    if not isinstance(value, dict) or value.get("do") not in ACTIONS:
        return None
    return value


def ended(begun: Begun, kept: Mapping[str, Any]) -> str:
    """Why nothing more can be written; empty while something can."""
    steps = kept["steps"]
    if steps and steps[-1]["id"] in begun.ends:
        return "The model has ended its text here. Press Back to try another way."
    if len(begun.prompt.ids) + len(steps) >= begun.context:
        return f"The text fills the {begun.context:,} tokens that this model reads. Go back, or shorten the text."
    return ""


def obey(action: Mapping[str, Any], begun: Begun, kept: dict[str, Any], knobs: Mapping[str, Any]) -> None:
    """Do what a button asks. One call writes one token at most, so Stop waits for one token at most.

    Raises:
        ValueError: the knobs leave nothing to draw.
    """
    do = action["do"]
    kept["serial"] = kept["serial"] + 1
    if do == "tick" and not kept["left"]:
        return  # asked for before Stop was pressed, and arrived after it
    kept["note"] = ""
    if do == "stop":
        kept["left"] = 0
        kept["note"] = f"Stopped. {_count(kept)} written, all kept."
    elif do == "back":
        del kept["steps"][-1:]
    elif do == "redraw":
        place = len(kept["steps"])
        kept["redraws"][place] = min(10_000, kept["redraws"].get(place, 0) + 1)
    elif do == "ten":
        kept["left"] = 10
    elif do == "generate":
        kept["left"] = min(MAX_NEW_TOKENS, int(knobs["max_new_tokens"]))
    elif do == "next":
        kept["left"] = 1
    if do in ("next", "ten", "generate", "tick") and kept["left"] > 0:
        _write(begun, kept, knobs)


def _write(begun: Begun, kept: dict[str, Any], knobs: Mapping[str, Any]) -> None:
    if not ended(begun, kept):
        step = moments.next_step(begun, steps_of(kept), knobs, redraw_of(kept))
        kept["steps"].append(asdict(step))
        kept["left"] -= 1
    if ended(begun, kept):
        kept["left"] = 0


def _count(kept: Mapping[str, Any]) -> str:
    count = len(kept["steps"])
    return f"{count} token" + ("" if count == 1 else "s")
