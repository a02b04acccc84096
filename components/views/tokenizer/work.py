"""What the Tokens page computes, kept in the caches: traces, and which tokenizers there are to choose from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from components import caching
from components.models import catalog, loaders, sources
from components.models.open import OpenTokenizer
from components.tokenization import TokenTrace, trace
from components.views import address, frame
from components.views.tokenizer import own, payload, wording
from components.workshop import Job

T = TypeVar("T")
#: Up to so many characters a trace takes a few milliseconds and is made at once; longer ones go to the background.
AT_ONCE = 20_000
#: The strip under the picture is drawn for texts up to this many characters; its vocabularies are small ones.
STRIP_CHARACTERS = 5_000
STRIP = ("bert", "mistral-v1", "storyteller-unigram")
#: A vocabulary that takes so many megabytes is opened only when it is asked for.
LARGE_MB = 60
#: Columns on the first opening, best first.
LEFT, RIGHT = ("cl100k", "bert"), ("smollm2", "storyteller")


def here() -> list[str]:
    """Every tokenizer that can be opened now: the catalog's in its order, then the reader's own."""
    return [*(entry.id for entry in catalog.with_tokenizer() if sources.state(entry.id).here), *own.names()]


def opened(name: str) -> OpenTokenizer:
    """A tokenizer by its name, shared among all readers unless it is the reader's own.

    Raises:
        ValueError: it is not here, or no longer kept.
    """
    if not name.startswith(own.PREFIX):
        return loaders.tokenizer(name)
    mine = own.find(name)
    if mine is None:
        raise ValueError("This tokenizer of your own is no longer kept; train it or bring it again.")
    return mine.tokenizer


def title(name: str) -> str:
    """A tokenizer's name for the head of a column."""
    mine = own.find(name) if name.startswith(own.PREFIX) else None
    return mine.title if mine else wording.short(name)


def defaults(names: Sequence[str]) -> tuple[str, str]:
    """The two columns of the first opening: GPT-4 and SmolLM2 where they are here, else BERT and storyteller."""
    left, right = (next((name for name in wanted if name in names), names[0]) for wanted in (LEFT, RIGHT))
    return left, right


def stored_name(chosen: Sequence[str]) -> str:
    """Which stored first view these columns could have."""
    return chosen[1] if tuple(chosen) in [*zip(LEFT, RIGHT, strict=True)] else "none"


SIDES = ("left", "right", "third", "fourth")


def choose() -> list[str]:
    """The tokenizers over the columns, two to four, kept in the address. No column stands there twice."""
    names = here()
    address.accept_ids([f"tokenizer_{side}" for side in SIDES], names, title)
    for side in SIDES:
        # One of the reader's own may be gone since.
        if st.session_state.get(f"tokenizer_{side}") not in (None, *names):
            del st.session_state[f"tokenizer_{side}"]
    brought = _from_example(names)
    # On the first run of a link only the address knows that there is a third.
    third = st.session_state["tokenizer_third"] if "tokenizer_third" in st.session_state \
        else st.query_params.get("tokenizer_third") in [title(name) for name in names]
    more = 1 + bool(third)
    chosen: list[str | None] = []
    with st.container(key="tokenizer_choice"):
        columns = st.columns(2 + more, gap="small")
        for column, side, first in zip(columns, SIDES, defaults(names), strict=False):
            chosen.append(column.selectbox(
                f"{side.capitalize()} tokenizer", names, index=names.index(first), format_func=title,
                key=f"tokenizer_{side}", bind="query-params", label_visibility="collapsed"))
        for column, side in zip(columns[2:], SIDES[2:], strict=False):
            chosen.append(column.selectbox(
                f"{side.capitalize()} tokenizer", names, index=None, placeholder=f"Add a {side}", format_func=title,
                key=f"tokenizer_{side}", bind="query-params", label_visibility="collapsed"))
    context = get_script_run_ctx()
    if brought and context is not None and len(chosen) > 3 and chosen[3]:
        # A box that is drawn for the first time does not write what it was set to into the address.
        with context.session_state.query_params() as found:
            found.set_corrected_value("tokenizer_fourth", title(chosen[3]), "string_value")
    return list(dict.fromkeys(name for name in chosen if name))


def _from_example(names: Sequence[str]) -> bool:
    """An example may name the columns that it is about; they are set once, when it is chosen. True when it was now.

    `a|b` stands for a where it is here, else b.
    """
    example = frame.example("tokenizer")
    shown = example["id"] if example else None
    if shown == st.session_state.get("_tokenizer_example"):
        return False
    st.session_state["_tokenizer_example"] = shown
    alternatives = [column.split("|") for column in (example or {}).get("columns", ())]
    wanted = list(filter(None, (next((name for name in column if name in names), None) for column in alternatives)))
    if not wanted or any(st.query_params.get(f"tokenizer_{side}") for side in SIDES):
        return False
    for side, name in zip(SIDES, [*wanted, None, None, None, None], strict=False):
        st.session_state[f"tokenizer_{side}"] = name
    return True


def options() -> dict[str, Any]:
    """How the picture is laid out, as its header has it: rows or columns, white space shown, the window chosen."""
    with st.container(horizontal=True, vertical_alignment="center", key="tokenizer_options"):
        layout = st.segmented_control("Layout", ["columns", "rows"], default="columns", required=True,
                                      key="tokenizer_layout", bind="query-params", label_visibility="collapsed")
        blanks = st.toggle("Spaces and line breaks", True, key="tokenizer_blanks", bind="query-params",
                           help="Shows a space as · and a line break as ↵.")
        windows = {one["id"]: one for one in context_windows()}
        window = st.selectbox(
            "Context window", list(windows), index=None, placeholder="Share of a context window", width=300,
            format_func=lambda name: f"{windows[name]['title']}: {windows[name]['tokens']:,}",
            key="tokenizer_window", bind="query-params", label_visibility="collapsed")
    return {"layout": layout, "blanks": blanks, "window": windows.get(window) if window else None}


@cache
def context_windows() -> tuple[dict[str, Any], ...]:
    """Published context lengths of well-known models, shortest first: `id`, `title`, `tokens`."""
    return tuple(json.loads((Path(__file__).resolve().parents[3] / "assets/copy/windows.json").read_text("utf-8")))


def titles(chosen: Sequence[str]) -> dict[str, str]:
    """The shown names of the reader's own among these."""
    return {name: title(name) for name in chosen if name.startswith(own.PREFIX)}


def side(key: str, chosen: Sequence[str]) -> str:
    """Which of the columns a panel looks at, kept in the address as `key`; the first one at first."""
    names = list(dict.fromkeys(chosen))
    if len(names) == 1:
        return names[0]
    address.accept_ids([key], names, title)
    if st.session_state.get(key) not in (None, *names):
        del st.session_state[key]
    picked = st.segmented_control("Tokenizer", names, format_func=title, default=names[0], required=True, key=key,
                                  bind="query-params", label_visibility="collapsed")
    return picked if picked in names else names[0]


def digest(text: str) -> bytes:
    """16 bytes that stand for a text in a cache's key."""
    return hashlib.blake2b(text.encode("utf-8"), digest_size=16).digest()


def private(names: Iterable[str]) -> bool:
    """Whether one of these is the reader's own, so that results belong to this session alone."""
    return any(name.startswith(own.PREFIX) for name in names)


def kept(kind: str, names: Iterable[str], key: tuple[Hashable, ...], make: Callable[[], T]) -> T:
    """A quick result of these tokenizers, kept for everyone; where one is the reader's own, in this session alone."""
    if private(names):
        return caching.session_store().get((kind, *key), make)
    return caching.shared(kind, key, make)


def traced(name: str, text: str) -> TokenTrace:
    """The trace of a text, kept for everyone while it is short, for this reader alone where it is long."""
    library = opened(name)

    def work(job: Job | None = None) -> TokenTrace:
        if job:
            job.report(None, "cutting")
        found = trace(library, text)
        found.round_trip  # noqa: B018  worked out here, so that a slow one is part of the background work
        return found

    key = (name, digest(text))
    if len(text) <= AT_ONCE:
        return kept("tokens", [name], key, work)
    return frame.compute("tokens", key, work, label=f"{title(name)} reads {len(text):,} characters", session=True)


def others(text: str, *chosen: str) -> list[TokenTrace]:
    """The strip "The same text in": up to three small vocabularies that are here and in no column.

    Beside three or four columns there is no need for it, nor for the memory of its vocabularies.
    """
    if len(text) > STRIP_CHARACTERS or len(chosen) > 2:
        return []
    names = [name for name in STRIP if name not in chosen and sources.state(name).here]
    return [traced(name, text) for name in names[:3]]


def within_reason(key: str, chosen: Sequence[str]) -> list[str]:
    """The tokenizers that are here, the large ones only when a reader asks for them or has chosen them above."""
    names = here()
    large = [name for name in names if not name.startswith(own.PREFIX) and catalog.entry(name).kind == "tokenizer"
             and catalog.entry(name).memory_mb >= LARGE_MB and name not in chosen]
    away = sum(not sources.state(entry.id).here for entry in catalog.with_tokenizer())
    with st.container(horizontal=True, vertical_alignment="center"):
        if large:
            sizes = sum(catalog.entry(name).memory_mb for name in large)
            titles = ", ".join(wording.short(name) for name in large)
            if not st.toggle(f"The large ones too: {titles}", key=key, bind="query-params",
                             help=f"They need about {sizes} MB of the server's memory."):
                names = [name for name in names if name not in large]
        if away:
            st.caption(f"{away} more can be fetched from the list of models.", width="content")
    return names


def every(text: str, chosen: Sequence[str]) -> bytes:
    """The payload of "Every tokenizer here"."""
    names = within_reason("tokenizer_large", chosen)
    shown = titles(names)
    if len(text) <= AT_ONCE:
        return payload.bars([traced(name, text) for name in names], chosen, shown)
    # The job runs outside this session, where the reader's own tokenizers are not to be found.
    library = {name: opened(name) for name in names}
    key = (tuple(names), tuple(shown.values()), tuple(chosen), digest(text))

    def work(job: Job) -> bytes:
        found = []
        for place, name in enumerate(names):
            job.check()
            job.report(place / len(names), shown.get(name) or wording.short(name))
            found.append(trace(library[name], text))
        return payload.bars(found, chosen, shown)

    return frame.compute("tokens-every", key, work, label="Every tokenizer here", session=True)
