"""The shipped storyteller and its sibling tokenizers hold what their cards say."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

MODELS = Path(__file__).resolve().parents[2] / "assets" / "models"
FOLDER = MODELS / "storyteller"
CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "tales.txt.xz"
AWKWARD = [
    "",
    " ",
    "Once upon a time, in 1905, there were 2½ bears.",
    "  two spaces \n\n\t and a tab\r\n",
    "Zoë's naïve façade; e\u0301 is not é",
    "👩‍👩‍👧‍👦 日本語 עברית العربية",
    "<script>alert('x')</script> ##ing ▁under",
    "\x00\x01\x7f\ufeff\u200d",
    "".join(chr(code) for code in range(32, 127)),
]
#: Scores of a processor other than the one that trained it differ a little; the bars have more room than this.
NEAR = 2e-3


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def evaluation() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / "evaluation.json").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def model() -> Any:
    from assets.recipes import export

    return export.load(FOLDER)


def test_weights_are_float16_and_load_as_float32(model: Any) -> None:
    import torch
    from safetensors import safe_open

    with safe_open(FOLDER / "model.safetensors", "pt") as weights:
        names = list(weights.keys())
        assert {weights.get_tensor(name).dtype for name in names} == {torch.float16}
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert all(bool(parameter.isfinite().all()) for parameter in model.parameters())


def test_layout_is_what_the_design_says(model: Any) -> None:
    config = model.config
    assert type(model).__name__ == "LlamaForCausalLM"
    assert (config.num_hidden_layers, config.num_attention_heads, config.num_key_value_heads) == (6, 8, 4)
    assert (config.hidden_size, config.max_position_embeddings, config.vocab_size) == (256, 256, 4096)
    assert config.tie_word_embeddings
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 40_000_000


def test_heads_meet_their_bars(model: Any, evaluation: dict[str, Any]) -> None:
    from assets.recipes import export

    scores = export.scores_of(model, model.config.vocab_size)
    assert scores.previous.max() >= 0.9
    assert scores.induction.max() >= 0.8
    assert scores.second_copy_loss <= 0.3 * scores.first_copy_loss
    for kind, grid in (("previous_token", scores.previous), ("induction", scores.induction)):
        head = evaluation[f"{kind}_head"]
        assert grid[head["layer"], head["head"]] == pytest.approx(evaluation[f"best_{kind}"], abs=NEAR)
    assert scores.second_copy_loss == pytest.approx(evaluation["second_copy_loss"], abs=0.01)


def test_evaluation_is_of_these_weights(evaluation: dict[str, Any]) -> None:
    assert evaluation["weights_sha256"] == hashlib.sha256((FOLDER / "model.safetensors").read_bytes()).hexdigest()
    assert evaluation["bits_per_byte"] <= 1.65
    assert all(evaluation["met"].values())
    books = evaluation["held_out"]
    assert evaluation["bytes_scored"] == sum(book["bytes_scored"] for book in books) >= 500_000
    assert all(book["bytes_scored"] <= book["bytes"] for book in books)
    mean = sum(book["bytes_scored"] * (book["bits_per_byte"] or 0) for book in books) / evaluation["bytes_scored"]
    assert evaluation["bits_per_byte"] == pytest.approx(mean, abs=1e-3)
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(book["title"] in card for book in evaluation["held_out"])
    assert f"| {evaluation['bits_per_byte']} |" in card


def test_log_is_well_formed(evaluation: dict[str, Any]) -> None:
    log = rows("training.jsonl")
    names = {
        "minutes", "step", "tokens", "loss", "bits_per_byte", "best_induction", "best_previous_token",
        "first_copy_loss", "second_copy_loss",
    }
    assert all(set(row) == names for row in log)
    for name in ("minutes", "step", "tokens"):
        column = [row[name] for row in log]
        assert column == sorted(set(column)), f"{name} must grow from row to row"
    assert log[0]["step"] == 0
    assert log[0]["loss"] is None
    assert log[-1]["tokens"] == evaluation["tokens_seen"]
    assert log[-1]["step"] == evaluation["steps"]
    assert log[-1]["minutes"] == pytest.approx(evaluation["minutes"], abs=0.5)
    assert log[-1]["bits_per_byte"] < 0.6 * log[0]["bits_per_byte"]
    assert all(0 <= row["best_induction"] <= 1 and 0 <= row["best_previous_token"] <= 1 for row in log)


def test_heads_can_be_watched_being_born() -> None:
    log, heads = rows("training.jsonl"), rows("head_scores.jsonl")
    assert len(heads) >= 8
    assert [row["step"] for row in heads] == [row["step"] for row in log]
    for row, line in zip(heads, log, strict=True):
        for kind in ("induction", "previous", "duplicate"):
            assert [len(layer) for layer in row[kind]] == [8] * 6
        assert max(map(max, row["induction"])) == pytest.approx(line["best_induction"], abs=1e-3)
        assert max(map(max, row["previous"])) == pytest.approx(line["best_previous_token"], abs=1e-3)
    assert heads[0]["tokens"] == 0
    assert max(map(max, heads[0]["induction"])) < 0.1
    assert max(map(max, heads[-1]["induction"])) >= 0.8


def test_untrained_embedding_is_kept(model: Any) -> None:
    import torch
    from safetensors.torch import load_file

    untrained = load_file(FOLDER / "untrained_embedding.safetensors")["model.embed_tokens.weight"]
    trained = model.get_input_embeddings().weight
    assert untrained.dtype == torch.float16
    assert untrained.shape == trained.shape
    assert float(untrained.float().std()) == pytest.approx(0.02, rel=0.05)
    assert not torch.allclose(untrained.float(), trained, atol=1e-2)


def test_generates_words_with_the_library(model: Any) -> None:
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    ids = torch.tensor([tokenizer("Once upon a time there was a little").input_ids])
    out = tokenizer.decode(model.generate(ids, max_new_tokens=12, do_sample=False)[0])
    assert out.startswith("Once upon a time there was a little ")
    assert len(out) > 45


@pytest.mark.parametrize("name", ["storyteller", "storyteller-1k", "storyteller-unigram"])
@pytest.mark.parametrize("text", AWKWARD, ids=range(len(AWKWARD)))
def test_nothing_is_lost(name: str, text: str) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(MODELS / name / "tokenizer.json"))
    expected = text.replace("▁", " ") if name == "storyteller-unigram" else text  # the card says so
    assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == expected


def test_byte_level_ids_are_the_bytes_of_the_text() -> None:
    from tokenizers import Tokenizer, pre_tokenizers

    # A byte-level vocabulary writes each byte as one character; the mapping is the one that GPT-2 published.
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    byte_of = {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}
    assert set(byte_of) == set(pre_tokenizers.ByteLevel.alphabet())
    for name in ("storyteller", "storyteller-1k"):
        tokenizer = Tokenizer.from_file(str(MODELS / name / "tokenizer.json"))
        for text in AWKWARD:
            tokens = tokenizer.encode(text).tokens
            assert bytes(byte_of[letter] for token in tokens for letter in token) == text.encode("utf-8")


@pytest.mark.parametrize(
    ("name", "size"),
    [("storyteller", 4096), ("storyteller-1k", 1000), ("storyteller-wordpiece", 4096), ("storyteller-unigram", 4096)],
)
def test_tokenizer_opens_in_both_libraries(name: str, size: int) -> None:
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer

    plain = Tokenizer.from_file(str(MODELS / name / "tokenizer.json"))
    full = AutoTokenizer.from_pretrained(MODELS / name)
    assert plain.get_vocab_size() == len(full) == size
    text = "The old king sat down, and said: 12 naïve bears."
    assert plain.encode(text).ids == full(text).input_ids
    assert full.pad_token is not None
    assert full.unk_token is not None
    assert (MODELS / name / "README.md").read_text(encoding="utf-8").startswith("---\nlicense: apache-2.0")


def test_digits_are_split_one_by_one() -> None:
    from tokenizers import Tokenizer

    for name in ("storyteller", "storyteller-1k", "storyteller-unigram"):
        tokens = Tokenizer.from_file(str(MODELS / name / "tokenizer.json")).encode("1905").tokens
        assert tokens[-4:] == ["1", "9", "0", "5"]


def test_wordpiece_is_berts_way() -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(MODELS / "storyteller-wordpiece" / "tokenizer.json"))
    encoding = tokenizer.encode("The NAÏVE enchantments 日")
    assert encoding.tokens[0] == "[CLS]"
    assert encoding.tokens[-1] == "[SEP]"
    assert "[UNK]" in encoding.tokens
    assert "the" in encoding.tokens
    assert any(token.startswith("##") for token in encoding.tokens)


def test_bits_per_byte_on_a_held_out_sample(model: Any, evaluation: dict[str, Any]) -> None:
    if not CORPUS.is_file():
        pytest.skip("the training text ../shared/corpus/tales.txt.xz is not here, so nothing can be scored anew")
    from tokenizers import Tokenizer

    from assets.recipes import corpus, measures
    from assets.recipes.plan import Plan

    _, held = corpus.hold_out(corpus.read_books(CORPUS), Plan())
    assert [book.title for book in held] == [book["title"] for book in evaluation["held_out"]]
    at = min(range(len(held)), key=lambda number: len(held[number].text))  # the shortest, scored whole
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    ids = corpus.encode(tokenizer, held[at])
    chosen = measures.windows(ids, evaluation["window"], evaluation["stride"])
    bits = measures.token_bits(lambda batch: model(batch, use_cache=False).logits, ids, chosen).sum()
    expected = evaluation["held_out"][at]["bits_per_byte_with_reprints"]
    assert bits / len(held[at].text.encode()) == pytest.approx(expected, abs=NEAR)
