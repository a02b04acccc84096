"""The panel "Compare settings": up to eight settings write on from one prompt, side by side, with the same noise."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from components import caching, sampling
from components.models import catalog, loaders
from components.sampling import COMPARED, Generation, Settings, Step
from components.views import frame
from components.views.component import mount
from components.views.footer import reproduce
from components.views.running import EVERY, Running
from components.views.sampling import compare_draws, moments
from components.views.sampling.compare_payload import Column, texts
from components.views.sampling.compare_settings import Asked, Prompted, asked, read_lines
from components.views.sampling.snippet_compare import snippet_compare
from components.workshop import LIMITS, Job

KEY = "sampling_compare"
KIND = "sampling_compare_text"
LINES = f"{KEY}_settings"
TOKENS = 200
# Texts that a light model writes at once, without a press: setting x token.
AT_ONCE = 80
LIGHT_MB = 100


@cache
def words() -> dict[str, Any]:
    """Presets and sentences."""
    found: dict[str, Any] = json.loads((frame.ASSETS / "copy" / "sampling_compare.json").read_text("utf-8"))
    return found


def draw(model: str, text: str, said: Mapping[str, Any]) -> None:
    """The columns with their settings and texts, and many draws of one setting below."""
    arrive()
    prompted = Prompted(model, text, bool(said.get("chat")), str(said.get("system") or ""))
    st.caption(words()["noise"])
    running = Running(KEY, doing="The comparison")
    ended = running.settle()
    if ended is not None:
        _keep(prompted, ended[1])
    ticking = running.run is not None

    def body() -> None:
        _body(prompted, said, running, ticking=ticking)

    st.fragment(body, run_every=EVERY if ticking else None)()
    compare_draws.draw(prompted, said, lines(), words()["draws"])


# ----------------------------------------------------------------------------------------------------------- settings


def lines() -> list[str]:
    """The settings as lines, in the columns' order."""
    found: list[str] = st.session_state[LINES]
    return found


def arrive() -> None:
    """What a link says, else what this session had, else the first ones."""
    linked = st.query_params.get(LINES)
    if linked is not None and linked != st.session_state.get(f"{LINES}_linked"):
        st.session_state[LINES] = read_lines(linked.split("|"))
    elif LINES not in st.session_state:
        st.session_state[LINES] = list(words()["first"])
    st.session_state[f"{LINES}_linked"] = linked


def _set_lines(wanted: list[str]) -> None:
    st.session_state[LINES] = wanted
    written = "|".join(wanted)
    others = {key: st.query_params.get_all(key) for key in st.query_params if key != LINES}
    whole = len((st.context.url or "").split("?")[0]) + 1 + len(urlencode({**others, LINES: written}, doseq=True))
    if wanted == words()["first"] or whole > LIMITS.url_bytes:
        st.query_params.pop(LINES, None)
        st.session_state[f"{LINES}_linked"] = None
    else:
        st.query_params[LINES] = st.session_state[f"{LINES}_linked"] = written


def _edited() -> None:
    """The reader has changed, added or removed a setting."""
    wanted = (st.session_state.get(f"{KEY}_columns") or {}).get("lines")
    if not isinstance(wanted, list | tuple) or not all(isinstance(one, str) for one in wanted):
        return
    if 1 <= len(wanted) <= COMPARED:
        _set_lines(read_lines(wanted))
        st.session_state[f"{KEY}_whole"] = True


# -------------------------------------------------------------------------------------------------------------- texts


def _key(prompted: Prompted, settings: Settings) -> tuple[Any, ...]:
    return (*prompted.key, settings)


def _keep(prompted: Prompted, made: list[Generation]) -> None:
    for one in made:
        caching.keep(KIND, _key(prompted, one.settings), one)


def _known(prompted: Prompted, settings: Settings) -> Generation | None:
    """A text written before; one that was stopped half-way only where it is this reader's own."""
    key = _key(prompted, settings)
    found: Generation | None = caching.peek(KIND, key) or caching.session_store().peek((KIND, *key))
    return found


def write(prompted: Prompted, settings: list[Settings], job: Job, tell: Callable[[Any], None]) -> list[Generation]:
    """Write all of them in one batch; tells the tokens so far, setting by setting."""
    job.report(None, "opening the model" if not loaders.loaded(prompted.model) else "reading the text")
    opened = loaders.model(prompted.model)
    ids = sampling.prompt(opened, prompted.text, chat=prompted.chat, system=prompted.system).ids
    steps: list[list[Step]] = [[] for _ in settings]
    most = max(one.max_new_tokens for one in settings)

    def on_token(place: int, step: Step) -> None:
        steps[place].append(step)
        job.report(len(steps[place]) / most, f"token {len(steps[place])} of {most}")
        tell((ids, tuple(map(tuple, steps))))

    made = sampling.decode(opened, ids, settings, on_token=on_token, cancelled=job.cancelled, noise="gumbel")
    job.check()
    return made


def _so_far(prompted: Prompted, running: Running) -> dict[Settings, Generation]:
    """What the work under way has written by now."""
    if running.run is None or running.partial is None:
        return {}
    (_, wanted), (ids, steps) = running.run.ask, running.partial
    return {settings: Generation(settings, ids, one, "writing") for settings, one in zip(wanted, steps, strict=True)}


def _stop(prompted: Prompted, running: Running) -> None:
    """Stop, and keep what there is."""
    store = caching.session_store()
    for settings, one in _so_far(prompted, running).items():
        store.put((KIND, *_key(prompted, settings)), Generation(settings, one.prompt_ids, one.steps, "stopped"))
    running.stop("Stopped. What was written by then is kept; Generate begins these texts again.")


def _body(prompted: Prompted, said: Mapping[str, Any], running: Running, *, ticking: bool) -> None:
    run = running.run
    edited = st.session_state.pop(f"{KEY}_whole", False)
    if edited or (run is not None and run.job.done()) or ticking != (run is not None):
        st.rerun()
    if run is not None and run.ask[0] != prompted:
        running.stop()
        run = None
    row = st.container(horizontal=True, vertical_alignment="bottom", key=f"{KEY}_row")
    tokens = int(row.slider(
        "New tokens for each", 1, TOKENS, 20, 1, key=f"{KEY}_tokens", bind="query-params", width=260,
        disabled=run is not None,
        help="How far every setting writes. It stops before that where the model ends its text.",
    ))
    wanted = [asked(line, said, tokens) for line in lines()]
    made = {one.settings: _known(prompted, one.settings) for one in wanted if one.settings is not None}
    missing = [one for one, found in made.items() if found is None or found.ended == "stopped"]
    light = catalog.entry(prompted.model).memory_mb < LIGHT_MB
    if run is None and light and 0 < len(missing) * tokens <= AT_ONCE:
        fresh = [one for one in missing if made[one] is None]
        for one in _at_once(prompted, fresh):
            made[one.settings] = one
        missing = [one for one in missing if one not in fresh]
    with row:
        if run is not None:
            stage = f"waiting, {run.job.place} in line" if run.job.place else run.job.stage
            st.button("Stop", key=f"{KEY}_stop", on_click=_stop, args=(prompted, running))
            st.progress(run.job.fraction or 0.0, text=f"Writing: {frame.plain(stage)}")
        else:
            st.button("Generate", key=f"{KEY}_go", type="primary", disabled=not missing,
                      on_click=_begin, args=(prompted, missing, running))
            st.caption(_note(running, missing, len(made)))
    made |= _so_far(prompted, running)
    mount(
        KEY, texts(_columns(wanted, made, prompted.model), words(), said, tokens=tokens, waiting=run is not None),
        key=f"{KEY}_columns", triggers=("lines",), callbacks={"lines": _edited},
    )
    usable = [one.settings for one in wanted if one.settings is not None]
    reproduce(KEY, lambda: snippet_compare(prompted, usable), "Reproduce this comparison")


def _begin(prompted: Prompted, missing: list[Settings], running: Running) -> None:
    running.start((prompted, tuple(missing)), lambda job, tell: write(prompted, missing, job, tell))


def _at_once(prompted: Prompted, settings: list[Settings]) -> list[Generation]:
    if not settings:
        return []

    def work(job: Job) -> list[Generation]:
        return write(prompted, settings, job, lambda told: None)

    made = frame.compute("sampling_compare_texts", (*prompted.key, tuple(settings)), work, label="Writing")
    _keep(prompted, made)
    return made


def _note(running: Running, missing: list[Settings], count: int) -> str:
    if running.says:
        return frame.plain(running.says)
    if not missing:
        return "All texts are written. Change a setting, the seed or the text, and there is more to write."
    return f"{len(missing)} of {count} texts to write, all in one batch."


def _columns(wanted: list[Asked], made: Mapping[Settings, Generation | None], model: str) -> list[Column]:
    columns = []
    for one in wanted:
        found = made.get(one.settings) if one.settings is not None else None
        if found is None:
            columns.append(Column(one, (), "", None))
            continue
        library = loaders.model(model).tokenizer.library_object
        text = str(library.decode(list(found.ids), skip_special_tokens=False))
        labels = moments.labels(model)
        columns.append(Column(one, tuple(labels.label(step.id) for step in found.steps), text, found))
    return columns


