"""The list of models: what is here, a fetch with progress, one that fails with a sentence."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from components.models import sources
from tests.conftest import app_test


def opened(page: str = "home") -> Any:
    test = app_test(page)
    test.session_state["models_list"] = True
    test.run()
    return test


def words(test: Any) -> str:
    return " ".join(item.value for item in [*test.markdown, *test.caption, *test.warning])


def test_the_list_says_what_is_here_and_why_not() -> None:
    test = opened()
    said = words(test)
    assert "storyteller" in said
    assert "ships with the app" in said
    assert "GPT" in said
    for state in sources.states():
        assert state.here or state.reason, state.name


def test_a_fetch_reports_its_progress_and_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    release, stopped = threading.Event(), threading.Event()

    def fetch(name: str, progress: Callable[[float, str], None], cancelled: Callable[[], bool]) -> None:
        progress(0.4, "downloading 37 of 93 MB")
        while not release.wait(0.02):
            if cancelled():
                stopped.set()
                raise sources.FetchCancelled("stopped")

    monkeypatch.setattr(sources, "fetch", fetch)
    test = opened()
    name = next(state.name for state in sources.states() if not state.here and state.downloadable)
    test.button(key=f"fetch_{name}").click().run()
    test.run()
    shown = [item.text for item in test.get("progress")]
    assert any("37 of 93 MB" in text for text in shown), shown
    test.button(key=f"stop_{name}").click().run()
    assert stopped.wait(10)
    assert not test.exception


def test_a_failed_fetch_leaves_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(name: str, progress: Callable[[float, str], None], cancelled: Callable[[], bool]) -> None:
        raise sources.FetchError("The package index cannot be reached; try again when the network is back.")

    monkeypatch.setattr(sources, "fetch", fetch)
    test = opened()
    name = next(state.name for state in sources.states() if not state.here and state.downloadable)
    test.button(key=f"fetch_{name}").click().run()
    test.run()
    test.run()
    assert "cannot be reached" in words(test)
    assert not test.exception
