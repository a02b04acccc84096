"""The panel Chat's prompts and copy: what is shown is what the model reads, and every recorded answer is true."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components import sampling
from components.models.open import open_model
from components.sampling import Settings, Turn
from components.views.sampling import chat_prompt
from components.views.sampling.chat import split_stops
from components.views.sampling.chat_cards import RECORDED_WITH, VERDICTS
from components.views.sampling.chat_talk import _change
from tests.conftest import ROOT, needs

COPY = json.loads((ROOT / "assets" / "copy" / "sampling_chat.json").read_text("utf-8"))
TALK = (Turn("user", "Hello,\nwho are you?"), Turn("assistant", "A model."),
        Turn("user", "And <|im_end|> what is this? 🐈"))


@pytest.fixture(scope="module")
def chat_model() -> Any:
    return open_model(RECORDED_WITH)


@pytest.fixture(scope="module")
def story() -> Any:
    return open_model("storyteller")


def test_every_entry_of_the_copy_is_whole() -> None:
    assert {one["verdict"] for one in COPY["tasks"]} == set(VERDICTS)
    for one in COPY["tasks"]:
        assert one["answer"]
        for words in one["has"]:
            assert words.lower() in one["answer"].lower(), one["id"]
        for words in one["lacks"]:
            assert words.lower() not in one["answer"].lower(), one["id"]
    for one in (*COPY["formats"], *COPY["models"], *COPY["tasks"]):
        assert one["ended"] in ("end", "length")
        assert one["says"].endswith(".")
    assert all(chat_prompt.template_of(one) or one["id"] in ("own", "no-opening") for one in COPY["formats"])
    said = next(one for one in COPY["formats"] if one["id"] == "llama3")["says"]
    assert "63 tokens in place of 37" in said


def test_a_model_without_a_format_gets_plain_lines(story: Any) -> None:
    template = chat_prompt.template_for("storyteller")
    found = sampling.written(story, TALK[:1], template=template)
    assert found.text == TALK[0].text
    shown = chat_prompt.spelled("storyteller", TALK, template=template)
    assert [token["i"] for token in shown] == list(sampling.written(story, TALK, template=template).ids)
    assert {token["w"] for token in shown} >= {"user", "assistant"}


@needs(RECORDED_WITH)
def test_what_is_shown_is_what_the_model_reads(chat_model: Any) -> None:
    system = (Turn("system", "Answer like a pirate."),)
    for turns in (TALK[:1], TALK, (*system, *TALK)):
        for one in COPY["formats"]:
            asked = {"template": chat_prompt.template_of(one), "answer_begins": one["answer_begins"]}
            shown = chat_prompt.spelled(RECORDED_WITH, turns, **asked)
            assert [token["i"] for token in shown] == list(sampling.written(chat_model, turns, **asked).ids), one["id"]
    own = chat_prompt.spelled(RECORDED_WITH, (*system, *TALK))
    words = {role: "".join(token["t"] for token in own if token["w"] == role and token["k"] != 2)
             for role in ("system", "user", "assistant")}
    assert words["system"] == "Answer like a pirate."
    assert words["assistant"] == "A model."
    assert words["user"].startswith("Hello,\nwho are you?And <|im_end|> what")
    assert chat_prompt.typed_marks(own) == 1, "a mark that somebody types is a mark"


@needs(RECORDED_WITH)
def test_the_prompt_is_what_the_library_makes(chat_model: Any) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(chat_model.path)
    messages = [{"role": turn.role, "content": turn.text} for turn in TALK]
    for opening in (True, False):
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=opening)
        found = sampling.written(chat_model, TALK, answer_begins=opening)
        assert found.text == text
        assert list(found.ids) == tokenizer(text, add_special_tokens=False).input_ids
        assert found.text[found.start : found.stop] == TALK[-1].text


def _greedy(model: Any, text: str, count: int, **asked: Any) -> sampling.Answer:
    prompt = sampling.written(model, [Turn("user", text)], **asked)
    return sampling.answer(model, prompt.ids, Settings(temperature=0, max_new_tokens=count))


@needs(RECORDED_WITH)
@pytest.mark.parametrize("place", range(len(COPY["tasks"])), ids=[one["id"] for one in COPY["tasks"]])
def test_verdicts_are_on_what_the_model_writes(chat_model: Any, place: int) -> None:
    one = COPY["tasks"][place]
    found = _greedy(chat_model, one["prompt"], one["tokens"])
    assert found.ended == one["ended"]
    for words in one["has"]:
        assert words.lower() in found.text.lower()
    for words in one["lacks"]:
        assert words.lower() not in found.text.lower()
    assert found.text[:12] == one["answer"][:12]


@needs(RECORDED_WITH)
def test_formats_do_what_their_sentences_say(chat_model: Any) -> None:
    found = {one["id"]: _greedy(chat_model, COPY["question"], COPY["format_tokens"],
                                template=chat_prompt.template_of(one), answer_begins=one["answer_begins"])
             for one in COPY["formats"]}
    for one in COPY["formats"]:
        assert found[one["id"]].text == one["answer"], one["id"]
        assert found[one["id"]].ended == one["ended"], one["id"]
    assert found["plain"].steps[0].id in chat_model.eos_ids
    assert set(found["llama3"].text) <= set("#\n")


def test_a_model_that_only_continues_repeats_itself(story: Any) -> None:
    one = next(one for one in COPY["models"] if one["model"] == "storyteller")
    found = _greedy(story, COPY["question"], COPY["format_tokens"], template=COPY["continuing"]["template"])
    assert found.text == one["answer"]
    assert found.text.count("the next day") >= 3


@pytest.mark.parametrize(("typed", "stops"), [
    ("", []), (r"\n", ["\n"]), (r"\n | User:", ["\n", "User:"]), (".", ["."]), ("||", []),
    (r"\n\n|###", ["\n\n", "###"]), ("a  |b", ["a ", "b"]),
])
def test_stop_strings_are_read_as_typed(typed: str, stops: list[str]) -> None:
    assert split_stops(typed) == stops


def test_turns_change_as_the_buttons_say() -> None:
    said: list[dict[str, Any]] = []
    answer = {"role": "assistant", "text": "Yes"}
    assert _change(said, {"do": "send", "text": "one"})
    said.append(dict(answer))
    assert _change(said, {"do": "send", "text": "two"})
    assert _change(said, {"do": "send", "text": "three"}), "a message without an answer is replaced"
    said.append(dict(answer))
    assert [turn["text"] for turn in said] == ["one", "Yes", "three", "Yes"]
    assert _change(said, {"do": "again"})
    assert [turn["text"] for turn in said] == ["one", "Yes", "three"]
    said.append(dict(answer))
    assert not _change(said, {"do": "edit", "at": 1, "text": "No"})
    assert said[1]["edited"]
    assert not _change(said, {"do": "remove", "at": 1})
    assert [turn["text"] for turn in said] == ["three", "Yes"]
    assert _change(said, {"do": "edit", "at": 0, "text": "four"})
    assert [turn["text"] for turn in said] == ["four"]
    for forged in ({"do": "remove", "at": 9}, {"do": "remove", "at": "x"}, {"do": "remove"}):
        assert not _change(said, forged)
    for empty in ({"do": "send", "text": " "}, {"do": "edit", "at": 0}, {"do": "send", "text": 7}):
        with pytest.raises(ValueError, match="type a message"):
            _change(said, empty)
    assert not _change(said, {"do": "clear"})
    assert said == []
