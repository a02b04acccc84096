"""The frame that every page shares: title, text box, model choice, background work, panels.

A page reads top to bottom: `begin`, `text`, `model` and its own knobs; `compute` for its main call; its picture;
`panels`; `try_this`; `footer`. What a page says is data in `assets/copy/` and `assets/lessons/`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st

from components import caching, workshop
from components.models import catalog, sources
from components.payload import pack
from components.views import address
from components.views.component import WEB, mount
from components.workshop import LIMITS, Cancelled, Job

T = TypeVar("T")
ASSETS = Path(__file__).resolve().parents[2] / "assets"
log = logging.getLogger("looking_glass")


@cache
def pages() -> dict[str, dict[str, str]]:
    """Title, sentence and file of each page, from `assets/copy/pages.json`."""
    found: dict[str, dict[str, str]] = json.loads((ASSETS / "copy" / "pages.json").read_text("utf-8"))
    return found


@cache
def examples(page: str) -> tuple[dict[str, Any], ...]:
    """The example texts of a page, from `assets/corpora/examples.json`."""
    every = json.loads((ASSETS / "corpora" / "examples.json").read_text("utf-8"))
    return tuple(every[pages()[page].get("examples", page)])


def example(page: str) -> dict[str, Any] | None:
    """The example whose text is in the box now, with its extra fields."""
    now = st.session_state.get(f"{page}_text")
    return next((item for item in examples(page) if item["text"] == now), None)


def plain(text: str) -> str:
    """Text with every Markdown sign escaped, so that it shows as it is."""
    return "".join("\\" + sign if sign in r"\`*_{}[]()#+-.!|<>~$:^=&" else sign for sign in text)


def navigation() -> Any:
    """The pages, in the order of the header. Returns the one to run."""
    st.session_state["_navigated"] = True
    return st.navigation(
        [
            st.Page(copy["file"], title=copy["title"], help=copy["help"], url_path=name, default=name == "home")
            for name, copy in pages().items()
        ],
        position="top",
    )


@cache
def _css() -> str:
    return f"<style>{(WEB / 'frame.css').read_text('utf-8')}</style>"


def begin(page: str) -> None:
    """Header, title and one sentence."""
    from components.views.picker import header

    if not st.session_state.get("_navigated"):
        # The very first address asked of a fresh server may be a page's own. Streamlit then runs that file by itself,
        # because a folder `pages/` exists, until somebody has called st.navigation.
        navigation()
        st.rerun()
    copy = pages()[page]
    st.html(
        _css()
        + f'<div class="lg-title"><h1>{escape(copy["heading"])}</h1><p>{escape(copy["sentence"])}</p></div>'
    )
    header(page)


# ---------------------------------------------------------------------------------------------------------------- text


def set_text(page: str, text: str) -> None:
    """Put a text into a page's box (from a callback, a lesson or another page)."""
    st.session_state[f"{page}_text"] = text


def _arriving(page: str) -> str:
    """The page's text: a new `?text=` in the address, else what this session had, else the first example."""
    linked = st.query_params.get("text")
    if linked is not None and linked != st.session_state.get(f"{page}_linked"):
        st.session_state[f"{page}_linked"] = linked
        set_text(page, linked)
    if f"{page}_text" not in st.session_state:
        set_text(page, examples(page)[0]["text"])
    return str(st.session_state[f"{page}_text"])


def _write_link(page: str, text: str) -> bool:
    """Write the text into the address while the whole stays under 4,000 bytes; False when it does not fit."""
    from urllib.parse import urlencode

    if text == examples(page)[0]["text"]:
        if "text" in st.query_params:
            del st.query_params["text"]
        st.session_state[f"{page}_linked"] = None
        return True
    others = {key: st.query_params.get_all(key) for key in st.query_params if key != "text"}
    if len(text) > LIMITS.url_bytes:
        size = LIMITS.url_bytes + 1
    else:
        base = (st.context.url or "").split("?")[0]
        size = len(base) + 1 + len(urlencode({**others, "text": text}, doseq=True))
    if size > LIMITS.url_bytes:
        if "text" in st.query_params:
            del st.query_params["text"]
        st.session_state[f"{page}_linked"] = None
        return False
    if st.query_params.get("text") != text:
        st.query_params["text"] = text
    st.session_state[f"{page}_linked"] = text
    return True


def text(
    page: str, *, live: bool = False, rows: int = 1, mono: bool = False, shown: Sequence[dict[str, Any]] | None = None
) -> str:
    """Example chips and the text box; returns the text, free of lone surrogates.

    `live` sends 250 ms after the last keystroke. `shown` replaces the page's examples.
    """
    copy = pages()[page]
    key = f"{page}_box"

    def sent() -> None:
        value = (st.session_state.get(key) or {}).get("sent")
        if isinstance(value, str):
            set_text(page, value)

    now, note = workshop.repair(_arriving(page))
    if note:
        set_text(page, now)
    if not _write_link(page, now):
        note = ((note + " ") if note else "") + "This text is too long for a link: Share leaves it out."
    header = {
        "text": now,
        "examples": [{"label": item["label"], "text": item["text"]} for item in (shown or examples(page))],
        "label": copy["label"],
        "placeholder": copy["placeholder"],
        "hint": copy["hint"],
        "note": note or "",
        "live": live,
        "rows": rows,
        "mono": mono,
    }
    mount("textbox", pack(header), key=key, triggers=("sent",), callbacks={"sent": sent})
    return now


# --------------------------------------------------------------------------------------------------------------- model


def model(page: str, names: Sequence[str], *, label: str = "Model") -> str:
    """The chosen model among `names` that are here, kept in the address as `<page>_model`."""
    here = [name for name in names if sources.state(name).here]
    if not here:
        raise ValueError("No model for this page is here yet; open the list of models at the top and fetch one.")
    first = sources.default_model()
    key = f"{page}_model"

    def title(name: str) -> str:
        return catalog.entry(name).title

    address.accept_ids([key], here, title)
    chosen: str = st.selectbox(
        label,
        here,
        index=here.index(first) if first in here else 0,
        format_func=title,
        key=key,
        bind="query-params",
        help="Small enough to run on this server. More can be fetched at the top right.",
    )
    return chosen


# ------------------------------------------------------------------------------------------------------ work, trouble


def trouble(sentence: str) -> None:
    """One sentence, in the page, without alarm."""
    st.warning(plain(sentence), icon=":material/info:")


@contextmanager
def sentences() -> Iterator[None]:
    """Turn a `ValueError` inside the block into its sentence; nothing typed is lost."""
    try:
        yield
    except ValueError as error:
        trouble(str(error))
    except Cancelled:
        trouble("This was stopped before it was ready; press Enter to start it again.")
    except Exception:  # a reader never sees a traceback; whoever runs the server finds it in the log
        log.exception("unforeseen trouble")
        trouble("Something went wrong here that was not foreseen. Your text is kept; the server's log says more.")


def _says(job: Job, label: str) -> str:
    if job.place:
        return f"{label}: waiting, {job.place - 1} before it" if job.place > 1 else f"{label}: next in line"
    return f"{label}: {job.stage}" if job.stage != "working" else label


def compute(
    kind: str, key: tuple[Any, ...], work: Callable[[Job], T], *, label: str, session: bool = False
) -> T:
    """The kept result for `key`, else `work(job)` in the background with its stage and progress shown.

    What is already drawn stays while it runs; leaving the page gives the work up unless someone else waits for it.
    `session` keeps the result for this reader alone. `work` calls no Streamlit and raises `ValueError` sentences.
    """
    store = caching.session_store() if session else None
    found = store.peek((kind, *key)) if store else caching.peek(kind, key)
    if found is not None:
        return found  # type: ignore[no-any-return]

    def run(job: Job) -> T:
        result = work(job)
        if store:
            store.put((kind, *key), result)
        else:
            caching.keep(kind, key, result)
        return result

    job = workshop.pool.submit((kind, id(store) if store else 0, *key), run)
    try:
        if not job.wait(0.15):
            # A page may wait for two results in one run, and a key may stand there once.
            with st.container(key=f"lg_working_{abs(hash(job.key))}"):
                slot = st.empty()
                while not job.wait(0.15):
                    slot.progress(job.fraction or 0.0, text=plain(_says(job, label)))
                slot.empty()
        result: T = job.result()
    except BaseException:  # a rerun or a stop passes through here: nobody waits any more
        job.cancel()
        raise
    return result


# -------------------------------------------------------------------------------------------------------------- panels


def panels(page: str, draw: Mapping[str, Callable[[], None]]) -> None:
    """Tabs of which only the opened one computes; the open tab is part of the address."""
    tabs = st.tabs(list(draw), key=f"{page}_panel", on_change="rerun", bind="query-params")
    for tab, function in zip(tabs, draw.values(), strict=True):
        if tab.open:
            with tab, sentences():
                function()


def try_this(page: str, reset: Callable[[], None] | None = None) -> None:
    """The lessons of a page; `reset` puts its knobs back before a lesson sets up its own."""
    from components.views.lessons import bar

    bar(page, reset)


def footer(page: str, **parts: Any) -> None:
    """Reproduce, share, export, send; see `components.views.footer.draw`."""
    from components.views.footer import draw

    draw(page, **parts)


def __getattr__(name: str) -> Any:
    if name == "Export":
        from components.views.footer import Export

        return Export
    raise AttributeError(name)
