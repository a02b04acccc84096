"""The list of models at the top right: what is here, what can be fetched, how it goes, and why something cannot."""

from __future__ import annotations

import streamlit as st

from components import settings, workshop
from components.models import catalog, sources
from components.views import frame
from components.workshop import Job


def header(page: str) -> None:
    """One quiet button in the header; its list is built only when it is opened."""
    here, to_fetch = sources.counts()
    words = f"{here} models here" + (f", {to_fetch} to fetch" if to_fetch else "")
    with st.container(key="lg_models"):
        with st.popover(words, type="tertiary", key="models_list", on_change="rerun") as box:
            if box.open:
                _list(page)


def _job(name: str) -> Job | None:
    jobs: dict[str, Job] = st.session_state.setdefault("_fetching", {})
    return jobs.get(name)


def _start(name: str) -> None:
    def work(job: Job) -> str:
        sources.fetch(name, job.report, job.cancelled)
        return name

    st.session_state.setdefault("_fetching", {})[name] = workshop.pool.submit(("fetch", name), work)


def _stop(name: str) -> None:
    job = _job(name)
    if job:
        job.cancel()
    st.session_state["_fetching"].pop(name, None)


def _remove(name: str) -> None:
    try:
        sources.remove(name)
    except ValueError as error:
        st.session_state["_fetch_says"] = str(error)


@st.fragment(run_every=1.0)
def _list(page: str) -> None:
    st.caption("Here means on this server. What you type stays in this server's memory.")
    if says := st.session_state.pop("_fetch_says", None):
        frame.trouble(says)
    finished = False
    for state in sorted(sources.states(), key=lambda item: (not item.here, not item.downloadable)):
        entry = catalog.entry(state.name)
        job = _job(state.name)
        if job and job.done():
            st.session_state["_fetching"].pop(state.name)
            try:
                job.result()
                finished = True
            except ValueError as error:
                st.session_state["_fetch_says"] = str(error)
            except Exception:  # the reader gets a sentence, the log the rest
                frame.log.exception("fetching %s", state.name)
                st.session_state["_fetch_says"] = f"{entry.title} could not be fetched; the server's log says why."
            job = None
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            size = f", {entry.size_mb:,.0f} MB" if entry.size_mb and entry.size_mb >= 1 else ""
            words = state.how if state.here else state.reason
            st.markdown(f"**{frame.plain(entry.title)}**{size}  \n{frame.plain(words)}")
            if job:
                st.progress(job.fraction or 0.0, text=frame.plain(job.stage))
                st.button("Stop", key=f"stop_{state.name}", on_click=_stop, args=(state.name,), type="tertiary")
            elif state.downloadable and not state.here and settings.get().fetch:
                st.button("Fetch", key=f"fetch_{state.name}", on_click=_start, args=(state.name,))
    if finished:
        st.rerun()
