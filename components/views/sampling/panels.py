"""The panels below the picture. Each draws from the picture's own data; only the opened one runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.payload import pack
from components.views.component import mount
from components.views.sampling import branches, chat, compare, engines, moments, read_text, session, shape, strategies
from components.views.sampling.picture_stages import draw_ranks


def every(
    model: str, said: dict[str, Any], header: dict[str, Any], arrays: dict[str, NDArray[Any]]
) -> dict[str, Callable[[], None]]:
    """The panels by their tab's name."""
    found: dict[str, Callable[[], None]] = {
        "Token by token": lambda: _steps(header),
        "Branches": lambda: branches.draw(model, said, header["text"]),
        "Compare settings": lambda: compare.draw(model, header["text"], said),
        "Search strategies": lambda: strategies.draw(model, header["text"], said),
        "Force a shape": lambda: shape.draw(model, said),
        "Read a text": lambda: read_text.draw(model, header["text"]),
        "Chat": lambda: chat.draw(model, said),
        "Other engines": lambda: engines.draw(model, header["text"], said),
        "The whole vocabulary": lambda: _curve(model, said, header),
    }
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
