"""Answers side by side: one question in several formats, to several models, and ready prompts with a verdict.

What the copy holds was written by SmolLM2 from its package, greedily; it is shown at once and marked as recorded. A
press writes it anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from components import sampling
from components.models import catalog, loaders, sources
from components.payload import pack
from components.sampling import Settings, Turn
from components.views import frame
from components.views.component import mount
from components.views.running import Running
from components.views.sampling import chat_prompt, chat_talk
from components.workshop import Job

KEY = "sampling_chat_cards"
RECORDED_WITH = "smollm2"
VERDICTS = {"holds": "it works", "half": "half right", "fails": "it fails"}


@dataclass(frozen=True)
class Card:
    """One prompt for one model: `template` and `answer_begins` as in `sampling.written`, `recorded` (text, end)."""

    title: str
    says: str
    model: str
    text: str
    template: str | None
    answer_begins: bool
    tokens: int
    recorded: tuple[str, str] | None
    verdict: str = ""

    @property
    def here(self) -> bool:
        return sources.state(self.model).here


def formats(model: str) -> None:
    """One question in the right format and in wrong ones."""
    chats = chat_prompt.chat_models()
    target = model if model in chats else (chats or [RECORDED_WITH])[0]
    copy = chat_prompt.copy()
    st.write("The same question to the same model, each time as another text. Only the first is the format that "
             f"{catalog.entry(target).title} was taught.")
    question = _question(copy["question"])
    cards = [
        Card(one["title"], one["says"], target, question, chat_prompt.template_of(one), one["answer_begins"],
             copy["format_tokens"], _known(one, question == copy["question"] and target == RECORDED_WITH))
        for one in copy["formats"]
    ]
    _draw(cards, f"Write all {len(cards)} anew")


def models(model: str) -> None:
    """One question to a model that only continues and to one that answers."""
    copy = chat_prompt.copy()
    st.write("A chat model is a model that continues text, trained further on conversations. Beside one that was not, "
             "the difference shows.")
    question = _question(copy["question"])
    cards = []
    for one in copy["models"]:
        # Where the reader has chosen another model of the same kind, that one takes its place.
        fits = catalog.entry(model).has_chat_template == (one["model"] == RECORDED_WITH)
        name = model if fits else one["model"]
        title = one["title"] if name == one["model"] else f"{catalog.entry(name).title}, {one['how']}"
        cards.append(Card(title, one["says"], name, question, None if one["chat"] else copy["continuing"]["template"],
                          True, copy["format_tokens"],
                          _known(one, question == copy["question"] and name == one["model"])))
    _draw(cards, f"Write all {len(cards)} anew")


def tasks(model: str) -> None:
    """Ready prompts, each with what came out and what that is worth."""
    chats = chat_prompt.chat_models()
    target = model if model in chats else (chats or [RECORDED_WITH])[0]
    every = {one["label"]: one for one in chat_prompt.copy()["tasks"]}
    st.write("What people ask of chat models, asked of a small one. The verdict under each is on this very answer, "
             "which was written greedily; a larger model does better at most of these.")
    chosen = st.pills("Task", list(every), default=next(iter(every)), key="sampling_chat_task", bind="query-params",
                      label_visibility="collapsed")
    one = every[chosen or next(iter(every))]
    card = Card(one["label"], one["says"], target, one["prompt"], None, True, one["tokens"],
                _known(one, target == RECORDED_WITH), one["verdict"])

    def ask() -> None:
        st.session_state["sampling_chat_view"] = "Conversation"
        st.session_state[f"{chat_talk.KEY}_asked"] = {"do": "send", "text": one["prompt"]}

    _draw([card], "Write it anew")
    st.button("Ask it in the conversation", key=f"{KEY}_ask", on_click=ask, type="tertiary", disabled=not card.here,
              help="Sent as your next message, with the page's knobs; earlier turns stand before it.")


def _known(one: dict[str, Any], applies: bool) -> tuple[str, str] | None:
    return (one["answer"], one["ended"]) if applies else None


def _question(first: str) -> str:
    typed = st.text_input("Question", first, key="sampling_chat_question", bind="query-params", max_chars=1_000)
    if not typed.strip():
        raise ValueError("The question is empty; type one.")
    return typed


# ------------------------------------------------------------------------------------------------------------ writing


def _draw(cards: Sequence[Card], label: str) -> None:
    """The cards, and a button that writes their answers anew."""
    running = Running(KEY, doing="The writing")
    done: dict[Any, list[dict[str, Any]]] = st.session_state.setdefault(f"{KEY}_done", {})
    key = tuple(cards)
    settled = running.settle()
    if settled is not None:
        done.clear()  # the newest alone: an answer is soon written again
        done[settled[0]] = settled[1]
    if running.run is not None and running.run.ask != key:
        running.stop()
        running.say(None)
    absent = [card for card in cards if not card.here]
    if absent:
        st.caption(f"{catalog.entry(absent[0].model).title} is not here, so what is shown was recorded. It can be "
                   "fetched from the list of models at the top.")
    with st.container(horizontal=True, key=f"{KEY}_row"):
        if st.button(label, key=f"{KEY}_go", disabled=running.run is not None or len(absent) == len(cards)):
            running.start(key, lambda job, tell: _write(cards, job, tell))
    if running.says:
        frame.trouble(running.says)
    if running.run is None:
        chat_talk.still(lambda: _mount(cards, done.get(key)), KEY)
    else:
        running.follow(lambda: _mount(cards, running.partial or [], busy=True),
                       stopped="The writing was stopped; start it again for new answers.")


def _write(cards: Sequence[Card], job: Job, tell: Any) -> list[dict[str, Any]]:
    """Answer every card, greedily; tells the answers so far."""
    found: list[dict[str, Any]] = []
    for place, card in enumerate(cards):
        if not card.here:
            found.append({})
            continue
        job.report(place / len(cards), f"{place + 1} of {len(cards)}" if loaders.loaded(card.model)
                   else f"opening {catalog.entry(card.model).title}")
        opened = loaders.model(card.model)
        prompt = sampling.written(opened, [Turn("user", card.text)], template=card.template,
                                  answer_begins=card.answer_begins)

        def told(text: str, steps: tuple[sampling.Step, ...], card: Card = card, place: int = place) -> None:
            job.check()
            job.report((place + len(steps) / card.tokens) / len(cards), f"{place + 1} of {len(cards)}")
            tell([*found, {"text": text, "tokens": chat_prompt.recorded(card.model, steps), "ended": "", "says": ""}])

        made = sampling.answer(opened, prompt.ids, Settings(temperature=0, max_new_tokens=card.tokens), on_token=told)
        found.append({"text": made.text, "tokens": chat_prompt.recorded(card.model, made.steps), "ended": made.ended,
                      "says": chat_prompt.ending(card.model, made, opened.context, again=False)})
        tell(list(found))
    return found


def _mount(cards: Sequence[Card], answers: Sequence[dict[str, Any]] | None, *, busy: bool = False) -> None:
    drawn = []
    for place, card in enumerate(cards):
        fresh = answers[place] if answers is not None and place < len(answers) else {}
        entry: dict[str, Any] = {
            "title": card.title,
            "says": card.says,
            "verdict": [card.verdict, VERDICTS[card.verdict]] if card.verdict else None,
            "prompt": _prompt(card),
            "message": card.text,
            "state": "fresh" if fresh else "waiting" if busy else "recorded" if card.recorded else "empty",
        }
        if fresh:
            entry |= {"answer": fresh["text"], "tokens": fresh["tokens"], "end": fresh["says"]}
            if card.recorded and fresh["ended"]:
                entry["same"] = fresh["text"] == card.recorded[0]
        elif card.recorded and not busy:
            entry |= {"answer": card.recorded[0], "end": chat_prompt.says_ended(
                card.recorded[1], stop=None, count=card.tokens, context=0,
                chats=catalog.entry(card.model).has_chat_template, again=False)}
        drawn.append(entry)
    mount("sampling_chat", pack({"kind": "cards", "cards": drawn, "busy": busy}), key=f"{KEY}_mounted")


def _prompt(card: Card) -> list[dict[str, Any]]:
    """The whole prompt token by token; nothing where the model, and so its tokenizer, is not here."""
    if not card.here:
        return []
    return chat_prompt.spelled(card.model, [Turn("user", card.text)], template=card.template,
                               answer_begins=card.answer_begins)
