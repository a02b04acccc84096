"""The list of models at the top right: what is here, what can be fetched, how it goes, and why something cannot."""

from __future__ import annotations

import streamlit as st

from components import settings, workshop
from components.models import catalog, sources
from components.models.sources import State
from components.views import frame
from components.workshop import Job


def header(page: str) -> None:
    """One quiet button in the header; its list is built only when it is opened."""
    here, to_fetch = sources.counts()
    words = f"{here} models here" + (f", {to_fetch} to fetch" if to_fetch else "")
    with st.container(key="lg_models"):
        with st.popover(words, type="tertiary", key="models_list", on_change="rerun") as box:
            if box.open:
                # Looked at again every second only while something is on its way.
                st.session_state["_fetch_watched"] = bool(jobs())
                st.fragment(_list, run_every=1.0 if jobs() else None)()


def jobs() -> dict[str, Job]:
    """What this reader is fetching now, by catalog id."""
    under_way: dict[str, Job] = st.session_state.setdefault("_fetching", {})
    return under_way


def start(name: str) -> None:
    """Fetch an entry of the catalog in the background, or join whoever fetches it already."""
    def work(job: Job) -> str:
        sources.fetch(name, job.report, job.cancelled)
        return name

    jobs()[name] = workshop.pool.submit(("fetch", name), work)


def stop(name: str) -> None:
    """Give a download up."""
    if job := jobs().pop(name, None):
        job.cancel()


def finished() -> bool:
    """Take away what has ended; True when something did. A failure leaves its sentence."""
    ended = [name for name, job in jobs().items() if job.done()]
    for name in ended:
        try:
            jobs().pop(name).result()
        except ValueError as error:
            st.session_state["_fetch_says"] = str(error)
        except Exception:  # the reader gets a sentence, the log the rest
            frame.log.exception("fetching %s", name)
            title = catalog.entry(name).title
            st.session_state["_fetch_says"] = f"{title} could not be fetched; the server's log says why."
    return bool(ended)


def _size(state: State) -> str:
    return f"{state.size_mb:,.0f} MB" if state.size_mb >= 1 else "under 1 MB"


def _here(states: list[State]) -> None:
    for label, vocabulary in (("Models", False), ("Vocabularies", True)):
        names = [
            f"{frame.plain(catalog.entry(item.name).title)} :small[{frame.plain(item.how)}]"
            for item in states
            if (catalog.entry(item.name).kind == "tokenizer") == vocabulary
        ]
        if names:
            st.markdown(f"**{label} here**: " + ", ".join(names) + ".")


def _to_fetch(state: State) -> None:
    job = jobs().get(state.name)
    entry = catalog.entry(state.name)
    title = frame.plain(entry.title)
    offered = state.downloadable and not state.unreachable
    words = (". ".join(part for part in (entry.licence, entry.note) if part)) if offered else state.reason
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"lg_fetch_{state.name}"):
        if job:
            waiting = f", {job.place} in line" if job.place else ""
            st.progress(job.fraction or 0.0, text=f"{title}: {frame.plain(job.stage)}{waiting}")
            st.button("Stop", key=f"stop_{state.name}", on_click=stop, args=(state.name,), type="tertiary")
            return
        st.markdown(f"{title}, {_size(state)}  \n:small[{frame.plain(words)}]")
        if state.downloadable and settings.get().fetch:
            label = "Try again" if state.unreachable else "Fetch"
            st.button(label, key=f"fetch_{state.name}", on_click=start, args=(state.name,))


def _list() -> None:
    if finished() or bool(jobs()) != st.session_state["_fetch_watched"]:
        st.rerun()  # the whole page: a model more, or a list that has to be looked at from now on
    states = sources.states()
    st.caption("Here means on this server. What you type stays in this server's memory.")
    if says := st.session_state.get("_fetch_says"):
        frame.trouble(says)
    _here([state for state in states if state.here])
    away = [state for state in states if not state.here]
    if away:
        st.markdown("**To fetch**")
    for state in sorted(away, key=lambda item: (item.name not in jobs(), not item.downloadable)):
        _to_fetch(state)
