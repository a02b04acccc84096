"""The panel "Other engines": the same text put to a server that the operator allows, beside the page's own model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from components import caching, remote, sampling, settings, workshop
from components.models import catalog, loaders
from components.remote import BOUNDS, Bounds, RemoteAnswer
from components.settings import Remote
from components.tokenization import vocabulary
from components.views import address, frame
from components.views.component import mount
from components.views.footer import reproduce
from components.views.running import Running
from components.views.sampling import moments
from components.views.sampling.engines_ask import MAX_TOKENS, MAX_TOP, Ask, engine_at, words
from components.views.sampling.engines_picture import Asked, Beside, before, payload
from components.views.sampling.picture import settings_of
from components.views.sampling.snippet_engines import snippet_engines
from components.workshop import Job

KEY = "sampling_engines"
_LAST, _PARTIAL, _AT = f"_{KEY}_last", f"_{KEY}_partial", f"_{KEY}_at"
# A list of models is a nicety: a server that is slow with it is asked all the same.
SHORT = Bounds(connect_s=5, read_s=5, total_s=8, size=2_000_000)
OWN_LIKELIEST = 5


def draw(model: str, text: str, said: Mapping[str, Any]) -> None:
    """Whom to ask and what, the answer token by token, the snippet."""
    allowed = settings.get().remote
    if not allowed:
        _nobody()
        return
    running = Running(KEY, doing="The answer")
    ask, key = _widgets(allowed, model, text, said)
    _settle(running)
    with st.container(horizontal=True, vertical_alignment="center", key=f"{KEY}_go"):
        pressed = st.button("Ask", type="primary", key=f"{KEY}_ask", disabled=running.run is not None)
        st.caption(words()["sends_key" if key else "sends"].format(address=ask.address))
    if pressed:
        for name in (_LAST, _PARTIAL, _AT):
            st.session_state.pop(name, None)
        running.start(ask, _work(ask, key), pool=workshop.errands)
    if running.run is not None:
        running.follow(lambda: _partial(running), stopped="Stopped; what had come is kept.")
        return
    _ended(running, ask)


def _settle(running: Running) -> None:
    ended = running.settle()
    if ended is not None:
        st.session_state[_LAST] = ended[1]
        st.session_state.pop(_PARTIAL, None)


def _partial(running: Running) -> None:
    """What there is so far. It is noted, because Stop takes the work's own notes away."""
    if running.partial is not None:
        st.session_state[_PARTIAL] = running.partial
        mount(KEY, payload(running.partial, local=_title(running.partial.ask)), key=f"{KEY}_partial")


def _ended(running: Running, ask: Ask) -> None:
    if running.says:
        frame.trouble(running.says)
    partial: Asked | None = st.session_state.pop(_PARTIAL, None)
    if partial is not None:
        ended = partial.answer.ended or "stopped"  # the answer may be whole, and this page's model not yet
        st.session_state[_LAST] = replace(partial, answer=replace(partial.answer, ended=ended))
    asked: Asked | None = st.session_state.get(_LAST)
    if asked is None:
        st.caption(words()["empty"])
        return
    at = _at(len(asked.answer.steps))
    beside = None
    # Always there, so that progress shown in it never takes the picture's place on the page.
    with st.container(key=f"{KEY}_waits"):
        if at is not None:
            beside = _beside(asked, at)
    note = "" if asked.ask == ask else words()["stale"]
    mount(KEY, payload(asked, at=at, beside=beside, note=note, local=_title(asked.ask)), key=KEY,
          state=("view",), callbacks={"view": _moved})
    reproduce(KEY, lambda: snippet_engines(asked.ask, asked.model), "Reproduce this question")


def _title(ask: Ask) -> str:
    return catalog.entry(ask.local).title


def _nobody() -> None:
    """How an operator allows a server: three lines for each kind."""
    copy = words()
    st.markdown(f"#### {copy['none']['title']}")
    st.write(copy["none"]["why"])
    engines = copy["engines"]
    chosen = st.segmented_control("Server", list(engines), default="llama.cpp", required=True, key=f"{KEY}_how",
                                  format_func=lambda name: engines[name]["title"], label_visibility="collapsed")
    one = engines[chosen if chosen in engines else "llama.cpp"]
    st.code("\n".join(one["start"]), language="bash")
    st.caption(one["notes"])
    st.caption(copy["none"]["after"])


# ------------------------------------------------------------------------------------------------------------- widgets


def _widgets(allowed: tuple[Remote, ...], model: str, text: str, said: Mapping[str, Any]) -> tuple[Ask, str]:
    """The question, and the reader's own key, which is in no link and in no kept value."""
    copy, help_ = words(), words()["help"]
    st.markdown(copy["intro"])
    by_url = {one.base.url: one for one in allowed}
    engines = copy["engines"]
    address.accept_ids([f"{KEY}_engine"], engines, lambda name: str(engines[name]["title"]))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=f"{KEY}_whom"):
        url = st.selectbox("Server", list(by_url), key=f"{KEY}_server", bind="query-params", help=help_["server"],
                           width=300)
        url = url if url in by_url else next(iter(by_url))
        guess = engine_at(by_url[url].base.port)
        engine = st.selectbox("Kind of server", list(engines), index=list(engines).index(guess), width=210,
                              format_func=lambda name: str(engines[name]["title"]), key=f"{KEY}_engine",
                              bind="query-params", help=help_["engine"])
        asked_model = st.text_input("Model id", key=f"{KEY}_model", bind="query-params", max_chars=300, width=260,
                                    placeholder=by_url[url].model or "the first it names", help=help_["model"])
        key = ""
        if not by_url[url].key:
            # Not bound: a key in an address would be in every history and every log on the way.
            key = st.text_input("Key, if it wants one", key=f"{KEY}_key", type="password", autocomplete="off",
                                max_chars=1_000, width=210, help=help_["key"])
    ways = copy["ways"]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key=f"{KEY}_how_much"):
        way = st.segmented_control("The model", list(ways), default="on", required=True, format_func=ways.__getitem__,
                                   key=f"{KEY}_way", bind="query-params", help=help_["way"])
        tokens = st.slider("max_tokens", 1, MAX_TOKENS, 16, 1, key=f"{KEY}_tokens", bind="query-params", width=190,
                           help=help_["tokens"])
        top = st.slider("top_logprobs", 0, MAX_TOP, 10, 1, key=f"{KEY}_top", bind="query-params", width=190,
                        help=help_["top"])
    ask = Ask(
        address=url, engine=engine if engine in engines else guess,
        remote_model=str(asked_model or "").strip() or by_url[url].model, local=model, text=text, chat=way == "chat",
        system=str(said.get("system") or ""), max_tokens=int(tokens), top=int(top), settings=settings_of(said),
    )
    return ask, key or ""


def _work(ask: Ask, key: str) -> Callable[[Job, Callable[[Any], None]], Asked]:
    where = remote.server(ask.address, settings.get(), key=key)

    def work(job: Job, tell: Callable[[Any], None]) -> Asked:
        job.report(None, "asking which models it has")
        named, size = ask.remote_model, None
        try:
            found = remote.models(where, bounds=SHORT, cancelled=job.cancelled)
            named = named or found[0].id
            size = next((one.vocabulary for one in found if one.id == named), None)
        except ValueError:
            # Some servers answer and still fail here; without a model id there is nothing to go on with.
            if not named:
                raise
        except remote.Stopped:
            job.check()
        job.report(None, "waiting for the first token")

        def on_step(answer: RemoteAnswer) -> None:
            job.report(min(1.0, len(answer.steps) / ask.max_tokens), f"token {len(answer.steps)} of {ask.max_tokens}")
            tell(Asked(ask, answer, named, size))

        answer = remote.ask(where, ask.question(named), on_step=on_step, cancelled=job.cancelled, bounds=BOUNDS)
        job.check()
        if answer.steps:
            tell(Asked(ask, answer, named, size))
            # What the picture opens with, so that it can be drawn in one go.
            here = _place(ask, "")
            with suppress(ValueError):  # the panel meets it again and says it beside the picture
                caching.shared(f"{KEY}_local", here, lambda: _own(here, job))
        return Asked(ask, answer, named, size)

    return work


# ----------------------------------------------------------------------------------------------- the page's own model


def _moved() -> None:
    value = (st.session_state.get(KEY) or {}).get("view")
    step = value.get("step") if isinstance(value, dict) else None
    st.session_state[_AT] = step if isinstance(step, int) and not isinstance(step, bool) else 0


def _at(steps: int) -> int | None:
    return max(0, min(int(st.session_state.get(_AT, 0)), steps - 1)) if steps else None


def _beside(asked: Asked, at: int) -> Beside:
    """The page's own model on the same text at one step; a sentence where it cannot be asked."""
    ask, step = asked.ask, asked.answer.steps[at]
    written = before(ask, asked.answer.steps, at)
    if written is None:
        return Beside(at, says="Here the text stops inside a character, where this model cannot be asked.")
    key = _place(ask, written)
    try:
        given = frame.compute(f"{KEY}_local", key, lambda job: _own(key, job), label=_title(ask))
    except ValueError as problem:
        return Beside(at, says=str(problem))
    ids = caching.shared(f"{KEY}_pieces", (ask.local,), lambda: _pieces(ask.local))
    labels = moments.labels(ask.local)
    found = [ids.get(one.bytes) if one.bytes else None for one in step.top]
    listed = {token for token in found if token is not None}
    order = sampling.by_probability(given)[:OWN_LIKELIEST].tolist()
    return Beside(
        at,
        tuple(None if token is None else float(given[token]) for token in found),
        tuple((labels.label(token), float(given[token]), token in listed) for token in order),
        "" if step.top else "That engine gave no list here to set this model beside.",
    )


def _place(ask: Ask, written: str) -> tuple[str, str, bool, str, str]:
    """Under what the page's own model's view of a place is kept."""
    chat = ask.chat and catalog.entry(ask.local).has_chat_template
    return ask.local, ask.text, chat, ask.system if chat else "", written


def _own(key: tuple[str, str, bool, str, str], job: Job) -> Any:
    """Probabilities [vocab] of the page's own model after the prompt and what the other engine has written."""
    model, text, chat, system, written = key
    job.report(None, "opening the model" if not loaders.loaded(model) else "reading the same text")
    opened = loaders.model(model)
    if chat:
        prompt = sampling.prompt(opened, text, chat=True, system=system).ids
        ids = (*prompt, *opened.tokenizer.library_object.encode(written, add_special_tokens=False).ids)
    else:
        ids = sampling.prompt(opened, text + written).ids
    logits = sampling.next_logits(opened, ids).astype(np.float64)
    shares = np.exp(logits - logits.max())
    return (shares / shares.sum()).astype(np.float32)


def _pieces(model: str) -> dict[bytes, int]:
    """A model's ordinary tokens by their bytes."""
    entries = vocabulary(loaders.model(model).tokenizer)
    return {entries.piece(token): token for token in range(len(entries.flags) - 1, -1, -1)
            if entries.piece(token) and not entries.flags[token] & 1}
