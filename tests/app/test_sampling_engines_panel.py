"""The panel "Other engines" under AppTest: who may be asked, what is sent, what the browser is given; never the key."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from components.payload import unpack
from components.remote import RemoteAnswer, RemoteStep
from components.sampling import Settings
from components.views.sampling import engines_ask
from components.views.sampling.engines_ask import Ask, extras, knobs, not_replayed, words
from components.views.sampling.engines_picture import Asked, before, payload
from components.views.sampling.engines_words import between, share
from tests.app.test_sampling import walk
from tests.conftest import app_test
from tests.imitation_server import Handler, Imitation, chat, imitation, listed, tidy

KEY = "sk-readers-own-987654321"
PANEL = {"sampling_model": "storyteller", "sampling_panel": "Other engines"}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Imitation]:
    with imitation() as found:
        monkeypatch.setenv("LOOKING_GLASS_REMOTE", found.address)
        yield found


def mounted(test: Any) -> list[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    return [unpack(element.proto.bytes) for element in walk(test.main)
            if getattr(element, "type", "") == "bidi_component"
            and element.proto.component_name.endswith("_sampling_engines")]


def ask(test: Any, *, running: bool = False) -> Any:
    """Press Ask and wait for its end."""
    test.button(key="sampling_engines_ask").click().run()
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert not test.exception, [item.value for item in test.exception]
        if "_sampling_engines_running" not in test.session_state:
            return test
        if running and mounted(test) and mounted(test)[-1][0]["steps"]:
            return test
        time.sleep(0.1)
        test.run()
    raise AssertionError("no answer came")


def texts(test: Any) -> str:
    return " ".join(str(item.value) for kind in ("markdown", "caption", "warning", "code") for item in test.get(kind))


def test_where_nobody_may_be_asked_it_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOOKING_GLASS_REMOTE", raising=False)
    test = app_test("sampling", **PANEL)
    assert "No other engine may be asked" in texts(test)
    assert "export LOOKING_GLASS_REMOTE=http://127.0.0.1:8080/v1" in test.code[0].value
    for name, engine in words()["engines"].items():
        assert len(engine["start"]) == 3, name
        assert "LOOKING_GLASS_REMOTE=" in engine["start"][1]
    assert not mounted(test)


def test_nothing_is_asked_before_ask_is_pressed(engine: Imitation) -> None:
    test = app_test("sampling", **PANEL)
    assert engine.asked == []
    assert f"Ask sends your text to `{engine.address}` and to nobody else" in texts(test)


def test_an_answer_and_what_the_browser_is_given(engine: Imitation) -> None:
    test = ask(app_test("sampling", sampling_engines_tokens="5", sampling_engines_top="2", sampling_temperature="0.5",
                        sampling_top_k="1", **PANEL))
    assert [one["path"] for one in engine.asked] == ["/v1/models", "/v1/completions"]
    body = engine.asked[1]["body"]
    assert body["prompt"] == test.session_state["sampling_text"]
    assert (body["model"], body["max_tokens"], body["logprobs"]) == ("imitation", 5, 2)
    assert (body["temperature"], body["top_p"], body["seed"]) == (0.5, 0.9, 1)
    assert "top_k" not in body, "OpenAI's own protocol has none, and that is what this server is taken for"
    header, arrays = mounted(test)[-1]
    assert [step["t"] for step in header["steps"]] == [" one", " two", "é"]
    assert header["model"] == "imitation"
    np.testing.assert_allclose(arrays["raw"][0], [math.exp(-0.5), math.exp(-1.5)], rtol=1e-6)
    stages = header["steps"][0]["stages"]
    assert [(stage["name"], stage["exact"]) for stage in stages] == [
        ("logits", True), ("temperature", False), ("top_k", True), ("top_p", True), ("min_p", True)]
    np.testing.assert_allclose(arrays["low"][0, -1], [1, 0])
    assert header["steps"][0]["unseen"] == pytest.approx(1 - math.exp(-0.5) - math.exp(-1.5))
    assert {knob["name"]: bool(knob["sent"]) for knob in header["knobs"]}["top_k"] is False


def test_the_pages_own_model_stands_beside_it(engine: Imitation) -> None:
    from components import sampling
    from components.models.open import open_model
    from components.tokenization import vocabulary

    test = ask(app_test("sampling", **PANEL))
    beside = mounted(test)[-1][0]["beside"]
    model = open_model("storyteller")
    text = test.session_state["sampling_text"]
    logits = sampling.next_logits(model, sampling.prompt(model, text).ids).astype(np.float64)
    shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    entries = vocabulary(model.tokenizer)
    ids = [next((token for token in range(4096) if entries.piece(token) == one), None) for one in (b" one", b" two")]
    assert None not in ids
    np.testing.assert_allclose(beside["shares"], shares[ids], rtol=1e-3)
    assert beside["likeliest"][0][1] == pytest.approx(shares.max(), rel=1e-3)
    assert beside["at"] == 0


def test_another_text_marks_the_answer_as_the_last_one(engine: Imitation) -> None:
    test = ask(app_test("sampling", **PANEL))
    assert mounted(test)[-1][0]["note"] == ""
    test.slider(key="sampling_engines_tokens").set_value(7).run()
    assert "last answer" in mounted(test)[-1][0]["note"]


def test_trouble_is_a_sentence_and_asks_again(engine: Imitation) -> None:
    engine.play = lambda handler: handler.send(429, {}, Retry_After="9")
    test = ask(app_test("sampling", sampling_engines_model="m", **PANEL))
    assert "asks to wait 9 seconds" in texts(test).replace("\\", "")
    engine.play = tidy
    assert mounted(ask(test))[-1][0]["steps"]


def test_stop_keeps_what_had_come(engine: Imitation) -> None:
    def slow(handler: Handler) -> None:
        if handler.path.endswith("/models"):
            tidy(handler)
            return
        handler.stream(chat("a", listed("a", -0.5, [("a", -0.5)])), done=False)
        handler.imitation.gone.wait(30)

    engine.play = slow
    test = ask(app_test("sampling", sampling_engines_way="answers it as a chat", **PANEL), running=True)
    test.button(key="_sampling_engines_running_stop").click().run()
    engine.gone.set()
    assert not test.exception
    header, _ = mounted(test)[-1]
    assert [step["t"] for step in header["steps"]] == ["a"]
    assert header["ended"].startswith("Stopped")


def test_readers_who_wait_for_a_slow_server_keep_nobody_from_computing(engine: Imitation) -> None:
    from components import workshop

    engine.play = lambda handler: handler.imitation.gone.wait(60)
    tests = [app_test("sampling", sampling_engines_model="m", **PANEL) for _ in range(workshop.CORES + 2)]
    for test in tests:
        test.button(key="sampling_engines_ask").click().run()
    until = time.monotonic() + 30
    while len(engine.asked) < len(tests) and time.monotonic() < until:
        time.sleep(0.05)
    assert len(engine.asked) >= len(tests), "all of them are waiting"
    assert workshop.pool.submit("a computation", lambda job: 1).result(30) == 1
    for test in tests:
        test.button(key="_sampling_engines_running_stop").click().run()
    engine.gone.set()


def test_a_forged_link_asks_nobody_else(engine: Imitation) -> None:
    test = app_test("sampling", sampling_engines_server="http://169.254.169.254/latest", sampling_engines_top="9999",
                    sampling_engines_engine="nonsense", **PANEL)
    ask(test)
    assert len(engine.asked) == 2
    assert engine.asked[1]["body"]["logprobs"] <= 50


def test_the_readers_key_goes_to_the_server_and_nowhere_else(
    engine: Imitation, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    test = app_test("sampling", **PANEL)
    test.text_input(key="sampling_engines_key").set_value(KEY).run()
    ask(test)
    assert engine.asked[1]["headers"]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in json.dumps([one["path"] for one in engine.asked]) + json.dumps(engine.asked[1]["body"])
    engine.play = lambda handler: handler.send(401, {"error": KEY})
    ask(test)
    seen = [texts(test), str(dict(test.query_params)), caplog.text, *capfd.readouterr()]
    for element in walk(test.main):
        proto = getattr(element, "proto", None)
        # The box that the reader typed it into belongs to the reader; the server sends no value back.
        seen.append(str(proto))
    state = test.session_state._state.filtered_state
    kept = {name: value for name, value in state.items() if name != "sampling_engines_key"}
    assert KEY not in " ".join(seen)
    assert KEY not in repr(kept)


def test_the_operators_key_hides_the_box(engine: Imitation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKING_GLASS_REMOTE_KEY", KEY)
    test = ask(app_test("sampling", **PANEL))
    assert not [box for box in test.text_input if box.key == "sampling_engines_key"]
    assert engine.asked[0]["headers"]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in " ".join(str(getattr(element, "proto", "")) for element in walk(test.main))


# ---------------------------------------------------------------------------------------------------------------- data


def test_every_engine_takes_knobs_that_there_are() -> None:
    names = set(Settings.__dataclass_fields__)
    for engine, one in words()["engines"].items():
        assert set(one["takes"]) <= names, engine
        assert {"temperature", "top_p", "seed"} <= set(one["takes"])
        assert one["notes"].endswith(".")
    assert set(words()["by_ids"]) <= names
    assert set(words()["not_replayed"]) - {""} <= names


@pytest.mark.parametrize(("engine", "sent"), [
    ("llama.cpp", {"temperature": 0.7, "top_k": 0, "top_p": 1.0, "min_p": 0.1, "repeat_penalty": 1.2, "seed": 4,
                   "xtc_probability": 0.5}),
    ("vLLM", {"temperature": 0.7, "top_k": 0, "top_p": 1.0, "min_p": 0.1, "repetition_penalty": 1.2, "seed": 4}),
    ("Ollama", {"temperature": 0.7, "top_p": 1.0, "seed": 4}),
    ("other", {"temperature": 0.7, "top_p": 1.0, "seed": 4}),
])
def test_knobs_by_each_engines_own_names(engine: str, sent: dict[str, Any]) -> None:
    settings = Settings(temperature=0.7, min_p=0.1, repetition_penalty=1.2, seed=4, xtc_probability=0.5,
                        bad_words_ids=((7,),))
    assert extras(engine, settings) == sent
    left = {knob.name: knob.why for knob in knobs(engine, settings) if knob.why}
    assert "numbers its own" in left["bad_words_ids"]
    assert ("xtc_probability" in left) == (engine != "llama.cpp")
    assert ("min_p" in left) == (engine in ("Ollama", "other"))
    assert "top_k" not in left, "off here and absent there is no difference worth a line"


def test_transformers_takes_them_in_a_generation_config() -> None:
    found = extras("transformers", Settings(temperature=0.7, top_k=9, seed=4))
    assert found["seed"] == 4
    assert json.loads(found["generation_config"]) == {"do_sample": True, "temperature": 0.7, "top_k": 9, "top_p": 1.0,
                                                      "repetition_penalty": 1.0}
    assert json.loads(extras("transformers", Settings(temperature=0))["generation_config"]) == {
        "do_sample": False, "repetition_penalty": 1.0}


def test_what_the_list_cannot_show_is_named() -> None:
    named = dict(not_replayed(Settings(repetition_penalty=1.3, mirostat=2, top_k=3, seed=9)))
    assert set(named) == {"repetition_penalty", "mirostat"}


def asked(*steps: RemoteStep) -> Asked:
    one = Ask("http://a/v1", "vLLM", "", "storyteller", "Text", False, "", 8, 4, Settings(top_k=2))
    return Asked(one, RemoteAnswer("", steps, "stop"))


def test_a_place_inside_a_character_is_none_for_the_local_model() -> None:
    steps = (RemoteStep("a", b"a"), RemoteStep("\ufffd", b"\xc3"), RemoteStep("\ufffd", b"\xa9"), RemoteStep("\ufffd"))
    ask_ = asked(*steps).ask
    assert [before(ask_, steps, at) for at in range(4)] == ["", "a", None, "aé"]
    assert before(ask_, (*steps, RemoteStep("x")), 4) is None


def test_lists_with_holes_are_not_replayed() -> None:
    from components.remote import Candidate

    top = (Candidate("\ufffd", None, None, -0.5), Candidate("b", b"b", None, -2.0))
    header, arrays = unpack(payload(asked(RemoteStep("b", b"b", None, -2.0, top, 0.2, whole=False))))
    assert header["steps"][0]["stages"] == []
    assert "nothing can be replayed" in header["steps"][0]["lost"]
    assert arrays["low"].shape == (1, 0, 2)
    header, _ = unpack(payload(asked()))
    assert header["steps"] == []


@pytest.mark.parametrize(("value", "shown"), [
    (0, "0 %"), (1e-9, "under 0.001 %"), (0.0123456, "1.2 %"), (0.123456, "12.3 %"), (1, "100 %"), (0.99999, "100 %")])
def test_a_share_has_three_digits_at_most(value: float, shown: str) -> None:
    assert share(value) == shown


def test_bounds_that_show_the_same_are_one_number() -> None:
    assert between(0.1234, 0.12341) == "12.3 %"
    assert between(0.1, 0.2) == "10 to 20 %"
    assert engines_ask.engine_at(8080) == "llama.cpp"
    assert engines_ask.engine_at(1) == "other"
