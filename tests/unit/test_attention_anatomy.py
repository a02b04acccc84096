"""The tap and the parts of a model, held against the library for every architecture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from components.attention import anatomy, capture, tap  # noqa: E402
from tests.unit.architectures import IDS, MODELS, eager, t5  # noqa: E402

ROTARY = {"llama", "mistral", "qwen3", "gemma2", "gpt_neox", "gpt_oss", "modernbert"}


def softmax(scores: Any, sinks: Any) -> Any:
    """[head, query, key] -> weights; a sink is one more score in each row, dropped afterwards."""
    if sinks is not None:
        heads, rows, _ = scores.shape
        scores = np.concatenate([scores, np.broadcast_to(sinks[:, None, None], (heads, rows, 1))], axis=-1)
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    shares = powers / powers.sum(-1, keepdims=True)
    return shares if sinks is None else shares[..., :-1]


@pytest.mark.parametrize("name", MODELS)
def test_weights_and_output_follow_from_what_is_told(name: str) -> None:
    model = MODELS[name]()
    truth = eager(model, IDS)
    seen = capture(model, IDS)
    parts = anatomy(model)
    assert len(seen.layers) == len(parts.blocks) == len(truth.attentions)
    for index, layer in enumerate(seen.layers):
        assert np.abs(layer.weights - truth.attentions[index][0].numpy()).max() <= 1e-6
        group = layer.query.shape[0] // layer.key.shape[0]
        scores = layer.query @ np.repeat(layer.key, group, axis=0).transpose(0, 2, 1) * layer.scale
        if layer.softcap is not None:
            scores = layer.softcap * np.tanh(scores / layer.softcap)
        weights = softmax(np.where(layer.mask, scores, -1e30), layer.sinks)
        assert np.abs(weights - layer.weights).max() <= 1e-5
        mixed = (layer.weights @ np.repeat(layer.value, group, axis=0)).transpose(1, 0, 2)
        assert np.abs(mixed - layer.output).max() <= 1e-5
        assert (layer.query_before is not None) == (name in ROTARY)
    assert (seen.layers[0].sinks is not None) == (name == "gpt_oss")
    assert (seen.layers[0].softcap is not None) == (name == "gemma2")


@pytest.mark.parametrize("name", sorted(ROTARY))
def test_before_rotary_only_the_first_place_is_the_same(name: str) -> None:
    layer = capture(MODELS[name](), IDS).layers[0]
    assert layer.query_before is not None
    assert layer.key_before is not None
    # Rotary positions turn place p by p times an angle: nothing at place 0, and never a vector's length. GPT-OSS
    # stretches all of them by one factor, 1 + 0.1 log(32), so that longer texts than it was trained on still work.
    factor = 1 + 0.1 * np.log(32) if name == "gpt_oss" else 1
    assert np.abs(layer.query_before[:, 0] * factor - layer.query[:, 0]).max() <= 1e-5
    assert np.abs(layer.key_before[:, 1] * factor - layer.key[:, 1]).max() > 1e-3
    lengths = [np.linalg.norm(one, axis=-1) for one in (layer.query_before * factor, layer.query)]
    assert np.abs(lengths[0] - lengths[1]).max() <= 1e-4
    if name == "gpt_neox":  # turns a quarter of the dimensions: 2 of 8
        assert np.abs(layer.query_before[..., 2:] - layer.query[..., 2:]).max() == 0
        assert np.abs(layer.query_before[:, 1:, :2] - layer.query[:, 1:, :2]).max() > 1e-3


@pytest.mark.parametrize("name", MODELS)
def test_the_heads_outputs_add_up_to_what_the_layer_adds(name: str) -> None:
    model = MODELS[name]()
    parts = anatomy(model)
    seen = capture(model, IDS)
    for index, layer in enumerate(seen.layers):
        projection = parts.projection(index)
        each = torch.einsum("thd,hdw->thw", torch.from_numpy(layer.output.copy()), projection.weight)
        total = each.sum(1) if projection.bias is None else each.sum(1) + projection.bias
        told: list[Any] = []
        handle = tap_output(model, index, told)
        with torch.inference_mode():
            model(torch.tensor([IDS]))
        handle.remove()
        assert (total - told[0]).abs().max() <= 1e-4


def tap_output(model: Any, layer: int, told: list[Any]) -> Any:
    """What the library's own output projection gives, by a hook on this test's own model."""
    from components.attention.anatomy import output_linear

    linear = output_linear(anatomy(model).blocks[layer])
    return linear.register_forward_hook(lambda module, arguments, output: told.append(output[0].detach()))


@pytest.mark.parametrize("name", MODELS)
def test_the_last_stream_gives_the_models_logits(name: str) -> None:
    model = MODELS[name]()
    parts = anatomy(model)
    seen = capture(model, IDS)
    with torch.inference_mode():
        logits = parts.logits(torch.from_numpy(seen.residual[-1].copy()))
        embedded = parts.embedding(torch.tensor(IDS))
    assert np.abs(logits.numpy() - seen.logits).max() <= 1e-4
    assert embedded.shape == (len(IDS), 32)
    assert parts.post_norm == (name == "bert")


@pytest.mark.parametrize("name", MODELS)
def test_a_change_reaches_the_model_and_nobody_else(name: str) -> None:
    model = MODELS[name]()
    before = capture(model, IDS).logits

    def off(stack: int, layer: int, output: Any) -> Any:
        kept = output.clone()
        if layer == 1:
            kept[:, :, 2] = 0
        return kept

    with tap.changing(off):
        changed = capture(model, IDS)
    assert np.abs(changed.logits - before).max() > 1e-3
    assert np.array_equal(capture(model, IDS).logits, before)
    # The same by taking the head's piece of W_O away, in a model of this test's own.
    from components.attention.anatomy import output_linear

    linear = output_linear(anatomy(model).blocks[1])
    dim = changed.layers[1].output.shape[-1]
    with torch.no_grad():
        rows = slice(2 * dim, 3 * dim)
        if type(linear).__name__ == "Conv1D":
            linear.weight[rows] = 0
        else:
            linear.weight[:, rows] = 0
    assert np.abs(capture(model, IDS).logits - changed.logits).max() <= 1e-4


def test_two_stacks_are_told_apart() -> None:
    model = t5()
    twin = tap.twin(model)
    told: list[Any] = []

    class Keep(tap.Recorder):
        def attention(self, one: tap.Attended) -> None:
            told.append((one.stack, one.layer, one.bias is not None, tuple(one.weights.shape[-2:])))

    with torch.inference_mode(), tap.recording(Keep()):
        twin(input_ids=torch.tensor([IDS]), decoder_input_ids=torch.tensor([[0, 5, 7]]), use_cache=False)
    assert [one[:2] for one in told] == [(0, 0), (0, 1), (1, 0), (1, 0), (1, 1), (1, 1)]
    assert [one[3] for one in (told[0], told[2], told[3])] == [(11, 11), (3, 3), (3, 11)]
    assert all(one[2] for one in told)
