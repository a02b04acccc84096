"""The three kinds of attention of an encoder-decoder, against the library's own eager output and by hand."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from components.attention import capture_seq2seq, read_source  # noqa: E402

TOLERANCE = 1e-6
KINDS = (("encoder", "encoder_attentions"), ("decoder", "decoder_attentions"), ("cross", "cross_attentions"))
TEXT = "born on the third of May, 1998"


def t5(**changes: Any) -> Any:
    torch.manual_seed(0)
    settings = {"vocab_size": 60, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 3, "num_decoder_layers": 2,
                "num_heads": 4, "decoder_start_token_id": 0, "relative_attention_max_distance": 12}
    model = transformers.T5ForConditionalGeneration(transformers.T5Config(**{**settings, **changes})).eval()
    with torch.no_grad():  # so that rows are far from even, and a bias in the wrong place is seen
        for name, parameter in model.named_parameters():
            if "relative_attention_bias" in name or ".q." in name:
                parameter.mul_(8)
    return model


def bart() -> Any:
    torch.manual_seed(1)
    config = transformers.BartConfig(vocab_size=50, d_model=32, encoder_layers=2, decoder_layers=2,
                                     max_position_embeddings=40, encoder_attention_heads=4,
                                     decoder_attention_heads=4, encoder_ffn_dim=48,
                                     decoder_ffn_dim=48, decoder_start_token_id=2, forced_eos_token_id=None)
    return transformers.BartForConditionalGeneration(config).eval()


@pytest.fixture(scope="module")
def datewriter() -> Any:
    from components.models.open import open_model

    return open_model("datewriter")


def eager(model: Any, source: Any, decoder: Any) -> Any:
    model.set_attn_implementation("eager")
    with torch.inference_mode():
        return model(input_ids=torch.tensor([list(map(int, source))]), use_cache=False, output_attentions=True,
                     decoder_input_ids=torch.tensor([list(map(int, decoder))]))


def agrees(found: Any, expected: Any) -> None:
    for kind, name in KINDS:
        layers, theirs = getattr(found, kind), getattr(expected, name)
        assert len(layers) == len(theirs) > 0
        for layer, one in zip(layers, theirs, strict=True):
            assert np.abs(layer.weights - one[0].numpy()).max() <= TOLERANCE
    assert np.abs(found.logits - expected.logits[0].numpy()).max() <= 1e-4


@pytest.mark.parametrize("build", [t5, bart])
def test_weights_equal_the_librarys(build: Any) -> None:
    model = build()
    source, target = [7, 8, 9, 10, 11, 12, 13, 5, 1], [20, 21, 22, 23, 24, 1]
    found = capture_seq2seq(model, source, target)
    start = model.config.decoder_start_token_id
    assert found.decoder_ids.tolist() == [start, *target[:-1]]
    assert found.target_ids.tolist() == target
    assert found.cross[0].weights.shape == (4, 6, 9)
    assert found.encoder[0].weights.shape == (4, 9, 9)
    agrees(found, eager(model, source, found.decoder_ids))


@pytest.mark.parametrize("text", [TEXT, "1998-05-03", "x", "on Sunday, the twenty-first of June 2009"])
def test_datewriters_weights_equal_the_librarys(datewriter: Any, text: str) -> None:
    found = capture_seq2seq(datewriter, read_source(datewriter, text).ids)
    agrees(found, eager(datewriter.model, found.source_ids, found.decoder_ids))


def test_every_cell_can_be_recomputed(datewriter: Any) -> None:
    for model, ids in ((t5(), [5, 6, 7, 8, 9, 1]), (datewriter, read_source(datewriter, TEXT).ids)):
        found = capture_seq2seq(model, ids, max_new_tokens=12)
        for kind, _ in KINDS:
            for layer in getattr(found, kind):
                assert layer.scale == 1.0
                assert layer.bias is not None
                scores = np.einsum("hqd,hkd->hqk", layer.query, layer.key) * layer.scale + layer.bias
                scores = np.where(layer.mask, scores, -np.inf)
                shares = np.exp(scores - scores.max(-1, keepdims=True))
                shares /= shares.sum(-1, keepdims=True)
                assert np.abs(shares - layer.weights).max() < 1e-5
                joined = np.einsum("hqk,hkd->qhd", layer.weights, layer.value)
                assert np.abs(joined - layer.output).max() < 1e-4


def test_relative_positions_count_in_the_encoder_and_decoder_and_not_across() -> None:
    found = capture_seq2seq(t5(), [5, 6, 7, 8, 9, 1], [11, 12, 13])
    assert all(np.abs(layer.bias).max() > 0 for layer in (*found.encoder, *found.decoder))
    assert all(np.abs(layer.bias).max() == 0 for layer in found.cross)
    assert np.array_equal(found.encoder[0].bias, found.encoder[2].bias)  # one table, shared by all layers


def test_the_decoder_alone_is_causal(datewriter: Any) -> None:
    found = capture_seq2seq(datewriter, read_source(datewriter, TEXT).ids)
    for layer in found.decoder:
        assert not np.triu(layer.weights, 1).any()
        assert not np.triu(layer.mask, 1).any()
    assert all(layer.mask.all() for layer in (*found.encoder, *found.cross))
    assert np.triu(found.encoder[0].weights[0], 1).any()


def test_greedy_writing_is_the_librarys(datewriter: Any) -> None:
    ids = read_source(datewriter, TEXT).ids
    found = capture_seq2seq(datewriter, ids)
    with torch.inference_mode():
        theirs = datewriter.model.generate(torch.from_numpy(ids.copy())[None], max_new_tokens=64, do_sample=False)
    assert found.target_ids.tolist() == theirs[0, 1:].tolist()
    assert "".join(found.target_pieces) == "1998-05-03</s>"
    assert found.decoder_pieces == ("<pad>", *found.target_pieces[:-1])
    assert found.logits.argmax(-1).tolist() == found.target_ids.tolist()
    assert len(capture_seq2seq(datewriter, ids, max_new_tokens=3).target_ids) == 3


def test_a_source_keeps_the_readers_own_words(datewriter: Any) -> None:
    text = "Zoë wrote:  3RD of May 1998"
    read = read_source(datewriter, text)
    assert read.pieces == ("Zoë", "wrote", ":", "3", "RD", "of", "May", "1", "9", "9", "8", "</s>")
    assert [text[start:end] for start, end in read.spans[:-1]] == list(read.pieces[:-1])
    assert read.known == (False, False, *[True] * 10)
    found = capture_seq2seq(datewriter, read.ids)
    assert found.source_pieces[:5] == ("<unk>", "<unk>", ":", "3", "rd")


def test_two_readers_of_one_model_get_their_own(datewriter: Any) -> None:
    texts = [f"the third of May {year}" for year in range(1990, 1998)]
    found: dict[str, str] = {}

    def ask(text: str) -> None:
        for _ in range(4):
            made = capture_seq2seq(datewriter, read_source(datewriter, text).ids)
            assert len(made.encoder) == len(made.cross) == len(made.decoder) == datewriter.layers
            found[text] = "".join(made.target_pieces)

    threads = [threading.Thread(target=ask, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {text: f"{text[-4:]}-05-03</s>" for text in texts}


def test_nothing_can_be_written_into_a_capture(datewriter: Any) -> None:
    found = capture_seq2seq(datewriter, read_source(datewriter, TEXT).ids)
    for array in (found.source_ids, found.target_ids, found.decoder_ids, found.logits, found.cross[0].weights):
        with pytest.raises(ValueError):
            array[0] = 0


@pytest.mark.parametrize(("source", "target", "most", "says"), [
    ([], None, 10, "no token"),
    ([1, 2, 60], None, 10, "outside the model's vocabulary"),
    ([5, 6, 1], [], 10, "no token"),
    ([5, 6, 1], [-1], 10, "outside the model's vocabulary"),
    ([5, 6, 1], None, 0, "choose from 1 to"),
    ([5] * 600, None, 10, "shorten the text"),
])
def test_bad_ids_are_refused_in_a_sentence(source: Any, target: Any, most: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        capture_seq2seq(t5(), source, target, max_new_tokens=most)


def test_other_models_are_refused_in_a_sentence(datewriter: Any) -> None:
    llama = transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=20, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2)).eval()
    with pytest.raises(ValueError, match="no encoder and decoder"):
        capture_seq2seq(llama, [1, 2])
    with pytest.raises(ValueError, match="no tokenizer"):
        read_source(llama, "3 May 1998")
    with pytest.raises(ValueError):
        read_source(datewriter, "  ")
    broken = t5()
    with torch.no_grad():
        broken.encoder.block[0].layer[0].SelfAttention.q.weight.fill_(float("nan"))
    with pytest.raises(ValueError, match="no numbers"):
        capture_seq2seq(broken, [5, 6, 1], [7, 1])
