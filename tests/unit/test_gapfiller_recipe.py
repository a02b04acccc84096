"""The recipe of gapfiller: which tokens are hidden, what is carried over, and a training small enough for seconds."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from assets.recipes import corpus, gapfiller, masked, masked_export, masked_measures, masked_training
from assets.recipes.encoder import Encoder, begin_from_storyteller, library_config, library_weights
from assets.recipes.llama import Llama
from assets.recipes.masked_plan import MaskedPlan
from assets.recipes.plan import Plan

BOOKS = Plan(
    vocabulary=300, layers=2, width=32, heads=4, kv_heads=2, feed_forward=48, context=64, hold_out_every=4,
    hold_out_remainder=1,
)
TINY = MaskedPlan(
    tokens=300, layers=2, width=32, heads=4, feed_forward=48, context=64, rows=8, short_context=16, matrix_rate=0.02,
    other_rate=0.01, warm_up_steps=2, log_seconds=1e9, log_windows=6,
)
LINES = [  # of fewer than ten words each, so that none counts as a reprint of the same line in another book
    "The old king and his daughter walked home.",
    "Nobody had seen a bear there for 12 years.",
    "\"Where is my red shoe?\" said the daughter.",
    "In the dark wood sat a small bear.",
    "\"Take it off,\" said the old king.",
]


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight little books of the same five sentences, each in orders of its own."""
    chance = np.random.default_rng(3)
    path = tmp_path_factory.mktemp("books") / "tales.txt"
    texts = ["\n".join(LINES[int(at)] for at in chance.integers(0, len(LINES), 60)) for _ in range(8)]
    path.write_text("\n\n".join(texts), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def prepared(books: Path, tmp_path_factory: pytest.TempPathFactory) -> corpus.Prepared:
    return corpus.prepare(books, tmp_path_factory.mktemp("ids"), BOOKS)


@pytest.fixture(scope="module")
def words(prepared: corpus.Prepared) -> masked.Words:
    return masked.words_of(prepared.tokenizer.get_vocab())


@pytest.fixture(scope="module")
def start(prepared: corpus.Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as storyteller's, of an untrained model of its architecture."""
    folder = tmp_path_factory.mktemp("storyteller")
    torch.manual_seed(5)
    model = Llama(BOOKS)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.mul_(torch.rand_like(parameter) + 0.5)
    save_file({"model." + name: one.contiguous() for name, one in model.state_dict().items()},
              folder / "model.safetensors")
    prepared.tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps(library_llama()), encoding="utf-8")
    return folder


def library_llama() -> dict[str, Any]:
    from assets.recipes.llama import library_config as of_llama

    return of_llama(BOOKS)


# Gaps ----------------------------------------------------------------------------------------------------------------


def test_words_are_runs_of_letters(prepared: corpus.Prepared, words: masked.Words) -> None:
    text = "The cooks' 12 daughters café-red\nking"
    encoded = prepared.tokenizer.encode(text)
    unit = masked.units(np.array(encoded.ids, dtype=np.int64), words)
    parts: dict[int, str] = {}
    for number, one in zip(unit.tolist(), encoded.ids, strict=True):
        parts[number] = parts.get(number, "") + str(prepared.tokenizer.id_to_token(one))
    found = {part.removeprefix("Ġ") for part in parts.values()}
    assert {"The", "cooks", "daughters", "cafÃ©", "red", "king"} <= found, found
    assert {"1", "2", "-", "Ċ"} <= found


@pytest.mark.parametrize("whole", [False, True])
def test_gaps_have_their_share_and_never_a_special_token(
    prepared: corpus.Prepared, words: masked.Words, whole: bool
) -> None:
    chance = np.random.default_rng(8)
    rows = prepared.stream[: 20 * 64].reshape(20, 64).astype(np.int64)
    rows[:, 5] = masked.SPECIAL
    kinds: list[masked.Words | None] = [words if whole else None] * len(rows)
    for share, count in ((0.15, 10), (0.3, 19)):
        step = masked.hide(rows, share, 300, kinds, chance)
        assert step.places.shape == (20, count)
        assert (np.diff(step.places, axis=1) > 0).all(), "a place was chosen twice"
        assert (step.answers != masked.SPECIAL).all()
        assert (step.ids[:, 5] == masked.SPECIAL).all()
        assert ((step.ids == 300).sum(1) == count).all()
        restored = step.ids.copy()
        np.put_along_axis(restored, step.places, step.answers, 1)
        assert (restored == rows).all()


def test_whole_words_are_hidden_whole(prepared: corpus.Prepared, words: masked.Words) -> None:
    chance = np.random.default_rng(1)
    cut = {"words": 0, "tokens": 0}
    for name, kind in (("words", words), ("tokens", None)):
        for at in range(40):
            row = prepared.stream[at * 64 : at * 64 + 64].astype(np.int64)
            chosen = masked.gaps(row, 10, kind, chance)
            hidden = np.zeros(64, dtype=bool)
            hidden[chosen] = True
            unit = masked.units(row, words)
            cut[name] += sum(0 < hidden[unit == one].mean() < 1 for one in np.unique(unit))
    assert cut["words"] == 0
    assert cut["tokens"] > 40, "the test has no words of several tokens"


def test_a_row_of_one_long_word_still_has_its_gaps(words: masked.Words, prepared: corpus.Prepared) -> None:
    letter = prepared.tokenizer.token_to_id("a")
    row = np.full(30, letter, dtype=np.int64)
    assert len(masked.gaps(row, 4, words, np.random.default_rng(0))) == 4
    with pytest.raises(ValueError, match="cannot have 4 gaps"):
        masked.gaps(np.zeros(30, dtype=np.int64), 4, None, np.random.default_rng(0))


def test_steps_depend_on_their_number_alone(prepared: corpus.Prepared, words: masked.Words) -> None:
    starts = masked.beginnings(prepared.stream, words, TINY.short_context)
    ends = [token for token, one in prepared.tokenizer.get_vocab().items() if words.line_end[one]]
    assert ends == ["Ċ"] or all("Ċ" in token for token in ends)
    assert words.line_end[prepared.stream[starts - 1]].all()
    for number in range(5):
        first = masked.training_step(prepared.stream, starts, words, number, TINY)
        again = masked.training_step(prepared.stream, starts, words, number, TINY)
        assert (first.ids == again.ids).all()
        assert (first.places == again.places).all()
        assert first.ids.shape == ((32, 16) if number == 3 else (8, 64))
        assert first.ids.size == TINY.rows * TINY.context
    other = masked.training_step(prepared.stream, starts, words, 1, TINY)
    assert (other.ids != masked.training_step(prepared.stream, starts, words, 0, TINY).ids).any()


# Weights -------------------------------------------------------------------------------------------------------------


def test_the_page_of_code_is_the_librarys_model() -> None:
    from transformers import ModernBertConfig, ModernBertForMaskedLM

    torch.manual_seed(2)
    ours = Encoder(TINY).eval()
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    settings = {name: value for name, value in library_config(TINY).items() if name != "dtype"}
    theirs = ModernBertForMaskedLM(ModernBertConfig(**settings)).eval()
    left_over = theirs.load_state_dict(library_weights(ours.state_dict()), strict=False)
    assert (left_over.missing_keys, left_over.unexpected_keys) == (["decoder.weight"], [])
    theirs.tie_weights()
    ids = torch.randint(0, TINY.vocabulary, (3, 40))
    places = torch.tensor([[0, 7], [3, 39], [11, 12]])
    with torch.no_grad():
        mine = ours(ids)
        for way in ("eager", "sdpa"):
            theirs.set_attn_implementation(way)
            assert torch.allclose(mine, theirs(ids).logits, atol=1e-4)
        picked = mine.gather(1, places[..., None].expand(-1, -1, TINY.vocabulary))
        assert torch.allclose(ours(ids, places), picked, atol=1e-5)


def test_storyteller_is_carried_over(start: Path) -> None:
    """One position alone looks at itself in both directions, so both models must say the same of a single token."""
    from safetensors.torch import load_file

    weights = load_file(start / "model.safetensors")
    causal = Llama(BOOKS).eval()
    causal.load_state_dict({name.removeprefix("model."): one for name, one in weights.items()})
    model = Encoder(TINY).eval()
    begin_from_storyteller(model, weights)
    ids = torch.arange(1, 300)[:, None]
    with torch.no_grad():
        told, filled = causal(ids), model(ids)[..., :300]
    # The mean that LayerNorm subtracts and the size of each embedding make a small difference.
    likeness = torch.nn.functional.cosine_similarity(told.flatten(1), filled.flatten(1), dim=1)
    strangers = torch.nn.functional.cosine_similarity(told.flatten(1), filled.flatten(1).roll(1, 0), dim=1)
    assert float(likeness.mean()) > 0.9
    assert float(strangers.abs().mean()) < 0.4
    with pytest.raises(ValueError, match="Use a plan of the same size"):
        begin_from_storyteller(Encoder(dataclasses.replace(TINY, tokens=200)), weights)


# The recipe ----------------------------------------------------------------------------------------------------------


def rows_of(work: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (work / "training.jsonl").read_text(encoding="utf-8").splitlines()]


def test_twenty_steps_learn_and_go_on_where_they_stopped(
    prepared: corpus.Prepared, start: Path, tmp_path: Path
) -> None:
    weights, long = start / "model.safetensors", 1e9  # so many minutes that the schedule does not depend on the clock
    for name in ("once", "twice"):
        (tmp_path / name).mkdir()
    masked_training.train(prepared, tmp_path / "once", long, TINY, False, weights, steps=20)
    masked_training.train(prepared, tmp_path / "twice", long, TINY, False, weights, steps=9)
    masked_training.train(prepared, tmp_path / "twice", long, TINY, False, weights, steps=20)
    first, *_, last = rows_of(tmp_path / "once")
    assert last["step"] == 20
    assert last["tokens"] == 20 * TINY.rows * TINY.context
    assert last["held_out_loss"] < 0.9 * first["held_out_loss"]
    resumed = rows_of(tmp_path / "twice")[-1]
    assert resumed["held_out_loss"] == pytest.approx(last["held_out_loss"], abs=0.02)


def test_the_recipe_from_end_to_end(books: Path, start: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    work, out = tmp_path / "work", tmp_path / "gapfiller"
    options = ["--corpus", str(books), "--work", str(work), "--out", str(out), "--start", str(start),
               "--minutes", "0.05", "--threads", "2", "--no-compile", "--note", "A small run."]
    assert gapfiller.main(options, TINY, BOOKS) in (0, 1)
    made = {path.name for path in out.iterdir()}
    assert made == {"README.md", "config.json", "evaluation.json", "model.safetensors", "tokenizer.json",
                    "tokenizer_config.json", "training.jsonl"}
    measured = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert measured["met"] == {name: (measured[name]["top_1"] or 0) >= bar for name, bar in masked_export.BARS.items()}
    assert measured["masked_tokens"]["count"] > 100
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "A small run." in card
    assert f"| {measured['masked_tokens']['top_1']} |" in card
    tokenizer = AutoTokenizer.from_pretrained(out)
    given = tokenizer("The old [MASK].", return_tensors="pt")
    assert tokenizer.mask_token_id == 300
    assert given["input_ids"][0].tolist().count(300) == 1
    assert AutoModelForMaskedLM.from_pretrained(out, dtype=torch.float32)(**given).logits.shape[-1] == 301


def test_wrong_calls_are_sentences(books: Path, start: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="minutes must be more than 0"):
        gapfiller.main(["--corpus", "x", "--minutes", "0"])
    tokenizer = corpus.Tokenizer.from_file(str(start / "tokenizer.json"))
    with pytest.raises(ValueError, match="no checkpoint"):
        masked_export.export(tmp_path, tmp_path / "out", TINY, tokenizer)
    other = tmp_path / "other.txt"
    other.write_text(books.read_text(encoding="utf-8").replace("bear", "wolf"), encoding="utf-8")
    with pytest.raises(ValueError, match="do not give storyteller's vocabulary"):
        gapfiller.main(["--corpus", str(other), "--minutes", "1", "--work", str(tmp_path / "w"),
                        "--start", str(start)], TINY, BOOKS)


# Measures ------------------------------------------------------------------------------------------------------------


def test_measures_count_what_they_say(prepared: corpus.Prepared, words: masked.Words) -> None:
    rows = masked_measures.rows_of(prepared.held[0], 64, 2)
    assert (rows[1] == prepared.held[0][128:192]).all()
    step = masked.hide(rows, 0.15, 300, [words] * len(rows), np.random.default_rng(4))

    def all_right_but_the_first_gap(ids: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        at = int((step.ids == ids[0].numpy()).all(1).argmax())
        answers = torch.from_numpy(step.answers[at : at + len(ids)])
        logits = torch.nn.functional.one_hot(answers, 301).float() * 9
        logits[:, 0] = torch.where(logits[:, 0] > 0, 1.0, 0.0)
        logits[:, 0, 297:300] = 2.0  # three others are more probable, so it is fourth
        return logits

    found = masked_measures.ranks(all_right_but_the_first_gap, step)
    everything = np.ones_like(step.places, dtype=bool)
    tokens = masked_measures.of_tokens(found, everything)
    count = step.places.shape[1]
    assert tokens["top_1"] == pytest.approx((count - 1) / count, abs=0.02)
    assert tokens["top_5"] == pytest.approx(1.0, abs=0.02)
    by_word = masked_measures.of_words(found, step, rows, words, everything)
    assert 0 < by_word["single_token_words"]["count"] < by_word["all_words"]["count"]
    assert by_word["all_words"]["top_1"] < 1.0
    none = masked_measures.of_words(found, step, rows, words, ~everything)
    assert none["all_words"] == {"count": 0, "top_1": None, "top_5": None}
