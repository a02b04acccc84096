"""The panel "Turn heads off": what the model says without some of its heads, what chance would do, and a full sweep."""

from __future__ import annotations

import re
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from components import caching, workshop
from components.attention import (
    Ablation,
    Attribution,
    Control,
    HeadMap,
    Sweep,
    attribute,
    control,
    passes,
    spell,
    sweep,
)
from components.attention.ablation import compare
from components.attention.restart import begin
from components.models import catalog, loaders
from components.views import address, frame
from components.views.attention.ablation_payload import payload
from components.views.attention.snippet_ablation import snippet_ablation
from components.views.component import mount
from components.views.footer import reproduce
from components.workshop import Cancelled, Job

KEY = "attention_ablation"
SWEEP, DIRECT = "attention_sweep", "attention_direct"
SCOPES = {"head": "this head", "layer": "this layer", "picked": "hand-picked"}
HOWS = {"zero": "zero", "mean": "its mean"}
_PICKED = f"{KEY}_heads"
Head = tuple[int, int]


@dataclass(frozen=True)
class Result:
    """What the left half of the panel shows.

    Attributes:
        ablation, control: see `components.attention`.
        pieces: the texts of the tokens that are listed, by id.
        forward, loss: seconds of one forward pass, and of one loss on the text, measured now: for the estimate.
        elsewhere: the other text.
    """

    ablation: Ablation
    control: Control
    pieces: dict[int, str]
    forward: float
    loss: float
    elsewhere: str


# What others may ask ------------------------------------------------------------------------------------------------


def sweep_key(name: str, text: str, how: str = "zero", target: int | None = None) -> tuple[Any, ...]:
    """Under which key `components.caching` keeps a sweep of kind `SWEEP`; target None is the model's own next token."""
    return (name, text, how, target)


def swept(name: str, text: str) -> Sweep | None:
    """A sweep of this text if one was made, whichever way heads were turned off; never computes.

    For sorting heads by effect on the prediction: `-swept(name, text).target_change` is [layer, head], highest where a
    head helps the likeliest next token most.
    """
    for how in HOWS:
        found: Sweep | None = caching.peek(SWEEP, sweep_key(name, text, how))
        if found is not None:
            return found
    return None


# The panel ----------------------------------------------------------------------------------------------------------


def draw(heads: HeadMap, name: str, text: str, layer: int, head: int) -> None:
    """Knobs, the comparison with its control, the sweep, and the snippet."""
    scope, how, typed, loss = _knobs(heads)
    target = _target(name, typed) if heads.causal else None
    chosen = _chosen(heads, scope, layer, head)
    result = _compared(heads, name, chosen, how, target) if chosen else None
    ask = Ask(name, text, tuple(heads.ids.tolist()), how, target, loss)
    running = _sweeping(ask)
    found = _kept(ask)
    direct: Attribution | None = caching.peek(DIRECT, (name, text, target)) if found else None
    view = {
        "model": catalog.entry(name).title,
        "scope": scope,
        "off": [list(one) for one in chosen],
        "how": how,
        "running": running,
        "loss": loss,
        "passes": round(passes(heads.layers, heads.heads)),
    }
    mount(
        KEY, payload(heads, view, result, found, direct), key=KEY, state=("picked",), triggers=("sweep",),
        callbacks={"picked": _picked, "sweep": _asked},
    )
    st.session_state[f"_{KEY}_watched"] = running
    st.fragment(_progress, run_every=0.5 if running else None)()
    if sentence := st.session_state.pop(f"_{KEY}_says", None):
        frame.trouble(sentence)
    if result is not None and heads.causal:
        reproduce(KEY, lambda: snippet_ablation(name, heads.ids.tolist(), chosen, how, target))


def _knobs(heads: HeadMap) -> tuple[str, str, str, bool]:
    address.accept_ids([f"{KEY}_scope"], list(SCOPES), SCOPES.__getitem__)
    address.accept_ids([f"{KEY}_how"], list(HOWS), HOWS.__getitem__)
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{KEY}_knobs", gap="small"):
        scope = st.segmented_control(
            "Turn off", list(SCOPES), default="head", required=True, format_func=SCOPES.__getitem__,
            key=f"{KEY}_scope", bind="query-params",
            help="The chosen head, its whole layer, or heads that you pick in the grid below.",
        )
        how = st.segmented_control(
            "Set to", list(HOWS), default="zero", required=True, format_func=HOWS.__getitem__, key=f"{KEY}_how",
            bind="query-params",
            help="Zero takes away all that a head gives. Its mean, over the tokens of this text, leaves what it gives "
            "everywhere alike and takes away what differs from token to token. The two disagree.",
        )
        if not heads.causal:
            return str(scope), str(how), "", False
        typed = st.text_input(
            "Target token", key=f"{KEY}_target", bind="query-params", width=190, max_chars=60,
            placeholder=_shown(heads.next_pieces[0]) if heads.next_pieces else "",
            help="The next token whose chance is watched. Empty: the one that the model itself finds likeliest. "
            "A word is read with the space before it.",
        )
        loss = st.toggle(
            "Sweep the loss too", key=f"{KEY}_loss", bind="query-params",
            help="Also measures, for each head, how much harder the whole text becomes to predict. "
            "This needs the prediction at every token and takes longer.",
        )
    return str(scope), str(how), str(typed or ""), bool(loss)


def _shown(piece: str) -> str:
    return piece.strip() or repr(piece)


def _target(name: str, typed: str) -> int | None:
    """The token that a reader typed: as it stands, or with a space before it. None where nothing was typed.

    Raises ValueError where it is not one token of the vocabulary.
    """
    if not typed.strip():
        return None
    library = loaders.tokenizer(name).library_object
    ways = [typed] if typed.startswith(" ") else [f" {typed}", typed]
    read = [library.encode(way, add_special_tokens=False).ids for way in ways]
    for ids in read:
        if len(ids) == 1:
            return int(ids[0])
    count = min(len(ids) for ids in read)
    raise ValueError(
        f"“{typed.strip()}” is {count} tokens to this model, and a target is one; type a shorter or more common word."
    )


# Which heads --------------------------------------------------------------------------------------------------------


def _chosen(heads: HeadMap, scope: str, layer: int, head: int) -> tuple[Head, ...]:
    if scope == "head":
        return ((layer, head),)
    if scope == "layer":
        return tuple((layer, one) for one in range(heads.heads))
    picked = st.session_state.get(_PICKED)
    linked = st.query_params.get(_PICKED, "")
    if picked is None and linked:
        picked = [(int(one), int(other)) for one, other in re.findall(r"(\d{1,4})\.(\d{1,4})", linked[:4000])]
    picked = picked or []
    real = [one for one in picked if one[0] < heads.layers and one[1] < heads.heads]
    unique = sorted(set(real))
    if len(real) < len(picked):
        frame.trouble("The link names heads that this model has not; they are left out.")
    if len(unique) < len(real):
        twice = next(one for one in real if real.count(one) > 1)
        frame.trouble(f"Layer {twice[0]}, head {twice[1]} is named twice, and a head is turned off once.")
    if not picked and not linked:
        unique = [(layer, head)]
    _keep_picked(unique)
    return tuple(unique)


def _keep_picked(picked: Sequence[Head]) -> None:
    st.session_state[_PICKED] = list(picked)
    now = "_".join(f"{layer}.{head}" for layer, head in picked) or "none"
    if st.query_params.get(_PICKED) != now:
        st.query_params[_PICKED] = now


def _picked() -> None:
    """The browser tells what was clicked: a head, a layer, or the whole hand-picked set."""
    said = (st.session_state.get(KEY) or {}).get("picked") or {}
    heads = said.get("heads")
    if not isinstance(heads, list) or len(heads) > 4000:
        return
    named = [
        (int(one[0]), int(one[1])) for one in heads
        if isinstance(one, list) and len(one) == 2 and all(isinstance(part, int) and part >= 0 for part in one)
    ]
    if said.get("scope") == "picked":
        st.session_state[_PICKED] = named
        st.query_params[_PICKED] = "_".join(f"{layer}.{head}" for layer, head in named) or "none"
    elif named:
        st.session_state["attention_layer"], st.session_state["attention_head"] = named[0]


# The comparison -----------------------------------------------------------------------------------------------------


def _elsewhere(ids: Sequence[int], name: str) -> tuple[str, list[int]]:
    """A bundled text that is not the reader's, and its ids."""
    library = loaders.tokenizer(name).library_object
    for one in reversed(frame.examples("attention")):
        found = library.encode(one["text"], add_special_tokens=False).ids
        if found != list(ids):
            return str(one["text"]), [int(token) for token in found]
    raise ValueError("There is no other text to compare with; change a word of yours.")


def _compared(heads: HeadMap, name: str, chosen: tuple[Head, ...], how: str, target: int | None) -> Result:
    ids = tuple(heads.ids.tolist())

    def work(job: Job) -> Result:
        job.report(None, "opening the model" if not loaders.loaded(name) else "with and without")
        opened = loaders.model(name)
        job.report(0.1, "with and without")
        start = begin(opened, ids)
        made = compare(start, chosen, how, target)
        timed = time.perf_counter()
        start.go_on(0, start.streams[0])
        forward = time.perf_counter() - timed
        timed = time.perf_counter()
        start.loss(start.streams[-1][0])
        loss = time.perf_counter() - timed
        del start
        job.report(0.4, "random heads, and another text")
        other, other_ids = _elsewhere(ids, name)
        beside = control(opened, ids, chosen, how, made.target, elsewhere=other_ids, check=job.check)
        listed = made.top(5) if made.log_before is not None else []
        if made.target is not None and made.target not in listed:
            listed.append(made.target)
        pieces = dict(zip(listed, spell(opened.tokenizer, listed), strict=True))
        return Result(made, beside, pieces, forward, loss, other)

    return frame.compute(KEY, (name, ids, chosen, how, target), work, label="Turning heads off")


# The sweep ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ask:
    """What is to be swept."""

    name: str
    text: str
    ids: tuple[int, ...]
    how: str
    target: int | None
    loss: bool

    @property
    def key(self) -> tuple[Any, ...]:
        return sweep_key(self.name, self.text, self.how, self.target)


@dataclass(frozen=True)
class Run:
    """A sweep under way: it goes on while the reader does other things on the page."""

    ask: Ask
    job: Job


def _kept(ask: Ask) -> Sweep | None:
    """The sweep, if there is one that has what is asked for."""
    found: Sweep | None = caching.peek(SWEEP, ask.key)
    return None if found is None or (ask.loss and found.loss_change is None and len(ask.ids) > 1) else found


def _asked() -> None:
    st.session_state[f"_{KEY}_go"] = True


def _sweeping(ask: Ask) -> bool:
    """Start what was asked for, take in what has ended, and say whether one is under way."""
    run: Run | None = st.session_state.get(f"_{KEY}")
    if run is not None and run.ask != ask:
        _stop()
    if st.session_state.pop(f"_{KEY}_go", False) and _kept(ask) is None and st.session_state.get(f"_{KEY}") is None:
        job = workshop.pool.submit((SWEEP, *ask.key, ask.loss), lambda job: _work(ask, job))
        st.session_state[f"_{KEY}"] = Run(ask, job)
        # When the session is let go, nobody waits any more.
        st.session_state[f"_{KEY}_end"] = weakref.finalize(caching.session_store(), job.cancel)
        job.wait(0.3)
    _settle()
    return f"_{KEY}" in st.session_state


def _work(ask: Ask, job: Job) -> None:
    opened = loaders.model(ask.name)

    def report(done: int, of: int) -> None:
        job.report(done / of, f"{done} of {of} heads")

    made = sweep(opened, ask.ids, ask.how, ask.target, loss=ask.loss, check=job.check, report=report)
    if made.target is not None:
        caching.keep(DIRECT, (ask.name, ask.text, ask.target), attribute(opened, ask.ids, ask.target))
    caching.keep(SWEEP, ask.key, made)


def _settle() -> bool:
    """Take in a sweep that has ended; True when there was one."""
    run: Run | None = st.session_state.get(f"_{KEY}")
    if run is None or not run.job.done():
        return False
    del st.session_state[f"_{KEY}"]
    st.session_state.pop(f"_{KEY}_end").detach()
    try:
        run.job.result()
    except ValueError as problem:
        st.session_state[f"_{KEY}_says"] = str(problem)
    except Cancelled:
        st.session_state[f"_{KEY}_says"] = "The sweep was stopped before it was done; press Sweep to start it again."
    except Exception:  # the reader gets a sentence, the log the rest
        frame.log.exception("sweeping all heads")
        st.session_state[f"_{KEY}_says"] = "The sweep failed in a way that was not foreseen; the log says more."
    return True


def _stop() -> None:
    run = st.session_state.pop(f"_{KEY}", None)
    if run is not None:
        st.session_state.pop(f"_{KEY}_end").detach()
        run.job.cancel()


def _cancel() -> None:
    _stop()
    st.session_state[f"_{KEY}_says"] = "The sweep was stopped; nothing of it was kept."


def _progress() -> None:
    """How far the sweep is, and the way to stop it."""
    if _settle() or (f"_{KEY}" in st.session_state) != st.session_state[f"_{KEY}_watched"]:
        st.rerun()
    run: Run | None = st.session_state.get(f"_{KEY}")
    if run is None:
        return
    # The frame holds what is called so at the foot of the window, where a reader sees it from anywhere in the panel.
    with st.container(horizontal=True, vertical_alignment="center", key="lg_working_attention_sweep"):
        stage = f"waiting, {run.job.place} in line" if run.job.place else run.job.stage
        st.progress(run.job.fraction or 0.0, text=f"Sweep: {frame.plain(stage)}")
        st.button("Stop the sweep", key=f"{KEY}_cancel", on_click=_cancel)


__all__ = ["SWEEP", "Result", "draw", "sweep_key", "swept"]
