"""The panels "How a head is born", "Shapes and memory" and "Low rank" without a browser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from components.attention import cache_bytes, find_matrix, shape_of, spectrum
from components.models.open import open_model
from components.views.attention import shapes
from tests.app.test_attention import buffers
from tests.conftest import app_test


def opened(panel: str, **state: Any) -> Any:
    test = app_test("attention", attention_model="storyteller")
    test.selectbox(key="attention_model").set_value("storyteller")
    test.session_state["attention_panel"] = panel
    for key, value in state.items():
        test.session_state[key] = value
    test.run()
    assert not test.exception, [item.value for item in test.exception]
    return test


def test_birth_opens_at_the_step_and_at_a_linked_row() -> None:
    test = opened("How a head is born")
    header, arrays = buffers(test, "attention_birth")[-1]
    assert [mark["kind"] for mark in header["marks"]] == ["previous", "induction", "copy"]
    assert header["view"] == {"row": None, "score": "induction"}
    assert arrays["shipped"].shape == (3, 6, 8)
    assert header["agrees"] < 6e-4
    for row, shown in (("12", 12), ("9999", None), ("x", None)):
        again = opened("How a head is born")
        again.query_params["attention_birth_row"] = row
        again.query_params["attention_birth_score"] = "previous" if shown else "forged"
        again.run()
        view = buffers(again, "attention_birth")[-1][0]["view"]
        assert view == {"row": shown, "score": "previous" if shown else "induction"}


def test_shapes_of_a_preset_and_of_ones_own_numbers() -> None:
    test = opened("Shapes and memory", attention_shapes_of="gpt3")
    header, _ = buffers(test, "attention_shapes")[-1]
    assert header["count"] == 174_604_259_328
    test.number_input(key="attention_shapes_kv_heads").set_value(12)
    test.number_input(key="attention_shapes_layers").set_value(10)
    test.run()
    header, arrays = buffers(test, "attention_shapes")[-1]
    assert header["layers"] == 10
    assert "your numbers" in header["title"]
    shape = shape_of(shapes.facts()["presets"][0]["config"])
    assert [kind["kv"] for kind in header["kinds"]] == [96, 12, 1]
    at = arrays["lengths"].tolist().index(2048)
    assert arrays["cache"][1, at] == cache_bytes(shape, 2048) * 10 / 96 / 8
    test.number_input(key="attention_shapes_kv_heads").set_value(7)
    test.run()
    assert len(test.warning) == 1
    assert "divides 96" in test.warning[0].value


@pytest.mark.parametrize("kind", ["mlp.down_proj", "embedding"])
def test_low_rank_shows_the_models_matrix(kind: str) -> None:
    test = opened(
        "Low rank", attention_lowrank_kind=kind, attention_lowrank_layer=2, attention_lowrank_where="this layer"
    )
    header, arrays = buffers(test, "attention_lowrank")[-1]
    model = open_model("storyteller")
    found = spectrum(model, find_matrix(model, kind, 2))
    assert np.allclose(arrays["values"], found.values, atol=1e-4)
    assert header["replaced"] == 1
    assert arrays["best"][-1] == pytest.approx(header["whole"], abs=1e-4)
    assert header["parameters"] == model.parameters
    assert not test.warning


def test_one_token_has_no_loss() -> None:
    test = opened("Low rank", attention_text="a")
    assert any("two tokens" in item.value for item in test.warning)
