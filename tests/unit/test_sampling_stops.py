"""Stop strings: the token at which the library stops, the exact cut, and what is held back on the way."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from components import sampling
from components.models import sources
from components.models.open import open_model
from components.sampling import Settings, StopWatch, Turn, held_back
from components.tokenization import vocabulary

TEXT = "The fox said to the hare: come in, the soup is hot. Then they sat down — naïve as they were — and ate. Amen."


@pytest.fixture(scope="module")
def story() -> Any:
    return open_model("storyteller")


@pytest.fixture(scope="module")
def library_tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(sources.locate("storyteller"))


def first_stop(tokenizer: Any, ids: list[int], prompt: int, stops: list[str]) -> int | None:
    """The new token after which `StopStringCriteria` says stop."""
    from transformers import StopStringCriteria

    criterion = StopStringCriteria(tokenizer, stops)
    for count in range(prompt + 1, len(ids) + 1):
        if bool(criterion(torch.tensor([ids[:count]]), None)):
            return count - prompt
    return None


def test_it_stops_with_the_librarys_token(story: Any, library_tokenizer: Any) -> None:
    table = vocabulary(story.tokenizer)
    ids = story.tokenizer.library_object.encode(TEXT).ids
    rng = random.Random(4)
    seen = 0
    for _ in range(24):
        start = rng.randrange(len(TEXT) - 12)
        stops = [TEXT[start : start + rng.randint(1, 12)]]
        if rng.random() < 0.4:
            stops.append(rng.choice(["hot. T", "—", "e", "ï", "and ate", "zzz"]))
        prompt = rng.randint(1, 8)
        watch = StopWatch(stops, before=b"".join(table.piece(token) for token in ids[:prompt]))
        own, shown = None, ""
        for count, token in enumerate(ids[prompt:], 1):
            hit = watch.push(table.piece(token))
            assert watch.shown.startswith(shown), "what was shown is never taken back"
            shown = watch.shown
            if hit:
                own = count
                break
        assert own == first_stop(library_tokenizer, ids, prompt, stops), (stops, prompt)
        if own is not None:
            seen += 1
            whole = b"".join(table.piece(token) for token in ids[prompt : prompt + own]).decode("utf-8", "replace")
            assert whole.startswith(watch.text)
            assert not any(stop in watch.text for stop in stops)
            assert watch.text == "" or (watch.text + str(watch.stop)) in whole
    assert seen > 10


def test_generate_and_answer_end_at_the_same_token(story: Any, library_tokenizer: Any) -> None:
    begun = sampling.prompt(story, "There was once a king who")
    free = sampling.answer(story, begun.ids, Settings(temperature=0, max_new_tokens=30))
    stop = free.text[18:26]  # begins and ends inside tokens, wherever they lie
    ids = story.model.generate(
        torch.tensor([begun.ids]), do_sample=False, max_new_tokens=30, stop_strings=[stop], tokenizer=library_tokenizer,
        pad_token_id=0,
    )[0, len(begun.ids) :].tolist()
    told: list[str] = []
    found = sampling.answer(story, begun.ids, Settings(temperature=0, max_new_tokens=30), stops=[stop],
                            on_token=lambda text, steps: told.append(text))
    assert [step.id for step in found.steps] == ids
    assert found.ended == "stop"
    assert found.stop == stop
    assert found.text == free.text[: free.text.index(stop)]
    assert told[-1] == found.text
    assert all(found.text.startswith(text) for text in told), "no part of the stop string was ever shown"


@pytest.mark.parametrize(("data", "stops", "held"), [
    (b"one", ["\nUser:"], 0),
    (b"one\nUs", ["\nUser:"], 3),
    (b"one\nUser;", ["\nUser:"], 0),
    (b"aab", ["aabaac"], 3),
    (b"aabaab", ["aabaac"], 3),
    ("caf\u00e9".encode()[:-1], [], 1),
    ("🐈".encode()[:3], [], 3),
    ("🐈".encode(), [], 0),
    (b"", ["x"], 0),
    (b"\xff", [], 0),
])
def test_only_what_could_become_a_stop_is_held_back(data: bytes, stops: list[str], held: int) -> None:
    assert held_back(data, [stop.encode() for stop in stops]) == held


def test_the_end_gives_back_what_was_held() -> None:
    watch = StopWatch(["\nUser:"])
    for piece in (b"Hello", b"\n", b"Us"):
        assert not watch.push(piece)
    assert watch.shown == "Hello"
    assert watch.text == "Hello\nUs"
    assert watch.push(b"er: hi")
    assert watch.text == watch.shown == "Hello"
    assert watch.push(b" more"), "after its end nothing is added"
    assert watch.text == "Hello"


def test_a_stop_that_begins_in_the_prompt_cuts_the_answer_to_nothing() -> None:
    watch = StopWatch(["\n\n"], before=b"assistant\n")
    assert watch.push(b"\nI")
    assert watch.text == ""


def test_the_stop_that_begins_first_cuts() -> None:
    watch = StopWatch(["cd", "bcd", "d"])
    assert watch.push(b"abcde")
    assert (watch.text, watch.stop) == ("a", "bcd")


def test_bad_stops_and_turns_are_sentences(story: Any) -> None:
    for stops, words in (("x", "list"), ([""], "empty"), (["x" * 300], "shorten"), (["\ud800"], "broken"),
                         ([7], "text"), ([str(i) for i in range(9)], "remove some")):
        with pytest.raises(ValueError, match=words):
            sampling.check_stops(stops)  # type: ignore[arg-type]
    user, reply = Turn("user", "Hello"), Turn("assistant", "Yes")
    for turns, words in (
        ([], "Nothing has been said"), ([Turn("system", "x")], "Nothing has been said"), ([reply], "take turns"),
        ([user, user], "take turns"), ([user, reply], "last turn is an answer"), ([Turn("robot", "x")], "no role"),
        ([Turn("user", " ")], "empty"), ([user, reply, Turn("system", "x"), user], "in front"),
        ([user, reply] * 31 + [user], "limit"),
    ):
        with pytest.raises(ValueError, match=words):
            sampling.check_turns(turns)
    with pytest.raises(ValueError, match="never taught a chat format"):
        sampling.written(story, [user])


def test_an_answer_that_runs_out_of_context_says_so(story: Any) -> None:
    begun = sampling.prompt(story, "once upon a time " * 62)
    room = story.context - len(begun.ids)
    assert 0 < room < 60
    found = sampling.answer(story, begun.ids, Settings(temperature=1, seed=3, max_new_tokens=200), stops=["@@"])
    assert found.ended in ("context", "end")
    if found.ended == "context":
        assert len(found.steps) == room
