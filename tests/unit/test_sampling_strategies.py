"""What the panel "Search strategies" says and sends."""

from __future__ import annotations

import math

import numpy as np
import pytest

from components.payload import unpack
from components.sampling import BeamSearch, BeamStep, Hypothesis, Settings, beam_search, prompt_lookup
from components.views.sampling import strategies_picture
from components.views.sampling.snippet_strategies import snippet_strategies
from components.views.sampling.strategies_ask import Ask, settings_for
from tests.unit.test_sampling_beam import PROMPT, model, with_ends

BEAMS = Ask("storyteller", "A text", False, "", "beam", Settings(do_sample=False), 6, 3, 0.5)


def label(token: int) -> dict[str, object]:
    return {"t": f" {token}", "k": 0, "i": token}


def decode(ids: object) -> str:
    return " ".join(map(str, ids))  # type: ignore[call-overload]


def ended(ids: tuple[int, ...], raw: float) -> Hypothesis:
    return Hypothesis(ids, (0,) * len(ids), raw, raw, raw / len(ids), len(ids) - 1, "length")


def search(best: Hypothesis, *running: tuple[tuple[int, ...], ...]) -> BeamSearch:
    steps = tuple(BeamStep((), texts, 0, 0.0, None) for texts in running)
    return BeamSearch((1,), Settings(do_sample=False), 2, 3, 1.0, False, steps, (best,), (best,), "length")


def test_the_buffer_holds_the_search() -> None:
    of = model("gpt2", 0)
    with_ends(of, [of.config.eos_token_id])
    found = beam_search(of, PROMPT, num_beams=3, max_new_tokens=6, length_penalty=0.5)
    greedy = beam_search(of, PROMPT, num_beams=1, max_new_tokens=6).hypotheses[0]
    header, arrays = unpack(strategies_picture.beams(BEAMS, found, greedy, label, decode, ()))
    assert header["steps"] == 6
    assert arrays["start"][-1] == len(arrays["total"]) == sum(
        len(step.candidates) for step in found.steps)
    # From the buffer alone each text's total is the sum along its parents.
    running = {0: 0.0}
    for step in range(6):
        after = {}
        for at in range(arrays["start"][step], arrays["start"][step + 1]):
            if strategies_picture.FATES[arrays["fate"][at]] == "void":
                continue
            assert arrays["total"][at] == pytest.approx(running[arrays["parent"][at]] + arrays["log_p"][at], abs=1e-4)
            if arrays["beam"][at] >= 0:
                after[arrays["beam"][at]] = arrays["total"][at]
        running = after
    for sent in header["hypotheses"]:
        assert sent["score"] == pytest.approx(sent["total"] / len(sent["ids"]) ** 0.5, abs=1e-5)
    assert [one["place"] for one in sorted(header["hypotheses"], key=lambda one: -one["score"])][:3] == [0, 1, 2]
    assert header["greedy"]["text"] == decode(greedy.ids)
    assert not header["changed"]
    assert header["labels"][arrays["token"][0]]["i"] == found.steps[0].candidates[0].id


def test_insight_compares_with_greedy() -> None:
    best, greedy = ended((5, 6, 7), -4.0), ended((1, 2, 3), -6.0)
    steps = (((5,), (1,)), ((5, 6), (1, 2)), ((5, 6, 7), (5, 6, 8)))
    told = strategies_picture.insight(search(best, *steps), greedy)
    assert told[0] == "The best text is 7.4 times as likely as the greedy one (log p −4.00 against −6.00)."
    assert math.exp(2) == pytest.approx(7.4, abs=0.02)
    assert told[1] == "Greedy's own text fell out of the search at step 3."
    assert "likely and good are not the same" in told[2]
    same = strategies_picture.insight(search(greedy, ((1,),)), greedy)
    assert len(same) == 1
    assert "nothing likelier was found" in same[0]
    worse = strategies_picture.insight(search(ended((5, 6), -7.0), ((5,), (1,)), ((5, 6), (1, 2))), greedy)
    assert worse[0] == ("The best text by score is less likely than the greedy one, by a factor of 2.7 "
                        "(log p −7.00 against −6.00), with 2 tokens against 3.")
    dull = ended((5, 6, 7, 5, 6, 7, 5, 6), -1.0)
    told = strategies_picture.insight(search(dull, ((5,),)), ended(tuple(range(8)), -9.0))
    assert "repeats itself more than the greedy one" in told[-1]
    assert "of its runs of three tokens 50 % stood before, against 0 %" in told[-1]


def test_repeats_and_times() -> None:
    assert strategies_picture.repeats([1, 2]) == 0
    assert strategies_picture.repeats([1, 1, 1, 1]) == 0.5
    assert [strategies_picture.times(x) for x in (1.31, 32.2, 199_876.0, 1e9)] == [
        "1.3 times", "32 times", "200,000 times", "more than a million times"]


def test_the_buffer_holds_the_drafts() -> None:
    of = model("gpt2", 0)
    with_ends(of, [of.config.eos_token_id])
    ask = Ask("storyteller", "A text", False, "", "lookup", Settings(do_sample=False), 12)
    made = prompt_lookup(of, PROMPT, max_new_tokens=12, num_tokens=4)
    header, _ = unpack(strategies_picture.lookup(ask, made, label))
    text = [header["labels"][place]["i"] for place in header["prompt"]]
    for sent in header["rounds"]:
        assert sent["start"] == len(text)
        draft = [header["labels"][place]["i"] for place in sent["draft"]]
        if draft:
            assert draft == text[sent["copied"] : sent["copied"] + len(draft)]
        text += [*draft[: sent["accepted"]], header["labels"][sent["written"]]["i"]]
    assert text == [*PROMPT, *made.ids]
    assert (header["forwards"], header["saved"]) == (made.forwards, 12 - made.forwards)


def test_knobs_that_need_a_draw_do_not_change_a_search_without_one() -> None:
    said = {"temperature": 0.3, "top_k": 5, "top_p": 0.5, "seed": 9, "repetition_penalty": 1.2, "max_new_tokens": 7}
    assert settings_for(said, False) == settings_for({"repetition_penalty": 1.2}, False)
    assert settings_for(said, True) != settings_for({"repetition_penalty": 1.2}, True)
    with pytest.raises(ValueError, match="nothing to draw"):
        settings_for({"temperature": 0.0}, True)
    with pytest.raises(ValueError, match="no knob"):
        settings_for({"forged": 1}, False)


def test_small_work_starts_by_itself_and_larger_work_waits() -> None:
    of = Settings(do_sample=False)
    assert Ask("storyteller", "x", False, "", "beam", of, 40, 8).quick
    assert Ask("smollm2", "x", False, "", "beam", of, 8, 3).quick
    assert not Ask("smollm2", "x", False, "", "beam", of, 9, 3).quick
    assert not Ask("smollm2", "x", False, "", "lookup", of, 8).quick


def test_a_snippet_says_what_it_cannot_repeat() -> None:
    for settings, says in ((Settings(do_sample=False, frequency_penalty=0.5), "no frequency_penalty"),
                           (Settings(order=("top_p", "temperature")), "own order")):
        ask = Ask("storyteller", "x", False, "", "beam_sample", settings, 8, 3)
        with pytest.raises(ValueError, match=says):
            snippet_strategies(ask)
    chat = snippet_strategies(Ask("smollm2", "x", True, "Be brief.", "beam", Settings(do_sample=False), 8, 3))
    assert "apply_chat_template" in chat
    assert "Be brief." in chat
    assert not np.any([line.endswith(" ") for line in chat.splitlines()])
