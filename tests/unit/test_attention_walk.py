"""Each station of a walk against the library's own numbers, for nine tiny architectures and the real models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from components import attention  # noqa: E402
from tests.unit import architectures  # noqa: E402

IDS = architectures.IDS
AGREES = 1e-4
#: What a station does in each architecture, where it is not what most do.
FORMS = {
    "llama": {"norm": "rms", "rotary": "all", "mask": "triangle", "added": "plain", "feed": "gated", "logits": "next"},
    "gpt2": {"position": "learned", "norm": "layer", "mask": "triangle", "joined": "bias", "feed": "two"},
    "mistral": {"mask": "window"},
    "qwen3": {"qkv": "normed"},
    "gemma2": {"embedding": "scaled", "scale": "softcap", "added": "scaled", "leaves": "scaled"},
    "gpt_neox": {"rotary": "part", "added": "beside", "feed": "two"},
    "gpt_oss": {"softmax": "sink", "feed": "experts"},
    "bert": {"position": "learned_normed", "norm": "none", "mask": "full", "added": "normed", "leaves": "normed",
             "logits": "masked"},
    "modernbert": {"embedding": "normed", "norm": "layer", "mask": "band", "feed": "gated", "logits": "masked"},
}


def worst(walk: attention.Walk) -> float:
    return max(one.check.difference for one in walk.stations if one.check is not None)


@pytest.mark.parametrize("name", FORMS)
def test_every_station_is_worked_out_as_the_model_does_it(name: str) -> None:
    model = architectures.MODELS[name]()
    for layer in (0, 1):
        for position in (None, 0, 4):
            walk = attention.walk(model, IDS, position, layer, 3)
            assert worst(walk) <= AGREES, [(one.name, one.check) for one in walk.stations]
            checked = {one.name for one in walk.stations if one.check is not None}
            assert checked >= {"qkv", "softmax", "values", "joined", "leaves", "logits"}
    assert FORMS[name].items() <= {one.name: one.form for one in walk.stations}.items()
    names = [one.name for one in walk.stations]
    assert ("rotary" in names) == (name not in ("gpt2", "bert"))
    assert ("position" in names) == (name in ("gpt2", "bert"))


@pytest.mark.parametrize("name", FORMS)
def test_the_models_side_is_the_librarys(name: str) -> None:
    model = architectures.MODELS[name]()
    truth = architectures.eager(model, IDS)
    walk = attention.walk(model, IDS, 4, 1, 2)
    assert np.abs(walk.station("softmax").arrays["weights"] - truth.attentions[1][0, 2, 4].numpy()).max() <= 1e-6
    before = walk.station("before").arrays["stream"]
    for index in (0, 1):
        assert np.abs(before[index] - truth.hidden_states[index][0, 4].numpy()).max() <= 1e-5
    logits = truth.logits[0, 4]
    top = walk.station("logits")
    assert top.arrays["top"].tolist() == logits.argsort(descending=True)[:5].tolist()
    assert np.abs(top.arrays["probabilities"] - logits.softmax(-1)[top.arrays["top"].tolist()].numpy()).max() <= 1e-5
    if walk.station("leaves").form == "normed":
        left = walk.station("leaves").arrays["normed"]
        assert np.abs(left - truth.hidden_states[2][0, 4].numpy()).max() <= 1e-5


def test_stations_follow_from_each_other() -> None:
    walk = attention.walk(architectures.llama(), IDS, 6, 1, 3)
    numbers = {one.name: one.arrays for one in walk.stations}
    facts = {one.name: one.facts for one in walk.stations}
    assert np.allclose(numbers["before"]["stream"][0], numbers["embedding"]["row"])
    assert np.allclose(numbers["norm"]["before"], numbers["before"]["stream"][-1])
    assert np.allclose(numbers["qkv"]["given"], numbers["norm"]["after"])
    assert np.allclose(numbers["rotary"]["q"], numbers["qkv"]["q"])
    assert np.allclose(numbers["scores"]["q"], numbers["rotary"]["q_turned"])
    assert np.allclose(numbers["scale"]["scaled"], numbers["scores"]["dots"] * facts["scale"]["scale"], atol=1e-5)
    seen = ~np.isnan(numbers["mask"]["masked"])
    assert seen.tolist() == [True] * 7 + [False] * 4
    assert np.allclose(numbers["mask"]["masked"][seen], numbers["scale"]["scaled"][seen])
    parts = numbers["values"]["parts"].sum(0) + numbers["values"]["rest"]
    assert np.allclose(parts, numbers["values"]["sum"], atol=1e-5)
    assert np.allclose(numbers["joined"]["heads"][3], numbers["values"]["sum"])
    assert np.allclose(numbers["added"]["adds"], numbers["joined"]["out"])
    assert np.allclose(numbers["leaves"]["stream"], numbers["added"]["sum"])
    assert np.allclose(numbers["leaves"]["adds"], numbers["feed"]["out"])
    assert np.allclose(numbers["logits"]["before"], numbers["leaves"]["sum"], atol=1e-5)


def test_grouped_queries_are_served_by_their_key_value_head() -> None:
    model = architectures.llama()
    for head in range(4):
        facts = attention.walk(model, IDS, None, 0, head).station("qkv").facts
        assert (facts["kv_head"], facts["from"], facts["to"]) == (head // 2, head // 2 * 2, head // 2 * 2 + 1)


def test_rotary_turns_each_pair_by_its_angle() -> None:
    walk = attention.walk(architectures.llama(), IDS, 5, 0, 1)
    rotary = walk.station("rotary")
    n = rotary.facts["pairs"]
    assert np.allclose(rotary.arrays["angles"], 5 * rotary.arrays["speeds"])
    assert np.allclose(rotary.arrays["speeds"], 10_000.0 ** (-np.arange(n) / n))
    for vector in ("q", "k"):
        before = rotary.arrays[vector][:n] + 1j * rotary.arrays[vector][n:]
        after = rotary.arrays[f"{vector}_turned"][:n] + 1j * rotary.arrays[f"{vector}_turned"][n:]
        assert np.allclose(before * np.exp(1j * rotary.arrays["angles"]), after, atol=1e-5)


def test_a_window_and_a_full_square_show_in_the_spans() -> None:
    mask = attention.walk(architectures.mistral(), IDS, None, 0, 0).station("mask")
    assert mask.arrays["spans"][-1].tolist() == [7, 10]
    assert attention.walk(architectures.bert(), IDS, 2, 0, 0).station("mask").arrays["spans"][2].tolist() == [0, 10]


def test_an_encoder_without_a_head_ends_in_its_vector() -> None:
    walk = attention.walk(architectures.bert().bert, IDS, None, 1, 0)
    assert walk.station("logits").form == "vector"
    assert worst(walk) <= AGREES


def test_one_token_walks_too() -> None:
    for name in ("llama", "bert", "gpt_neox"):
        walk = attention.walk(architectures.MODELS[name](), [5], None, 0, 0)
        assert walk.station("softmax").arrays["weights"].tolist() == [1.0]
        assert worst(walk) <= AGREES


def test_the_shared_model_is_left_alone() -> None:
    model = architectures.llama()
    with torch.inference_mode():
        before = model(torch.tensor([IDS])).logits
    attention.walk(model, IDS, None, 0, 0)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
    with torch.inference_mode():
        assert torch.equal(model(torch.tensor([IDS])).logits, before)


def test_the_result_cannot_be_written_to() -> None:
    walk = attention.walk(architectures.llama(), IDS, None, 0, 0)
    for station in walk.stations:
        for array in station.arrays.values():
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0


@pytest.mark.parametrize(("at", "words"), [((11, 0, 0), "no token 11"), ((-1, 0, 0), "no token -1"),
                                           ((0, 2, 0), "no layer 2"), ((0, 0, 4), "no head 4")])
def test_what_is_not_there_is_a_sentence(at: tuple[int, int, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        attention.walk(architectures.llama(), IDS, *at)


def test_damaged_weights_and_two_stacks_are_sentences() -> None:
    model = architectures.llama()
    with torch.no_grad():
        model.model.layers[1].self_attn.q_proj.weight.fill_(float("nan"))
    with pytest.raises(ValueError, match="Layer 1 of this model gave values that are no numbers"):
        attention.walk(model, IDS, None, 0, 0)
    with pytest.raises(ValueError, match="encoder-decoder"):
        attention.walk(architectures.t5(), IDS, None, 0, 0)


@pytest.mark.parametrize(("name", "cells"), [("storyteller", ((0, 0), (3, 1), (5, 7))), ("minilm", ((0, 0), (5, 11))),
                                             ("gapfiller", ((0, 0), (-1, 1)))])
def test_real_models_agree(name: str, cells: Any) -> None:
    from components.models.open import open_model

    model = open_model(name)
    encoded = model.tokenizer.library_object.encode("The tortoise under the stairs had never told anyone her name.")
    for layer, head in cells:
        walk = attention.walk(model, encoded.ids, None, layer % model.layers, head)
        assert worst(walk) <= AGREES, [(one.name, one.check) for one in walk.stations]
