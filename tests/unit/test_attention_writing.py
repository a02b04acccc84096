"""Rows recorded while a model writes, against one pass over what it wrote; where writing ends; what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from components import attention, sampling  # noqa: E402
from tests.conftest import needs  # noqa: E402
from tests.unit import architectures  # noqa: E402

IDS = architectures.IDS
GREEDY = sampling.Settings(temperature=0, max_new_tokens=9)
DECODERS = ["llama", "gpt2", "mistral", "qwen3", "gemma2", "gpt_neox", "gpt_oss"]


def same_rows(model: Any, writing: attention.Writing) -> float:
    """The largest difference between a recorded row and the row of one pass over the finished text."""
    whole = attention.capture(model, writing.ids)
    worst = 0.0
    for step in range(writing.steps):
        query = writing.prompt + step - 1
        for layer, seen in enumerate(whole.layers):
            recorded = np.stack([writing.row(layer, head, step) for head in range(seen.weights.shape[0])])
            worst = max(worst, float(np.abs(recorded - seen.weights[:, query, : query + 1]).max()))
    return worst


@pytest.mark.parametrize("name", DECODERS)
def test_rows_are_those_of_one_pass_over_the_finished_text(name: str) -> None:
    model = architectures.MODELS[name]()
    writing = attention.write_on(model, IDS, GREEDY)
    assert writing.steps == 9
    assert writing.ids[: writing.prompt].tolist() == IDS
    assert same_rows(model, writing) <= 1e-5


def test_a_sliding_window_shows_in_the_rows() -> None:
    writing = attention.write_on(architectures.mistral(), IDS, GREEDY)
    for step in range(writing.steps):
        row = writing.row(0, 0, step)
        assert row.size == writing.prompt + step
        assert row[:-4].max() == 0
        assert row[-4:].min() > 0


def test_greedy_is_the_librarys_own_and_a_seed_gives_the_text_of_sampling() -> None:
    model = architectures.llama()
    writing = attention.write_on(model, IDS, GREEDY)
    with torch.inference_mode():
        truth = model.generate(torch.tensor([IDS]), max_new_tokens=9, do_sample=False)[0].tolist()
    assert writing.ids.tolist() == truth
    drawn = sampling.Settings(temperature=1.3, seed=5, max_new_tokens=9)
    writing = attention.write_on(model, IDS, drawn)
    assert tuple(writing.ids[len(IDS) :].tolist()) == sampling.decode(model, IDS, [drawn])[0].ids
    assert writing.ids.tolist() != truth
    with torch.inference_mode():
        chances = model(torch.from_numpy(writing.ids.astype(np.int64))[None]).logits[0].softmax(-1).numpy()
    for step in range(writing.steps):
        at = writing.prompt + step
        assert writing.probability[step] == pytest.approx(float(chances[at - 1, writing.ids[at]]), abs=1e-5)
        assert writing.rank[step] == 1 + int((chances[at - 1] > chances[at - 1, writing.ids[at]]).sum())


def test_what_is_said_of_each_step_is_in_its_row() -> None:
    writing = attention.write_on(architectures.llama(), IDS, GREEDY)
    keys, most = writing.looks(skip_first=False)
    elsewhere, other = writing.looks(skip_first=True)
    sink = writing.sink()
    for layer, head, step in np.ndindex(*keys.shape):
        row = writing.row(layer, head, step)
        assert row.sum() == pytest.approx(1, abs=1e-5)
        assert (keys[layer, head, step], most[layer, head, step]) == (row.argmax(), row.max())
        assert (elsewhere[layer, head, step], other[layer, head, step]) == (row[1:].argmax() + 1, row[1:].max())
        assert sink[layer, head, step] == row[0]


def test_one_token_is_enough_to_go_on_from() -> None:
    writing = attention.write_on(architectures.llama(), [5], GREEDY)
    assert writing.row(1, 2, 0).tolist() == [1.0]
    assert writing.looks(skip_first=True)[0][0, 0, :2].tolist() == [0, 1]


def test_writing_ends_at_the_end_token() -> None:
    model = architectures.llama()
    third = attention.write_on(model, IDS, GREEDY).ids[len(IDS) + 2]
    model.generation_config.eos_token_id = int(third)
    writing = attention.write_on(model, IDS, GREEDY)
    assert (writing.ended, writing.ids[-1]) == ("end", third)
    assert writing.steps <= 3


def test_writing_ends_where_the_context_does() -> None:
    model = architectures.llama(max_position_embeddings=15)
    model.generation_config.eos_token_id = None
    writing = attention.write_on(model, IDS, GREEDY)
    assert (writing.ended, writing.ids.size) == ("context", 15)
    with pytest.raises(ValueError, match="fills the 15 tokens"):
        attention.write_on(model, [*IDS, 1, 2, 3, 4], GREEDY)


def test_it_can_be_stopped_and_says_how_far_it_is() -> None:
    told: list[tuple[int, int]] = []

    def report(done: int, of: int) -> None:
        told.append((done, of))
        if done == 4:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        attention.write_on(architectures.llama(), IDS, GREEDY, report=report)
    assert told == [(done, 9) for done in range(5)]


@pytest.mark.parametrize("name", ["bert", "modernbert"])
def test_an_encoder_does_not_write(name: str) -> None:
    with pytest.raises(ValueError, match="is an encoder: it reads the whole text at once and writes nothing on"):
        attention.write_on(architectures.MODELS[name](), IDS, GREEDY)


def test_bad_requests_are_sentences() -> None:
    model = architectures.llama()
    for count in (41, 60):
        with pytest.raises(ValueError, match="between 1 and 40"):
            attention.write_on(model, IDS, sampling.Settings(max_new_tokens=count))
    with pytest.raises(ValueError, match="no token"):
        attention.write_on(model, [], GREEDY)
    with pytest.raises(ValueError, match="encoder-decoder"):
        attention.write_on(architectures.t5(), IDS, GREEDY)
    with torch.no_grad():
        model.model.layers[1].self_attn.q_proj.weight.fill_(float("nan"))
    with pytest.raises(ValueError, match="Layer 1 of this model gave values that are no numbers"):
        attention.write_on(model, IDS, GREEDY)


def test_the_result_cannot_be_written_to() -> None:
    writing = attention.write_on(architectures.llama(), IDS, GREEDY)
    with pytest.raises(ValueError, match="read-only"):
        writing.rows[0, 0, 0] = 1


@pytest.mark.parametrize("name", ["storyteller", pytest.param("smollm2", marks=needs("smollm2"))])
def test_real_models_agree_with_one_pass(name: str) -> None:
    from components.models.open import open_model

    model = open_model(name)
    ids, _ = attention.read(model.tokenizer, "A small boat left the bay at dawn, and at noon a small boat left the")
    writing = attention.write_on(model, ids, sampling.Settings(temperature=0, max_new_tokens=6))
    assert writing.rows.shape[:2] == (model.layers, model.heads)
    assert same_rows(model, writing) <= 1e-5
