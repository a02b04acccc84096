"""The knobs of the panel "Search strategies": what a reader asks for, as one value under which results are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import streamlit as st

from components.sampling import Settings
from components.views import address, frame
from components.views.sampling.picture import settings_of

KEY = "sampling_strategies"
MAX_STEPS = 40
# Knobs that do nothing without a draw go back to their neutral place, so that they change nothing that is kept.
_DRAWN_ONLY = ("temperature", "top_k", "top_p", "min_p", "seed", "max_new_tokens", "typical_p", "epsilon_cutoff",
               "eta_cutoff", "top_h")
EARLY: dict[str, bool | str] = {"when-beaten": False, "when-full": True, "never": "never"}


@cache
def words() -> dict[str, Any]:
    """The panel's copy and its example texts."""
    found: dict[str, Any] = json.loads((frame.ASSETS / "copy" / "sampling_strategies.json").read_text("utf-8"))
    return found


@dataclass(frozen=True)
class Ask:
    """What is asked for. `way` is "beam", "beam_sample", "greedy" or "lookup"; `ends` is "mark" or "stop" (a full
    stop ends a text too); the rest goes by the library's names."""

    model: str
    text: str
    chat: bool
    system: str
    way: str
    settings: Settings
    max_new_tokens: int
    num_beams: int = 1
    length_penalty: float = 1.0
    early_stopping: bool | str = False
    ends: str = "mark"
    num_tokens: int = 10
    max_ngram: int = 2

    @property
    def quick(self) -> bool:
        """Whether it costs so little that nobody needs to press a button for it."""
        if self.model == "storyteller":
            return True
        return self.way != "lookup" and self.max_new_tokens <= 8 and self.num_beams <= 3


def settings_for(said: Mapping[str, Any], drawn: bool) -> Settings:
    """The page's knobs as this panel uses them.

    Raises:
        ValueError: a forged knob, or a temperature of 0 where tokens are to be drawn.
    """
    settings = settings_of(said)
    if drawn:
        if settings.greedy:
            raise ValueError("Temperature 0 leaves nothing to draw; raise it among the knobs, or choose greedy here.")
        return replace(settings, max_new_tokens=MAX_STEPS)
    return without_draw(settings)


def without_draw(settings: Settings) -> Settings:
    """The same knobs where the likeliest token is taken; those that only a draw minds go back to neutral."""
    neutral = Settings()
    return replace(settings, do_sample=False, **{name: getattr(neutral, name) for name in _DRAWN_ONLY})


def draw(model: str, text: str, said: Mapping[str, Any]) -> Ask:
    """The knobs; what they say."""
    copy = words()
    ways = {name: one["label"] for name, one in copy["ways"].items()}
    address.accept_ids([f"{KEY}_way"], ways, ways.__getitem__)
    way = st.segmented_control(
        "Strategy", list(ways), default="beam", required=True, format_func=ways.__getitem__, key=f"{KEY}_way",
        bind="query-params", label_visibility="collapsed", help=copy["help"]["way"],
    )
    way = way if way in ways else "beam"
    st.caption(copy["ways"][way]["says"])
    # The button that starts a longer run stands in the same row; see strategies.py.
    return _lookup(model, text, said) if way == "lookup" else _beams(model, text, said, way)


def _chat(said: Mapping[str, Any]) -> tuple[bool, str]:
    return bool(said.get("chat")), str(said.get("system") or "")


def _beams(model: str, text: str, said: Mapping[str, Any], way: str) -> Ask:
    says = words()["help"]
    early = {name: f"early_stopping = {shown}" for name, shown in words()["early"].items()}
    num_beams, penalty, stopping = 1, 1.0, "when-beaten"
    address.accept_ids([f"{KEY}_early"], early, early.__getitem__)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key=f"{KEY}_knobs"):
        if way != "greedy":
            num_beams = st.slider("`num_beams` texts at once", 2, 8, 3, 1, key=f"{KEY}_beams", bind="query-params",
                                  width=200, help=says["num_beams"])
        steps = st.slider("`max_new_tokens` steps", 1, MAX_STEPS, 8, 1, key=f"{KEY}_steps", bind="query-params",
                          width=200, help=says["max_new_tokens"])
        if way != "greedy":
            penalty = st.slider("`length_penalty`", -3.0, 3.0, 1.0, 0.1, key=f"{KEY}_penalty", bind="query-params",
                                width=200, help=says["length_penalty"])
            stopping = st.selectbox("When to stop", list(early), format_func=early.__getitem__, key=f"{KEY}_early",
                                    bind="query-params", width=240, help=says["early_stopping"])
        ends = {name: f"a text ends at {shown}" for name, shown in words()["ends"].items()}
        address.accept_ids([f"{KEY}_ends"], ends, ends.__getitem__)
        until = st.selectbox("What ends a text", list(ends), format_func=ends.__getitem__, key=f"{KEY}_ends",
                             bind="query-params", width=270, help=says["ends"])
    chat, system = _chat(said)
    return Ask(
        model, text, chat, system, way, settings_for(said, way == "beam_sample"), int(steps), int(num_beams),
        round(float(penalty), 1), EARLY[stopping if stopping in EARLY else "when-beaten"],
        "mark" if until == "mark" else "stop",
    )


def _follow() -> None:
    """An example brings its way of choosing tokens along."""
    chosen = words()["texts"].get(st.session_state.get(f"{KEY}_text"))
    if chosen:
        st.session_state[f"{KEY}_tokens"] = chosen["tokens"]


def _lookup(model: str, text: str, said: Mapping[str, Any]) -> Ask:
    says = words()["help"]
    texts = {name: one["label"] for name, one in words()["texts"].items()}
    address.accept_ids([f"{KEY}_text"], texts, texts.__getitem__)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key=f"{KEY}_knobs"):
        chosen = st.selectbox("Text", list(texts), index=list(texts).index("refrain"), format_func=texts.__getitem__,
                              key=f"{KEY}_text", bind="query-params", width=180, help=says["text"], on_change=_follow)
        tokens = st.segmented_control("Tokens", ["greedy", "drawn"], default="greedy", required=True,
                                      key=f"{KEY}_tokens", bind="query-params", help=says["tokens"])
        steps = st.slider("`max_new_tokens`", 1, MAX_STEPS, MAX_STEPS, 1, key=f"{KEY}_length", bind="query-params",
                          width=170, help=says["max_new_tokens"])
        num_tokens = st.slider("`num_tokens` of a draft", 1, 20, 10, 1, key=f"{KEY}_draft", bind="query-params",
                               width=170, help=says["num_tokens"])
        ngram = st.slider("`ngram` looked for", 1, 6, 2, 1, key=f"{KEY}_ngram", bind="query-params", width=150,
                          help=says["ngram"])
    example = words()["texts"].get(chosen, words()["texts"]["refrain"])
    if example["says"]:
        st.caption(example["says"])
    chat, system = _chat(said) if not example["text"] else (False, "")
    return Ask(
        model, example["text"] or text, chat, system, "lookup", settings_for(said, tokens == "drawn"), int(steps),
        num_tokens=int(num_tokens), max_ngram=int(ngram),
    )
