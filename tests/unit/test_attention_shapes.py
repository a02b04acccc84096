"""Shapes and memory: every count equals that of the real library model, built without weights."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from components.attention import (
    MOST,
    PARTS,
    Shape,
    cache_bytes,
    checked_shape,
    crossing,
    growth,
    parameters,
    shape_of,
    total_parameters,
    weight_bytes,
)
from components.models import catalog, sources
from components.payload import unpack
from components.views.attention import shapes as panel
from components.views.attention.snippet_shapes import class_of

PRESETS = {one["id"]: one for one in panel.facts()["presets"]}
CASES: list[tuple[str, dict[str, Any]]] = [
    ("LlamaForCausalLM", {"num_key_value_heads": 8, "attention_bias": True, "mlp_bias": True}),
    ("LlamaForCausalLM", {"head_dim": 64, "tie_word_embeddings": True}),
    ("MistralForCausalLM", {}),
    ("Qwen2ForCausalLM", {"num_key_value_heads": 4}),
    ("Qwen3ForCausalLM", {}),
    ("GemmaForCausalLM", {}),
    ("GPT2LMHeadModel", {}),
    ("GPT2LMHeadModel", {"n_inner": 512, "tie_word_embeddings": False}),
    ("GPTNeoXForCausalLM", {"num_hidden_layers": 3}),
    ("BertModel", {}),
    ("BertForMaskedLM", {"type_vocab_size": 3}),
    ("ModernBertModel", {}),
    ("ModernBertForMaskedLM", {"decoder_bias": False, "norm_bias": True, "mlp_bias": True, "attention_bias": True}),
    ("T5ForConditionalGeneration", {}),
    ("T5ForConditionalGeneration", {"num_decoder_layers": 2, "feed_forward_proj": "gated-gelu",
                                    "tie_word_embeddings": False}),
]


def on_meta(name: str, config: Any) -> Any:
    import torch
    import transformers

    with torch.device("meta"):
        return getattr(transformers, name)(config)


def built(name: str, **changes: Any) -> tuple[Any, dict[str, Any]]:
    import transformers

    model = on_meta(name, getattr(transformers, name).config_class(**changes))
    return model, {**model.config.to_dict(), "architectures": [name]}


@pytest.mark.parametrize(("name", "changes"), CASES)
def test_the_count_is_the_librarys(name: str, changes: dict[str, Any]) -> None:
    model, config = built(name, **changes)
    assert total_parameters(shape_of(config)) == sum(one.numel() for one in model.parameters())


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_preset_is_the_library_model_of_that_configuration(name: str) -> None:
    import transformers

    config = PRESETS[name]["config"]
    kind = getattr(transformers, class_of(config))
    model = on_meta(class_of(config), kind.config_class(**{k: v for k, v in config.items() if k != "model_type"}))
    assert total_parameters(shape_of(config)) == sum(one.numel() for one in model.parameters())


def test_gpt3_has_175_billion_parameters_and_700_gigabytes() -> None:
    count = total_parameters(shape_of(PRESETS["gpt3"]["config"]))
    assert count == 174_604_259_328
    assert weight_bytes(count, 32) == 698_417_037_312
    published = {
        "gpt2-small": 124_439_808, "llama2-7b": 6_738_415_616, "llama3-8b": 8_030_261_248,
        "mistral-7b": 7_241_732_096, "gemma-2b": 2_506_172_416, "qwen2.5-0.5b-shape": 494_032_768,
    }
    for name, known in published.items():
        assert total_parameters(shape_of(PRESETS[name]["config"])) == known


@pytest.mark.parametrize(
    "name", [one.id for one in catalog.ENTRIES.values() if one.kind != "tokenizer" and sources.state(one.id).here]
)
def test_every_model_that_is_here(name: str) -> None:
    import transformers

    folder = sources.locate(name)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    kind = class_of(config)
    model = on_meta(kind, getattr(transformers, kind).config_class.from_pretrained(folder))
    assert total_parameters(shape_of(config)) == sum(one.numel() for one in model.parameters())


def test_the_parts_are_those_of_the_weights() -> None:
    model, config = built("LlamaForCausalLM", num_hidden_layers=2, num_key_value_heads=8)
    names = {
        "embedding": "embed_tokens", "query": "q_proj", "key": "k_proj", "value": "v_proj", "output": "o_proj",
        "feed_forward": "mlp", "norms": "norm", "head": "lm_head",
    }
    part = parameters(shape_of(config))
    assert tuple(part) == PARTS
    for key, word in names.items():
        assert part[key] == sum(one.numel() for name, one in model.named_parameters() if word in name), key


@pytest.mark.parametrize("name", ["LlamaForCausalLM", "MistralForCausalLM"])
def test_the_cache_holds_what_the_librarys_holds(name: str) -> None:
    import torch
    import transformers

    window = {"sliding_window": 400} if name.startswith("Mistral") else {}
    config = getattr(transformers, name).config_class(
        vocab_size=50, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, **window,
    )
    model = getattr(transformers, name)(config).eval()
    with torch.inference_mode():
        cache = model(torch.arange(20)[None], use_cache=True).past_key_values
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert cache_bytes(shape_of(config.to_dict()), 20, bits=32) == held


def test_a_window_bounds_the_cache() -> None:
    shape = shape_of(PRESETS["mistral-7b"]["config"])
    assert cache_bytes(shape, 4096) == cache_bytes(shape, 32768)
    assert cache_bytes(shape, 2048) == 2 * 32 * 2048 * 8 * 128 * 2


def test_fewer_key_value_heads_cache_less_in_proportion() -> None:
    shape = shape_of(PRESETS["llama3-8b"]["config"])
    each = {kv: cache_bytes(shape.with_kv_heads(kv), 1000) for kv in (32, 8, 1)}
    assert each[32] == 4 * each[8] == 32 * each[1]
    assert cache_bytes(shape_of(PRESETS["bert-base-shape"]["config"]), 1000) == 0


def test_attention_grows_with_the_square_and_crosses() -> None:
    shape = shape_of(PRESETS["gpt2-small"]["config"])
    one, two = growth(shape, 1024), growth(shape, 2048)
    assert (two.scores, two.attention, two.matrices) == (4 * one.scores, 4 * one.attention, 2 * one.matrices)
    assert one.scores == 12 * 12 * 1024**2
    at = crossing(shape)
    assert growth(shape, at).attention >= growth(shape, at).matrices
    assert growth(shape, at - 1).attention < growth(shape, at - 1).matrices


def test_the_multiply_adds_are_those_torch_counts() -> None:
    """torch's own counter on a real forward: two operations a multiply-add."""
    import torch
    import transformers
    from torch.utils.flop_counter import FlopCounterMode

    config = transformers.LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, attn_implementation="eager",
    )
    model = transformers.LlamaForCausalLM(config).eval()
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(torch.arange(24)[None], use_cache=False)
    counted = growth(shape_of(config.to_dict()), 24)
    assert counter.get_total_flops() == 2 * (counted.matrices + counted.attention)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": 0}, "layers is 0"),
        ({"heads": 6}, "divides 6"),
        ({"kv_heads": 3}, "divides 8"),
        ({"kv_heads": 16}, "cannot share 16"),
        ({"width": MOST["width"] + 1}, "whole number"),
        ({"inner": 2.5}, "whole number"),
    ],
)
def test_numbers_that_cannot_be(changes: dict[str, Any], message: str) -> None:
    numbers: dict[str, Any] = {
        "layers": 2, "heads": 8, "kv_heads": 4, "head_dim": 4, "width": 32, "inner": 64, "vocabulary": 100,
        "context": 64, **changes,
    }
    with pytest.raises(ValueError, match=message):
        checked_shape(Shape(**numbers))


def test_an_unknown_family_or_a_missing_number_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="'mamba' is not known"):
        shape_of({"model_type": "mamba"})
    with pytest.raises(ValueError, match="no num_attention_heads"):
        shape_of({"model_type": "llama", "hidden_size": 3})


def test_the_payload_holds_the_counts_at_every_length() -> None:
    choice = panel.choices()["llama3-8b"]
    shape = shape_of(choice.config)
    header, arrays = unpack(panel.payload(shape, choice, False, 8192))
    assert header["start"] == 8192
    at = arrays["lengths"].tolist().index(8192)
    assert arrays["cache"][:, at].tolist() == [cache_bytes(shape.with_kv_heads(kv), 8192) for kv in (32, 8, 1)]
    assert arrays["scores"][at] == growth(shape, 8192).scores
    assert sum(part["count"] for part in header["parts"]) == header["count"] == 8_030_261_248
    assert np.all(np.diff(arrays["lengths"]) > 0)
    assert len(panel.payload(shape, choice, False, 8192)) < 12_000
