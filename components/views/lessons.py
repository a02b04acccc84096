"""The bar "Try this": a lesson sets the knobs, asks for a prediction, then reveals what happened.

Lessons are data (`assets/lessons/<page>.json`); each claim in them has a test of its own (`tests/lessons/`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import streamlit as st

from components.models import catalog, sources
from components.views import frame


@cache
def lessons(page: str) -> tuple[dict[str, Any], ...]:
    """The lessons of a page in their order; empty where it has none."""
    path = frame.ASSETS / "lessons" / f"{page}.json"
    if not path.is_file():
        return ()
    return tuple(json.loads(path.read_text("utf-8"))["lessons"])


def missing(lesson: dict[str, Any]) -> str | None:
    """A sentence where the lesson's model is not here."""
    name = lesson.get("model")
    if not name or name == "minilm" or sources.state(name).here:
        return None
    return f"This lesson needs {catalog.entry(name).title}, which is not here yet; the list at the top fetches it."


def _set_up(page: str, lesson: dict[str, Any], reset: Callable[[], None] | None) -> None:
    if reset is not None:
        reset()  # what the lesson does not name stands where the page opens
    if "text" in lesson:
        frame.set_text(page, lesson["text"])
    if lesson.get("model") and f"{page}_model" in st.session_state:
        st.session_state[f"{page}_model"] = lesson["model"]
    for key, value in lesson.get("setup", {}).items():
        st.session_state[key] = value


def bar(page: str, reset: Callable[[], None] | None = None) -> None:
    """One lesson at a time, in one row. `reset` puts back the knobs that a lesson does not name."""
    every = lessons(page)
    if not every:
        return
    at = min(int(st.session_state.get(f"{page}_lesson", 0)), len(every) - 1)
    lesson = every[at]
    guess_key = f"{page}_lesson_guess_{lesson['id']}"
    shown_key = f"{page}_lesson_shown_{lesson['id']}"

    def step(by: int) -> None:
        st.session_state[f"{page}_lesson"] = (at + by) % len(every)

    def guess(index: int) -> None:
        st.session_state[guess_key] = index
        st.session_state[shown_key] = True

    def reveal() -> None:
        st.session_state[shown_key] = True

    with st.container(key=f"{page}_trythis"):
        with st.container(horizontal=True, vertical_alignment="center", key=f"{page}_trythis_head"):
            st.markdown(f"**Try this** {at + 1} of {len(every)}", width="content")
            st.button("Back", key=f"{page}_lesson_back", on_click=step, args=(-1,), type="tertiary")
            st.button("Next", key=f"{page}_lesson_next", on_click=step, args=(1,), type="tertiary")
        with st.container(horizontal=True, vertical_alignment="center", key=f"{page}_trythis_body"):
            st.markdown(f"**{lesson['title']}** {lesson['question']}")
            away = missing(lesson)
            st.button(
                "Set it up",
                key=f"{page}_lesson_set",
                on_click=_set_up,
                args=(page, lesson, reset),
                type="primary",
                disabled=away is not None,
            )
            for index, choice in enumerate(lesson["choices"]):
                st.button(choice, key=f"{page}_lesson_choice_{index}", on_click=guess, args=(index,))
            st.button("What happened?", key=f"{page}_lesson_reveal", on_click=reveal)
        if away:
            st.caption(away)
        if st.session_state.get(shown_key):
            guessed = st.session_state.get(guess_key)
            right = lesson["choices"][lesson["answer"]]
            verdict = "" if guessed is None else ("Yes. " if guessed == lesson["answer"] else f"It is: {right}. ")
            st.markdown(verdict + lesson["reveal"])
