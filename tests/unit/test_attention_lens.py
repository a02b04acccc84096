"""The logit lens against the library's hidden states, final norm and head."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from components.attention import logit_lens  # noqa: E402
from components.models import open as opening  # noqa: E402
from tests.unit.architectures import IDS, MODELS, eager  # noqa: E402


@pytest.mark.parametrize("name", MODELS)
def test_the_last_layer_is_the_models_answer(name: str) -> None:
    model = MODELS[name]()
    seen = logit_lens(model, IDS, positions=5)
    shares = eager(model, IDS).logits[0, -5:].float().softmax(-1)
    best = shares.topk(5)
    assert seen.start == len(IDS) - 5
    assert np.array_equal(seen.answer_ids, best.indices[:, 0].numpy())
    assert np.allclose(seen.top_probabilities[-1], best.values.numpy(), atol=1e-5)
    assert (seen.answer_rank[-1] == 1).all()
    assert np.allclose(seen.divergence[-1], 0, atol=1e-5)
    assert seen.divergence[:-1].max() > 1e-6


@pytest.mark.parametrize("name", ["llama", "gemma2", "gpt_neox"])
def test_an_early_layer_goes_through_the_final_norm_once(name: str) -> None:
    model = MODELS[name]()
    seen = logit_lens(model, IDS)
    norm = model.gpt_neox.final_layer_norm if name == "gpt_neox" else model.model.norm
    with torch.inference_mode():
        scores = model.get_output_embeddings()(norm(eager(model, IDS).hidden_states[1]))[0]
    if name == "gemma2":
        scores = 3 * (scores / 3).tanh()
    shares = scores.softmax(-1)
    answers = torch.from_numpy(seen.answer_ids.astype(np.int64))
    own = shares.gather(1, answers[:, None])
    assert np.allclose(seen.answer_probability[1], own[:, 0].numpy(), atol=1e-5)
    assert np.array_equal(seen.answer_rank[1], (shares > own).sum(-1).numpy() + 1)
    assert np.allclose(seen.top_probabilities[1], shares.topk(5).values.numpy(), atol=1e-5)


def test_when_it_is_decided() -> None:
    seen = logit_lens(MODELS["llama"](), IDS)
    for column in range(len(IDS)):
        at = seen.decided(column)
        assert (seen.answer_rank[at:, column] == 1).all()
        assert at == 0 or seen.answer_rank[at - 1, column] > 1


def test_what_cannot_be_read_is_a_sentence() -> None:
    bare = MODELS["bert"]().base_model
    with pytest.raises(ValueError, match="predicts no tokens"):
        logit_lens(bare, IDS)
    with pytest.raises(ValueError, match="no token to look at"):
        logit_lens(MODELS["llama"](), [])
    with pytest.raises(ValueError, match="at least one position"):
        logit_lens(MODELS["llama"](), IDS, positions=0)
    damaged = MODELS["llama"]()
    with torch.no_grad():
        damaged.model.layers[0].self_attn.q_proj.weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match="damaged"):
        logit_lens(damaged, IDS)


def test_the_small_model_that_ships_with_the_app_decides_late() -> None:
    opened = opening.open_model("storyteller")
    ids = opened.tokenizer.library_object.encode("Once upon a").ids
    seen = logit_lens(opened, ids)
    assert opened.tokenizer.library_object.decode([int(seen.answer_ids[-1])]).strip() == "time"
    assert seen.answer_rank[0, -1] > 1
    assert seen.divergence[0, -1] > seen.divergence[-2, -1]
