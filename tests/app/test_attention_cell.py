"""The panel "One cell" without a browser: which cell it opens on, its knobs, what it sends, its sentences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from components.attention import explain_cell, map_text, strongest_cell
from components.models.open import open_model
from components.views.attention import cell as panel
from tests.app.test_attention import buffers
from tests.conftest import app_test

TEXT = "The fox saw the hen, and the hen saw the fox."


@pytest.fixture
def page() -> Any:
    test = app_test("attention")
    test.session_state["attention_panel"] = "One cell"
    test.session_state["attention_text"] = TEXT
    test.session_state["attention_layer"], test.session_state["attention_head"] = 2, 5
    test.selectbox(key="attention_model").set_value("storyteller").run()
    assert not test.exception
    return test


def sent(page: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    return buffers(page, "attention_cell")[-1]


def test_it_opens_on_the_heads_strongest_cell_and_sends_what_was_worked_out(page: Any) -> None:
    header, arrays = sent(page)
    model = open_model("storyteller")
    heads = map_text(model, TEXT)
    query, key = strongest_cell(heads.matrix(2, 5))
    assert (header["layer"], header["head"], header["query"], header["key"]) == (2, 5, query, key)
    assert 0 < key < query
    cell = explain_cell(model, heads.ids, 2, 5, query, key)
    assert np.abs(arrays["weights"] - cell.weights).max() <= 1e-9
    assert np.abs(arrays["model"] - arrays["weights"]).max() == pytest.approx(header["difference"], abs=1e-12)
    assert header["difference"] <= 1e-5
    assert header["agrees"]
    assert np.array_equal(arrays["q"].astype(np.float64), cell.q)
    # What the browser adds up is the score.
    products = arrays["q"].astype(np.float64) * arrays["keys"][key].astype(np.float64)
    assert products.sum() * header["scale"] == pytest.approx(float(arrays["scores"][key]), abs=1e-9)
    assert header["root"]
    assert [way[:2] for way in header["kept"]] == [["multi-head", 8], ["grouped", 4], ["multi-query", 1]]
    assert header["sharing"] == [4, 5]
    assert arrays["pairs"].shape == (header["dim"] // 2, 2)
    assert not page.warning


def test_the_knobs_choose_the_cell(page: Any) -> None:
    page.number_input(key="attention_query").set_value(8)
    page.number_input(key="attention_key").set_value(3)
    page.run()
    assert (sent(page)[0]["query"], sent(page)[0]["key"]) == (8, 3)
    page.number_input(key="attention_key").set_value(None).run()
    header, arrays = sent(page)
    assert header["query"] == 8
    assert header["key"] == 1 + int(arrays["weights"][1:8].argmax())
    assert not page.exception


def test_what_a_decoder_never_sees_is_said_in_a_sentence(page: Any) -> None:
    page.number_input(key="attention_query").set_value(2)
    page.number_input(key="attention_key").set_value(6)
    page.run()
    assert not page.exception
    assert [item.value for item in page.warning if "never sees what comes later" in item.value]
    assert not buffers(page, "attention_cell")
    page.number_input(key="attention_key").set_value(1).run()
    assert not page.warning
    assert sent(page)[0]["key"] == 1


def test_places_of_a_longer_text_are_forgotten(page: Any) -> None:
    page.number_input(key="attention_query").set_value(9)
    page.number_input(key="attention_key").set_value(8)
    page.run()
    page.session_state["attention_text"] = "A fox."
    page.run()
    assert not page.exception
    assert not page.warning
    assert sent(page)[0]["query"] < len(sent(page)[0]["pieces"])
    page.session_state["attention_text"] = "fox"
    page.run()
    assert not page.exception
    header, arrays = sent(page)
    assert arrays["weights"].size == len(header["pieces"])


def test_a_cell_pinned_in_the_main_picture_is_taken_once(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel, "_MAP", "picture_for_this_test")
    page.session_state["picture_for_this_test"] = {"pinned": [7, 2]}
    page.run()
    assert (sent(page)[0]["query"], sent(page)[0]["key"]) == (7, 2)
    page.number_input(key="attention_key").set_value(4).run()
    assert (sent(page)[0]["query"], sent(page)[0]["key"]) == (7, 4)
    page.session_state["picture_for_this_test"] = {"pinned": [9, None]}
    page.run()
    header, arrays = sent(page)
    assert header["query"] == 9
    assert header["key"] == 1 + int(arrays["weights"][1:9].argmax())
    for odd in ("x", [1], [99, "a"], {"a": 1}):
        page.session_state["picture_for_this_test"] = {"pinned": odd}
        page.run()
        assert not page.exception
        assert not page.warning


def test_an_encoder_has_no_mask(page: Any) -> None:
    page.selectbox(key="attention_model").set_value("minilm").run()
    page.number_input(key="attention_query").set_value(2)
    page.number_input(key="attention_key").set_value(6)
    page.run()
    assert not page.exception
    header, arrays = sent(page)
    assert (header["query"], header["key"]) == (2, 6)
    assert not header["causal"]
    assert arrays["visible"].all()
    assert header["difference"] <= 1e-5
    assert not header["rotary"]
    assert "pairs" not in arrays
