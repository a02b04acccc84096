"""Locks, the job pool, admission and limits: the rules that let thirty people share one small host.

Plain Python, no Streamlit, so that the domains, the tests and a notebook use the same rules.

- `FORWARD` admits as many torch forwards at a time as there are cores: more only makes each of them slower.
- `NUMBA_LOCK` is the one lock around UMAP and every other numba kernel. Two fits at once on numba's default
  threading layer end the whole process, so the lock belongs to the process and not to a session.
- `pool` runs slow work in the background. Equal requests become one computation, and a waiting reader sees a place
  in the queue. A running UMAP or forward cannot be interrupted: a cancelled job runs to its end and is dropped.
- `errands` is a pool of the same kind for work that mostly waits for another machine.
- `LIMITS` are checked by the domains, because a widget's own limit can be forged.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Limits:
    """Input limits in bytes (UTF-8) or counts, the same for every reader."""

    text_bytes: int = 5_000_000
    chips_drawn: int = 3_000
    url_bytes: int = 4_000
    tokenizer_bytes: int = 40_000_000
    session_bytes: int = 60_000_000


LIMITS = Limits()

# torch's threads wait for each other actively by default, and so take the cores from everyone else: on two busy cores
# one forward pass of storyteller took 4 s instead of 0.6 s. It is read once, when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

CORES = max(1, os.cpu_count() or 1)
FORWARD = threading.BoundedSemaphore(CORES)
NUMBA_LOCK = threading.RLock()


def repair(text: str) -> tuple[str, str | None]:
    """Replace lone surrogates, which are no Unicode text and which no tokenizer accepts.

    Returns the text and a sentence for the reader, or `None` when nothing had to change.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        fixed = "".join("\ufffd" if 0xD800 <= ord(character) <= 0xDFFF else character for character in text)
        count = sum(1 for character in text if 0xD800 <= ord(character) <= 0xDFFF)
        what = "One half of a broken character was" if count == 1 else f"{count} halves of broken characters were"
        return fixed, f"{what} replaced by \ufffd, because they stand for no character."
    return text, None


def megabytes(count: int) -> str:
    """A count of bytes as people say it: `5 MB`, `200 kB`."""
    return f"{count / 1_000_000:.3g} MB" if count >= 1_000_000 else f"{max(1, round(count / 1000))} kB"


def check_text(
    text: object, *, what: str = "The text", max_bytes: int = LIMITS.text_bytes, allow_empty: bool = False
) -> str:
    """Return `text` if it is usable text, else raise a `ValueError` that says what is wrong and what to do."""
    if not isinstance(text, str):
        raise ValueError(f"{what} has to be text, not {type(text).__name__}; pass a string.")
    if not allow_empty and not text.strip():
        raise ValueError(f"{what} is empty; type a sentence, or press an example.")
    # Four bytes a character at most, so most texts need no encoding to be found short enough.
    if len(text) * 4 > max_bytes:
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > max_bytes:
            raise ValueError(f"{what} has {megabytes(size)}, and the limit is {megabytes(max_bytes)}; shorten it.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{what} holds half of a broken character (a lone surrogate) at position {error.start}; remove it."
        ) from error
    return text


class Cancelled(Exception):
    """Raised inside a job that nobody waits for any more."""


class Job:
    """One piece of background work: its stage, its progress, its place in the queue and, in the end, its result."""

    def __init__(self, key: Hashable, pool: Pool) -> None:
        self.key = key
        self.stage = "waiting"
        self.fraction: float | None = None
        self.started_at: float | None = None
        self._pool = pool
        self._cancel = threading.Event()
        self._waiters = 0
        self._future: Future[Any] = Future()

    def report(self, fraction: float | None, stage: str) -> None:
        """Called by the work itself: how far it is (0 to 1, or `None` where it cannot tell) and what it does."""
        self.fraction, self.stage = fraction, stage

    def cancelled(self) -> bool:
        """True once no reader waits for the result; loops check it and stop."""
        return self._cancel.is_set()

    def check(self) -> None:
        """Raise `Cancelled` when nobody waits any more; for the inside of loops."""
        if self.cancelled():
            raise Cancelled("stopped, because nobody waits for it any more")

    def cancel(self) -> None:
        """Give this job up. Others who asked for the same result keep it alive."""
        with self._pool.lock:
            self._waiters -= 1
            if self._waiters <= 0:
                self._cancel.set()
                self._future.cancel()
                self._pool.forget(self)

    @property
    def place(self) -> int:
        """0 while it runs or is done; else how many jobs stand before it, counting from 1."""
        return self._pool.place(self)

    def done(self) -> bool:
        return self._future.done()

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; True when the job is done."""
        try:
            self._future.exception(timeout=seconds)
        except FutureTimeout:
            return False
        return True

    def result(self, timeout: float | None = None) -> Any:
        return self._future.result(timeout)


class Pool:
    """A small pool of background threads in which equal requests are computed once."""

    def __init__(self, workers: int) -> None:
        self.lock = threading.RLock()
        self._executor = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="workshop")
        self._jobs: dict[Hashable, Job] = {}
        self._queue: list[Job] = []

    def submit(self, key: Hashable, work: Callable[[Job], Any]) -> Job:
        """Start `work(job)` in the background, or join the job that already computes the same key."""
        with self.lock:
            job = self._jobs.get(key)
            if job is not None and not job.cancelled():
                job._waiters += 1
                return job
            job = Job(key, self)
            job._waiters = 1
            self._jobs[key] = job
            self._queue.append(job)
        self._executor.submit(self._run, job, work)
        return job

    def _run(self, job: Job, work: Callable[[Job], Any]) -> None:
        with self.lock:
            if job in self._queue:
                self._queue.remove(job)
        if not job._future.set_running_or_notify_cancel():
            return
        job.stage, job.started_at = "working", time.monotonic()
        try:
            result = work(job)
        except BaseException as error:  # the reader's thread re-raises it in result(); nothing is lost here
            job._future.set_exception(error)
        else:
            job._future.set_result(result)
        finally:
            self.forget(job)

    def forget(self, job: Job) -> None:
        with self.lock:
            if self._jobs.get(job.key) is job:
                del self._jobs[job.key]
            if job in self._queue:
                self._queue.remove(job)

    def place(self, job: Job) -> int:
        with self.lock:
            return self._queue.index(job) + 1 if job in self._queue else 0


pool = Pool(workers=max(2, CORES))
# Asking another machine is waiting, not computing: readers who wait must not take the places of those who compute.
errands = Pool(workers=16)


def give_back_memory() -> None:
    """Ask the C library to hand freed memory back to the system.

    Reading a vocabulary leaves twice its size behind as freed blocks, which glibc keeps by itself (SmolLM2's: 38 MB
    before, 15 after). Elsewhere than on glibc this does nothing.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # no such call on this system
        return
    trim(0)
