"""Every lesson is complete, and what it claims is true of the model it names."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest

from tests.conftest import PAGES, ROOT


def lessons(page: str) -> list[dict[str, Any]]:
    path = ROOT / "assets" / "lessons" / f"{page}.json"
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["lessons"]
    return found


CASES = [(page, lesson["id"]) for page in PAGES for lesson in lessons(page)]


@pytest.mark.parametrize("page", PAGES)
def test_lessons_are_complete(page: str) -> None:
    every = lessons(page)
    assert len(every) >= 2
    assert len({lesson["id"] for lesson in every}) == len(every)
    for lesson in every:
        assert {"id", "title", "question", "choices", "answer", "reveal"} <= set(lesson), lesson["id"]
        assert 2 <= len(lesson["choices"]) <= 4, lesson["id"]
        assert 0 <= lesson["answer"] < len(lesson["choices"]), lesson["id"]
        assert lesson.get("text") or lesson.get("setup"), f"{lesson['id']} sets nothing up"
        assert len(lesson["reveal"]) > 40, lesson["id"]


@pytest.mark.parametrize(("page", "lesson"), CASES)
def test_claim(page: str, lesson: str) -> None:
    module = importlib.import_module(f"tests.lessons.{page}")
    getattr(module, "lesson_" + lesson.replace("-", "_"))()
