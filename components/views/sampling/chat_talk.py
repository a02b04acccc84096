"""The conversation of the panel Chat: turns kept in this session, an answer written while the page stays alive."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from components import sampling
from components.models import catalog, loaders
from components.payload import pack
from components.sampling import Settings, Turn
from components.views import frame
from components.views.component import mount
from components.views.running import Running
from components.views.sampling import chat_prompt
from components.workshop import Job, repair

KEY = "sampling_chat"
TURNS = f"{KEY}_turns"
ACTIONS = ("send", "again", "edit", "remove", "clear")


def turns() -> list[dict[str, Any]]:
    """This reader's conversation: `role`, `text`, and for an answer its tokens, its end and its model."""
    found: list[dict[str, Any]] = st.session_state.setdefault(TURNS, [])
    return found


def asked_turns(system: str) -> tuple[Turn, ...]:
    """The conversation up to the last message, as the model reads it before it answers."""
    said = turns()
    last = max((place for place, turn in enumerate(said) if turn["role"] == "user"), default=-1)
    if last < 0:
        return ()
    front = (Turn("system", system),) if system.strip() else ()
    return (*front, *(Turn(turn["role"], turn["text"]) for turn in said[: last + 1]))


def _running() -> Running:
    return Running(KEY, doing="The answer")


def draw(model: str, settings: Settings, system: str, stops: Sequence[str]) -> None:
    """The conversation with its box and its buttons, and under it the whole text that the model reads."""
    running = _running()
    _take_in(running)
    with frame.sentences():
        _obey(running, model, settings, system, stops)
    if (running.says or "").strip():
        frame.trouble(str(running.says))
    if running.run is not None:
        running.follow(lambda: _mount(model, system, running), stopped=" ")
    else:
        still(lambda: _mount(model, system, running), KEY, asked=f"{KEY}_asked")


def still(mount_it: Callable[[], None], key: str, *, asked: str | None = None) -> None:
    """Draw as `Running.follow` draws while work is under way, in a fragment behind the place of its progress.

    So a picture keeps its place when work begins. Drawn otherwise, it stood there twice where the page's run was broken
    off by the first look at the work, as happens while a model is being opened. `asked`: where in the session's state
    a press waits.
    """

    def look() -> None:
        if asked is not None and st.session_state.get(asked) is not None:
            st.rerun()  # a press is obeyed by the panel, which is more than this fragment
        st.container(key=f"{key}_idle")
        with frame.sentences():
            mount_it()

    st.fragment(look)()


def _pressed() -> None:
    value = (st.session_state.get(f"{KEY}_box") or {}).get("act")
    st.session_state[f"{KEY}_asked"] = value


def _take_in(running: Running) -> None:
    """An answer that has ended, or was stopped, becomes a turn."""
    partial = st.session_state.get(f"{KEY}_partial")
    settled = running.settle()
    if settled is not None:
        turns().append(settled[1])
    elif running.run is None and partial is not None and not (running.says or "").strip():
        text, tokens, model = partial
        turns().append({"role": "assistant", "text": text, "tokens": tokens, "ended": "stopped", "model": model,
                        "says": chat_prompt.says_ended("stopped", stop=None, count=len(tokens), context=0, chats=True)})
    if running.run is None:
        st.session_state.pop(f"{KEY}_partial", None)


def _obey(running: Running, model: str, settings: Settings, system: str, stops: Sequence[str]) -> None:
    """Do what a button asks; anything that no button sends changes nothing."""
    asked = st.session_state.pop(f"{KEY}_asked", None)
    if not isinstance(asked, dict) or asked.get("do") not in ACTIONS or running.run is not None:
        return
    running.say(None)
    tries = st.session_state.get(f"{KEY}_tries", 0) + 1 if asked["do"] == "again" else 0
    st.session_state[f"{KEY}_tries"] = tries
    if _change(turns(), asked):
        # The same seed would draw the same answer, so each further try takes the next one.
        _answer(running, model, replace(settings, seed=settings.seed + tries), system, stops)


def _change(said: list[dict[str, Any]], asked: Mapping[str, Any]) -> bool:
    """Change the turns as a button asks; whether an answer is wanted then. Raises ValueError for an empty text."""
    do, place, text = asked["do"], asked.get("at"), asked.get("text")
    if do in ("send", "edit") and (not isinstance(text, str) or not text.strip()):
        raise ValueError("There is nothing in it; type a message, or press an example.")
    if do == "clear":
        said.clear()
    elif do == "send":
        if said and said[-1]["role"] == "user":  # the answer to it never came
            said.pop()
        said.append({"role": "user", "text": repair(str(text))[0]})
    elif do == "again":
        while said and said[-1]["role"] == "assistant":
            said.pop()
    elif not isinstance(place, int) or not 0 <= place < len(said):
        return False
    elif do == "remove":
        # A message goes with its answer, so that the two sides keep taking turns.
        first = place - place % 2
        del said[first : first + 2]
    elif said[place]["role"] == "user":
        said[place:] = [{"role": "user", "text": repair(str(text))[0]}]
    else:
        said[place] = {"role": "assistant", "text": repair(str(text))[0], "edited": True, "ended": "edited",
                       "says": "Written by you: the model will take it for its own words."}
        return False
    return do in ("send", "again", "edit")


def _answer(running: Running, model: str, settings: Settings, system: str, stops: Sequence[str]) -> None:
    ask = asked_turns(system)
    if not ask:
        return
    sampling.check_turns(ask)
    sampling.check_stops(list(stops))

    drawn = "greedy" if settings.greedy else f"seed {settings.seed}"

    def work(job: Job, tell: Any) -> dict[str, Any]:
        job.report(None, "opening the model" if not loaders.loaded(model) else "reading the conversation")
        opened = loaders.model(model)
        prompt = sampling.written(opened, ask, template=chat_prompt.template_for(model))
        job.report(None, "reading the conversation")

        def told(text: str, steps: tuple[sampling.Step, ...]) -> None:
            job.report(len(steps) / settings.max_new_tokens, f"token {len(steps)} of {settings.max_new_tokens} at most")
            tell((text, steps))

        found = sampling.answer(opened, prompt.ids, settings, stops=stops, on_token=told, cancelled=job.cancelled)
        return {"role": "assistant", "text": found.text, "tokens": chat_prompt.recorded(model, found.steps),
                "ended": found.ended, "model": model, "seed": drawn,
                "says": chat_prompt.ending(model, found, opened.context)}

    running.start(ask, work)


def _mount(model: str, system: str, running: Running) -> None:
    said = [dict(turn) for turn in turns()]
    partial = running.partial if running.run is not None else None
    if running.run is not None:
        text, steps = partial if partial is not None else ("", ())
        tokens = chat_prompt.recorded(model, steps)
        if steps:
            st.session_state[f"{KEY}_partial"] = (text, tokens, model)
        said.append({"role": "assistant", "text": text, "tokens": tokens, "ended": "", "says": "", "model": model})
    header: dict[str, Any] = {
        "kind": "talk",
        "model": catalog.entry(model).title,
        "chats": catalog.entry(model).has_chat_template,
        "busy": running.run is not None,
        "turns": said,
        "examples": chat_prompt.copy()["messages"],
        **_read(model, system, said),
    }
    mount("sampling_chat", pack(header), key=f"{KEY}_box", triggers=("act",), callbacks={"act": _pressed})


def _read(model: str, system: str, said: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The whole text that the model read for its last answer, token by token, the answer at its end."""
    ask = asked_turns(system)
    if not ask:
        return {"read": [], "marks": 0}
    template = chat_prompt.template_for(model)
    tokens = chat_prompt.spelled(model, ask, template=template)
    marks = chat_prompt.typed_marks(tokens) if template is None else 0
    if said[-1]["role"] == "assistant":
        tokens = [*tokens, *({**token, "w": "answer"} for token in said[-1].get("tokens", ()))]
    return {"read": tokens, "marks": marks}
