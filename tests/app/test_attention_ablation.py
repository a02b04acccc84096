"""The panel "Turn heads off" under AppTest: what the browser is given, the knobs, trouble in one sentence."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from components import caching
from components.attention import ablate, map_heads, random_sets, sweep
from components.attention.ablation import Control, Effect, compare, control
from components.attention.restart import begin
from components.models.open import open_model
from components.payload import unpack
from components.views.attention import ablation as panel
from components.views.attention import sweeping
from components.views.attention.ablation_payload import payload, verdict
from tests.app.test_attention import buffers
from tests.conftest import app_test
from tests.unit.architectures import IDS, bert

TEXT = "The fox saw the hen, and the fox saw the"
LINK = {"attention_model": "storyteller", "attention_panel": "Turn heads off", "text": TEXT}


def opened(**query: str) -> Any:
    return app_test("attention", **{**LINK, "attention_layer": "1", "attention_head": "1", **query})


def shown(test: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    return buffers(test, "attention_ablation")[-1]


def ids() -> list[int]:
    return list(open_model("storyteller").tokenizer.library_object.encode(TEXT).ids)


def test_one_head_a_layer_and_a_hand_picked_set() -> None:
    test = opened()
    header, _ = shown(test)
    assert header["off"] == [[1, 1]]
    truth = ablate(open_model("storyteller"), ids(), [(1, 1)])
    told = header["result"]
    assert told["target"]["id"] == truth.target
    assert told["target"]["probability"] == pytest.approx(list(truth.probability(truth.target or 0)))
    assert told["loss"] == pytest.approx([truth.loss_before, truth.loss_after])
    assert [one["name"] for one in told["strips"]] == ["kl", "target", "loss"]
    assert all(len(one["random"]) == 5 for one in told["strips"])
    assert told["strips"][0]["chosen"] == pytest.approx(truth.effect.kl)

    test.segmented_control(key="attention_ablation_scope").set_value("layer")
    test.segmented_control(key="attention_ablation_how").set_value("mean").run()
    header, _ = shown(test)
    assert header["off"] == [[1, head] for head in range(8)]
    assert header["how"] == "mean"

    test.session_state["attention_ablation_heads"] = [(0, 6), (3, 2)]
    test.segmented_control(key="attention_ablation_scope").set_value("picked").run()
    assert shown(test)[0]["off"] == [[0, 6], [3, 2]]
    assert not test.warning


def test_a_target_has_to_be_one_token() -> None:
    test = opened(attention_ablation_target="king")
    token = open_model("storyteller").tokenizer.library_object.encode(" king").ids
    assert [shown(test)[0]["result"]["target"]["id"]] == token
    test.text_input(key="attention_ablation_target").set_value("antidisestablishment").run()
    assert not buffers(test, "attention_ablation")
    assert "a target is one" in test.warning[0].value
    assert not test.exception


def test_forged_links_are_harmless() -> None:
    test = opened(attention_ablation_scope="picked", attention_ablation_heads="1.1_1.1_77.3_x.y_-2.4")
    assert shown(test)[0]["off"] == [[1, 1], [2, 4]]
    sentences = " ".join(item.value for item in test.warning)
    assert "named twice" in sentences
    assert "not" in sentences
    test = opened(attention_ablation_scope="nobody", attention_ablation_how="half")
    assert shown(test)[0]["scope"] == "head"
    test = opened(attention_ablation_scope="picked", attention_ablation_heads="none")
    header, _ = shown(test)
    assert header["off"] == []
    assert header["result"] is None


def test_one_token_has_no_mean() -> None:
    test = opened(text="a", attention_ablation_how="mean")
    assert "choose zero" in test.warning[0].value
    test.segmented_control(key="attention_ablation_how").set_value("zero").run()
    assert shown(test)[0]["result"]["loss"] is None


def test_a_sweep_is_made_once_and_others_can_ask_for_it() -> None:
    text = "A sweep of its own: the hen saw the fox, and the hen saw the"
    test = opened(text=text)
    assert sweeping.swept("storyteller", text) is None
    assert shown(test)[0]["swept"] is None
    test.session_state["_attention_sweep_go"] = True
    for _ in range(200):
        test.run()
        if shown(test)[0]["swept"]:
            break
        time.sleep(0.3)
    header, arrays = shown(test)
    found = sweeping.swept("storyteller", text)
    assert found is not None
    assert found is caching.peek(sweeping.SWEEP, sweeping.sweep_key("storyteller", text))
    truth = sweep(open_model("storyteller"), open_model("storyteller").tokenizer.library_object.encode(text).ids)
    assert np.abs(np.array(found.target_change) - np.array(truth.target_change)).max() <= 1e-5
    assert np.allclose(arrays["target"], -np.array(truth.target_change), atol=1e-5)
    assert header["swept"]["maps"] == ["target", "kl"]
    assert header["direct"]["total"] == pytest.approx(header["direct"]["logit"], rel=1e-3)


def test_an_encoder_shows_how_far_vectors_move() -> None:
    model = bert()
    heads = map_heads(model, IDS)
    start = begin(model, IDS)
    result = panel.Result(
        compare(start, [(1, 1)], "zero"), control(model, IDS, [(1, 1)], elsewhere=IDS[:5]), {}, 0.01, 0.0, "other"
    )
    view = {"model": "m", "scope": "head", "off": [[1, 1]], "how": "zero", "running": False, "loss": False, "passes": 7}
    header, arrays = unpack(payload(heads, view, result, sweep(model, IDS), None))
    assert header["result"]["tokens"] is None
    assert len(header["result"]["moved"]) == len(IDS)
    assert [one["name"] for one in header["result"]["strips"]] == ["moved"]
    assert header["swept"]["maps"] == ["moved"]
    assert arrays["moved"].shape == (2, 4)


def test_the_verdict_says_no_more_than_the_control_does() -> None:
    assert verdict(0.5, [0.1, 0.2, 0.3], None, False, "prediction").startswith("More than chance: it moves")
    assert verdict(0.2, [0.1, 0.2, 0.3], 0.1, True, "prediction").startswith("No more than chance: two of three")
    assert verdict(0.05, [0.1, 0.2, 0.3], 0.1, True, "prediction").startswith("Less than chance")
    assert "as good as the same" in verdict(0.0001, [0.1, 0.0002], 0.1, False, "prediction")
    assert "no random set" in verdict(0.5, [], None, True, "prediction")
    for chosen in (0.0, 0.05, 0.2, 0.5):
        for random in ([], [0.1, 0.2, 0.3]):
            assert "important" not in verdict(chosen, random, 0.1, True, "vectors")
    assert isinstance(control(bert(), IDS, [(0, 0)]), Control)
    assert isinstance(control(bert(), IDS, [(0, 0)]).random[0], Effect)
    assert len(random_sets(2, 4, [(0, 0)])) == 5
