"""The shipped gapfiller holds what its card says, and opens as every other model does."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.models import catalog, sources
from components.models.open import OpenModel, open_encoder, open_model, open_tokenizer

MODELS = Path(__file__).resolve().parents[2] / "assets" / "models"
FOLDER = MODELS / "gapfiller"
CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "tales.txt.xz"
#: A sentence with a gap, and the word that belongs there.
GAPS = [
    ("Once upon a [MASK] there was a king who had three daughters.", " time"),
    ("She opened the [MASK] and went into the house.", " door"),
    ("The princess was so [MASK] that everybody loved her.", " beautiful"),
    ("\"What is your [MASK]?\" asked the king. \"My name is Hans,\" said the boy.", " name"),
    ("He shook his [MASK] and said nothing.", " head"),
    ("It was a dark [MASK], and the moon was hidden behind the clouds.", " night"),
    ("\"I do not [MASK],\" he answered.", " know"),
]
#: A processor that rounds otherwise moves an accuracy a little; a sample of the books moves it more.
MARGIN = 0.03


@pytest.fixture(scope="module")
def opened() -> OpenModel:
    return open_model("gapfiller")


@pytest.fixture(scope="module")
def evaluation() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / "evaluation.json").read_text(encoding="utf-8"))
    return loaded


def test_it_is_small_and_in_the_ordinary_layout() -> None:
    import torch
    from safetensors import safe_open
    from transformers import AutoModelForMaskedLM

    assert {"README.md", "config.json", "evaluation.json", "model.safetensors", "tokenizer.json",
            "tokenizer_config.json", "training.jsonl"} == {path.name for path in FOLDER.iterdir()}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 20_000_000
    with safe_open(FOLDER / "model.safetensors", "pt") as weights:
        assert {weights.get_tensor(name).dtype for name in weights.keys()} == {torch.float16}  # noqa: SIM118
    model, told = AutoModelForMaskedLM.from_pretrained(FOLDER, dtype=torch.float32, output_loading_info=True)
    assert not any(told[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert {one.dtype for one in model.parameters()} == {torch.float32}
    assert all(bool(one.isfinite().all()) for one in model.parameters())


def test_the_catalog_opens_it(opened: OpenModel, evaluation: dict[str, Any]) -> None:
    entry = catalog.entry("gapfiller")
    assert entry.kind == "encoder"
    assert sources.state("gapfiller").how == "ships with the app"
    assert (opened.architecture, opened.layers, opened.heads, opened.head_dim) == ("ModernBertForMaskedLM", 6, 8, 32)
    assert (opened.width, opened.context, opened.vocab_size) == (256, 256, 4097)
    assert opened.parameters == evaluation["parameters"]
    assert entry.size_mb == pytest.approx(sum(path.stat().st_size for path in FOLDER.iterdir()) / 1e6, abs=1)


def test_lists_of_other_things_do_not_name_it() -> None:
    assert "gapfiller" not in {entry.id for entry in catalog.of_kind("decoder", "tokenizer")}
    assert "gapfiller" not in {entry.id for entry in catalog.with_tokenizer()}
    with pytest.raises(ValueError, match="no sentence vectors"):
        open_encoder("gapfiller")


def test_its_tokens_are_storytellers_and_a_gap() -> None:
    mine, theirs = open_tokenizer("gapfiller").library_object, open_tokenizer("storyteller").library_object
    assert mine.get_vocab() == {**theirs.get_vocab(), "[MASK]": 4096}
    for text in ("Once upon a time, in 1905.", " two  spaces\n\tand a tab", "Zoë's naïve façade", "日本語 👩‍👧", ""):
        assert mine.encode(text).ids == theirs.encode(text).ids
        assert mine.decode(mine.encode(text).ids) == text
    filled, gap = mine.encode("on the mat.").ids, mine.encode("on the [MASK].").ids
    assert gap[:2] == filled[:2]
    assert gap[2] == 4096
    assert gap[-1] == filled[-1]


def test_capture_sees_what_the_library_sees(opened: OpenModel) -> None:
    import torch

    from components.attention import capture

    ids = opened.tokenizer.library_object.encode("The old king sat on the [MASK] and laughed.").ids
    seen = capture(opened, ids)
    with torch.no_grad():
        told = opened.model(torch.tensor([ids]), output_attentions=True)
    assert len(seen.layers) == len(told.attentions) == 6
    for layer, theirs in zip(seen.layers, told.attentions, strict=True):
        assert layer.weights.shape == (8, len(ids), len(ids))
        assert np.allclose(layer.weights, theirs[0].numpy(), atol=1e-6)
    assert np.allclose(seen.logits, told.logits[0].numpy(), atol=1e-4)
    # Both directions: with a causal mask everything above the diagonal would be 0.
    assert max(float(np.triu(layer.weights, 1).sum()) for layer in seen.layers) > 1


def test_other_ways_of_attention_agree(opened: OpenModel) -> None:
    import torch

    from assets.recipes import masked_export

    model = masked_export.load(FOLDER)
    ids = torch.tensor([opened.tokenizer.library_object.encode("There was once a [MASK] in the wood.").ids])
    with torch.no_grad():
        model.set_attn_implementation("sdpa")
        fused = model(ids).logits
        model.set_attn_implementation("eager")
        assert torch.allclose(fused, model(ids).logits, atol=1e-4)


@pytest.mark.parametrize(("text", "word"), GAPS)
def test_a_gap_is_filled(opened: OpenModel, text: str, word: str) -> None:
    import torch

    tokenizer = opened.tokenizer.library_object
    right = tokenizer.encode(word).ids
    assert len(right) == 1
    ids = tokenizer.encode(text).ids
    with torch.no_grad():
        logits = opened.model(torch.tensor([ids])).logits[0, ids.index(4096)]
    best = [tokenizer.decode([one]) for one in logits.topk(5).indices.tolist()]
    assert word in best
    # The margin: the sixth is clearly behind the right word.
    assert float(logits[right[0]] - logits.topk(6).values[-1]) > 0.2


def test_both_sides_matter(opened: OpenModel) -> None:
    """The same gap after the same words is filled otherwise when what follows is otherwise."""
    import torch

    tokenizer = opened.tokenizer.library_object

    def chances(text: str) -> Any:
        ids = tokenizer.encode(text).ids
        with torch.no_grad():
            return opened.model(torch.tensor([ids])).logits[0, ids.index(4096)].softmax(-1)

    one, other = (chances(f"She said that [MASK]{rest}") for rest in (" were very happy.", " was very happy."))
    they = tokenizer.encode(" they").ids[0]
    assert float(one[they]) > 3 * float(other[they])


def test_evaluation_is_of_these_weights_and_on_the_card(evaluation: dict[str, Any]) -> None:
    assert evaluation["weights_sha256"] == hashlib.sha256((FOLDER / "model.safetensors").read_bytes()).hexdigest()
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in ("masked_tokens", "single_token_words", "all_words", "whole_words"):
        found = evaluation[name]
        assert 0 < found["top_1"] < found["top_5"] < 1
        assert f"| {found['count']:,} | {found['top_1']} | {found['top_5']} |" in card
    assert evaluation["masked_tokens"]["count"] > 10_000
    assert evaluation["met"] == {name: evaluation[name]["top_1"] >= bar for name, bar in evaluation["bars"].items()}
    assert all(book["title"] in card for book in evaluation["held_out"])
    assert "first weights are storyteller's" in card.replace("\n", " ")


def test_the_log_tells_the_training(evaluation: dict[str, Any]) -> None:
    rows = [json.loads(line) for line in (FOLDER / "training.jsonl").read_text(encoding="utf-8").splitlines()]
    names = {"minutes", "step", "tokens", "loss", "held_out_loss", "held_out_accuracy",
             "held_out_accuracy_whole_words"}
    assert all(set(row) == names for row in rows)
    for name in ("minutes", "step", "tokens"):
        column = [row[name] for row in rows]
        assert column == sorted(set(column)), f"{name} must grow from row to row"
    assert rows[0]["step"] == 0
    assert rows[-1]["step"] == evaluation["steps"]
    assert rows[-1]["tokens"] == evaluation["tokens_seen"]
    assert rows[-1]["held_out_accuracy"] > 3 * rows[0]["held_out_accuracy"]
    assert rows[-1]["held_out_accuracy"] == pytest.approx(evaluation["masked_tokens"]["top_1"], abs=MARGIN)


def test_accuracy_on_held_out_books(evaluation: dict[str, Any]) -> None:
    """A small sample of the books, hidden anew, comes near the published figure."""
    if not CORPUS.is_file():
        pytest.skip("the training books are not in ../shared/corpus")
    from assets.recipes import corpus, masked, masked_export, masked_measures
    from assets.recipes.masked_plan import MaskedPlan
    from assets.recipes.plan import Plan

    plan = MaskedPlan()
    tokenizer = open_tokenizer("storyteller").library_object
    _, held = corpus.hold_out(corpus.read_books(CORPUS), Plan())
    assert [book.title for book in held] == [book["title"] for book in evaluation["held_out"]]
    parts = []
    for book in held:
        middle = len(book.text) // 2
        ids = np.array(tokenizer.encode(book.text[middle : middle + 24_000]).ids, dtype=np.uint16)
        parts.append(masked_measures.rows_of(ids, plan.context, 2)[:5])
    rows = np.concatenate(parts)
    step = masked.hide(rows, plan.hidden_in_measures, plan.mask_id, [None] * len(rows), np.random.default_rng(9))
    found = masked_measures.ranks(masked_export.at_gaps(masked_export.load(FOLDER)), step)
    assert float((found.rank == 1).mean()) >= evaluation["masked_tokens"]["top_1"] - MARGIN
    assert float((found.rank <= masked_measures.FIRST).mean()) >= evaluation["masked_tokens"]["top_5"] - MARGIN
