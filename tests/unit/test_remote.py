"""The client for other engines against an imitation: what it asks and what it reads."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from components import remote
from components.remote import Question
from tests.imitation_server import Imitation, chat, imitation, keyed, listed, tidy
from tests.unit.remote_asking import KEY, ask, where


@pytest.fixture(scope="module")
def running() -> Iterator[Imitation]:
    with imitation() as found:
        yield found


@pytest.mark.parametrize("chat_", [True, False])
def test_a_stream_is_read_token_by_token(running: Imitation, chat_: bool) -> None:
    seen: list[str] = []
    answer = ask(running, tidy, chat_=chat_, on_step=lambda so_far: seen.append(so_far.text))
    assert answer.text == " one twoé"
    assert seen == [" one", " one two", " one twoé"]
    assert answer.ended == ("stop" if chat_ else "length")
    assert not answer.says
    first = answer.steps[0]
    assert (first.bytes, first.logprob, first.chosen) == (b" one", -0.5, 0)
    assert [one.bytes for one in first.top] == [b" one", b" two"]
    assert first.unseen == pytest.approx(1 - math.exp(-0.5) - math.exp(-1.5))
    assert answer.steps[1].chosen == 1
    assert answer.steps[2].bytes == "é".encode()


def test_the_request_is_the_openai_clients(running: Imitation) -> None:
    ask(running, tidy, key=KEY)
    sent = running.asked[0]
    assert sent["path"] == "/v1/chat/completions"
    assert sent["headers"]["Authorization"] == f"Bearer {KEY}"
    assert sent["headers"]["Host"] == running.address.split("/")[2]
    assert sent["body"] == {"model": "m", "max_tokens": 24, "stream": True, "logprobs": True, "top_logprobs": 2,
                            "messages": [{"role": "user", "content": "Count"}]}
    ask(running, tidy, chat_=False)
    sent = running.asked[0]
    assert sent["path"] == "/v1/completions"
    assert "Authorization" not in sent["headers"]
    assert sent["body"] == {"model": "m", "max_tokens": 24, "stream": True, "logprobs": 2, "prompt": "Count"}


def test_an_answer_that_is_no_stream_is_read_too(running: Imitation) -> None:
    entry = listed("yes", -0.2, [("yes", -0.2), ("no", -2.0)])
    body = {"choices": [{"message": {"content": "yes"}, "finish_reason": "stop", "logprobs": {"content": [entry]}}],
            "usage": {"prompt_tokens": 7}}
    answer = ask(running, lambda handler: handler.send(200, body))
    assert (answer.text, len(answer.steps), answer.prompt_tokens) == ("yes", 1, 7)


def test_no_probabilities_are_said(running: Imitation) -> None:
    answer = ask(running, lambda handler: handler.stream(chat("Hel"), chat("lo"), chat(None, finish="stop")))
    assert answer.text == "Hello"
    assert [step.unseen for step in answer.steps] == [1, 1]
    assert [step.logprob for step in answer.steps] == [None, None]
    assert "This engine gives no probabilities" in answer.says[0]
    assert not ask(running, lambda handler: handler.stream(chat("Hi", finish="stop")), top=0).says


def test_the_older_shape_loses_tokens_and_that_is_told(running: Imitation) -> None:
    """Two halves of a character both read as the replacement sign, so one of them has gone."""
    tops = [{" a": -0.4, " b": -1.7, " c": -2.9}, {"\ufffd": -0.9, " b": -1.2}, {" a": -0.5, " b": -1.6, "": -6.2}]
    body = keyed([" a", "\ufffd", " b"], [-0.4, -0.9, -1.6], tops)
    answer = ask(running, lambda handler: handler.send(200, body), chat_=False, top=3)
    assert [step.whole for step in answer.steps] == [True, False, False]
    assert answer.steps[1].bytes is None
    assert answer.steps[1].unseen == pytest.approx(1 - math.exp(-0.9) - math.exp(-1.2))
    assert "On 2 of 3 tokens the list lost entries" in answer.says[0]


def test_the_chat_list_keeps_halves_of_a_character_apart(running: Imitation) -> None:
    entry = {"token": "\ufffd", "logprob": -0.7, "bytes": [0xF0], "top_logprobs": [
        {"token": "\ufffd", "logprob": -0.7, "bytes": [0xF0]}, {"token": "\ufffd", "logprob": -1.1, "bytes": [0x9F]}]}
    answer = ask(running, lambda handler: handler.stream(chat("", entry), chat("x", finish="stop")))
    assert answer.steps[0].whole
    assert answer.steps[0].chosen == 0
    assert [one.bytes for one in answer.steps[0].top] == [b"\xf0", b"\x9f"]
    bare = {**entry, "top_logprobs": [{"token": "\ufffd", "logprob": value} for value in (-0.7, -1.1)]}
    assert not ask(running, lambda handler: handler.stream(chat("", bare), chat("x", finish="stop"))).steps[0].whole


def test_a_token_that_was_held_back_leaves_a_gap_that_is_told(running: Imitation) -> None:
    """The first half of a character comes with the second, and has no probabilities; what follows stays in place."""
    half = {"token": "\ufffd", "logprob": -0.3, "bytes": [0xA9], "top_logprobs": []}
    plain = listed("a", -0.5, [("a", -0.5)])
    answer = ask(running, lambda handler: handler.stream(
        chat("a", plain), chat("\u00e9", half), chat("a", plain), chat(None, finish="stop")))
    assert [step.bytes for step in answer.steps] == [b"a", b"\xc3", b"\xa9", b"a"]
    assert "1 of 4 tokens came without probabilities" in answer.says[0]
    # llama.cpp tells the bytes of both as those of the second, whose id gives it away.
    both = {"id": 7, "token": "\u00e9", "logprob": -0.3, "bytes": [0xC3, 0xA9], "top_logprobs": [
        {"id": 7, "token": "\ufffd", "logprob": -0.3, "bytes": [0xA9]}]}
    answer = ask(running, lambda handler: handler.stream(chat("a", plain), chat("\u00e9", both, finish="stop")))
    assert [step.bytes for step in answer.steps] == [b"a", b"\xc3", b"\xa9"]
    assert answer.steps[2].chosen == 0
    # Where the text is held back and the token is not, nothing is missing.
    first = {**half, "bytes": [0xC3]}
    answer = ask(running, lambda handler: handler.stream(chat("", first), chat("\u00e9", half), chat("a", plain)))
    assert [step.bytes for step in answer.steps] == [b"\xc3", b"\xa9", b"a"]


def test_a_written_token_outside_the_list_is_no_part_of_it(running: Imitation) -> None:
    body = keyed([" z"], [-5.0], [{" a": -0.4, " b": -1.7, " z": -5.0}])
    step = ask(running, lambda handler: handler.send(200, body), chat_=False).steps[0]
    assert [one.text for one in step.top] == [" a", " b"]
    assert step.chosen is None
    assert step.logprob == -5.0
    assert step.unseen == pytest.approx(1 - math.exp(-0.4) - math.exp(-1.7))


@pytest.mark.parametrize("wrong", ["NaN", "0.5", "Infinity", '"-0.3"', "true", "null", "[]", "1e999", "-0.0001"])
def test_rubbish_for_a_log_probability(running: Imitation, wrong: str) -> None:
    top = f'[{{"token": "a", "logprob": {wrong}}}, {{"token": "b", "logprob": -0.1}}]'
    raw = (f'{{"choices": [{{"message": {{"content": "a"}}, "finish_reason": "stop", "logprobs": {{"content": '
           f'[{{"token": "a", "logprob": -0.1, "top_logprobs": {top}}}]}}}}]}}').encode()
    answer = ask(running, lambda handler: handler.send(200, raw))
    assert answer.text == "a"
    assert answer.steps[0].top == ()
    assert "probabilities of 1 of 1 tokens cannot be right" in answer.says[0]


def test_minus_infinity_is_a_chance_of_zero(running: Imitation) -> None:
    entry = listed("a", -0.0, [("a", 0.0000001), ("b", -9999.0), ("c", -math.inf)])
    step = ask(running, lambda handler: handler.send(200, {"choices": [{"message": {"content": "a"}, "logprobs": {
        "content": [entry]}, "finish_reason": "stop"}]}), top=3).steps[0]
    assert [one.logprob for one in step.top] == [0, -math.inf, -math.inf]
    assert step.unseen == 0


def test_chances_after_the_engines_own_samplers_are_told_apart(running: Imitation) -> None:
    entry = listed("a", math.log(0.75), [("a", math.log(0.75)), ("b", math.log(0.25))])
    answer = ask(running, lambda handler: handler.stream(*[chat("a", entry)] * 4, chat(None, finish="stop")))
    assert "after the engine's own samplers" in answer.says[0]


def test_models(running: Imitation) -> None:
    running.play = tidy
    assert [one.id for one in remote.models(where(running.address))] == ["imitation", "other"]
    for body in ({"data": []}, {"data": "x"}, [], {"data": [{"id": 7}]}):
        running.play = lambda handler, body=body: handler.send(200, body)
        with pytest.raises(ValueError, match="names no models; write the model id yourself"):
            remote.models(where(running.address))
    running.play = lambda handler: handler.send(200, {"data": [{"id": "m", "meta": {"n_vocab": 4096}}]})
    assert remote.models(where(running.address))[0].vocabulary == 4096


@pytest.mark.parametrize(("more", "says"), [
    ({"text": ""}, "The prompt is empty"), ({"text": "x" * 200_000}, "shorten it"), ({"text": "\ud800"}, "broken"),
    ({"max_tokens": 0}, "from 1 to 512"), ({"max_tokens": 5000}, "from 1 to 512"), ({"top": -1}, "from 0 to 100"),
    ({"top": 101}, "from 0 to 100"), ({"top": True}, "whole number"), ({"model": "m" * 2000}, "shorten"),
])
def test_a_question_out_of_bounds_is_a_sentence(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Question(**{"model": "m", "text": "x", **more})
