"""The panel "Force a shape": choices, a pattern, a schema, a call of a function; and asking by likelihood beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from components.models import catalog
from components.payload import annotate, pack
from components.sampling import Settings
from components.views import address, frame
from components.views.component import mount
from components.views.footer import reproduce
from components.views.running import Running
from components.views.sampling import shape_ask
from components.views.sampling.picture import settings_of
from components.views.sampling.shape_ask import Ask, page_copy
from components.views.sampling.snippet_shape import snippet_shape
from components.workshop import Job

KEY = "sampling_shape"
TALES = ("choices", "regex")
EVERY = ("choices", "regex", "json", "call", "likely")
MOST_TOKENS = 200
HOW = {"greedy": "the likeliest", "drawn": "a draw"}


def draw(model: str, said: dict[str, Any]) -> None:
    """The kind of shape, its fields, Run, and what came out."""
    answers = catalog.entry(model).has_chat_template
    kinds = EVERY if answers else TALES
    kind = _kind(kinds)
    about = page_copy()["kinds"][kind]
    st.markdown(about["says"] if answers else f"{about['says']} {page_copy()['only_answers']}")
    ask = _fields(kind, model, "a" if answers else "t", about, said)
    running = Running(KEY, doing="The model")
    first = _runs(running, kind, ask)
    ended = running.settle()
    results: dict[str, tuple[Ask, bytes]] = st.session_state.setdefault(f"_{KEY}_results", {})
    if ended is not None:
        results[f"{model} {ended[0].kind}"] = ended
    _stopped(running, results)
    if running.says:
        frame.trouble(running.says)
    busy = running.run is not None and running.run.ask.model == model and running.run.ask.kind == kind
    if running.run is not None:
        running.follow((lambda: _so_far(running)) if busy else None,
                       stopped="Stopped. What was written until then is kept.")
    if busy:
        return
    kept = results.get(f"{model} {kind}")
    if kept is None:
        if not first:
            st.caption(page_copy()["honest"]["empty"])
        return
    if kept[0] != ask and not kept[0].every:
        st.caption("What follows was made before your last change; press Run for what stands above.")
    _mount(annotate(kept[1], resting=True), False)
    if not kept[0].every:
        reproduce(KEY, lambda: snippet_shape(kept[0]), "Reproduce this output")


def _kind(kinds: tuple[str, ...]) -> str:
    def title(name: str) -> str:
        return str(page_copy()["kinds"][name]["label"])

    key = f"{KEY}_kind"
    address.accept_ids([key], kinds, title)
    chosen = st.segmented_control("What shape?", kinds, default=kinds[0], required=True, format_func=title, key=key,
                                  bind="query-params", label_visibility="collapsed")
    return str(chosen or kinds[0])


def _so_far(running: Running) -> None:
    told = running.partial
    _mount(told() if told is not None else None, True)


def _stopped(running: Running, results: dict[str, tuple[Ask, bytes]]) -> None:
    """What had been told when Stop was pressed stays as a result."""
    watched = f"_{KEY}_watched"
    if running.run is not None:
        st.session_state[watched] = running.run
        return
    run = st.session_state.pop(watched, None)
    if run is not None and run.told and run.job.cancelled():
        results[f"{run.ask.model} {run.ask.kind}"] = (run.ask, run.told[-1]())


def _mount(payload: bytes | None, running: bool) -> None:
    mount(KEY, payload or pack({"view": "waiting"}), key=f"{KEY}_{'running' if running else 'result'}")


# --------------------------------------------------------------------------------------------------------------- fields


def _fields(kind: str, model: str, whom: str, about: dict[str, str], said: dict[str, Any]) -> Ask:
    """The fields of a kind, filled by its examples; what was typed stays while other kinds are looked at."""
    own = f"{KEY}_{kind}_{whom}"
    if kind == "call":
        ready = [one["question"] for one in page_copy()["calls"]["ready"]]
        chosen = _examples(own, ready, lambda question: {f"{own}_before": question})
        question = str(st.text_input(about["field"], ready[chosen], key=f"{own}_before", help=about["help"],
                                     max_chars=400, persist_state="session", bind="query-params") or "")
        settings = _how(own, said)
        return Ask(kind, model, question, False, "", settings)
    offered = [one for one in page_copy()["examples"][kind] if (one["for"] == "answers") == (whom == "a")]

    def fill(label: str) -> dict[str, Any]:
        one = next(item for item in offered if item["label"] == label)
        return {f"{own}_{name}": one[name] for name in ("before", "text", "chat", "form", "ask") if name in one}

    example = offered[_examples(own, [one["label"] for one in offered], fill)]
    if kind == "likely":
        return _likely_fields(own, model, example, about)
    left, right = st.columns(2, gap="medium")
    with left:
        before = _box(f"{own}_before", "Text in front of it", example["before"],
                      "The output is written right after this text. In chat format it is your message.", 120)
        chat = False
        if whom == "a":
            chat = bool(st.toggle("Chat format", example["chat"], key=f"{own}_chat", bind="query-params",
                                  persist_state="session", help="The text is a message, and the output its answer."))
    with right:
        text = _box(f"{own}_text", about["field"], example["text"], about["help"], 240 if kind == "json" else 120,
                    limit=20_000 if kind == "json" else 2_400)
    return Ask(kind, model, before, chat, text, _how(own, said))


def _likely_fields(own: str, model: str, example: dict[str, Any], about: dict[str, str]) -> Ask:
    left, right = st.columns(2, gap="medium")
    with left:
        before = _box(f"{own}_before", "Text that is asked about", example["before"],
                      "A review, a message, a country.", 90)
        form = _box(f"{own}_form", "Form, with {text} in it", example["form"],
                    "The answers stand right behind it. The empty question is the form with nothing for {text}.", 120)
    with right:
        text = _box(f"{own}_text", about["field"], example["text"], about["help"], 90)
        ask = _box(f"{own}_ask", "The same question in words", example["ask"],
                   "For the free answer: the model writes what it likes, the likeliest token each time.", 120)
    with st.container(horizontal=True, gap="small"):
        st.button("Run", key=f"{KEY}_run", type="primary", on_click=_press, args=("run",))
        st.button("All 12 ready reviews", key=f"{KEY}_all", on_click=_press, args=("all",))
    return Ask("likely", model, before, False, text, Settings(do_sample=False, max_new_tokens=1), form, ask)


def _examples(own: str, labels: list[str], fill: Any) -> int:
    """The row of examples; pressing one fills the fields. Returns the chosen one's place, 0 for none."""
    key = f"{own}_example"

    def pressed() -> None:
        if st.session_state.get(key) in labels:
            for name, value in fill(st.session_state[key]).items():
                st.session_state[name] = value

    chosen = st.pills("Examples", labels, default=labels[0], key=key, bind="query-params", on_change=pressed,
                      label_visibility="collapsed")
    return labels.index(chosen) if chosen in labels else 0


def _box(key: str, label: str, first: str, note: str, height: int, limit: int = 1_200) -> str:
    # A long text would make an address that some servers refuse, so it stays in the session alone.
    bound = limit <= 2_400
    return str(st.text_area(label, first, key=key, help=note, height=height, max_chars=limit, persist_state="session",
                            bind="query-params" if bound else None) or "")


def _how(own: str, said: dict[str, Any]) -> Settings:
    """How each token is taken among the allowed ones, and where it stops at the latest."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key=f"{KEY}_row"):
        address.accept_ids([f"{KEY}_how"], tuple(HOW), HOW.__getitem__)
        how = st.segmented_control(
            "At each step, of what is allowed", tuple(HOW), default="greedy", required=True,
            format_func=HOW.__getitem__, key=f"{KEY}_how", bind="query-params",
            help="The likeliest token (greedy decoding), or a draw by the knobs beside the picture and their seed.",
        )
        tokens = st.number_input(
            "`max_new_tokens`", 1, MOST_TOKENS, 60, 1, key=f"{KEY}_tokens", bind="query-params", width=150,
            help="Where it is cut off at the latest, in the middle of the shape if need be.",
        )
        st.button("Run", key=f"{KEY}_run", type="primary", on_click=_press, args=("run",))
    most = max(1, min(MOST_TOKENS, int(tokens)))
    if how == "drawn":
        return replace(settings_of(said), max_new_tokens=most)
    return Settings(do_sample=False, max_new_tokens=most)


def _press(what: str) -> None:
    st.session_state[f"_{KEY}_pressed"] = what


# ------------------------------------------------------------------------------------------------------------------ run


def _runs(running: Running, kind: str, ask: Ask) -> bool:
    """Start what was asked for: by a button, or the very first example as the panel is opened."""
    opened = f"_{KEY}_opened"
    first = kind == "choices" and opened not in st.session_state and running.run is None
    st.session_state[opened] = True
    pressed = st.session_state.pop(f"_{KEY}_pressed", "run" if first else None)
    if pressed is not None:
        wanted = ask if pressed == "run" else Ask("likely", ask.model, "", False, "", ask.settings, every=True)

        def work(job: Job, tell: Any) -> bytes:
            return shape_ask.work(wanted, job, tell)

        running.start(wanted, work)
    return first
