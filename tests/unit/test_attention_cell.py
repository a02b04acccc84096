"""One cell, worked out again: the numbers shown reproduce the model's weight, for every architecture."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from components.attention import (  # noqa: E402
    Cell,
    anatomy,
    capture,
    cell_of,
    explain_cell,
    kept_per_token,
    pairing,
    read_layer,
    strongest_cell,
    tap,
)
from components.attention.capture import layer_capture  # noqa: E402
from components.models import sources  # noqa: E402
from components.models.open import open_model  # noqa: E402
from tests.conftest import needs  # noqa: E402
from tests.unit.architectures import IDS, MODELS, eager, t5  # noqa: E402

ROTARY = {"llama", "mistral", "qwen3", "gemma2", "gpt_neox", "gpt_oss", "modernbert"}


def by_hand(cell: Cell) -> list[float]:
    """The row's weights from what the page shows, one number at a time, without numpy."""
    import math

    scores = []
    for at in range(len(cell.visible)):
        if not cell.visible[at]:
            continue
        score = sum(float(x) * float(y) for x, y in zip(cell.q, cell.keys[at], strict=True)) * cell.scale
        if cell.softcap is not None:
            score = cell.softcap * math.tanh(score / cell.softcap)
        scores.append(score + (0.0 if cell.bias is None else float(cell.bias[at])))
    most = max(scores + ([] if cell.sink is None else [cell.sink]))
    powers = [math.exp(score - most) for score in scores]
    whole = sum(powers) + (0.0 if cell.sink is None else math.exp(cell.sink - most))
    shares = iter(power / whole for power in powers)
    return [next(shares) if seen else 0.0 for seen in cell.visible]


@pytest.mark.parametrize("name", MODELS)
def test_the_shown_numbers_give_the_models_weight(name: str) -> None:
    model = MODELS[name]()
    truth = eager(model, IDS)
    for index in range(2):
        reading = read_layer(model, IDS, index)
        own = truth.attentions[index][0].numpy()
        for head in range(4):
            for query in (0, 4, len(IDS) - 1):
                key = int(np.flatnonzero(reading.layer.mask[query])[-1])
                cell = cell_of(reading.layer, head, query, key, reading.projection, ids=reading.ids)
                assert np.abs(cell.weights - own[head, query]).max() <= 1e-5
                assert np.abs(np.array(by_hand(cell)) - own[head, query]).max() <= 1e-5
                assert cell.difference <= 1e-5
                assert cell.weight == pytest.approx(float(own[head, query, key]), abs=1e-5)
                assert cell.products.sum() == pytest.approx(cell.dot, abs=1e-9)
                assert cell.weights.sum() + cell.to_sink == pytest.approx(1, abs=1e-12)
                assert cell.output_difference <= 1e-4
    assert (cell.dot_before is not None) == (name in ROTARY)
    assert (cell.sink is not None) == (name == "gpt_oss")
    assert (cell.softcap is not None) == (name == "gemma2")
    assert cell.causal == (name not in ("bert", "modernbert"))
    assert cell.bias is None
    assert list(cell.ids) == IDS


@pytest.mark.parametrize("name", MODELS)
def test_what_the_words_add_is_what_the_head_adds(name: str) -> None:
    """Zero everything but one head, and the layer's output projection gives the sum of what its words add."""
    model = MODELS[name]().requires_grad_(False)
    head, query = 2, 7
    cell = explain_cell(model, IDS, 1, head, query, query)
    parts = anatomy(model)
    told: list[Any] = []

    def only(stack: int, layer: int, output: Any) -> Any:
        kept = torch.zeros_like(output)
        kept[:, :, head] = output[:, :, head]
        return kept if layer == 1 else output

    from components.attention.anatomy import output_linear

    linear = output_linear(anatomy(tap.twin(model)).blocks[1])
    handle = linear.register_forward_hook(lambda module, arguments, output: told.append(output[0, query].detach()))
    with tap.changing(only):
        capture(model, IDS)
    handle.remove()
    bias = parts.projection(1).bias
    # The last call is the model's own; one before it ran without rotary positions, to show them apart.
    added = told[-1] if bias is None else told[-1] - bias
    assert cell.output_length == pytest.approx(float(added.norm()), abs=1e-4)
    assert cell.lengths.sum() >= cell.output_length - 1e-9  # vectors that point apart are shorter together
    assert cell.projected
    own = capture(model, IDS).layers[1]
    value = own.value[head // (4 // own.value.shape[0]), query]
    piece = parts.projection(1).weight[head].detach().numpy()
    assert cell.lengths[query] == pytest.approx(cell.weight * float(np.linalg.norm(value @ piece)), abs=1e-5)


def test_three_kinds_of_attention_of_an_encoder_decoder() -> None:
    told: list[Any] = []

    class Keep(tap.Recorder):
        def attention(self, one: tap.Attended) -> None:
            told.append(layer_capture(one))

    model = t5()
    written = [0, 5, 7, 21]
    ids, decoder = torch.tensor([IDS]), torch.tensor([written])
    with torch.inference_mode(), tap.recording(Keep()):
        tap.twin(model)(input_ids=ids, decoder_input_ids=decoder, use_cache=False)
    model.set_attn_implementation("eager")
    with torch.inference_mode():
        truth = model(input_ids=ids, decoder_input_ids=decoder, output_attentions=True)
    own = [*truth.encoder_attentions]
    for at, cross in zip(truth.decoder_attentions, truth.cross_attentions, strict=True):
        own += [at, cross]
    assert len(told) == len(own) == 6
    for layer, weights in zip(told, own, strict=True):
        for head in range(4):
            query = weights.shape[2] - 1
            cell = cell_of(layer, head, query, 1)
            assert np.abs(cell.weights - weights[0, head, query].numpy()).max() <= 1e-5
            assert cell.scale == 1
            assert not cell.projected
            assert cell.output_difference <= 1e-5
    assert told[0].bias is not None
    assert cell_of(told[0], 0, 3, 9).bias is not None  # an encoder looks ahead
    with pytest.raises(ValueError, match="never sees what comes later"):
        cell_of(told[2], 0, 1, 2)
    assert cell_of(told[3], 0, 1, 10).weight > 0  # all that was read is seen by what is written


@pytest.mark.parametrize("name", ["storyteller", pytest.param("smollm2", marks=needs("smollm2")), "minilm"])
def test_real_models(name: str) -> None:
    if not sources.state(name).here:
        pytest.skip(f"{name} is not here; run `python -m components.models fetch {name}`")
    model = open_model(name)
    text = "A small boat left the bay at dawn, and at noon a small boat left the"
    ids = model.tokenizer.library_object.encode(text).ids
    for layer in {model.layers * 3 // 5, 0 if name == "storyteller" else 18 % model.layers}:
        reading = read_layer(model, ids, layer)
        for head in range(model.heads):
            query, key = strongest_cell(reading.layer.weights[head])
            cell = cell_of(reading.layer, head, query, key, reading.projection)
            assert cell.difference <= 1e-5
            assert cell.output_difference <= 1e-3 * max(1.0, cell.output_length)
            assert cell.kv_head == head // (model.heads // model.kv_heads)
            assert cell.sharing.index(head) < model.heads // model.kv_heads


def test_grouped_queries_share_a_head_of_keys() -> None:
    reading = read_layer(MODELS["llama"](), IDS, 0)
    cells = [cell_of(reading.layer, head, 6, 3) for head in range(4)]
    assert [cell.kv_head for cell in cells] == [0, 0, 1, 1]
    assert cells[3].sharing == (2, 3)
    assert np.array_equal(cells[2].keys, cells[3].keys)
    assert not np.array_equal(cells[1].keys, cells[2].keys)


def test_what_sharing_saves() -> None:
    ways = kept_per_token(layers=30, heads=9, kv_heads=3, dim=64)
    assert [(way.name, way.kv_heads, way.own) for way in ways] == [
        ("multi-head", 9, False), ("grouped", 3, True), ("multi-query", 1, False)]
    assert [way.numbers for way in ways] == [34_560, 11_520, 3_840]
    assert ways[1].bytes(2) == 23_040
    # The library's own cache of a model with that shape holds as many.
    model = MODELS["llama"]()
    with torch.inference_mode():
        cache = model(torch.tensor([IDS]), use_cache=True).past_key_values
    held = sum(layer.keys.numel() + layer.values.numel() for layer in cache.layers)
    own = next(way for way in kept_per_token(2, 4, 2, 8) if way.own)
    assert own.numbers * len(IDS) == held
    assert [way.name for way in kept_per_token(2, 1, 1, 8)] == ["multi-head"]
    assert [(way.kv_heads, way.own) for way in kept_per_token(2, 4, 4, 8)] == [(4, True), (2, False), (1, False)]
    assert [(way.kv_heads, way.own) for way in kept_per_token(2, 4, 1, 8)] == [(4, False), (2, False), (1, True)]


# ---------------------------------------------------------------------------------------------------- rotary positions

PAIRS = {"llama": 4, "mistral": 4, "qwen3": 8, "gemma2": 4, "gpt_neox": 1, "gpt_oss": 4, "modernbert": 4}


@pytest.mark.parametrize("name", sorted(ROTARY))
def test_pairs_that_turn_together_are_found(name: str) -> None:
    model = MODELS[name]()
    cell = explain_cell(model, IDS, 0, 1, 9, 8)
    pairs = pairing(cell.keys_before, cell.keys)
    assert pairs is not None
    half = PAIRS[name]
    assert [list(pair) for pair in pairs] == [[at, at + half] for at in range(half)]
    # A pair's part of the product is the lengths of its two hands times the cosine of the angle between them.
    for vectors, dot in (((cell.q, cell.k), cell.dot), ((cell.q_before, cell.k_before), cell.dot_before)):
        (qx, qy), (kx, ky) = (one[pairs].T for one in vectors)
        parts = np.hypot(qx, qy) * np.hypot(kx, ky) * np.cos(np.arctan2(qy, qx) - np.arctan2(ky, kx))
        rest = (vectors[0] * vectors[1])[2 * half :].sum()
        assert parts.sum() + rest == pytest.approx(dot, abs=1e-6)
    # Turning depends on how far apart two tokens are, and on nothing else.
    angles = [np.arctan2(one[pairs][:, 1], one[pairs][:, 0]) for one in (cell.q, cell.k, cell.q_before, cell.k_before)]
    apart = np.cos((angles[0] - angles[1]) - (angles[2] - angles[3]))
    assert apart[0] == pytest.approx(np.cos(cell.query - cell.key), abs=1e-4)


def test_neighbours_that_turn_together_are_found_too() -> None:
    generator = np.random.default_rng(3)
    old = generator.normal(size=(6, 8))
    angle = np.arange(6)[:, None] * (10.0 ** -np.arange(4))[None]
    new = np.empty_like(old)
    new[:, 0::2] = old[:, 0::2] * np.cos(angle) - old[:, 1::2] * np.sin(angle)
    new[:, 1::2] = old[:, 0::2] * np.sin(angle) + old[:, 1::2] * np.cos(angle)
    found = pairing(old, new)
    assert found is not None
    assert [list(pair) for pair in found] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert pairing(old, generator.normal(size=(6, 8))) is None
    assert pairing(old, old) is None
    assert pairing(old * 0, old * 0) is None


def test_without_rotary_positions_nothing_turns() -> None:
    assert explain_cell(MODELS["gpt2"](), IDS, 0, 0, 5, 2).keys_before is None
    alone = explain_cell(MODELS["llama"](), IDS[:1], 0, 0, 0, 0)
    assert pairing(alone.keys_before, alone.keys) is None


# ---------------------------------------------------------------------------------------------------------- bad input


def test_cells_that_are_not_there_are_refused_in_a_sentence() -> None:
    model = MODELS["llama"]()
    for cell, says in (
        ((0, 0, 3, 4), "a decoder never sees what comes later"),
        ((2, 0, 3, 3), "no layer 2"),
        ((-1, 0, 3, 3), "no layer -1"),
        ((0, 4, 3, 3), "no head 4"),
        ((0, 0, 11, 3), "no query 11"),
        ((0, 0, 10, -1), "no key -1"),
    ):
        with pytest.raises(ValueError, match=says):
            explain_cell(model, IDS, *cell)
    with pytest.raises(ValueError, match="no token to look at"):
        explain_cell(model, [], 0, 0, 0, 0)
    with pytest.raises(ValueError, match="encoder-decoder"):
        explain_cell(t5(), IDS, 0, 0, 0, 0)


def test_outside_the_window_the_weight_is_0_and_the_sentence_says_why() -> None:
    model = MODELS["mistral"]()
    with pytest.raises(ValueError, match=r"outside the sliding window.*token 9 sees tokens 6 to 9"):
        explain_cell(model, IDS, 0, 0, 9, 5)
    assert explain_cell(model, IDS, 0, 0, 9, 6).weight > 0
    row = eager(model, IDS).attentions[0][0, 0, 9]
    assert float(row[5]) == 0
    encoder = MODELS["modernbert"]()
    windowed = [at for at in range(2) if not read_layer(encoder, IDS, at).layer.mask.all()]
    assert windowed
    with pytest.raises(ValueError, match="outside the sliding window"):
        explain_cell(encoder, IDS, windowed[0], 0, 0, 9)


def test_one_token_and_damaged_weights() -> None:
    model = MODELS["llama"]()
    cell = explain_cell(model, [5], 0, 0, 0, 0)
    assert cell.weight == cell.model_weight == 1
    with torch.no_grad():
        model.model.layers[0].self_attn.q_proj.weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match="damaged"):
        explain_cell(model, IDS, 0, 0, 3, 2)


def test_rounding_is_told_from_a_mistake() -> None:
    """Large scores lose digits in float32, and no more than `rounding` says; a wrong row is far outside of it."""
    generator = np.random.default_rng(5)
    reading = read_layer(MODELS["llama"](), IDS, 0)
    for size in (1.0, 30.0, 300.0):
        query = (reading.layer.query * size).astype(np.float32)
        scores = np.einsum("d,kd->k", query[0, 10], reading.layer.key[0]).astype(np.float32)
        scores = scores * np.float32(reading.layer.scale)
        powers = np.exp(scores - scores.max())
        weights = reading.layer.weights.copy()
        weights[0, 10] = powers / powers.sum()
        layer = dataclasses.replace(reading.layer, query=query, weights=weights)
        cell = cell_of(layer, 0, 10, 3)
        assert cell.difference <= cell.rounding
        assert cell.rounding < 1e-2
        weights[0, 10] = generator.permutation(weights[0, 10])
        wrong = cell_of(dataclasses.replace(layer, weights=weights), 0, 10, 3)
        assert wrong.difference > wrong.rounding


def test_the_strongest_cell_is_off_the_first_token_and_the_diagonal() -> None:
    matrix = np.array([[1, 0, 0], [0.9, 0.1, 0], [0.6, 0.3, 0.1]])
    assert strongest_cell(matrix) == (2, 1)
    assert strongest_cell(matrix, query=1) == (1, 0)  # nothing else in sight than the first token
    assert strongest_cell(matrix, key=0) == (1, 0)
    assert strongest_cell(matrix, query=0) == (0, 0)
    assert strongest_cell(np.ones((1, 1))) == (0, 0)
