"""Text at the door, the job pool, the bounded store, the payload format."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.caching import Store, measure
from components.payload import DTYPES, pack, unpack
from components.workshop import Cancelled, Job, Pool, check_text, megabytes, repair


@pytest.mark.parametrize(
    ("text", "limit", "says"),
    [
        ("", 100, "is empty"),
        (" \n\t", 100, "is empty"),
        ("a" * 101, 100, "shorten it"),
        ("é" * 60, 100, "shorten it"),
        ("half \ud83d of it", 100, "lone surrogate"),
        (None, 100, "has to be text"),
        (b"bytes", 100, "has to be text"),
    ],
)
def test_unusable_text_is_refused_with_a_sentence(text: object, limit: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check_text(text, max_bytes=limit)


def test_limit_counts_bytes_not_characters() -> None:
    assert check_text("é" * 50, max_bytes=100) == "é" * 50


@given(st.text(st.characters(blacklist_categories=()), max_size=50))
def test_repaired_text_can_be_encoded_and_keeps_its_length(text: str) -> None:
    fixed, note = repair(text)
    fixed.encode("utf-8")
    assert len(fixed) == len(text)
    assert (note is None) == (fixed == text)


def test_sizes_as_people_say_them() -> None:
    assert megabytes(5_000_000) == "5 MB"
    assert megabytes(200_000) == "200 kB"


def test_equal_requests_are_computed_once() -> None:
    pool, runs, gate = Pool(2), [], threading.Event()

    def work(job: Job) -> int:
        gate.wait(10)
        runs.append(1)
        return 7

    jobs = [pool.submit("same", work) for _ in range(5)]
    gate.set()
    assert [job.result(10) for job in jobs] == [7] * 5
    assert len(runs) == 1


def test_a_waiting_job_knows_its_place() -> None:
    pool, gate = Pool(1), threading.Event()
    first = pool.submit("first", lambda job: gate.wait(10))
    while first.place:
        time.sleep(0.01)
    second, third = (pool.submit(name, lambda job: None) for name in ("second", "third"))
    assert (first.place, second.place, third.place) == (0, 1, 2)
    gate.set()
    third.result(10)
    assert third.place == 0


def test_cancel_stops_a_job_only_when_nobody_waits() -> None:
    pool, started, stopped = Pool(1), threading.Event(), threading.Event()

    def work(job: Job) -> None:
        started.set()
        while True:
            time.sleep(0.01)
            try:
                job.check()
            except Cancelled:
                stopped.set()
                raise

    mine, theirs = pool.submit("long", work), pool.submit("long", work)
    assert mine is theirs
    started.wait(10)
    mine.cancel()
    assert not stopped.wait(0.1)
    theirs.cancel()
    assert stopped.wait(10)
    # The next request starts afresh instead of joining the one that was given up.
    assert pool.submit("long", lambda job: "fresh").result(10) == "fresh"


def test_trouble_in_a_job_reaches_the_one_who_waits() -> None:
    def work(job: Job) -> None:
        raise ValueError("what is wrong; what to do")

    with pytest.raises(ValueError, match="what to do"):
        Pool(1).submit("bad", work).result(10)


@dataclass(frozen=True)
class Result:
    values: np.ndarray
    names: tuple[str, ...]


def test_results_are_measured_by_their_arrays() -> None:
    assert 80_000 <= measure(Result(np.zeros(10_000), ("a", "b"))) <= 81_000
    shared = np.zeros(1000)
    assert measure([shared, shared]) < 2 * shared.nbytes


def test_store_stays_inside_its_budget_and_drops_the_oldest() -> None:
    store = Store(10_000)
    for name in "abcdefgh":
        store.put(name, np.zeros(300))  # 2,400 bytes each
        assert store.bytes <= 10_000
    assert store.peek("a") is None
    assert store.peek("h") is not None
    store.put("huge", np.zeros(5000))
    assert store.peek("huge") is None
    assert store.peek("h") is not None


def test_a_missing_key_is_computed_by_one_thread() -> None:
    store, runs = Store(1_000_000), []

    def compute() -> str:
        time.sleep(0.05)
        runs.append(1)
        return "done"

    threads = [threading.Thread(target=lambda: store.get("key", compute)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(runs) == 1


@given(st.sampled_from(DTYPES), st.lists(st.integers(0, 100), max_size=20), st.text(max_size=20))
def test_payload_comes_back_as_it_went(dtype: str, values: list[int], words: str) -> None:
    array = np.array(values, dtype=dtype)
    header, arrays = unpack(pack({"words": words}, {"a": array, "b": array[:, None]}))
    assert header == {"words": words}
    assert np.array_equal(arrays["a"], array)
    assert arrays["b"].shape == (len(values), 1)


def test_payload_refuses_what_a_browser_cannot_read() -> None:
    with pytest.raises(ValueError, match="cast it"):
        pack({}, {"a": np.zeros(2, np.int64)})
    with pytest.raises(ValueError, match="no Looking Glass buffer"):
        unpack(b"something else")
