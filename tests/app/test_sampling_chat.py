"""The panels "Read a text" and "Chat" without a browser: texts, comparisons, turns, endings, trouble."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from components.payload import unpack
from tests.app.test_sampling import walk
from tests.conftest import app_test, needs


def mounted(test: Any, name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """The newest buffer of a browser component, if one is drawn."""
    found = [element.proto for element in walk(test.main)
             if getattr(element, "type", "") == "bidi_component" and element.proto.component_name.endswith(f"_{name}")]
    return unpack(found[-1].bytes) if found else None


def run_until(test: Any, done: Any) -> None:
    """Rerun, as a following page does, until `done()`."""
    import time

    for _ in range(300):
        test.run()
        assert not test.exception, [item.value for item in test.exception]
        if done():
            return
        time.sleep(0.1)
    raise AssertionError("it never came")


def say(test: Any, **asked: Any) -> None:
    test.session_state["sampling_chat_asked"] = asked
    test.run()
    assert not test.exception, [item.value for item in test.exception]


@pytest.fixture
def reading() -> Any:
    return app_test("sampling", sampling_model="storyteller", sampling_panel="Read a text", sampling_read_text="@tale")


def test_a_text_is_read_cut_and_compared(reading: Any) -> None:
    header, arrays = mounted(reading, "sampling_read")
    one = header["readings"][0]
    assert header["mode"] == "one"
    assert np.isnan(arrays["surprise0"][0])
    assert one["count"] == len(arrays["ids0"]) - 1
    assert one["perplexity"] == pytest.approx(np.exp(np.nanmean(arrays["surprise0"])), rel=1e-3)
    assert one["begins"] is None
    assert {str(token) for token in arrays["expected0"].ravel() if token >= 0} <= set(one["labels"])
    reading.select_slider(key="sampling_read_window").set_value("8").run()
    header, arrays = mounted(reading, "sampling_read")
    assert header["mode"] == "window"
    assert header["readings"][0]["bits_per_byte"] > header["readings"][1]["bits_per_byte"]
    assert arrays["from0"].max() > 0
    assert arrays["from1"].max() == 0
    assert "".join(piece[0] for piece in header["pieces"]).strip().endswith("milk.")
    reading.select_slider(key="sampling_read_window").set_value("whole").run()
    reading.toggle(key="sampling_read_begins").set_value(True).run()
    header, arrays = mounted(reading, "sampling_read")
    assert header["readings"][0]["begins"]
    assert not np.isnan(arrays["surprise0"][0])
    reading.toggle(key="sampling_read_begins").set_value(False).run()
    reading.selectbox(key="sampling_read_compare").set_value("another text").run()
    header, arrays = mounted(reading, "sampling_read")
    assert header["mode"] == "texts"
    assert header["readings"][1]["perplexity"] > 2 * header["readings"][0]["perplexity"], "shuffled words surprise"


def test_a_long_text_slides_and_bad_texts_are_sentences(reading: Any) -> None:
    reading.session_state["sampling_read_text_kept"] = "The mill stood still beside the river. " * 60
    reading.run()
    header, _ = mounted(reading, "sampling_read")
    assert header["readings"][0]["sliding"]
    assert header["readings"][0]["window"] == 256
    for text, words in (("the", "one token alone"), ("", "empty"), ("cat " * 5_000, "shorten")):
        reading.session_state["sampling_read_text_kept"] = text
        reading.run()
        if reading.button and any(button.key == "sampling_read_go" for button in reading.button):
            reading.button(key="sampling_read_go").click().run()
            run_until(reading, lambda: bool(reading.warning))
        assert any(words in item.value for item in reading.warning), (text[:9], [w.value for w in reading.warning])


def test_a_model_that_only_continues_holds_a_conversation_of_its_own_kind() -> None:
    test = app_test("sampling", sampling_model="storyteller", sampling_panel="Chat", sampling_chat_tokens="6")
    header, _ = mounted(test, "sampling_chat")
    assert header["turns"] == []
    assert any("never taught to answer" in item.value for item in test.markdown)
    say(test, do="send", text="There was once a king who")
    run_until(test, lambda: not mounted(test, "sampling_chat")[0]["busy"])
    header, _ = mounted(test, "sampling_chat")
    first = header["turns"][1]
    assert [turn["role"] for turn in header["turns"]] == ["user", "assistant"]
    assert len(first["tokens"]) <= 6
    assert "limit" in first["says"] or "ended" in first["says"]
    assert [token["w"] for token in header["read"]].count("answer") == len(first["tokens"])
    say(test, do="again")
    run_until(test, lambda: not mounted(test, "sampling_chat")[0]["busy"])
    again = mounted(test, "sampling_chat")[0]["turns"][1]
    assert again["seed"] == "seed 2"
    assert again["text"] != first["text"]
    test.text_input(key="sampling_chat_stops").set_value(again["text"][3:7]).run()
    say(test, do="edit", at=0, text="There was once a king who")
    run_until(test, lambda: not mounted(test, "sampling_chat")[0]["busy"])
    say(test, do="again")
    run_until(test, lambda: not mounted(test, "sampling_chat")[0]["busy"])
    cut = mounted(test, "sampling_chat")[0]["turns"][1]
    assert cut["text"] == again["text"][:3]
    assert cut["ended"] == "stop"
    say(test, do="send", text="  ")
    assert "type a message" in test.warning[0].value
    for forged in ({"do": "drop"}, {"do": "remove", "at": 99}, "again", None):
        test.session_state["sampling_chat_asked"] = forged
        test.run()
        assert not test.exception
    assert len(mounted(test, "sampling_chat")[0]["turns"]) == 2
    say(test, do="clear")
    assert mounted(test, "sampling_chat")[0]["turns"] == []


def test_a_conversation_beyond_the_context_is_a_sentence() -> None:
    test = app_test("sampling", sampling_model="storyteller", sampling_panel="Chat", sampling_chat_tokens="60")
    say(test, do="send", text="once upon a time " * 90)
    run_until(test, lambda: bool(test.warning))
    assert "shorten" in test.warning[0].value
    say(test, do="send", text="once upon a time " * 62)
    run_until(test, lambda: len(mounted(test, "sampling_chat")[0]["turns"]) == 2
              and not mounted(test, "sampling_chat")[0]["busy"])
    answer = mounted(test, "sampling_chat")[0]["turns"][1]
    assert answer["ended"] in ("context", "end")
    if answer["ended"] == "context":
        assert "256 tokens" in answer["says"]


def test_recorded_answers_are_shown_at_once() -> None:
    for view, count in (("Another format", 6), ("Other models", 3), ("Ready prompts", 1)):
        test = app_test("sampling", sampling_model="storyteller", sampling_panel="Chat", sampling_chat_view=view)
        header, _ = mounted(test, "sampling_chat")
        assert len(header["cards"]) == count
        assert {card["state"] for card in header["cards"]} == {"recorded"}
        assert all("answer" in card for card in header["cards"])


def test_without_a_chat_model_the_panel_explains_and_shows_what_was_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    from components.models import sources
    from components.views.sampling import chat, chat_prompt

    state = sources.state

    def absent(name: str) -> sources.State:
        return dataclasses.replace(state(name), here=False) if name == "smollm2" else state(name)

    monkeypatch.setattr(sources, "state", absent)
    monkeypatch.setattr(chat_prompt, "chat_models", list)
    monkeypatch.setattr(chat, "chat_models", list)
    for view, count in (("Conversation", 0), ("Another format", 6), ("Other models", 3), ("Ready prompts", 1)):
        test = app_test("sampling", sampling_model="storyteller", sampling_panel="Chat", sampling_chat_view=view)
        header, _ = mounted(test, "sampling_chat")
        told = " ".join(item.value for item in (*test.markdown, *test.caption))
        assert "list of models at the top" in told, view
        assert len(header.get("cards", ())) == count
        if view == "Another format":
            assert all(card["prompt"] == [] and "answer" in card for card in header["cards"])
            assert test.button(key="sampling_chat_cards_go").disabled


@needs("smollm2")
def test_the_system_prompt_is_read_and_marked() -> None:
    test = app_test("sampling", sampling_model="smollm2", sampling_panel="Chat", sampling_chat_tokens="2")
    test.text_input(key="sampling_system").set_value("Answer like a pirate.").run()
    say(test, do="send", text="Hello")
    run_until(test, lambda: not mounted(test, "sampling_chat")[0]["busy"])
    header, _ = mounted(test, "sampling_chat")
    said = "".join(token["t"] for token in header["read"] if token["w"] == "system")
    assert said == "Answer like a pirate."
    assert sum(token["k"] == 1 for token in header["read"]) >= 5
