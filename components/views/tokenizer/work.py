"""What the Tokens page computes, kept in the caches: traces, and which tokenizers there are to choose from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import streamlit as st

from components import caching
from components.models import catalog, loaders, sources
from components.tokenization import TokenTrace, trace
from components.views import frame
from components.models.open import OpenTokenizer
from components.views.tokenizer import own, payload, wording
from components.workshop import Job

#: Up to so many characters a trace takes a few milliseconds and is made at once; longer ones go to the background.
AT_ONCE = 20_000
#: The strip under the picture is drawn for texts up to this many characters; its vocabularies are small ones.
STRIP_CHARACTERS = 5_000
STRIP = ("bert", "claude", "mistral-v1", "storyteller-unigram")
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


def stored_name(left: str, right: str) -> str:
    """Which stored first view these two columns could have."""
    return right if (left, right) in zip(LEFT, RIGHT, strict=True) else "none"


def choose() -> tuple[str, str]:
    """The two choices over the columns, kept in the address."""
    names = here()
    for side in ("left", "right"):
        # The address holds a name as the box shows it; a link may also use the catalog's id.
        asked = st.query_params.get(f"tokenizer_{side}")
        if asked in names and wording.short(asked) != asked:
            del st.query_params[f"tokenizer_{side}"]
            st.session_state[f"tokenizer_{side}"] = asked
    chosen = []
    with st.container(key="tokenizer_choice"):
        for column, side, first in zip(st.columns(2, gap="small"), ("left", "right"), defaults(names), strict=True):
            chosen.append(column.selectbox(
                "Left tokenizer" if side == "left" else "Right tokenizer", names, index=names.index(first),
                format_func=wording.short, key=f"tokenizer_{side}", bind="query-params", label_visibility="collapsed"))
    return chosen[0], chosen[1]


def traced(name: str, text: str) -> TokenTrace:
    """The trace of a text, kept for everyone while it is short, for this reader alone where it is long."""
    key = (name, hashlib.blake2b(text.encode("utf-8"), digest_size=16).digest())

    def work(job: Job | None = None) -> TokenTrace:
        if job:
            job.report(None, "cutting")
        found = trace(opened(name), text)
        found.round_trip  # noqa: B018  worked out here, so that a slow one is part of the background work
        return found

    if len(text) <= AT_ONCE:
        return caching.shared("tokens", key, work)
    return frame.compute("tokens", key, work, label=f"{wording.short(name)} reads {len(text):,} characters",
                         session=True)


def others(text: str, *chosen: str) -> list[TokenTrace]:
    """The strip "The same text in": up to three small vocabularies that are here and in no column."""
    if len(text) > STRIP_CHARACTERS:
        return []
    names = [name for name in STRIP if name not in chosen and sources.state(name).here]
    return [traced(name, text) for name in names[:3]]


def within_reason(key: str, chosen: Sequence[str]) -> list[str]:
    """The tokenizers that are here, the large ones only when a reader asks for them or has chosen them above."""
    names = here()
    large = [name for name in names if catalog.entry(name).kind == "tokenizer"
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
    if len(text) <= AT_ONCE:
        return payload.bars([traced(name, text) for name in names], chosen)
    key = (tuple(names), tuple(chosen), hashlib.blake2b(text.encode("utf-8"), digest_size=16).digest())

    def work(job: Job) -> bytes:
        found = []
        for place, name in enumerate(names):
            job.check()
            job.report(place / len(names), wording.short(name))
            found.append(trace(opened(name), text))
        return payload.bars(found, chosen)

    return frame.compute("tokens-every", key, work, label="Every tokenizer here", session=True)
