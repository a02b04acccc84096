"""The lower half of "Compare settings": one setting drawn many times, its outcomes counted, another one beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from components import caching, sampling
from components.models import loaders
from components.sampling import Outcomes, Settings
from components.views import address, frame
from components.views.component import mount
from components.views.running import EVERY, Running
from components.views.sampling import moments
from components.views.sampling.compare_payload import draws as payload
from components.views.sampling.compare_payload import title
from components.views.sampling.compare_settings import Prompted, asked
from components.workshop import Job

KEY = "sampling_compare_draws"
KIND = "sampling_compare_outcomes"
LETTERS = "ABCDEFGH"


def draw(prompted: Prompted, said: Mapping[str, Any], lines: Sequence[str], words: Mapping[str, Any]) -> None:
    """Which settings, how many draws, how long; then the bars."""
    running = Running(KEY, doing="Drawing")
    ended = running.settle()
    if ended is not None:
        caching.keep(KIND, ended[0], ended[1])
    ticking = running.run is not None
    st.markdown("### Many draws")
    st.caption(words["why"])

    def body() -> None:
        with frame.sentences():
            _body(prompted, said, lines, running, words, ticking=ticking)

    st.fragment(body, run_every=EVERY if ticking else None)()


def _choice(
    label: str, options: list[str], first: str, key: str, shown: Callable[[str], str], *, busy: bool
) -> str:
    if st.session_state.get(key) not in (None, *options):
        del st.session_state[key]  # its column is gone
    if st.query_params.get(key) not in (None, *options, *map(shown, options)):
        del st.query_params[key]
    address.accept_ids([key], options, shown)
    found: str = st.selectbox(label, options, index=options.index(first), format_func=shown, key=key,
                              bind="query-params", width=230, disabled=busy)
    return found


def _work(
    prompted: Prompted, settings: tuple[Settings, ...], many: int, job: Job, tell: Callable[[Any], None]
) -> list[Outcomes]:
    job.report(None, "opening the model" if not loaders.loaded(prompted.model) else "reading the text")
    opened = loaders.model(prompted.model)
    ids = sampling.prompt(opened, prompted.text, chat=prompted.chat, system=prompted.system).ids

    def on_batch(found: list[Outcomes]) -> None:
        job.check()
        job.report(found[0].draws / many, f"{found[0].draws} of {many} draws")
        tell(found)

    made = sampling.draw_many(opened, ids, settings, many, on_batch=on_batch, cancelled=job.cancelled)
    job.check()
    return made


def _body(
    prompted: Prompted, said: Mapping[str, Any], lines: Sequence[str], running: Running, words: Mapping[str, Any], *,
    ticking: bool,
) -> None:
    row = st.container(horizontal=True, vertical_alignment="bottom", key=f"{KEY}_row")
    with row:
        letters, many, tokens = _knobs(lines, busy=running.run is not None)
    picked = [asked(lines[LETTERS.index(letter)], said, tokens) for letter in letters]
    for each in picked:
        if each.trouble:
            raise ValueError(each.trouble)
    settings = tuple(each.settings for each in picked if each.settings is not None)
    key = (*prompted.key, settings, many)
    if running.run is not None and running.run.ask != key:
        running.stop()
    run = running.run
    if (run is not None and run.job.done()) or ticking != (run is not None):
        st.rerun()
    found: list[Outcomes] | None = caching.peek(KIND, key)
    whole = found is not None
    if not whole:  # what this reader stopped half-way
        found = caching.session_store().peek((KIND, *key))
    with row:
        if run is not None:
            stage = f"waiting, {run.job.place} in line" if run.job.place else run.job.stage
            st.button("Stop", key=f"{KEY}_stop", on_click=_stop, args=(running,))
            st.progress(run.job.fraction or 0.0, text=f"Drawing: {frame.plain(stage)}")
            found = running.partial or found
        else:
            st.button("Draw", key=f"{KEY}_go", type="primary", disabled=whole, on_click=running.start,
                      args=(key, lambda job, tell: _work(prompted, settings, many, job, tell)))
            if running.says:
                st.caption(frame.plain(running.says))
    nothing: list[Outcomes | None] = [None] * len(picked)
    titles = [title(each.line, each.spelled) for each in picked]
    sides = list(zip(titles, found or nothing, strict=True))
    mount("sampling_compare", payload(sides, _spell_out(prompted.model) if found else None, words, wanted=many),
          key=f"{KEY}_picture")


def _stop(running: Running) -> None:
    """Stop, and keep the draws there are."""
    run, partial = running.run, running.partial
    if run is not None and partial is not None:
        caching.session_store().put((KIND, *run.ask), partial)
    running.stop("Stopped; the draws made by then are kept. Draw begins again.")


def _knobs(lines: Sequence[str], *, busy: bool) -> tuple[tuple[str, ...], int, int]:
    """Letters of the chosen settings (one or two), draws, tokens a draw."""
    letters = list(LETTERS[: len(lines)])

    def shown(letter: str) -> str:
        line = "" if letter == "none" else lines[LETTERS.index(letter)]
        return "none" if letter == "none" else f"{letter}: {title(line, line)}"

    one = _choice("Setting", letters, letters[min(1, len(letters) - 1)], f"{KEY}_one", shown, busy=busy)
    other = _choice("Beside it", ["none", *letters], letters[-1] if len(letters) > 2 else "none", f"{KEY}_other",
                    shown, busy=busy)
    many = int(st.slider("Draws", 20, sampling.DRAWS, 40, 10, key=f"{KEY}_many", bind="query-params", width=170,
                         disabled=busy, help="Each draw has a seed of its own: the page's, and those after it."))
    tokens = int(st.slider("Tokens a draw", 1, 20, 2, 1, key=f"{KEY}_tokens", bind="query-params", width=170,
                           disabled=busy, help="Short texts come again, long ones hardly ever do: raise it and see."))
    return tuple(letter for letter in dict.fromkeys((one, other)) if letter != "none"), many, tokens


def _spell_out(model: str) -> Callable[[Sequence[int]], list[dict[str, Any]]]:
    labels = moments.labels(model)
    return lambda ids: [labels.label(token) for token in ids]
