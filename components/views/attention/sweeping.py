"""The sweep of "Turn heads off": started by a press, followed while it runs, kept for everybody when it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from components import caching
from components.attention import Sweep, attribute, sweep
from components.models import loaders
from components.views import frame
from components.views.running import Running
from components.workshop import Job

SWEEP, DIRECT = "attention_sweep", "attention_direct"
HOWS = ("zero", "mean")
_GO = "_attention_sweep_go"


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


def kept(ask: Ask) -> Sweep | None:
    """The sweep, if there is one that has what is asked for."""
    found: Sweep | None = caching.peek(SWEEP, ask.key)
    return None if found is None or (ask.loss and found.loss_change is None and len(ask.ids) > 1) else found


def asked() -> None:
    """The reader has pressed Sweep."""
    st.session_state[_GO] = True


def go_on(ask: Ask) -> bool:
    """Start what was asked for, take in what has ended, and say whether one is under way."""
    running = _running()
    running.settle()
    if running.run is not None and running.run.ask != ask:
        running.stop()
    if st.session_state.pop(_GO, False) and kept(ask) is None and running.run is None:
        running.start(ask, lambda job, tell: _work(ask, job, tell), same=(SWEEP, *ask.key, ask.loss))
        running.settle()
    return running.run is not None


def follow() -> None:
    """How far it is with a way to stop it, or why there is none."""
    running = _running()
    running.follow(stop="Stop the sweep", stopped="The sweep was stopped; nothing of it was kept.")
    if running.says:
        frame.trouble(running.says)
        running.say(None)


def _running() -> Running:
    return Running("attention_sweep", doing="The sweep")


def _work(ask: Ask, job: Job, tell: Callable[[Any], None]) -> None:
    opened = loaders.model(ask.name)

    def report(done: int, of: int) -> None:
        job.report(done / of, f"{done} of {of} heads")
        tell(done)

    made = sweep(opened, ask.ids, ask.how, ask.target, loss=ask.loss, check=job.check, report=report)
    if made.target is not None:
        caching.keep(DIRECT, (ask.name, ask.text, ask.target), attribute(opened, ask.ids, ask.target))
    caching.keep(SWEEP, ask.key, made)
