"""The panel "Chat": a conversation and what the model reads of it; the same words in a wrong format and to a model that
only continues; ready prompts with a verdict each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from components.models import catalog
from components.sampling import Settings
from components.views.footer import reproduce
from components.views.sampling import chat_cards, chat_talk, knobs
from components.views.sampling.chat_prompt import chat_models, copy
from components.views.sampling.picture import settings_of
from components.views.sampling.snippet_chat import snippet_chat

VIEWS = ("Conversation", "Another format", "Other models", "Ready prompts")


def draw(model: str, said: dict[str, Any]) -> None:
    """The chosen one of four views."""
    # A ready prompt opens the conversation by itself, and what the session says needs no default beside it.
    first = None if "sampling_chat_view" in st.session_state else VIEWS[0]
    view = st.segmented_control("View", VIEWS, default=first, key="sampling_chat_view", bind="query-params",
                                label_visibility="collapsed")
    if view == "Another format":
        chat_cards.formats(model)
    elif view == "Other models":
        chat_cards.models(model)
    elif view == "Ready prompts":
        chat_cards.tasks(model)
    else:
        _conversation(model, said)


def _conversation(model: str, said: dict[str, Any]) -> None:
    chats = catalog.entry(model).has_chat_template
    if not chats:
        other = chat_models()
        st.write(copy()["continuing"]["says"] + " " + (
            f"Choose {catalog.entry(other[0]).title} at the top for a model that answers." if other else
            "A model that answers, SmolLM2 (93 MB), can be fetched from the list of models at the top."))
    system, stops, tokens = _knobs(chats)
    settings = replace(_settings(said), max_new_tokens=tokens)
    chat_talk.draw(model, settings, system if chats else "", stops)
    turns = chat_talk.asked_turns(system if chats else "")
    if chats and turns:
        reproduce("sampling_chat", lambda: snippet_chat(model, turns, settings, stops), "Reproduce the last answer")


def _settings(said: dict[str, Any]) -> Settings:
    """The page's knobs, without what speaks of single tokens of the page's own text."""
    return settings_of(said)


def _knobs(chats: bool) -> tuple[str, list[str], int]:
    if "sampling_system" not in st.session_state:
        st.session_state["sampling_system"] = st.session_state.get("sampling_system_kept", "")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        if chats:
            st.text_input(
                "System prompt: who the model should be", key="sampling_system", max_chars=2_000,
                on_change=knobs.keep_system, placeholder="left empty, the template's own is used", width="stretch",
                help="The template puts it in front of the conversation. Empty leaves what the template says by "
                     "itself. The page's picture uses it too, where its chat format is on.",
            )
        typed = st.text_input(
            "stop strings", key="sampling_chat_stops", bind="query-params", max_chars=600, width=260,
            placeholder=r"\n | User:",
            help=r"The answer ends in front of the first of them that comes. Several are set apart by |; \n is a line "
                 "break. They are looked for in the text and not token by token.",
        )
        tokens = st.number_input(
            "max_new_tokens", 1, 512, 80, 1, key="sampling_chat_tokens", bind="query-params", width=170,
            help="Where an answer ends at the latest.",
        )
    return str(st.session_state.get("sampling_system_kept", "")), split_stops(typed), int(tokens)


def split_stops(typed: str) -> list[str]:
    r"""The stop strings in what was typed: parts between `|`, with `\n` and `\t` for line break and tab. A space beside
    the `|` belongs to the separator."""
    parts = [part.removeprefix(" ").removesuffix(" ") for part in typed.split("|")]
    return [part.replace("\\n", "\n").replace("\\t", "\t") for part in parts if part]
