"""Captured attention against the library's own eager output, on tiny random models of several architectures."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from components import attention  # noqa: E402
from components.attention import limits, tap  # noqa: E402

TOLERANCE = 1e-6


def llama(**changes: Any) -> Any:
    torch.manual_seed(0)
    settings = {
        "vocab_size": 100, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64,
    }
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**{**settings, **changes})).eval()


def gpt2() -> Any:
    torch.manual_seed(1)
    config = transformers.GPT2Config(vocab_size=90, n_embd=32, n_layer=2, n_head=4, n_positions=48)
    return transformers.GPT2LMHeadModel(config).eval()


def bert() -> Any:
    torch.manual_seed(2)
    config = transformers.BertConfig(
        vocab_size=80, hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4,
        max_position_embeddings=40,
    )
    return transformers.BertModel(config).eval()


def mistral() -> Any:
    torch.manual_seed(3)
    config = transformers.MistralConfig(
        vocab_size=70, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, sliding_window=4, max_position_embeddings=64,
    )
    return transformers.MistralForCausalLM(config).eval()


def gemma2() -> Any:
    torch.manual_seed(4)
    config = transformers.Gemma2Config(
        vocab_size=70, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, sliding_window=4, max_position_embeddings=64,
    )
    return transformers.Gemma2ForCausalLM(config).eval()


ARCHITECTURES = {"llama": llama, "gpt2": gpt2, "bert": bert, "mistral": mistral, "gemma2": gemma2}
IDS = [3, 17, 5, 9, 3, 17, 5, 61, 2]


def eager(model: Any, ids: list[int]) -> Any:
    """The library's own answer, from an untouched copy of the model loaded for eager attention."""
    import copy

    twin = copy.deepcopy(model)
    twin.set_attn_implementation("eager")
    with torch.inference_mode():
        return twin(torch.tensor([ids]), output_attentions=True, output_hidden_states=True)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_weights_are_the_librarys(name: str) -> None:
    model = ARCHITECTURES[name]()
    truth = eager(model, IDS)
    seen = attention.capture(model, IDS)
    assert len(seen.layers) == len(truth.attentions)
    for layer, weights in zip(seen.layers, truth.attentions, strict=True):
        assert np.abs(layer.weights - weights[0].numpy()).max() <= TOLERANCE
    for index in range(len(seen.layers)):  # the library's last hidden state is normed already, the stream's is not
        assert np.abs(seen.residual[index] - truth.hidden_states[index][0].numpy()).max() <= 1e-5
    if getattr(truth, "logits", None) is None:
        assert seen.logits is None
    else:
        assert seen.logits is not None
        assert np.abs(seen.logits - truth.logits[0].numpy()).max() <= 1e-4
    assert seen.causal == (name != "bert")


@pytest.mark.parametrize("name", ["llama", "gpt2", "bert", "mistral"])
def test_weights_follow_from_q_k_scale_and_mask(name: str) -> None:
    seen = attention.capture(ARCHITECTURES[name](), IDS)
    for layer in seen.layers:
        group = layer.query.shape[0] // layer.key.shape[0]
        scores = layer.query @ np.repeat(layer.key, group, axis=0).transpose(0, 2, 1) * layer.scale
        scores = np.where(layer.mask, scores, -np.inf)
        powers = np.exp(scores - scores.max(-1, keepdims=True))
        assert np.abs(powers / powers.sum(-1, keepdims=True) - layer.weights).max() <= 1e-5


def test_a_sliding_window_shows_in_the_mask() -> None:
    seen = attention.capture(mistral(), IDS)
    assert seen.layers[0].mask[-1].sum() == 4
    assert seen.layers[0].weights[:, -1, :5].max() == 0


def test_the_stream_ends_before_the_final_norm() -> None:
    model = llama()
    seen = attention.capture(model, IDS)
    with torch.inference_mode():
        logits = model.lm_head(model.model.norm(torch.from_numpy(seen.residual[-1].copy())))
    assert seen.logits is not None
    assert np.abs(logits.numpy() - seen.logits).max() <= 1e-5


def test_the_shared_model_is_left_alone() -> None:
    model = llama()
    batch = torch.tensor([IDS])
    implementation = model.config._attn_implementation
    with torch.inference_mode():
        before = model(batch).logits
    attention.capture(model, IDS)
    with torch.inference_mode():
        after = model(batch).logits
    assert torch.equal(before, after)
    assert model.config._attn_implementation == implementation != tap.NAME
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_the_twin_shares_every_parameter_and_goes_with_its_model() -> None:
    model = llama()
    made = tap.twin(model)
    assert made is tap.twin(model)
    for name, parameter in model.named_parameters():
        assert made.get_parameter(name) is parameter
    gone = weakref.ref(made)
    del made, model
    gc.collect()
    assert gone() is None


def test_threads_on_one_model_get_their_own_numbers() -> None:
    model = llama()
    texts = [[(7 * step + 3 * text) % 100 for step in range(6 + text)] for text in range(8)]
    truths = [[weights[0].numpy() for weights in eager(model, ids).attentions] for ids in texts]
    with torch.inference_mode():
        baseline = model(torch.tensor([texts[0]])).logits
    wrong: list[str] = []

    def work(index: int) -> None:
        for _ in range(12):
            seen = attention.capture(model, texts[index])
            for layer, truth in zip(seen.layers, truths[index], strict=True):
                if layer.weights.shape != truth.shape or np.abs(layer.weights - truth).max() > TOLERANCE:
                    wrong.append(f"text {index}")
            with torch.inference_mode():
                if not torch.allclose(model(torch.tensor([texts[0]])).logits, baseline, atol=1e-6):
                    wrong.append("sampling changed")

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_one_token_is_a_picture_of_one_cell() -> None:
    seen = attention.capture(llama(), [5])
    assert seen.layers[0].weights.shape == (4, 1, 1)
    assert np.allclose(seen.layers[0].weights, 1)


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        ([], "no token"),
        ([1.5, 2.0], "whole numbers"),
        ([5, 100], "outside the model's vocabulary"),
        ([-1, 3], "outside the model's vocabulary"),
        ([[1, 2], [3, 4]], "one text at a time"),
        (list(range(65)), "up to 64"),
    ],
)
def test_ids_are_checked_at_the_door(ids: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        attention.capture(llama(), ids)


def test_arrays_and_one_row_batches_are_taken() -> None:
    model = llama()
    expected = attention.capture(model, IDS).layers[0].weights
    assert np.array_equal(attention.capture(model, np.array([IDS], dtype=np.int32)).layers[0].weights, expected)


def test_damaged_weights_are_a_sentence() -> None:
    model = llama()
    with torch.no_grad():
        model.model.layers[1].self_attn.q_proj.weight.fill_(float("nan"))
    with pytest.raises(ValueError, match="Layer 1 of this model gave values that are no numbers"):
        attention.capture(model, IDS)
    with pytest.raises(ValueError, match="fetch it again"):
        attention.map_heads(model, IDS, [])


def test_what_is_no_model_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="no model to look into"):
        attention.capture("smollm2", IDS)
    with pytest.raises(ValueError, match="does not let its attention be read"):
        tap.twin(torch.nn.Linear(2, 2))
    torch.manual_seed(5)
    t5 = transformers.T5ForConditionalGeneration(
        transformers.T5Config(vocab_size=100, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    )
    with pytest.raises(ValueError, match="encoder-decoder"):
        attention.capture(t5, IDS)


def test_the_result_cannot_be_written_to() -> None:
    seen = attention.capture(llama(), IDS)
    with pytest.raises(ValueError, match="read-only"):
        seen.layers[0].weights[0, 0, 0] = 1
    with pytest.raises(AttributeError):
        seen.logits = None  # type: ignore[misc]


def test_the_limit_is_the_context_or_the_memory() -> None:
    assert attention.token_limit(6, 8, 256) == 256
    assert attention.token_limit(30, 9, 8192) == 512
    assert attention.bytes_needed(30, 9, 512) <= limits.WEIGHT_BYTES
    assert attention.token_limit(96, 96, None) == int((limits.WEIGHT_BYTES / (96 * 96 * 4)) ** 0.5) == 90


REAL = ["storyteller", "smollm2"]


@pytest.mark.parametrize("name", REAL)
def test_real_models_agree_with_the_library(name: str) -> None:
    from components.models import sources

    if not sources.state(name).here:
        pytest.skip(f"{name} is not here; run `python -m components.models fetch {name}`")
    from components.models.open import open_model

    model = open_model(name)
    text = "The green lamp hung over the narrow door. Years went by, and still the green lamp hung over the narrow"
    ids, pieces = attention.read(model.tokenizer, text)
    assert "".join(pieces) == text
    seen = attention.capture(model, ids)
    truth = eager(model.model, ids.tolist())
    for layer, weights in zip(seen.layers, truth.attentions, strict=True):
        assert np.abs(layer.weights - weights[0].numpy()).max() <= TOLERANCE
    assert seen.logits is not None
    assert np.abs(seen.logits - truth.logits[0].numpy()).max() <= 1e-4
    heads = attention.map_text(model, text)
    assert (heads.layers, heads.heads, heads.kv_heads) == (model.layers, model.heads, model.kv_heads)
    likeliest = truth.logits[0, -1].softmax(-1)
    assert heads.next_probabilities[0] == pytest.approx(float(likeliest.max()), abs=1e-4)
    assert heads.next_pieces[0] == model.tokenizer.library_object.decode([int(likeliest.argmax())])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("\ud800 half", "lone surrogate"),
        ("word " * 5000, "choose a paragraph"),
        ("one two three " * 120, "shorten the text"),
    ],
)
def test_texts_are_checked_at_the_door(text: str, words: str) -> None:
    from components.models.open import open_model

    with pytest.raises(ValueError, match=words):
        attention.map_text(open_model("storyteller"), text)


ODD = ["a", "\x00\x07", "שלום", "👨‍👩‍👧‍👦", "<script>alert(1)</script>", "<|endoftext|>", "\t.\n\n"]


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_have_a_picture(text: str) -> None:
    from components.models.open import open_model

    heads = attention.map_text(open_model("storyteller"), text)
    assert heads.tokens == len(heads.pieces) >= 1
    assert np.isfinite(heads.matrix(0, 0)).all()
