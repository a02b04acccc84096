"""The panel "Force a shape" without a browser: fields, examples, links, what Run gives, trouble, what is offered."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from components import sampling
from components.models.open import open_model
from components.payload import unpack
from components.sampling import Settings, Shape
from components.views.sampling import shape, shape_ask
from components.views.sampling.shape_ask import Ask, page_copy
from components.workshop import Cancelled
from tests.app.test_sampling import walk
from tests.conftest import app_test, needs


def opened(**query: str) -> Any:
    return app_test("sampling", sampling_panel="Force a shape", **{"sampling_model": "storyteller", **query})


def finished(test: Any) -> dict[str, Any]:
    """The panel's picture, once nothing is under way any more."""
    for _ in range(300):
        if f"_{shape.KEY}_running" not in test.session_state:
            break
        time.sleep(0.1)
        test.run()
    assert not test.exception, [item.value for item in test.exception]
    found = [node for node in walk(test.main) if getattr(node, "type", "") == "bidi_component"
             and node.proto.id.endswith(f"{shape.KEY}_result")]
    return unpack(found[-1].proto.bytes)[0] if found else {}


def group(test: Any, key: str) -> Any:
    """A row of pills or segments."""
    return next(node for node in walk(test.main) if getattr(node, "key", None) == key)


class Still:
    """A job that nobody gives up before `steps` checks."""

    def __init__(self, steps: int = 10_000) -> None:
        self.left = steps

    def report(self, fraction: float | None, stage: str) -> None: ...

    def cancelled(self) -> bool:
        return False

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cancelled


def did(ask: Ask) -> dict[str, Any]:
    return unpack(shape_ask.work(ask, Still(), lambda told: None))[0]  # type: ignore[arg-type]


def test_the_first_example_is_there_and_is_the_domains_own() -> None:
    header = finished(opened())
    model = open_model("storyteller")
    example = page_copy()["examples"]["choices"][0]
    prompt = sampling.prompt(model, example["before"]).ids
    grammar = sampling.compile_shape(model, Shape("choices", choices=tuple(example["text"].split("\n"))))
    made = sampling.constrained(model, prompt, grammar, Settings(do_sample=False, max_new_tokens=60))
    odds = sampling.choice_odds(model, prompt, grammar)
    assert header["text"] == model.tokenizer.library_object.decode(list(made.ids))
    assert [one["i"] for one in header["steps"]] == [one.step.id for one in made.steps]
    assert [one["f"] for one in header["steps"]] == pytest.approx([one.forbidden for one in made.steps], abs=1e-6)
    assert [one["n"] for one in header["steps"]] == [one.allowed for one in made.steps]
    assert (header["log_p"], header["log_q"]) == (pytest.approx(made.log_p), pytest.approx(made.log_q))
    assert (header["ended"], header["complete"]) == ("complete", True)
    assert header["odds"]["masked"] == pytest.approx(odds.masked.tolist(), abs=1e-6)
    assert header["odds"]["whole"] == pytest.approx(odds.whole.tolist(), abs=1e-6)
    # The example's point: what greedy writes is not what the model itself holds likeliest.
    assert header["odds"]["choices"][odds.whole.argmax()] != header["text"]


def test_an_edit_waits_for_run_and_says_so() -> None:
    test = opened()
    before = finished(test)
    test.text_area(key="sampling_shape_choices_t_text").set_value(" old\n young").run()
    assert finished(test) == before
    assert any("before your last change" in one.value for one in test.caption)
    test.button(key="sampling_shape_run").click().run()
    after = finished(test)
    assert after["odds"]["choices"] == [" old", " young"]
    assert not any("before your last change" in one.value for one in test.caption)


def test_an_example_fills_the_fields_and_other_kinds_keep_what_was_typed() -> None:
    test = opened()
    finished(test)
    group(test, "sampling_shape_choices_t_example").set_value("who came").run()
    assert test.text_area(key="sampling_shape_choices_t_before").value.endswith("in came")
    test.text_area(key="sampling_shape_choices_t_before").set_value("My own").run()
    group(test, "sampling_shape_kind").set_value("regex").run()
    assert test.text_area(key="sampling_shape_regex_t_text").value.startswith(" [0-9]")
    group(test, "sampling_shape_kind").set_value("choices").run()
    assert test.text_area(key="sampling_shape_choices_t_before").value == "My own"


def test_a_link_brings_kind_and_fields() -> None:
    test = opened(sampling_shape_kind="regex", sampling_shape_regex_t_text=" [0-9]{3}\\.", sampling_shape_tokens="9",
                  sampling_shape_regex_t_before="There were")
    assert not finished(test)  # nothing runs that nobody asked for
    test.button(key="sampling_shape_run").click().run()
    header = finished(test)
    assert header["tail"] == "There were"
    assert header["text"][1:4].isdigit()
    assert header["text"][4:] == "."


@pytest.mark.parametrize(("kind", "text", "says"), [
    ("regex", "(a", "unclosed group"), ("choices", "", "no choice"), ("regex", "(?:a?){500}a{500}", "")])
def test_trouble_is_a_sentence_and_the_text_is_kept(kind: str, text: str, says: str) -> None:
    test = opened(sampling_shape_kind=kind)
    finished(test)
    test.text_area(key=f"sampling_shape_{kind}_t_text").set_value(text).run()
    test.button(key="sampling_shape_run").click().run()
    finished(test)
    if says:
        assert any(says in one.value.replace("\\", "") for one in test.warning)
    assert test.text_area(key=f"sampling_shape_{kind}_t_text").value == text


@pytest.mark.parametrize("forged", [{"sampling_shape_kind": "json"}, {"sampling_shape_kind": "x"},
                                    {"sampling_shape_tokens": "99999"}, {"sampling_shape_how": "?"},
                                    {"sampling_shape_choices_t_example": "?"}])
def test_forged_links_are_harmless(forged: dict[str, str]) -> None:
    header = finished(opened(**forged))
    assert header["kind"] == "choices"


def test_a_model_of_tales_is_not_asked_for_json() -> None:
    test = opened()
    assert group(test, "sampling_shape_kind").options == ["Choices", "Regular expression"]
    assert any("choose SmolLM2" in one.value for one in test.markdown)


def test_what_was_written_until_stop_is_told() -> None:
    ask = Ask("regex", "storyteller", "Once upon a time", False, "[a-z ]{40,}", Settings(do_sample=False))
    told: list[Any] = []
    with pytest.raises(Cancelled):
        shape_ask.work(ask, Still(5), told.append)  # type: ignore[arg-type]
    header = unpack(told[-1]())[0]
    assert len(header["steps"]) == 5
    assert (header["ended"], header["complete"]) == ("", False)


def test_a_cut_off_shape_is_called_that() -> None:
    ask = Ask("json", "storyteller", "Once upon a time", False, '{"type": "object", "required": ["name"]}',
              Settings(do_sample=False, max_new_tokens=4))
    header = did(ask)
    assert (header["ended"], header["complete"]) == ("length", False)
    assert "the JSON is not whole" in header["says"]
    free = did(Ask("regex", "storyteller", "Once upon a time", False, "[a-z ]+", Settings(seed=2, max_new_tokens=4)))
    assert free["complete"]
    assert "could have gone on" in free["says"]


def test_a_call_is_judged_by_form_and_content() -> None:
    made = sampling.Constrained(None, Settings(), (1,), (), "complete", True)  # type: ignore[arg-type]

    def judged(question: str, text: str) -> dict[str, Any]:
        return shape_ask._called(Ask("call", "smollm2", question, False, "", Settings()), text, made)

    right = judged("What is 17 times 23?", '{"function": "calculator", "argument": "23*17"}')
    assert (right["verdict"], right["says"]) == ("right", "391")  # another argument that gives the same is right
    wrong = judged("What is 17 times 23?", '{"function": "date", "argument": "17 * 23"}')
    assert (wrong["verdict"], wrong["well_formed"], wrong["ran"]) == ("function", True, False)
    slip = judged("What is (3 + 4) * 5?", '{"function": "calculator", "argument": "3 + 4 * 5"}')
    assert (slip["verdict"], slip["says"]) == ("argument", "23")
    assert judged("Who wrote Hamlet?", '{"function": "date", "argument": "today"}')["verdict"] == "none"
    own = judged("How many legs have 3 cats?", '{"function": "calculator", "argument": "3 * 4"}')
    assert (own.get("verdict"), own["says"]) == (None, "12")
    assert not judged("What is 17 times 23?", '{"function": "calc')["well_formed"]


def test_every_ready_call_can_be_answered_right() -> None:
    import datetime

    for ready in page_copy()["calls"]["ready"]:
        if ready["function"]:
            text = json.dumps({"function": ready["function"], "argument": ready["argument"]})
            assert sampling.run_call(text, datetime.date(2026, 11, 21)).ran, ready


def test_trouble_in_asking_by_likelihood() -> None:
    base = {"kind": "likely", "model": "storyteller", "chat": False, "settings": Settings()}
    for given, says in (
        ({"before": "x", "text": "one", "form": "{text}", "ask": "{text}"}, "fewer than two"),
        ({"before": " ", "text": "a\nb", "form": "{text}:", "ask": "{text}"}, "text is empty"),
        ({"before": "x", "text": "a\nb", "form": "none", "ask": "{text}"}, "no {text}"),
        ({"before": "x", "text": "a\n" * 30, "form": "So {text}:", "ask": "{text}"}, "leave some out"),
    ):
        with pytest.raises(ValueError, match=says):
            did(Ask(**base, **given))  # type: ignore[arg-type]


def test_which_answer_a_free_text_names() -> None:
    options = ("positive", "negative")
    assert shape_ask.named("The review is Negative, not positive.", options) == "negative"
    assert shape_ask.named("I cannot say.", options) == ""


@needs("smollm2")
def test_what_the_copy_claims_of_calls_and_reviews() -> None:
    """Two calls, one right and one well-formed and wrong; and the bad meal that free text calls positive."""
    greedy = Settings(do_sample=False, max_new_tokens=60)
    right = did(Ask("call", "smollm2", "What is 17 times 23?", False, "", greedy))["call"]
    assert (right["verdict"], right["says"]) == ("right", "391")
    wrong = did(Ask("call", "smollm2", "What is 17 * 23?", False, "", greedy))["call"]
    assert (wrong["well_formed"], wrong["verdict"]) == (True, "function")
    meal = page_copy()["examples"]["likely"][0]
    found = did(Ask("likely", "smollm2", meal["before"], False, meal["text"], greedy, meal["form"], meal["ask"]))
    assert found["rows"][found["best"]]["text"] == meal["expected"] == "negative"
    assert shape_ask.named(found["said"], ("positive", "negative")) == "positive"


@needs("smollm2")
@pytest.mark.slow
def test_the_ready_reviews_as_they_were_measured() -> None:
    rows = did(Ask("likely", "smollm2", "", False, "", Settings(do_sample=False), every=True))["rows"]
    measured = page_copy()["reviews"]["measured"]
    assert sum(row["calibrated"] == row["expected"] for row in rows) == measured["by_likelihood"]
    assert sum(row["named"] == row["expected"] for row in rows) == measured["in_words"]
    assert sum(not row["named"] for row in rows) == measured["no_answer_in_words"]
    assert len(rows) == measured["of"]
