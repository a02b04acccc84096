"""Scores, thumbnails and the map of all heads: small pure functions, checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from components.attention import (
    SCORES,
    HeadMap,
    block_edges,
    causal_half,
    head_scores,
    max_pool,
    ranked,
    reach,
    sqrt_bytes,
    strongest_pairs,
    telling_head,
    thumbnail,
)


def causal_uniform(tokens: int) -> np.ndarray:
    return np.tril(np.ones((tokens, tokens))) / np.arange(1, tokens + 1)[:, None]


def one_hot(targets: list[int]) -> np.ndarray:
    """Row i gives everything to targets[i]."""
    return np.eye(len(targets))[targets]


IDS = np.array([4, 8, 6, 4, 8, 6])  # a b c a b c


def score(weights: np.ndarray, name: str) -> float:
    return float(head_scores(weights[None], IDS)[SCORES.index(name), 0])


def test_each_score_is_one_for_the_head_it_names() -> None:
    assert score(one_hot([0, 0, 1, 2, 3, 4]), "previous") == 1
    assert score(one_hot([0, 0, 0, 1, 2, 3]), "induction") == 1
    assert score(one_hot([0, 0, 0, 0, 1, 2]), "duplicate") == 1
    assert score(one_hot([0, 0, 0, 0, 0, 0]), "first") == 1


def test_scores_of_another_head_are_low() -> None:
    previous = one_hot([0, 0, 1, 2, 3, 4])
    assert score(previous, "induction") == 0
    assert score(previous, "first") == pytest.approx(1 / 5)  # only row 1, whose token before is the first


def test_an_uniform_head_by_hand() -> None:
    weights = causal_uniform(6)
    assert score(weights, "previous") == pytest.approx(np.mean([1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 6]))
    assert score(weights, "induction") == pytest.approx(np.mean([1 / 4, 1 / 5, 1 / 6]))


def test_several_earlier_copies_are_summed() -> None:
    ids = np.array([1, 2, 1, 3, 1])
    weights = np.zeros((1, 5, 5))
    weights[0, 4] = [0.1, 0.3, 0.1, 0.4, 0.1]
    weights[0, 2, 1] = 0.5
    induction = head_scores(weights, ids)[SCORES.index("induction"), 0]
    assert induction == pytest.approx((0.5 + 0.7) / 2)


def test_a_text_without_repeats_has_no_induction_score() -> None:
    scores = head_scores(causal_uniform(4)[None], np.array([1, 2, 3, 4]))[:, 0]
    assert np.isnan(scores[[SCORES.index("induction"), SCORES.index("duplicate")]]).all()
    assert not np.isnan(scores[SCORES.index("previous")])
    assert np.isnan(head_scores(np.ones((1, 1, 1)), np.array([1]))).all()


def test_reach_knows_a_head_that_looks_far_from_one_that_rests_on_a_word() -> None:
    follows = one_hot([0, 0, 0, 0, 1, 2, 3, 4])  # each its own place, three back
    rests = one_hot([0, 1, 1, 1, 1, 1, 1, 1])  # whoever asks, the second token
    near = one_hot([0, 0, 1, 2, 3, 4, 5, 6])
    reaches = reach(np.stack([rests, follows, near, one_hot([0] * 8)]))
    assert reaches[1] > 0.4
    assert reaches[[0, 2, 3]] == pytest.approx(0)
    assert reach(np.ones((2, 5, 5))) == pytest.approx(0)


def test_the_telling_head_looks_far_else_one_back() -> None:
    scores = np.full((len(SCORES), 2, 3), np.nan)
    assert telling_head(scores) == (0, 0)
    scores[SCORES.index("previous"), 1, 0] = 0.7
    assert telling_head(scores) == (1, 0)
    scores[SCORES.index("far"), 0, 2] = 0.3
    assert telling_head(scores) == (0, 2)


def test_ranked_leaves_out_heads_without_a_score() -> None:
    assert ranked(np.array([[0.2, np.nan], [0.9, 0.2]])) == [(1, 0, 0.9), (0, 0, 0.2), (1, 1, 0.2)]


def test_strongest_pairs_are_in_order_and_may_skip_the_first_token() -> None:
    weights = np.array([[1.0, 0, 0], [0.9, 0.1, 0], [0.2, 0.5, 0.3]])
    assert [pair[:2] for pair in strongest_pairs(weights, 3, without=())] == [(0, 0), (1, 0), (2, 1)]
    assert [pair[:2] for pair in strongest_pairs(weights, 9, without=(0,))] == [(2, 1), (2, 2), (1, 1)]


@pytest.mark.parametrize("tokens", [1, 2, 31, 32, 33, 64, 100, 256, 512])
def test_blocks_cover_every_token_once_and_leave_the_first_alone(tokens: int) -> None:
    edges = block_edges(tokens)
    assert (edges[0], edges[1], edges[-1]) == (0, 1, tokens)
    assert (np.diff(edges) >= 1).all()
    assert len(edges) - 1 <= 32


def test_pooling_keeps_a_thin_diagonal_that_an_average_would_lose() -> None:
    tokens = 256
    weights = np.zeros((1, tokens, tokens))
    weights[0, np.arange(1, tokens), np.arange(tokens - 1)] = 0.9
    pooled = max_pool(weights)
    assert pooled.shape == (1, 32, 32)
    edges = block_edges(tokens)
    for block in range(1, 32):
        assert pooled[0, block, block] == pytest.approx(0.9)
        assert weights[0, edges[block] : edges[block + 1], edges[block] : edges[block + 1]].mean() < 0.15
    assert pooled[0, 5, 0] == 0  # the first token's column is its own and takes nothing from its neighbours


def test_pooling_against_a_plain_loop() -> None:
    generator = np.random.default_rng(0)
    weights = generator.random((2, 50, 50)).astype(np.float32)
    pooled, edges = max_pool(weights), block_edges(50)
    for row in range(32):
        for column in range(32):
            block = weights[:, edges[row] : edges[row + 1], edges[column] : edges[column + 1]]
            assert np.array_equal(pooled[:, row, column], block.max(axis=(1, 2)))


def test_square_root_bytes_keep_faint_weights() -> None:
    values = np.array([0, 0.001, 0.01, 0.25, 1.0])
    packed = sqrt_bytes(values)
    assert packed[1] > 0
    assert packed[-1] == 255
    assert np.abs((packed / 255.0) ** 2 - values).max() <= 0.004


def test_the_causal_half_is_row_by_row() -> None:
    matrix = np.arange(16).reshape(4, 4)
    half = causal_half(matrix)
    for query in range(4):
        for key in range(query + 1):
            assert half[query * (query + 1) // 2 + key] == matrix[query, key]


def test_thumbnails_are_small_at_any_length() -> None:
    assert thumbnail(causal_uniform(200)[None], causal=True).shape == (1, 32 * 33 // 2)
    assert thumbnail(causal_uniform(200)[None], causal=False).shape == (1, 32 * 32)
    assert thumbnail(causal_uniform(5)[None], causal=True).dtype == np.uint8


def test_a_map_agrees_with_the_capture_and_survives_storing() -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from components.attention import capture, map_heads

    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=100, hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=64,
        )
    ).eval()
    ids = [3, 17, 5, 9, 3, 17, 5, 61, 2]
    whole = capture(model, ids)
    heads = map_heads(model, ids, spell=lambda some: [f"<{one}>" for one in some])
    assert (heads.layers, heads.heads, heads.kv_heads, heads.causal) == (3, 4, 2, True)
    assert heads.pieces[0] == "<3>"
    for layer in range(3):
        for head in range(4):
            truth = whole.layers[layer].weights[head]
            assert np.abs(heads.matrix(layer, head) - truth).max() <= 5e-4
        truth = head_scores(whole.layers[layer].weights, np.array(ids))
        assert np.allclose(heads.scores[:, layer], truth, atol=1e-6, equal_nan=True)
    assert whole.logits is not None
    powers = np.exp(whole.logits[-1] - whole.logits[-1].max())
    assert heads.next_probabilities[0] == pytest.approx(float(powers.max() / powers.sum()), abs=1e-5)
    assert int(heads.next_ids[0]) == int(powers.argmax())
    with pytest.raises(ValueError, match="read-only"):
        heads.thumbs[0, 0, 0] = 1

    from components.payload import pack, unpack

    again = HeadMap.restore(*unpack(pack(*heads.store())))
    assert again.pieces == heads.pieces
    assert np.array_equal(again.weights, heads.weights)


def test_an_encoders_map_is_whole() -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from components.attention import capture, map_heads

    torch.manual_seed(2)
    config = transformers.BertConfig(
        vocab_size=80, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=40,
    )
    model = transformers.BertModel(config).eval()
    heads = map_heads(model, [1, 2, 3, 4])
    assert not heads.causal
    assert heads.thumbs.shape == (2, 4, 16)
    assert heads.next_ids.size == 0
    assert np.abs(heads.matrix(1, 2) - capture(model, [1, 2, 3, 4]).layers[1].weights[2]).max() <= 5e-4


def test_a_reader_who_left_stops_the_work() -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from components.attention import map_heads

    torch.manual_seed(1)
    model = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(vocab_size=90, n_embd=32, n_layer=2, n_head=4, n_positions=48)
    ).eval()
    calls = []

    def stop() -> None:
        calls.append(1)
        raise RuntimeError("left")

    with pytest.raises(RuntimeError, match="left"):
        map_heads(model, [1, 2, 3], check=stop)
    assert len(calls) == 1
