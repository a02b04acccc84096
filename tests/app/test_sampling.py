"""The Sampling page without a browser: knobs, presses, chat format, limits, files."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import pytest

from components import first_views
from components.payload import unpack
from components.sampling import Settings, fold
from components.views.sampling import exports
from tests.conftest import app_test, needs
from tests.unit.tiny_decoders import tiny


def walk(element: Any) -> Any:
    yield element
    for child in getattr(element, "children", {}).values():
        yield from walk(child)


def buffers(test: Any, name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What a component of the page was given last."""
    found = [
        element.proto
        for element in walk(test.main)
        if getattr(element, "type", "") == "bidi_component" and element.proto.component_name.endswith(f"_{name}")
    ]
    return unpack(found[-1].bytes)


def picture(test: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The buffers that the picture and the text so far draw, as one."""
    header, arrays = buffers(test, "sampling")
    return {**header, **buffers(test, "sampling_text")[0]}, arrays


def written(test: Any) -> list[int]:
    """Ids of the tokens written so far."""
    return [token["i"] for token in picture(test)[0]["so_far"]["tokens"] if "new" in token]


def plainly(markdown: str) -> str:
    """A sentence without the signs that keep Markdown from reading it."""
    return markdown.replace("\\", "")


def press(test: Any, what: str) -> None:
    """A button of the picture, as the browser sends it."""
    test.session_state["sampling_asked"] = {"do": what}
    test.run()
    assert not test.exception, [item.value for item in test.exception]


@pytest.fixture
def page() -> Any:
    return app_test("sampling", sampling_model="storyteller")


def test_the_first_view_is_the_stored_one(page: Any) -> None:
    header, arrays = picture(page)
    stored = first_views.load("sampling.storyteller")
    assert stored is not None
    assert header["so_far"] == stored.header["so_far"]
    np.testing.assert_array_equal(arrays["shares"], stored.arrays["shares"])


def test_a_knob_moves_the_picture_and_everything_adds_up(page: Any) -> None:
    page.slider(key="sampling_top_k").set_value(5).run()
    page.slider(key="sampling_top_p").set_value(1.0).run()
    page.slider(key="sampling_min_p").set_value(0.0).run()
    header, arrays = picture(page)
    stages = {stage["name"]: stage for stage in header["stages"]}
    assert stages["top_k"]["left"] == 5
    assert not stages["top_p"]["on"]
    sums = arrays["shares"].sum(axis=0) + arrays["others"]
    np.testing.assert_allclose(sums, 1, atol=1e-5)
    assert header["vocabulary"] == len(header["rows"]) + header["others"]
    page.slider(key="sampling_temperature").set_value(0.0).run()
    header, _ = picture(page)
    assert header["draw"]["greedy"]
    assert header["draw"]["random"] is None


def test_next_back_and_draw_again(page: Any) -> None:
    expected = picture(page)[0]["draw"]["i"]
    press(page, "next")
    assert written(page) == [expected]
    press(page, "next")
    second = written(page)[1]
    press(page, "back")
    assert picture(page)[0]["draw"]["i"] == second, "the same step meets the same random number"
    before = picture(page)[0]["draw"]["random"]
    press(page, "redraw")
    again = picture(page)[0]["draw"]
    assert again["redraw"] == 1
    assert again["random"] != before


def test_writing_goes_on_tick_by_tick_and_stops_at_once(page: Any) -> None:
    press(page, "generate")
    assert picture(page)[0]["running"]
    for _ in range(3):
        press(page, "tick")
    assert picture(page)[0]["written"] == len(written(page)) == 4
    press(page, "stop")
    header, _ = picture(page)
    assert not header["running"]
    assert header["written"] == 4
    assert "Stopped" in header["note"]
    press(page, "tick")
    assert picture(page)[0]["written"] == 4, "a late tick writes nothing"
    assert "Stopped" in picture(page)[0]["note"]


def test_ten_more_are_ten(page: Any) -> None:
    press(page, "ten")
    for _ in range(20):
        press(page, "tick")
    header, _ = picture(page)
    ended = header["ended"]
    assert header["written"] == 10 or ended
    assert not header["running"]


def test_same_seed_same_text_and_another_text_starts_anew(page: Any) -> None:
    for _ in range(3):
        press(page, "next")
    first = written(page)
    page.session_state["sampling_text"] = "There was once a king who"
    page.run()
    assert written(page) == []
    page.session_state["sampling_text"] = first_views.load("sampling.storyteller").header["text"]
    page.run()
    for _ in range(3):
        press(page, "next")
    assert written(page) == first


def test_presses_that_no_button_sends_change_nothing(page: Any) -> None:
    before = picture(page)
    for forged in ({"do": "rm -rf"}, "next", 7, {"left": 10_000}, None, ["next"]):
        page.session_state["sampling_asked"] = forged
        page.run()
        assert not page.exception
    after = picture(page)
    assert after[0]["written"] == before[0]["written"] == 0


def test_a_text_longer_than_the_context_is_a_sentence(page: Any) -> None:
    page.session_state["sampling_text"] = "The mill stood still. " * 200
    page.run()
    assert not page.exception
    assert "shorten" in page.warning[0].value


@needs("smollm2")
def test_chat_format_wraps_the_text_in_the_models_template() -> None:
    page = app_test("sampling", sampling_model="smollm2")
    page.session_state["sampling_text"] = "Why does it rain?"
    page.toggle(key="sampling_chat").set_value(True).run()
    header, _ = picture(page)
    shown = [token["t"] for token in header["so_far"]["tokens"]]
    assert shown.count("<|im_start|>") == 3
    assert shown[-3:] == ["ass", "istant", "\n"] or "".join(shown).endswith("assistant\n")
    page.session_state["sampling_system_kept"] = "Answer like a pirate."
    page.run()
    assert "pirate" in "".join(token["t"] for token in picture(page)[0]["so_far"]["tokens"])


class Plain:
    """Labels without a vocabulary."""

    def label(self, token: int) -> dict[str, Any]:
        return {"t": f"={token}", "k": 0, "i": token}


def test_files_hold_every_token_and_every_stage() -> None:
    model = tiny()
    logits = np.linspace(-4, 4, 503, dtype=np.float32)
    stages = fold(logits, [1, 2], Settings(temperature=0.7, top_k=9, top_p=0.8), model=model)
    rows = list(csv.reader(io.StringIO(exports.distribution_csv(stages, Plain()).decode("utf-8"))))
    assert rows[0] == ["id", "token", "model", "temperature", "top_k", "top_p"]
    assert len(rows) == 504
    for column in range(2, 6):
        assert sum(float(row[column]) for row in rows[1:]) == pytest.approx(1, abs=1e-4)
    assert rows[1][:2] == ["502", "'=502"], "the likeliest first, and no cell that a spreadsheet computes"
    data = json.loads(exports.chain_json("tiny", "text", {"top_k": 9}, stages, (), Plain()))
    assert [stage["name"] for stage in data["chain"]] == [stage.name for stage in stages]
    assert data["chain"][3]["tokens_left"] == 9


def send(test: Any, **action: Any) -> dict[str, Any]:
    test.session_state["sampling_asked"] = action
    test.run()
    assert not test.exception, [item.value for item in test.exception]
    return picture(test)[0]


def test_another_token_is_taken_and_the_text_is_cut_back(page: Any) -> None:
    for _ in range(3):
        press(page, "next")
    header, _ = picture(page)
    first = written(page)
    beside = next(row["i"] for row in header["rows"] if row["i"] != header["draw"]["i"])
    send(page, do="take", token=beside)
    assert written(page) == [*first, beside]
    assert page.session_state["sampling_written"]["steps"][-1]["random"] is None, "nothing was drawn"
    # A token beside an earlier one, in one press; then back to the first branch.
    send(page, do="take", token=beside, at=1)
    assert written(page) == [first[0], beside]
    send(page, do="goto", at=1)
    assert written(page) == first[:1]
    send(page, do="goto", at=0)
    assert written(page) == []
    kept = page.session_state["sampling_written"]
    assert len(kept["tree"]["nodes"]) == 1 + 3 + 2, "what was written before is still in the tree"
    press(page, "next")
    assert written(page) == first[:1]
    assert len(kept["tree"]["nodes"]) == 6, "the same token again is the same branch"


def test_forged_choices_change_nothing(page: Any) -> None:
    press(page, "next")
    before = written(page)
    for forged in (
        {"do": "take"}, {"do": "take", "token": "he"}, {"do": "take", "token": True}, {"do": "take", "token": 2.0},
        {"do": "take", "token": 10**12}, {"do": "take", "token": -1}, {"do": "take", "token": 5, "at": 9},
        {"do": "take", "token": 5, "at": "0"}, {"do": "take", "token": 5, "node": 77}, {"do": "goto"},
        {"do": "goto", "at": 2}, {"do": "goto", "at": -1}, {"do": "goto", "at": None}, {"do": "goto", "at": [0]},
        {"do": "branch"}, {"do": "branch", "node": 44}, {"do": "branch", "node": {}}, {"do": "prune", "node": 0},
        {"do": "name", "node": 1, "name": 7}, {"do": "restore", "node": "1"},
    ):
        send(page, **forged)
        assert written(page) == before, forged
    assert len(page.session_state["sampling_written"]["tree"]["nodes"]) == 2
    assert "not among" in send(page, do="take", token=10**12)["note"]


@needs("smollm2")
@pytest.mark.parametrize(("knob", "value"), [("top_a", 0.3), ("mirostat", 2)])
def test_a_lesson_puts_back_what_it_does_not_name(page: Any, knob: str, value: float) -> None:
    page.session_state["sampling_order"] = "llama.cpp"
    page.session_state[f"sampling_{knob}"] = value
    page.run()
    assert knob in [stage["name"] for stage in picture(page)[0]["stages"]]
    page.button(key="sampling_lesson_set").click().run()
    assert not page.exception
    assert page.session_state["sampling_temperature"] == 1.5
    assert "sampling_order" not in page.session_state
    assert "sampling_order" not in page.query_params
    header, _ = picture(page)
    stages = {stage["name"]: stage for stage in header["stages"]}
    assert knob not in stages
    assert stages["top_p"]["on"]
    assert header["order"]["name"] == "transformers"


def test_further_knobs_come_with_the_address_and_stay_in_it() -> None:
    page = app_test("sampling", sampling_model="storyteller", sampling_xtc_probability="1.0",
                    sampling_bias_words="sea: 3", sampling_order="llama.cpp", sampling_follow="300")
    header, arrays = picture(page)
    names = [stage["name"] for stage in header["stages"]]
    assert names.index("temperature") > names.index("xtc_probability") > names.index("top_p")
    assert "sequence_bias" in names
    assert header["order"]["title"] == "llama.cpp"
    assert "stay" in header["order"]["says"] or "changes nothing" in header["order"]["says"]
    assert [token["i"] for token in header["followed"]] == [300]
    np.testing.assert_allclose(arrays["shares"].sum(axis=0) + arrays["others"], 1, atol=1e-5)
    assert page.query_params["sampling_xtc_probability"] in ("1.0", ["1.0"])
    page.button(key="sampling_reset").click().run()
    header, _ = picture(page)
    assert "xtc_probability" not in [stage["name"] for stage in header["stages"]]
    assert header["order"]["name"] == "transformers"
    assert "sampling_xtc_probability" not in page.query_params
    assert "sampling_order" not in page.query_params


@pytest.mark.parametrize(("query", "says"), [
    ({"sampling_top_a": "7"}, "has to lie between 0 and 1"), ({"sampling_mirostat": "two"}, "has to be a number"),
    ({"sampling_order": "top_q"}, "no stage named"), ({"sampling_watermark": "gold"}, "greenlist"),
])
def test_a_forged_address_is_a_sentence_and_the_page_goes_on(query: dict[str, str], says: str) -> None:
    page = app_test("sampling", sampling_model="storyteller", **query)
    assert any(says in plainly(caption.value) for caption in page.caption), [c.value for c in page.caption]
    assert picture(page)[0]["stages"]
    assert not set(query) & set(page.query_params)


def test_what_is_typed_wrongly_is_a_sentence_and_is_kept(page: Any) -> None:
    page.session_state["sampling_bias_words"] = "sea"
    page.run()
    assert "write it as name: number" in plainly(page.warning[0].value)
    assert page.session_state["sampling_bias_words"] == "sea"
    page.session_state["sampling_bias_words"] = "sea: 4"
    page.run()
    assert not page.warning
    assert picture(page)[0]["stages"]


def test_the_opened_group_alone_draws_its_widgets(page: Any) -> None:
    assert len(page.slider) == 5
    page.session_state["sampling_group"] = "repeat"
    page.run()
    assert len(page.slider) > 8
    page.slider(key="sampling_set_dry_multiplier").set_value(0.8).run()
    page.session_state["sampling_group"] = "draw"
    page.run()
    on = [stage["name"] for stage in picture(page)[0]["stages"]]
    assert "dry_multiplier" in on, "closed groups keep their values"
    assert page.query_params["sampling_dry_multiplier"] in ("0.8", ["0.8"])


def test_ranks_of_the_prompt_come_when_they_are_asked_for(page: Any) -> None:
    assert not picture(page)[0]["so_far"]["ranked"]
    page.session_state["sampling_ranked"] = True
    page.run()
    shown = picture(page)[0]["so_far"]
    assert shown["ranked"]
    assert shown["tokens"][0]["r"] == 0
    assert all(token["r"] >= 1 for token in shown["tokens"][1:])


def test_a_search_lists_tokens_with_their_chances(page: Any) -> None:
    page.session_state["sampling_found"] = "sea"
    page.run()
    found = picture(page)[0]["found"]
    assert found["of"] >= len(found["tokens"]) > 0
    assert "sea" in found["tokens"][0]["t"].lower()
    assert found["tokens"][0]["rank"] >= 1


def test_a_long_list_stays_out_of_the_address(page: Any) -> None:
    page.session_state["sampling_banned_words"] = "\n".join(f"somewhere{i}" for i in range(60))
    page.run()
    assert "bad_words_ids" in [stage["name"] for stage in picture(page)[0]["stages"]]
    assert "sampling_banned_words" not in page.query_params


def test_an_engines_default_values_are_taken_with_one_press(page: Any) -> None:
    page.session_state["sampling_order"] = "llama.cpp"
    page.run()
    page.button(key="sampling_engine_defaults").click().run()
    assert page.slider(key="sampling_top_k").value == 40
    assert page.slider(key="sampling_top_p").value == 0.95
    header, _ = picture(page)
    assert header["order"]["name"] == "llama.cpp"
    assert {stage["name"]: stage["value"] for stage in header["stages"]}["top_k"] == 40
    page.session_state["sampling_order"] = "transformers"
    page.run()
    page.button(key="sampling_engine_defaults").click().run()
    assert picture(page)[0]["draw"]["greedy"], "generate draws only when it is told to"
