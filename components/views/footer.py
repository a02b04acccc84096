"""The last row of a page: reproduce in Python, share this view, export, send the text on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import streamlit as st

from components.views import frame
from components.workshop import LIMITS


@dataclass(frozen=True)
class Export:
    """A file a reader can take away; `make` runs only when it is asked for.

    `button`, if there is one, draws the button instead: for a file that the browser itself makes.
    """

    label: str
    filename: str
    mime: str
    make: Callable[[], bytes]
    button: Callable[[], object] | None = None


@cache
def glossary() -> dict[str, dict[str, Any]]:
    """The field's terms, each with the pages that use it and one plain sentence."""
    found: dict[str, dict[str, Any]] = json.loads((frame.ASSETS / "lessons" / "glossary.json").read_text("utf-8"))
    return found


TARGETS = ("tokenizer", "attention", "sampling", "search", "topics")


def send_to(target: str, text: str) -> None:
    """Open another page with this text. A short text travels in the address too, so that the view can be shared."""
    frame.set_text(target, text)
    fits = len(quote(text)) + 200 < LIMITS.url_bytes
    st.switch_page(frame.pages()[target]["file"], query_params={"text": text} if fits else None)


def address() -> str:
    """The address of this very view."""
    base = (st.context.url or "").split("?")[0]
    params = {key: st.query_params.get_all(key) for key in st.query_params}
    return base + ("?" + urlencode(params, doseq=True) if params else "")


def reproduce(key: str, snippet: Callable[[], str], label: str = "Reproduce in Python") -> None:
    """A quiet button that opens the snippet of a page, or of one panel; `key` sets it apart from the others."""
    with st.popover(label, type="tertiary", key=f"{key}_reproduce", on_change="rerun") as box:
        if box.open:
            with frame.sentences():
                st.caption("Public libraries only. Run it and compare the numbers with the picture's.")
                st.code(snippet(), language="python")


def draw(
    page: str,
    *,
    text: str,
    snippet: Callable[[], str],
    exports: Sequence[Export] = (),
    send: Sequence[str] | None = None,
    send_text: str | None = None,
    send_label: str = "Send this text to …",
) -> None:
    """Four quiet buttons. `send_text` is what travels (a passage, say) when it is not the text of the box."""
    travels = text if send_text is None else send_text
    with st.container(horizontal=True, key=f"{page}_footer", gap="small"):
        reproduce(page, snippet)
        with st.popover("Share this view", type="tertiary", key=f"{page}_share", on_change="rerun") as box:
            if box.open:
                st.caption("The address holds every knob and, where it is short enough, the text.")
                st.code(address(), language=None, wrap_lines=True)
        if exports:
            with st.popover("Export", type="tertiary", key=f"{page}_export", on_change="rerun") as box:
                if box.open:
                    for item in exports:
                        if item.button is not None:
                            item.button()
                            continue
                        st.download_button(
                            item.label,
                            data=item.make,
                            file_name=item.filename,
                            mime=item.mime,
                            on_click="ignore",
                            key=f"{page}_export_{item.filename}",
                        )
        with st.popover("Words", type="tertiary", key=f"{page}_glossary", on_change="rerun") as box:
            if box.open:
                for term, entry in glossary().items():
                    if page in entry["pages"]:
                        st.markdown(f"*{term}*: {entry['says']}")
        with st.popover(send_label, type="tertiary", key=f"{page}_send", on_change="rerun") as box:
            if box.open:
                chosen = None
                for target in send or [name for name in TARGETS if name != page]:
                    if st.button(frame.pages()[target]["title"], key=f"{page}_send_{target}", type="tertiary"):
                        chosen = target
                if chosen:
                    send_to(chosen, travels)
