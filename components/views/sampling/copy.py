"""What the page says about knobs and engines: data in `assets/copy/sampling_knobs.json`."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from components.views.frame import ASSETS


@cache
def knobs_file() -> dict[str, Any]:
    """`{"groups": [...], "knobs": {name: {...}}, "engines": {name: {...}}}`."""
    found: dict[str, Any] = json.loads((ASSETS / "copy" / "sampling_knobs.json").read_text("utf-8"))
    return found


def about(name: str) -> dict[str, Any]:
    """What is said of one knob; empty for a name that is none."""
    found: dict[str, Any] = knobs_file()["knobs"].get(name, {})
    return found


def info(name: str) -> str:
    """One small note: what a knob does, what it is for, where it comes from, what is disputed."""
    entry = about(name)
    parts = [entry.get("help", ""), f"**What for:** {entry['for']}" if entry.get("for") else ""]
    if entry.get("dispute"):
        parts.append(f"**Disputed:** {entry['dispute']}")
    if entry.get("source"):
        parts.append(f"*Source: {entry['source']}*")
    return "\n\n".join(part for part in parts if part)


def label(name: str) -> str:
    """The library's name in mono, the plain word beside it."""
    plain = about(name).get("plain", "")
    return f"`{name}` {plain}".strip()


def engine(name: str) -> dict[str, Any]:
    """Title, samplers, defaults and notes of an engine; empty for the reader's own order."""
    found: dict[str, Any] = knobs_file()["engines"].get(name, {})
    return found
