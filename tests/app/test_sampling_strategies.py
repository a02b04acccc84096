"""The panel "Search strategies" without a browser: its first picture, links, forged links, longer runs."""

from __future__ import annotations

import time
from typing import Any

import pytest

from components.models.open import open_model
from components.sampling import Settings, beam_search, prompt_lookup
from components.views.sampling.strategies import end_tokens
from components.views.sampling.strategies_ask import Ask, words
from tests.app.test_sampling import buffers, walk
from tests.conftest import app_test

TEXT = "The old miller had a cat. One day the"


def opened(**query: str) -> Any:
    return app_test("sampling", **{"sampling_panel": "Search strategies", "sampling_model": "storyteller", "text": TEXT,
                                   **query})


def texts(header: dict[str, Any]) -> list[list[int]]:
    """The ids of the texts that the search returned, best first."""
    of = sorted((one for one in header["hypotheses"] if one["place"] is not None), key=lambda one: one["place"])
    return [[header["labels"][place]["i"] for place in one["ids"]] for one in of]


def ids(text: str) -> list[int]:
    return list(open_model("storyteller").tokenizer.library_object.encode(text).ids)


def test_the_first_picture_is_a_small_search() -> None:
    header, arrays = buffers(opened(), "sampling_strategies")
    model = open_model("storyteller")
    found = beam_search(model, ids(TEXT), num_beams=3, max_new_tokens=8, ends=end_tokens(model, "stop"))
    assert texts(header) == [list(one.ids) for one in found.hypotheses]
    assert (header["steps"], header["num_beams"]) == (len(found.steps), 3)
    assert len(arrays["total"]) == sum(len(step.candidates) for step in found.steps)
    assert header["insight"]


def test_a_link_names_the_whole_search() -> None:
    query = {"sampling_strategies_way": "beam_sample", "sampling_strategies_beams": "4",
             "sampling_strategies_steps": "5", "sampling_strategies_penalty": "-1.5",
             "sampling_strategies_early": "never", "sampling_strategies_ends": "mark",
             "sampling_seed": "7", "sampling_temperature": "1.2"}
    header, _ = buffers(opened(**query), "sampling_strategies")
    settings = Settings(temperature=1.2, top_k=50, top_p=0.9, min_p=0.05)
    found = beam_search(open_model("storyteller"), ids(TEXT), num_beams=4, max_new_tokens=5, length_penalty=-1.5,
                        early_stopping="never", settings=settings, do_sample=True, seed=7)
    assert texts(header) == [list(one.ids) for one in found.hypotheses if not one.void]
    assert (header["length_penalty"], header["early_stopping"], header["drawn"]) == (-1.5, "never", True)
    assert header["changed"]


def test_prompt_lookup_on_an_example_and_on_the_pages_text() -> None:
    header, _ = buffers(opened(sampling_strategies_way="lookup"), "sampling_strategies")
    assert header["saved"] >= header["tokens"] / 2
    header, _ = buffers(opened(sampling_strategies_way="lookup", sampling_strategies_text="page",
                               sampling_strategies_length="9", sampling_strategies_ngram="1"), "sampling_strategies")
    made = prompt_lookup(open_model("storyteller"), ids(TEXT), max_new_tokens=9, max_ngram=1)
    assert (header["tokens"], header["forwards"], header["drawn"]) == (9, made.forwards, False)


@pytest.mark.parametrize("forged", ["0", "99", "x"])
def test_forged_links_are_harmless(forged: str) -> None:
    names = ("way", "beams", "steps", "penalty", "early", "ends")
    header, _ = buffers(opened(**{f"sampling_strategies_{name}": forged for name in names}), "sampling_strategies")
    assert header["kind"] == "beams"
    assert 1 <= header["steps"] <= 40


def test_nothing_to_draw_is_a_sentence() -> None:
    test = opened(sampling_strategies_way="beam_sample", sampling_temperature="0")
    assert any("leaves nothing to draw" in one.value for one in test.warning)


def test_what_takes_long_waits_for_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ask, "quick", False)
    text = "The ferry was late and nobody on the quay"
    test = opened(text=text, sampling_strategies_steps="5", sampling_strategies_beams="2")

    def drawn() -> list[Any]:
        return [one for one in walk(test.main) if getattr(one, "type", "") == "bidi_component"
                and one.proto.component_name.endswith("_sampling_strategies")]

    assert not drawn()
    next(button for button in test.button if button.label == "Run").click().run()
    until = time.monotonic() + 60
    while any(button.label == "Stop" for button in test.button) and time.monotonic() < until:
        time.sleep(0.1)
        test.run()
    header, _ = buffers(test, "sampling_strategies")
    assert (header["steps"], header["num_beams"]) == (5, 2)
    assert not [button for button in test.button if button.label == "Run"]
    # Other knobs: what was drawn stays, and says that it is of other knobs.
    test.slider(key="sampling_strategies_steps").set_value(4).run()
    header, _ = buffers(test, "sampling_strategies")
    assert (header["steps"], header["note"]) == (5, words()["stale"])
    assert [button for button in test.button if button.label == "Run"]
