"""The page's last row: code, link, files, and the text sent on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from components.models import catalog
from components.sampling import Stage, Step
from components.views import frame
from components.views.sampling import exports, knobs, moments, session
from components.views.sampling.picture import settings_of
from components.views.sampling.snippet import snippet


def draw(model: str, text: str) -> None:
    """Reproduce, share, export, send."""
    frame.footer(
        "sampling",
        text=text,
        snippet=_code,
        exports=(
            frame.Export("Every token at every stage, CSV", "distribution.csv", "text/csv", _csv),
            frame.Export("Settings and chain, JSON", "chain.json", "application/json", _json),
        ),
    )
    st.caption("Space takes the next token, ← goes back, while the text or the picture has the focus. "
               "Alt with ↑ or ↓ on a row of the chain moves it.")


def _now() -> tuple[str, str, dict[str, Any], tuple[Step, ...], int]:
    """What the picture shows at this moment."""
    now = st.session_state["sampling_now"]
    said = now["said"]
    kept = session.written((now["model"], now["text"], said["chat"], said["system"]))
    return now["model"], now["text"], said, session.steps_of(kept), session.redraw_of(kept)


def _code() -> str:
    model, text, said, steps, redraw = _now()
    return snippet(model, text, settings_of(said), written=[step.id for step in steps], redraw=redraw,
                   chat=said["chat"], system=said["system"], chances=[step.probability for step in steps])


def _stages() -> tuple[str, str, dict[str, Any], tuple[Step, ...], Sequence[Stage]]:
    model, text, said, steps, _ = _now()
    begun = moments.begin(model, text, said)
    return model, text, said, steps, moments.stages_of(begun, steps, said)


def _csv() -> bytes:
    model, _, _, _, stages = _stages()
    return exports.distribution_csv(stages, moments.labels(model))


def _json() -> bytes:
    model, text, said, steps, stages = _stages()
    return exports.chain_json(catalog.entry(model).title, text, knobs.shown(said), stages, steps, moments.labels(model))
