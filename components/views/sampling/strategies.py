"""The panel "Search strategies": greedy, beam search, beam sampling and prompt lookup on the page's text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from components import caching, sampling
from components.models import catalog, loaders
from components.payload import pack, unpack
from components.sampling import BeamSearch, BeamStep, Hypothesis, Round, Speculation
from components.views import frame
from components.views.component import mount
from components.views.footer import reproduce
from components.views.running import Running
from components.views.sampling import moments, strategies_ask, strategies_picture
from components.views.sampling.snippet_strategies import snippet_strategies
from components.views.sampling.strategies_ask import KEY, Ask, words
from components.workshop import Job

_LAST = f"_{KEY}_last"


def draw(model: str, text: str, said: Mapping[str, Any]) -> None:
    """Knobs, the picture, and the snippet."""
    running = Running(KEY, doing="The search")
    ask = strategies_ask.draw(model, text, said)
    settled = running.settle()
    if settled is not None:
        caching.keep(KEY, (settled[0],), settled[1])
        st.session_state[_LAST] = settled[1]
    made: bytes | None = caching.peek(KEY, (ask,))
    if made is None and ask.quick:
        made = frame.compute(KEY, (ask,), lambda job: _work(ask, job), label="Searching")
    if made is None and running.run is None:
        with st.container(horizontal=True, vertical_alignment="center", key=f"{KEY}_start"):
            st.button("Run", type="primary", key=f"{KEY}_run", on_click=_start, args=(running, ask))
            st.caption(words()["empty"])
    if running.says:
        frame.trouble(running.says)
    if running.run is not None:
        running.follow(lambda: _mount(running.partial, late=True) if running.partial else None,
                       stopped="The search was stopped; nothing of it is kept.")
        return
    if made is not None:
        st.session_state[_LAST] = made
        _mount(made)
        reproduce(KEY, lambda: snippet_strategies(ask), "Reproduce this search")
    elif _LAST in st.session_state:
        _mount(st.session_state[_LAST], note=words()["stale"])


def _start(running: Running, ask: Ask) -> None:
    running.start(ask, lambda job, tell: _work(ask, job, tell))


def _mount(payload: bytes, *, late: bool = False, note: str = "") -> None:
    if note:
        header, arrays = unpack(payload)
        header.pop("arrays", None)
        payload = pack({**header, "note": note}, arrays)
    mount(KEY, payload, key=f"{KEY}_partial" if late else KEY)


def end_tokens(opened: Any, ends: str) -> tuple[int, ...]:
    """The model's own end tokens, and the full stop where it shall end a text."""
    stop = opened.tokenizer.library_object.token_to_id(".") if ends == "stop" else None
    return (*sorted(sampling.end_ids(opened)), *([] if stop is None else [stop]))


def _work(ask: Ask, job: Job, tell: Callable[[Any], None] = lambda _: None) -> bytes:
    """Open, read, search; a picture after every step for whoever waits."""
    if not loaders.loaded(ask.model):
        job.report(None, f"opening {catalog.entry(ask.model).title}")
    opened = loaders.model(ask.model)
    prompt = sampling.prompt(opened, ask.text, chat=ask.chat, system=ask.system)
    label = moments.labels(ask.model).label

    def stepped(done: int) -> None:
        job.check()
        job.report(min(1.0, done / ask.max_new_tokens), f"{done} of {ask.max_new_tokens} tokens")

    if ask.way == "lookup":
        rounds: list[Round] = []

        def on_round(one: Round) -> None:
            rounds.append(one)
            found = Speculation(prompt.ids, ask.settings, ask.num_tokens, ask.max_ngram, tuple(rounds), "running")
            tell(strategies_picture.lookup(ask, found, label))
            stepped(len(found.ids))

        made = sampling.prompt_lookup(
            opened, prompt.ids, max_new_tokens=ask.max_new_tokens, num_tokens=ask.num_tokens, max_ngram=ask.max_ngram,
            settings=ask.settings, on_round=on_round,
        )
        return strategies_picture.lookup(ask, made, label)

    decode = opened.tokenizer.library_object.decode
    ends = end_tokens(opened, ask.ends)
    steps: list[BeamStep] = []

    def picture(search: BeamSearch, greedy: Hypothesis | None) -> bytes:
        return strategies_picture.beams(ask, search, greedy, label,
                                        lambda ids: str(decode(list(ids), skip_special_tokens=False)), opened.eos_ids)

    def on_step(one: BeamStep) -> None:
        steps.append(one)
        tell(picture(BeamSearch(prompt.ids, ask.settings, ask.num_beams, ask.max_new_tokens, ask.length_penalty,
                                ask.early_stopping, tuple(steps), (), (), "running"), None))
        stepped(len(steps))

    drawn = ask.way == "beam_sample"
    search = sampling.beam_search(
        opened, prompt.ids, num_beams=ask.num_beams, max_new_tokens=ask.max_new_tokens,
        length_penalty=ask.length_penalty, early_stopping=ask.early_stopping, settings=ask.settings, do_sample=drawn,
        seed=ask.settings.seed, ends=ends, on_step=on_step,
    )
    job.report(None, "greedy decoding beside it")
    plain = strategies_ask.without_draw(ask.settings)
    alone = sampling.beam_search(opened, prompt.ids, max_new_tokens=ask.max_new_tokens, num_beams=1, settings=plain,
                                 ends=ends, on_step=lambda _: job.check())
    return picture(search, alone.hypotheses[0])
