"""The panels below the picture. Each draws from the picture's own data; only the opened one runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components.models import catalog
from components.payload import pack
from components.views.component import mount
from components.views.sampling import compare, knobs, moments, read_text, session, strategies
from components.views.sampling.labels import Labels
from components.views.sampling.picture_stages import draw_ranks


def every(
    model: str, said: dict[str, Any], header: dict[str, Any], arrays: dict[str, NDArray[Any]]
) -> dict[str, Callable[[], None]]:
    """The panels by their tab's name."""
    found: dict[str, Callable[[], None]] = {
        "Token by token": lambda: _steps(header),
        "Read a text": lambda: read_text.draw(model, header["text"]),
        "Search strategies": lambda: strategies.draw(model, header["text"], said),
        "Compare settings": lambda: compare.draw(model, header["text"], said),
        "The whole vocabulary": lambda: _curve(model, said, header),
    }
    if catalog.entry(model).has_chat_template:
        found["Chat format"] = lambda: _chat(model, said, header)
    return found


def _steps(header: dict[str, Any]) -> None:
    """What was written, with each token's record."""
    mount("sampling_panel", pack({"kind": "steps", "written": header["written"]}), key="sampling_steps")


def _curve(model: str, said: dict[str, Any], header: dict[str, Any]) -> None:
    """Every token's chance by rank, at each stage that is on."""
    begun = moments.begin(model, header["text"], said)
    kept = session.written((model, header["text"], said["chat"], said["system"]))
    stages = moments.stages_of(begun, session.steps_of(kept), said, session.redraw_of(kept))
    described = [
        {"name": stage["name"], "value": stage["value"], "left": stage["left"], "place": place}
        for place, stage in enumerate(header["stages"])
        if stage["on"]
    ]
    ranks = draw_ranks(len(stages[0].probabilities))
    # Ranks [m] and, for each stage, the probability [stage, m] at that rank of its own order; 0 past its end.
    rows = [np.sort(stage.probabilities)[::-1][ranks] for stage in stages]
    small = {"curve_rank": (ranks + 1).astype(np.int32), "curve": np.stack(rows).astype(np.float32)}
    mount(
        "sampling_panel",
        pack({"kind": "curve", "stages": described, "vocabulary": header["vocabulary"]}, small),
        key="sampling_curve",
    )


def _chat(model: str, said: dict[str, Any], header: dict[str, Any]) -> None:
    """The template as the model reads it."""
    if not said["chat"]:
        st.write(
            "This model was taught to answer in a chat format: roles and marks around each message. "
            "Switch on Chat format beside the picture, and its whole text is shown here."
        )
        return
    if "sampling_system" not in st.session_state:
        st.session_state["sampling_system"] = st.session_state.get("sampling_system_kept", "")
    st.text_input(
        "System prompt: who the model should be",
        key="sampling_system",
        max_chars=2_000,
        on_change=knobs.keep_system,
        placeholder="left empty, the template's own is used",
        help="The template puts it in front of your message. Empty leaves what the template says by itself.",
    )
    begun = moments.begin(model, header["text"], said)
    named: Labels = moments.labels(model)
    whole, position = begun.prompt.text, 0
    start = len(whole[: begun.prompt.start].encode("utf-8"))
    stop = len(whole[: begun.prompt.stop].encode("utf-8"))
    inside = []
    for token in begun.prompt.ids:
        inside.append({**named.label(token), "own": start <= position < stop})
        position += named.size(token)
    mount(
        "sampling_panel",
        pack({"kind": "chat", "tokens": inside, "written": header["written"]}),
        key="sampling_template",
    )
