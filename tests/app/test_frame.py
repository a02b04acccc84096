"""The frame: trouble becomes a sentence, links carry ids, the text of a page survives."""

from __future__ import annotations

from typing import Any

import pytest

from components.views import frame
from tests.conftest import app_test


def test_unforeseen_trouble_is_one_sentence_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(page: str) -> None:
        raise RuntimeError("a secret of the server")

    monkeypatch.setattr(frame, "try_this", broken)
    test = app_test("home")  # the one page that AppTest reaches through the front door
    assert any("not foreseen" in item.value for item in test.warning)
    assert not any("secret" in item.value for item in test.warning)


def test_a_link_may_name_a_model_by_its_id() -> None:
    test = app_test("attention", attention_model="storyteller")
    assert test.session_state["attention_model"] == "storyteller"


def test_a_text_in_the_address_is_the_pages_text() -> None:
    test = app_test("tokenizer", text="a text from a link")
    assert test.session_state["tokenizer_text"] == "a text from a link"


def test_a_text_too_long_for_a_link_is_kept_and_said() -> None:
    test: Any = app_test("tokenizer")
    test.session_state["tokenizer_text"] = "word " * 2000
    test.run()
    assert "text" not in test.query_params
    assert test.session_state["tokenizer_text"] == "word " * 2000


def test_sentences_of_a_domain_are_shown_as_they_are() -> None:
    assert frame.plain("a*b [c](d) <e>") == r"a\*b \[c\]\(d\) \<e\>"
