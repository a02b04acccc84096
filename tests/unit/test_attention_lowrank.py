"""Low rank: singular values are torch's, losses are the library's, and the shared model is left as it is."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from components.attention import (
    adapter_parameters,
    find_matrix,
    lora_parameters,
    loss_curve,
    matrices,
    spectrum,
)
from components.attention.lowrank import ranks_of, shares
from components.attention.replacing import copy_with
from components.payload import unpack
from components.workshop import Cancelled

IDS = [3, 14, 15, 9, 26, 5, 35, 8, 9, 7, 9, 3]


def tiny(kind: str) -> Any:
    """A random model of a few thousand parameters."""
    import torch
    import transformers

    torch.manual_seed(0)
    common = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4}
    if kind == "llama":
        config: Any = transformers.LlamaConfig(
            **common, intermediate_size=24, num_key_value_heads=2, tie_word_embeddings=True, initializer_range=0.2
        )
        model: Any = transformers.LlamaForCausalLM(config)
    elif kind == "gpt2":
        config = transformers.GPT2Config(vocab_size=40, n_embd=16, n_layer=2, n_head=4, initializer_range=0.2)
        model = transformers.GPT2LMHeadModel(config)
    else:
        model = transformers.BertModel(transformers.BertConfig(**common, intermediate_size=24, initializer_range=0.2))
    return model.eval().requires_grad_(False)


def library_loss(model: Any, ids: list[int]) -> float:
    import torch

    batch = torch.tensor([ids])
    with torch.inference_mode():
        return float(model(batch, labels=batch).loss)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "bert"])
def test_every_matrix_of_the_blocks_is_listed_once(kind: str) -> None:
    model = tiny(kind)
    found = matrices(model)
    assert found[0].kind == "embedding"
    assert len({one.name for one in found}) == len(found)
    for one in found:
        assert model.get_parameter(one.name).shape == (one.rows, one.columns)
    inside = sum(
        parameter.numel() for name, parameter in model.named_parameters()
        if parameter.ndim == 2 and any(f"{stem}.{at}." in name for stem in ("layers", "h", "layer") for at in (0, 1))
    )
    assert sum(one.rows * one.columns for one in found[1:]) == inside


@pytest.mark.parametrize(("kind", "layer"), [("self_attn.q_proj", 1), ("mlp.down_proj", 0), ("embedding", None)])
def test_singular_values_are_torchs_and_the_approximation_is_the_best(kind: str, layer: int | None) -> None:
    import torch

    model = tiny("llama")
    matrix = find_matrix(model, kind, layer)
    found = spectrum(model, matrix)
    weight = model.get_parameter(matrix.name)
    assert np.allclose(found.values, torch.linalg.svdvals(weight).numpy(), atol=1e-5)
    assert found.ranks[-1] == min(weight.shape)
    assert np.abs(found.approximations[-1] - weight.numpy()).max() < 1e-5
    for at, rank in enumerate(found.ranks):
        # Eckart and Young: the squared error of the best approximation is the sum of the squares left out.
        left_out = float(((weight.numpy() - found.approximations[at]) ** 2).sum())
        assert left_out == pytest.approx(float((found.values[rank:] ** 2).sum()), abs=1e-4)
        assert np.linalg.matrix_rank(found.approximations[at], tol=1e-4) <= rank
        assert found.kept[rank - 1] == pytest.approx(1 - left_out / float((weight**2).sum()), abs=1e-5)
    # The random matrix has the same norm, and singular values of its own.
    assert float((found.random**2).sum()) == pytest.approx(float((found.values**2).sum()), rel=1e-4)
    assert found.kept[-1] == pytest.approx(1)


def test_a_large_matrix_is_cropped_and_a_zero_one_has_shares() -> None:
    from torch import nn

    model = tiny("llama")
    model.model.embed_tokens.weight = nn.Parameter(model.model.embed_tokens.weight.repeat(10, 1), requires_grad=False)
    found = spectrum(model, find_matrix(model, "embedding", None))
    assert found.crop.shape == (96, 16)
    assert shares(np.zeros(3)).tolist() == [1, 1, 1]
    assert ranks_of(256) == (1, 2, 4, 8, 16, 32, 64, 128, 192, 256)
    assert ranks_of(576) == (1, 4, 16, 64, 128, 256, 432, 512, 576)
    assert ranks_of(2) == (1, 2)


@pytest.mark.parametrize(
    ("kind", "matrix", "layers"),
    [
        ("llama", "self_attn.q_proj", (0,)),
        ("llama", "mlp.down_proj", (0, 1)),
        ("llama", "embedding", (None,)),
        ("gpt2", "attn.c_attn", (1,)),
    ],
)
def test_the_loss_is_that_of_a_model_changed_in_place(kind: str, matrix: str, layers: tuple[int | None, ...]) -> None:
    import torch

    model = tiny(kind)
    chosen = [find_matrix(model, matrix, layer) for layer in layers]
    curve = loss_curve(model, chosen, IDS)
    assert curve.measure == "loss"
    assert curve.whole == pytest.approx(library_loss(model, IDS), abs=1e-5)
    assert float(curve.best[-1]) == pytest.approx(curve.whole, abs=1e-4)
    assert float(curve.other[-1]) == float(curve.best[-1])
    for at in (0, 2):
        changed = copy.deepcopy(model)  # tied weights stay tied, so the head changes with the embedding
        for one in chosen:
            weight = changed.get_parameter(one.name)
            left, values, right = torch.linalg.svd(weight, full_matrices=False)
            rank = curve.ranks[at]
            weight.copy_((left[:, :rank] * values[:rank]) @ right[:rank])
        assert float(curve.best[at]) == pytest.approx(library_loss(changed, IDS), abs=1e-4)


def test_the_spread_is_that_of_the_tokens() -> None:
    model = tiny("llama")
    curve = loss_curve(model, [find_matrix(model, "mlp.up_proj", 0)], IDS)
    assert curve.tokens == len(IDS) - 1
    assert curve.error[0] > 0
    assert curve.error[-1] < 1e-5


def test_an_encoder_is_measured_by_how_far_its_vectors_turn() -> None:
    model = tiny("bert")
    curve = loss_curve(model, [find_matrix(model, "output.dense", 1)], IDS)
    assert curve.measure == "moved"
    assert curve.best[0] > curve.best[-1]
    assert abs(float(curve.best[-1])) < 1e-5


def test_the_copy_shares_every_other_parameter_and_the_model_stays_as_it_is() -> None:
    model = tiny("llama")
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    made, own = copy_with(model, ["model.embed_tokens.weight"])
    mine = own["model.embed_tokens.weight"]
    assert made.lm_head.weight is mine
    assert made.model.embed_tokens.weight is mine
    assert model.lm_head.weight is model.model.embed_tokens.weight is not mine
    shared = [name for name, parameter in made.named_parameters() if parameter is model.get_parameter(name)]
    assert len(shared) == len(before) - 1
    loss_curve(model, [find_matrix(model, "embedding", None)], IDS)
    assert all((parameter == before[name]).all() for name, parameter in model.named_parameters())


def test_eight_threads_each_get_their_own_numbers() -> None:
    model = tiny("llama")
    whole = library_loss(model, IDS)
    cases = [[one] for one in matrices(model)[:8]]
    alone = [loss_curve(model, case, IDS).best for case in cases]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda case: loss_curve(model, case, IDS), cases))
    for curve, expected in zip(together, alone, strict=True):
        assert np.array_equal(curve.best, expected)
        assert curve.whole == pytest.approx(whole, abs=1e-5)


def test_a_cancelled_curve_stops() -> None:
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise Cancelled("stopped")

    model = tiny("llama")
    with pytest.raises(Cancelled):
        loss_curve(model, [find_matrix(model, "mlp.up_proj", 0)], IDS, check=check)
    assert len(calls) == 3


def test_bad_input_is_one_sentence() -> None:
    model = tiny("llama")
    query, down = find_matrix(model, "self_attn.q_proj", 0), find_matrix(model, "self_attn.k_proj", 0)
    for ids, message in (([], "no token"), ([3], "two tokens"), ([99, 1], "vocabulary of 40")):
        with pytest.raises(ValueError, match=message):
            loss_curve(model, [query], ids)
    with pytest.raises(ValueError, match="one shape"):
        loss_curve(model, [query, down], IDS)
    with pytest.raises(ValueError, match="no matrix 'x'"):
        find_matrix(model, "x", 0)
    model.model.layers[0].self_attn.q_proj.weight[0, 0] = float("nan")
    for run in (lambda: spectrum(model, query), lambda: loss_curve(model, [query], IDS)):
        with pytest.raises(ValueError, match="damaged"):
            run()
    with pytest.raises(ValueError, match="1 or more"):
        lora_parameters([query], 0)
    with pytest.raises(ValueError, match="1 or wider"):
        adapter_parameters(2, 16, 0)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "bert"])
@pytest.mark.parametrize("rank", [1, 4])
def test_lora_counts_what_lora_layers_hold(kind: str, rank: int) -> None:
    """The two matrices of the paper built beside every linear layer, their numbers counted by torch."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    model = tiny(kind)
    chosen = [one for one in matrices(model) if one.layer is not None]
    built = 0
    for one in chosen:
        layer = model.get_submodule(one.name.removesuffix(".weight"))
        size = layer.weight.shape if isinstance(layer, Conv1D) else (layer.in_features, layer.out_features)
        pair = nn.Sequential(nn.Linear(size[0], rank, bias=False), nn.Linear(rank, size[1], bias=False))
        built += sum(parameter.numel() for parameter in pair.parameters())
    assert lora_parameters(chosen, rank) == built


def test_lora_counts_what_peft_counts() -> None:
    peft = pytest.importorskip("peft", reason="peft is not installed, or accelerate, which it imports, is not",
                               exc_type=ImportError)
    model = tiny("llama")
    names = ["q_proj", "v_proj", "down_proj"]
    made = peft.get_peft_model(copy.deepcopy(model), peft.LoraConfig(r=4, target_modules=names))
    trained, everything = made.get_nb_trainable_parameters()
    own = sum(parameter.numel() for parameter in model.parameters())
    chosen = [one for one in matrices(model) if one.kind.endswith(tuple(names))]
    assert (lora_parameters(chosen, 4), own + lora_parameters(chosen, 4)) == (trained, everything)


def test_adapters_count_what_their_layers_hold() -> None:
    from torch import nn

    one = nn.Sequential(nn.Linear(16, 3), nn.ReLU(), nn.Linear(3, 16))
    assert adapter_parameters(2, 16, 3) == 4 * sum(parameter.numel() for parameter in one.parameters())


def test_the_payload_is_bytes_and_small() -> None:
    from components.views.attention import lowrank as panel

    model = tiny("llama")
    matrix = find_matrix(model, "self_attn.q_proj", 0)
    found, curve = spectrum(model, matrix), loss_curve(model, [matrix], IDS)
    lora = [one for one in matrices(model) if one.kind == "self_attn.v_proj"]
    header, arrays = unpack(panel.payload("storyteller", found, curve, [matrix], matrix, lora, (5000, 2, 16), 4))
    assert header["start"] == 4
    assert header["numbers"][0] == 16 + 16
    assert header["lora"][0] == 2 * (8 + 16)
    most = np.abs(found.crop).max()
    shown = (arrays["crop"].astype(float) - 128) / 127 * most
    assert np.abs(shown - found.crop).max() <= most / 250
    assert arrays["near"].dtype == np.uint8
    assert SimpleNamespace(**header).kept[-1] == pytest.approx(1)
