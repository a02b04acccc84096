"""The panel "Read a text": how much every token of a given text surprised a model, and what it expected instead."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import streamlit as st

from components import caching, sampling
from components.models import catalog, loaders, sources
from components.payload import pack
from components.sampling import Scored
from components.views import address, frame
from components.views.component import mount
from components.views.footer import reproduce
from components.views.running import Running
from components.views.sampling.read_text_payload import Reader, payload
from components.views.sampling.snippet_read import snippet_read
from components.workshop import LIMITS, Job, repair

KEY = "sampling_read"
KIND = "sampling_score"
# Tokens times megabytes of the model: about a second's reading. What costs more waits for a press.
AT_ONCE = 180_000
NOTHING, ANOTHER_TEXT = "nothing", "another text"
COLOURS = ("surprise", "probability", "rank")
WINDOWS = (4, 8, 16, 32, 64, 128, 256, 512, 1_024)


def examples() -> list[dict[str, str]]:
    """The texts offered, from assets/copy/sampling_read.json."""
    import json

    found: list[dict[str, str]] = json.loads((frame.ASSETS / "copy" / "sampling_read.json").read_text("utf-8"))[
        "examples"]
    return found


def draw(model: str, text: str) -> None:
    """Boxes, knobs, the coloured text and its numbers."""
    st.markdown(
        "A model gives every token of a text a probability before it reads it. Where that was small, the token was a "
        "*surprise*; the mean of all surprises makes *perplexity*."
    )
    one = _box("text", text, "Text to read")
    compare, window, begins, colour = _knobs(model)
    readers = [Reader(catalog.entry(model).title, model, one, window, begins)]
    mode = "one"
    if compare == ANOTHER_TEXT:
        readers.append(Reader("the other text", model, _box("other", examples()[1]["text"], "Text beside it"), window,
                              begins))
        readers[0] = Reader("the text above", model, one, window, begins)
        mode = "texts"
    elif compare != NOTHING:
        readers.append(Reader(catalog.entry(compare).title, compare, one, window, begins))
        mode = "models"
    elif window is not None:
        readers = [Reader(f"{window} tokens at a time", model, one, window, begins),
                   Reader("the whole context", model, one, None, begins)]
        mode = "window"
    found = _readings(readers)
    if found:
        mount(KEY, payload(mode, readers, found, colour), key=KEY)
        reproduce(KEY, lambda: snippet_read(model, one, window=window, with_begin=begins), "Reproduce this reading")


def _knobs(model: str) -> tuple[str, int | None, bool, str]:
    """What to compare with, the window, whether a token for the beginning is put in front, the colours."""
    others = [entry.id for entry in catalog.of_kind("decoder") if entry.id != model and sources.state(entry.id).here]
    address.accept_ids([f"{KEY}_compare"], others, lambda name: catalog.entry(name).title)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        compare = st.selectbox(
            "Compare with", [NOTHING, ANOTHER_TEXT, *others],
            format_func=lambda name: catalog.entry(name).title if name in others else name,
            key=f"{KEY}_compare", bind="query-params", width=230,
            help="Another text, read by the same model; or the same text, read by another model.",
        )
        window = st.select_slider(
            "context window: tokens seen at once", ["whole", *map(str, reversed(WINDOWS))][::-1], "whole",
            key=f"{KEY}_window", bind="query-params", width=330,
            help="Made smaller, the model sees less of what stands before a token. The text is then read in windows "
                 "that move on by half their length, so each token has at least half a window before it.",
        )
        colour = st.segmented_control(
            "Colour by", COLOURS, default=COLOURS[0], key=f"{KEY}_colour", bind="query-params",
            help="Surprise is -ln of the probability. Rank 1 is the token that the model held likeliest; the bands "
                 "are GLTR's.",
        )
        begins = st.toggle(
            "score the first token", False, key=f"{KEY}_begins", bind="query-params",
            help="Puts the model's own token for the beginning in front of the text. Without it nothing stands before "
                 "the first token, and it is left out.",
        )
    return str(compare), None if window == "whole" else int(window), bool(begins), str(colour or COLOURS[0])


# ---------------------------------------------------------------------------------------------------------- the texts


def _box(slot: str, first: str, label: str) -> str:
    """A text box of this panel's own, with its examples; its text stands in the address where there is room."""
    state, box = f"{KEY}_{slot}", f"{KEY}_{slot}_box"
    named = {f"@{item['id']}": item["text"] for item in examples()}
    linked = st.query_params.get(state)
    if linked is not None and linked != st.session_state.get(f"{state}_linked"):
        st.session_state[f"{state}_kept"] = named.get(linked, linked)
    offered = [{"label": item["label"], "text": item["text"]} for item in examples()]
    if slot == "text":
        offered.insert(0, {"label": "The page's text", "text": first})

    def sent() -> None:
        value = (st.session_state.get(box) or {}).get("sent")
        if isinstance(value, str):
            st.session_state[f"{state}_kept"] = None if value == first else value

    kept = st.session_state.get(f"{state}_kept")
    now, note = repair(first if kept is None else kept)
    short = next((name for name, text in named.items() if text == now), now)
    _link(state, None if now == first else short)
    mount("textbox", pack({
        "text": now, "examples": offered, "label": label, "placeholder": "Paste or type a text", "hint": "reads it",
        "note": note or "", "live": False, "rows": 2, "mono": False,
    }), key=box, triggers=("sent",), callbacks={"sent": sent})
    return now


def _link(name: str, value: str | None) -> None:
    """Write a text into the address where the whole stays short enough, else take it out."""
    others = {key: st.query_params.get_all(key) for key in st.query_params if key != name}
    fits = value is not None and len(value) < LIMITS.url_bytes and (
        len((st.context.url or "").split("?")[0]) + 1 + len(urlencode({**others, name: value}, doseq=True))
        <= LIMITS.url_bytes)
    if fits and value is not None:
        if st.query_params.get(name) != value:
            st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]
    st.session_state[f"{name}_linked"] = value if fits else None


# ------------------------------------------------------------------------------------------------------------ reading


def _readings(readers: list[Reader]) -> list[Scored]:
    """What each reader makes of its text; fewer, or none, while it is being read or waits for a press."""
    running = Running(KEY, doing="The reading")
    if running.settle() is not None:
        st.session_state.pop(f"{KEY}_told", None)
    missing = [reader for reader in readers if caching.peek(KIND, reader.key) is None]
    cost = sum(reader.cost for reader in missing)
    if cost <= AT_ONCE:
        running.stop()
        return [_at_once(reader) for reader in readers]
    if running.run is None or running.run.ask != tuple(readers):
        running.stop()
        if running.says:
            frame.trouble(running.says)
        st.write(f"This text has {missing[0].tokens:,} tokens, which takes this model a while.")
        if not st.button("Read it", key=f"{KEY}_go", type="primary"):
            asked, told = st.session_state.get(f"{KEY}_told", (None, None))
            if asked == tuple(readers):  # what had been read when it was stopped
                _partly(readers, told, "stopped")
            return []
        running.start(tuple(readers), lambda job, tell: _read_all(readers, job, tell))

    def growing() -> None:
        st.session_state[f"{KEY}_told"] = (tuple(readers), running.partial)
        _partly(readers, running.partial, "growing")

    running.follow(growing, stopped="The reading was stopped; what had been read by then is shown.")
    return []


def _at_once(reader: Reader) -> Scored:
    def work(job: Job) -> Scored:
        job.report(None, "opening the model" if not loaders.loaded(reader.model) else "reading the text")
        opened = loaders.model(reader.model)
        return sampling.score_text(opened, reader.text, window=reader.window, with_begin=reader.begins,
                                   on_part=lambda found, share: job.report(share, "reading the text"),
                                   cancelled=job.cancelled)

    return frame.compute(KIND, reader.key, work, label=catalog.entry(reader.model).title)


def _read_all(readers: list[Reader], job: Job, tell: Any) -> int:
    """Read for every reader that has not read yet; tells (its place, what it has so far)."""
    for place, reader in enumerate(readers):
        if caching.peek(KIND, reader.key) is None:
            job.report(None, f"opening {catalog.entry(reader.model).title}")
            opened = loaders.model(reader.model)

            def part(found: Scored, share: float, place: int = place) -> None:
                job.check()
                job.report((place + share) / len(readers), f"{found.count:,} tokens of {len(found.ids):,}")
                tell((place, found))

            found = sampling.score_text(opened, reader.text, window=reader.window, with_begin=reader.begins,
                                        on_part=part)
            caching.keep(KIND, reader.key, found)
    return len(readers)


def _partly(readers: list[Reader], told: tuple[int, Scored] | None, state: str) -> None:
    """The picture while it grows, or as far as it came."""
    if told is not None:
        place, found = told
        mount(KEY, payload("one", [readers[place]], [found], COLOURS[0], state), key=f"{KEY}_growing")
