"""Work that a reader starts and may stop, followed while they do other things on the page.

`frame.compute` is for what a page cannot be drawn without. This is for what takes longer: it goes on in the job pool
while the page stays alive, tells what it has so far, ends at Stop within one of its own steps, and ends when the
reader's session does.

    running = Running("sampling_compare", doing="Comparing")
    if running.pressed("Generate"):
        running.start(ask, work)         # work(job, tell) -> result; job.check() at every step
    ended = running.settle()             # (ask, result) once, when it has ended well
    running.follow(lambda: draw(running.partial))
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from components import caching, workshop
from components.views import frame
from components.workshop import Cancelled, Job, Pool

EVERY = 0.4  # seconds between two looks at work under way
AWAY = 5.0  # seconds without a browser after which work ends; a reload takes less


@dataclass
class Run:
    """One piece of work under way. `told` holds what it told last, an immutable value."""

    ask: Any
    job: Job
    told: list[Any] = field(default_factory=list)


class Running:
    """What is under way under one key of this reader's session. Cheap to make; make it anew in every run."""

    def __init__(self, key: str, *, doing: str) -> None:
        """
        Args:
            key: begins with the page's name; everything kept in the session hangs on it.
            doing: the work's name in sentences, such as `"The sweep"`.
        """
        self.key, self.doing = f"_{key}_running", doing

    @property
    def run(self) -> Run | None:
        """What is under way, finished or not, as long as `settle` has not taken it in."""
        found: Run | None = st.session_state.get(self.key)
        return found

    @property
    def partial(self) -> Any | None:
        """What the work told last; None where it told nothing yet."""
        run = self.run
        return run.told[-1] if run is not None and run.told else None

    @property
    def says(self) -> str | None:
        """Why the last work ended without a result, as a sentence."""
        found: str | None = st.session_state.get(f"{self.key}_says")
        return found

    def say(self, sentence: str | None) -> None:
        st.session_state[f"{self.key}_says"] = sentence

    def start(
        self, ask: Any, work: Callable[[Job, Callable[[Any], None]], Any], *, same: Hashable | None = None,
        pool: Pool = workshop.pool,
    ) -> None:
        """Begin `work(job, tell)` in the job pool; what was under way before is given up.

        Work that calls `tell` at every step ends soon after the reader has closed the tab.

        `same`: where several readers may share one computation, the key that makes it the same; it then tells
        nothing on the way to those who join. `pool`: `workshop.errands` for work that waits for another machine.
        """
        self.stop()
        self.say(None)
        told: list[Any] = []
        present = _presence()

        def tell(value: Any) -> None:
            told[:] = [value]
            if not present():
                job.cancel()

        job = pool.submit(same if same is not None else (self.key, id(told)), lambda job: work(job, tell))
        st.session_state[self.key] = Run(ask, job, told)
        # When the session is let go, nobody waits any more.
        st.session_state[f"{self.key}_end"] = weakref.finalize(caching.session_store(), job.cancel)
        job.wait(0.15)

    def stop(self, sentence: str | None = None) -> None:
        """Give up what is under way; `sentence` is what the reader sees then."""
        run = st.session_state.pop(self.key, None)
        if run is not None:
            st.session_state.pop(f"{self.key}_end").detach()
            run.job.cancel()
            self.say(sentence)

    def settle(self) -> tuple[Any, Any] | None:
        """Take in work that has ended: (ask, result) once, or None with a sentence in `says` where it went wrong."""
        run = self.run
        if run is None or not run.job.done():
            return None
        del st.session_state[self.key]
        st.session_state.pop(f"{self.key}_end").detach()
        try:
            return run.ask, run.job.result()
        except ValueError as problem:
            self.say(str(problem))
        except Cancelled:
            self.say(f"{self.doing} was stopped before it was done; start it again for the rest.")
        except Exception:  # the reader gets a sentence, the log the rest
            frame.log.exception(self.doing)
            self.say(f"{self.doing} failed in a way that was not foreseen; the server's log says more.")
        return None

    def follow(self, draw: Callable[[], None] | None = None, *, stop: str = "Stop", stopped: str = "") -> None:
        """While work is under way: progress, a Stop button and `draw()` for what it has so far, looked at again and
        again without a rerun of the page. When it has ended the page runs once more.

        Args:
            draw: draws `partial`.
            stop: label of the button.
            stopped: the sentence after Stop.
        """
        if self.run is None:
            return

        def look() -> None:
            run = self.run
            if run is None or run.job.done():
                st.rerun()  # the whole page: the result, or why there is none
            assert run is not None
            with st.container(horizontal=True, vertical_alignment="center", key=f"lg_working{self.key}"):
                stage = f"waiting, {run.job.place} in line" if run.job.place else run.job.stage
                st.progress(run.job.fraction or 0.0, text=f"{frame.plain(self.doing)}: {frame.plain(stage)}")
                st.button(stop, key=f"{self.key}_stop", on_click=self.stop,
                          args=(stopped or f"{self.doing} was stopped.",))
            if draw is not None:
                draw()

        st.fragment(look, run_every=EVERY)()


def _presence() -> Callable[[], bool]:
    """Whether this reader's browser is still there, or was a moment ago; asked from any thread."""
    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return lambda: True
    server, session = runtime.get_instance(), context.session_id
    seen = time.monotonic()

    def present() -> bool:
        nonlocal seen
        if server.is_active_session(session):
            seen = time.monotonic()
        return time.monotonic() - seen < AWAY

    return present
