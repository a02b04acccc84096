"""Mounting this project's browser components (Streamlit's components v2, no iframe).

A component `name` is `assets/web/<name>.js` with `assets/web/<name>.css` beside it; `shared.js` and `shared.css` are
put in front. Its `data` is always one bytes buffer (components/payload.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

WEB = Path(__file__).resolve().parents[2] / "assets" / "web"


def _nothing() -> None:
    """Streamlit reports a state key only where a callback for it is given."""


@cache
def _component(name: str) -> Any:
    def source(ending: str) -> str:
        own = WEB / f"{name}.{ending}"
        shared = (WEB / f"shared.{ending}").read_text("utf-8")
        return shared + "\n" + (own.read_text("utf-8") if own.is_file() else "")

    return st.components.v2.component(f"looking_glass_{name}", js=source("js"), css=source("css"))


def mount(
    name: str,
    payload: bytes,
    *,
    key: str,
    state: Sequence[str] = (),
    triggers: Sequence[str] = (),
    defaults: dict[str, Any] | None = None,
    callbacks: dict[str, Callable[[], None]] | None = None,
    height: int | str = "content",
) -> Any:
    """Draw a component. `result.<name>` is each state's or trigger's value, `None` when unset."""
    handlers = {f"on_{item}_change": (callbacks or {}).get(item, _nothing) for item in (*state, *triggers)}
    return _component(name)(
        data=payload, key=key, default=defaults, height=height, width="stretch", **handlers
    )
