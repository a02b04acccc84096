"""Work that a reader starts and may stop: what it tells, how it ends, and that it ends with the session."""

from __future__ import annotations

import gc
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

GATES: dict[str, threading.Event] = {}


def script() -> None:
    import streamlit as st

    from components.views.running import Running
    from tests.app.test_running import work_for

    name = st.session_state.setdefault("name", "fine")
    running = Running("demo", doing="The demonstration")
    if st.button("Go", key="go"):
        running.start({"asked": name}, work_for(name))
    ended = running.settle()
    if ended:
        st.session_state["ended"] = ended
    running.follow(lambda: st.write(f"so far {running.partial}"))
    if running.says:
        st.warning(running.says)


def work_for(name: str) -> Any:
    def work(job: Any, tell: Any) -> str:
        tell("a")
        GATES[name].wait(20)
        job.check()
        if name == "wrong":
            raise ValueError("The input has no words; type one.")
        if name == "broken":
            raise KeyError("unforeseen")
        tell("ab")
        return "abc"

    return work


def begun(name: str) -> AppTest:
    GATES[name] = threading.Event()
    test = AppTest.from_function(script, default_timeout=30)
    test.session_state["name"] = name
    test.run()
    test.button(key="go").click().run()
    assert not test.exception
    return test


def end(test: AppTest, name: str) -> AppTest:
    GATES[name].set()
    for _ in range(100):
        if "_demo_running" not in test.session_state:
            return test
        time.sleep(0.05)
        test.run()
        assert not test.exception
    raise AssertionError("the work did not end")


def test_it_tells_what_it_has_and_its_result_comes_once() -> None:
    test = begun("fine")
    assert "so far a" in [item.value for item in test.markdown]
    test = end(test, "fine")
    assert test.session_state["ended"] == ({"asked": "fine"}, "abc")
    del test.session_state["ended"]
    test.run()
    assert "ended" not in test.session_state
    assert not test.warning


def test_stop_ends_it_and_says_so() -> None:
    test = begun("stopped")
    job = test.session_state["_demo_running"].job
    test.button(key="_demo_running_stop").click().run()
    assert job.cancelled()
    assert "_demo_running" not in test.session_state
    assert [item.value for item in test.warning] == ["The demonstration was stopped."]
    GATES["stopped"].set()
    assert job.wait(20)
    test.run()
    assert "ended" not in test.session_state


@pytest.mark.parametrize(("name", "says"), [("wrong", "The input has no words; type one."),
                                            ("broken", "failed in a way that was not foreseen")])
def test_what_goes_wrong_is_a_sentence(name: str, says: str) -> None:
    test = end(begun(name), name)
    assert says in test.warning[0].value
    assert "ended" not in test.session_state


def test_a_session_that_is_let_go_ends_its_work() -> None:
    test = begun("left")
    job = test.session_state["_demo_running"].job
    del test.session_state["_store"]
    gc.collect()
    assert job.cancelled()
    GATES["left"].set()


def test_a_closed_tab_ends_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    from components.views import running

    away = threading.Event()

    class Server:
        @staticmethod
        def is_active_session(session: str) -> bool:
            return not away.is_set()

    monkeypatch.setattr(running, "runtime", SimpleNamespace(exists=lambda: True, get_instance=Server))
    monkeypatch.setattr(running, "AWAY", 0.05)
    ticks: list[int] = []
    ended = threading.Event()

    def work(job: Any, tell: Any) -> None:
        try:
            while True:
                ticks.append(1)
                tell(len(ticks))
                job.check()
                time.sleep(0.01)
        finally:
            ended.set()

    GATES["closed"] = threading.Event()
    monkeypatch.setattr("tests.app.test_running.work_for", lambda name: work)
    test = begun("closed")
    job = test.session_state["_demo_running"].job
    before = len(ticks)
    time.sleep(0.2)
    assert len(ticks) > before, "it goes on while the tab is there"
    assert not job.cancelled()
    away.set()
    assert ended.wait(10)
    assert job.cancelled()
