"""Mounting this project's browser components (Streamlit's components v2, no iframe).

A component `name` is `assets/web/<name>.js` with `assets/web/<name>.css` beside it; `shared.js` and `shared.css` are
put in front. A component of several files names the others in its first line, `// parts: <name>_this <name>_that`; they
are put in front of it in that order. Its `data` is always one bytes buffer (components/payload.py).
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
def bundle(name: str) -> tuple[str, str]:
    """A component's whole JavaScript (a module with a default export) and CSS, for Streamlit or for a page without it.

    Such a page calls the default export with `{parentElement, data, setStateValue(name, value) {},
    setTriggerValue(name, value) {}}`: an element or shadow root, the payload as a Uint8Array, and two functions that
    hear what the reader does. The theme is CSS variables on the element: `--st-background-color`,
    `--st-secondary-background-color`, `--st-text-color`, `--st-primary-color`, `--st-border-color`, `--st-font`,
    `--st-code-font`. The CSS belongs inside the same root.
    """
    own = (WEB / f"{name}.js").read_text("utf-8")
    first = own.split("\n", 1)[0]
    parts = first.removeprefix("// parts:").split() if first.startswith("// parts:") else []

    def joined(ending: str) -> str:
        files = (WEB / f"{part}.{ending}" for part in ("shared", *parts, name))
        return "\n".join(file.read_text("utf-8") for file in files if file.is_file())

    return joined("js"), joined("css")


@cache
def _component(name: str) -> Any:
    js, css = bundle(name)
    return st.components.v2.component(f"looking_glass_{name}", js=js, css=css)


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
