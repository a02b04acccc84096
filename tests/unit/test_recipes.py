"""The recipes themselves, on a corpus and a model small enough for seconds."""

from __future__ import annotations

import dataclasses
import json
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assets.recipes import corpus, measures, storyteller, tokenizers
from assets.recipes.plan import Plan

TINY = Plan(
    vocabulary=300, layers=2, width=32, heads=4, kv_heads=2, feed_forward=48, context=96, rows=4, repeated_rows=1,
    repeated_rows_when_late=2,
    shortest_repeat=3, longest_repeat=10, warm_up_steps=2, hold_out_every=4, hold_out_remainder=1, log_windows=4,
    log_seconds=0.5,
)
WORDS = [
    "the", "old", "king", "and", "his", "small", "daughter", "walked", "to", "a", "dark", "wood", "where", "nobody",
    "had", "seen", "any", "bear", "for", "12", "years",
]


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight little books with their list of sources."""
    chance = np.random.default_rng(3)
    folder = tmp_path_factory.mktemp("books")
    texts = []
    for _ in range(8):
        lines = [" ".join(chance.choice(WORDS, 12)).capitalize() + "." for _ in range(60)]
        texts.append("\n".join(lines))
    path = folder / "tales.txt.xz"
    path.write_bytes(lzma.compress("\n\n".join(texts).encode()))
    sources = "".join(f"Author {place}\tBook {place}.txt\n" for place in range(8))
    (folder / "SOURCES.tsv").write_text(sources, encoding="utf-8")
    return path


def log_of(work: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (work / "training.jsonl").read_text(encoding="utf-8").splitlines()]


def test_whole_books_are_held_out(books: Path) -> None:
    read = corpus.read_books(books)
    kept, held = corpus.hold_out(read, TINY)
    assert [book.title for book in held] == ["Book 1 (Author 1)", "Book 5 (Author 5)"]
    assert {book.place for book in kept} | {book.place for book in held} == set(range(8))
    assert not {book.text for book in kept} & {book.text for book in held}


def test_a_reprint_is_found_in_whatever_edition() -> None:
    line = "The old king and his small daughter walked to a dark wood."
    other = "the OLD king, and his small daughter -- walked to a dark wood!"
    kept = [corpus.Book(0, "a", f"Something else that was never told to anybody in the land before.\n{line}\n")]
    held = [corpus.Book(1, "b", f"A bear had seen nobody for twelve long years in his own wood.\n{other}\nYes.\n")]
    assert corpus.reprinted(kept, held) == [[False, True, True]]


def test_flags_of_paragraphs_reach_their_tokens() -> None:
    ids = np.array([0, 5, 6, 9, 5, 9, 7, 8, 9], dtype=np.uint16)
    spread = measures.tokens_of_paragraphs(ids, {9}, [False, True, False])
    assert spread.tolist() == [False, False, False, False, True, True, False, False, False]


def test_missing_corpus_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no corpus at"):
        corpus.read_books(tmp_path / "none.txt.xz")
    with pytest.raises(ValueError, match="minutes must be more than 0"):
        storyteller.main(["--corpus", "x", "--minutes", "0"])


def test_rows_depend_on_what_is_given_alone_and_repeat_as_planned() -> None:
    stream = np.arange(1, 4001).astype(np.uint16) % 299 + 1
    first, again = corpus.batch(stream, 5, 15, 1, TINY), corpus.batch(stream, 5, 15, 1, TINY)
    assert np.array_equal(first, again)
    assert first.shape == (4, 97)
    assert not np.array_equal(first, corpus.batch(stream, 6, 18, 1, TINY))
    period = [size for size in range(3, 11) if np.array_equal(first[3, size:], first[3, :-size])]
    assert period, "the last row repeats a stretch of 3 to 10 tokens"


def test_repeated_rows_follow_what_is_learned() -> None:
    plan = Plan()
    assert plan.repeated(1.0, 0.3) == 2
    assert plan.repeated(1.0, 0.7) == 4
    assert plan.repeated(0.2, 0.3) == plan.repeated(0.2, 0.7) == 1


def test_fewer_repeated_rows_leave_more_natural_text() -> None:
    stream = np.arange(96 * 30 + 1).astype(np.uint16)
    two, one = corpus.batch(stream, 0, 0, 2, TINY), corpus.batch(stream, 0, 0, 1, TINY)
    assert np.array_equal(two[:2], one[:2])
    assert np.array_equal(np.diff(one[2]), np.ones(96))  # this row went from repeated to natural


def test_an_epoch_shows_every_row_once() -> None:
    stream = np.arange(96 * 30 + 1).astype(np.uint16)
    starts = [int(row[0]) for step in range(10) for row in corpus.batch(stream, step, 3 * step, 1, TINY)[:3]]
    assert sorted(starts) == [96 * place for place in range(30)]


@pytest.mark.parametrize("length", [2, 10, 32, 33, 48, 49, 100])
def test_windows_score_every_token_once(length: int) -> None:
    ids = np.zeros(length, dtype=np.uint16)
    found = measures.windows(ids, context=32, stride=16)
    scored = [position for start, end, first in found for position in range(first, end)]
    assert scored == list(range(1, length))
    assert all(end - start <= 32 and first > start for start, end, first in found)
    assert all(first - start >= 16 for start, _, first in found[1:])


def test_a_stride_that_leaves_gaps_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves gaps"):
        measures.windows(np.zeros(100, dtype=np.uint16), context=32, stride=33)


def test_bits_of_a_model_that_knows_nothing() -> None:
    import torch

    ids = np.arange(50).astype(np.uint16)
    bits = measures.token_bits(lambda rows: torch.zeros(*rows.shape, 256), ids, measures.windows(ids, 32, 16))
    assert bits[0] == 0  # nothing comes before the first token, so it is not scored
    assert bits.sum() == pytest.approx(49 * 8)  # 256 equal choices are 8 bits each


def test_head_scores_of_heads_that_are_known() -> None:
    import torch

    length = 2 * measures.COPY

    def run(rows: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        previous, induction, duplicate = (torch.zeros(length, length) for _ in range(3))
        for query in range(1, length):
            previous[query, query - 1] = 1
        for query in range(measures.COPY, length):
            induction[query, query - measures.COPY + 1] = 1
            duplicate[query, query - measures.COPY] = 1
        one = torch.stack([previous, induction, duplicate]).expand(len(rows), -1, -1, -1)
        return torch.zeros(*rows.shape, 100), [one]

    scores = measures.head_scores(run, 100)
    assert scores.previous.tolist() == [[1, 0, 0]]
    assert scores.induction.tolist() == [[0, 1, 0]]
    assert scores.duplicate.tolist() == [[0, 0, 1]]
    assert scores.first_copy_loss == pytest.approx(np.log(100), abs=1e-4)


def test_muon_makes_directions_equally_strong() -> None:
    import torch

    from assets.recipes.muon import orthogonalise

    torch.manual_seed(0)
    for shape in ((3, 24, 64), (3, 64, 24)):
        strength = torch.linalg.svdvals(orthogonalise(torch.randn(shape)))
        assert float(strength.min()) > 0.5
        assert float(strength.max()) < 1.5


def test_rate_warms_up_and_falls_by_time() -> None:
    from assets.recipes.training import rate

    plan = Plan()
    assert rate(plan, 0, 0) == pytest.approx(0.01)
    assert rate(plan, 200, 0) == pytest.approx(1)
    assert rate(plan, 5000, 0.5) == pytest.approx(0.525)
    assert rate(plan, 9000, 1) == pytest.approx(0.05)


def test_plain_llama_is_the_librarys_llama() -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from assets.recipes.llama import Llama, library_config

    torch.manual_seed(0)
    plan = dataclasses.replace(TINY, width=64)
    ours = Llama(plan)
    for parameter in ours.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    theirs = LlamaForCausalLM._from_config(LlamaConfig(**library_config(plan)), attn_implementation="eager").float()
    missing = theirs.load_state_dict({"model." + name: x for name, x in ours.state_dict().items()}, strict=False)
    assert missing.missing_keys in ([], ["lm_head.weight"])
    assert not missing.unexpected_keys
    theirs.tie_weights()
    ids = torch.randint(0, plan.vocabulary, (2, 32))
    seen: list[torch.Tensor] = []
    with torch.no_grad():
        logits, result = ours(ids, seen), theirs(ids, output_attentions=True)
    assert torch.allclose(logits, result.logits, atol=1e-3)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(seen, result.attentions, strict=True))


def test_recipe_from_nothing_and_from_its_checkpoint(books: Path, tmp_path: Path) -> None:
    work, out = tmp_path / "work", tmp_path / "model"
    common = ["--corpus", str(books), "--work", str(work), "--out", str(out), "--threads", "1", "--no-compile"]
    storyteller.main([*common, "--minutes", "0.03"], TINY)
    first = log_of(work)
    assert first[0]["step"] == 0
    assert first[-1]["loss"] < first[0]["first_copy_loss"]
    status = storyteller.main([*common, "--minutes", "0.06"], TINY)
    second = log_of(work)
    assert second[: len(first)] == first
    assert second[-1]["step"] > first[-1]["step"]
    steps = [row["step"] for row in second]
    assert steps == sorted(set(steps))

    evaluation = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert status == (0 if all(evaluation["met"].values()) else 1)
    assert [book["title"] for book in evaluation["held_out"]] == ["Book 1 (Author 1)", "Book 5 (Author 5)"]
    assert evaluation["steps"] == steps[-1]
    assert 0 < evaluation["bits_per_byte"] < 8
    # The log's sample is scored in bfloat16 on a few windows, so it is only near the full measure.
    assert evaluation["bits_per_byte"] == pytest.approx(second[-1]["bits_per_byte"], rel=0.15)
    assert {path.name for path in out.iterdir()} == {
        "README.md", "config.json", "evaluation.json", "generation_config.json", "head_scores.jsonl",
        "model.safetensors", "tokenizer.json", "tokenizer_config.json", "training.jsonl",
        "untrained_embedding.safetensors",
    }


def test_interrupted_run_drops_rows_after_its_checkpoint(tmp_path: Path) -> None:
    from assets.recipes.training import append, keep_rows_until

    log = tmp_path / "training.jsonl"
    for step in (0, 10, 20, 30):
        append(log, {"step": step})
    keep_rows_until(log, 20)
    assert [json.loads(line)["step"] for line in log.read_text(encoding="utf-8").splitlines()] == [0, 10, 20]


def test_work_folder_of_another_corpus_is_refused(books: Path, tmp_path: Path) -> None:
    corpus.prepare(books, tmp_path, TINY)
    with pytest.raises(ValueError, match="another corpus or vocabulary"):
        corpus.prepare(books, tmp_path, dataclasses.replace(TINY, vocabulary=320))


def test_export_without_a_checkpoint_is_a_sentence(books: Path, tmp_path: Path) -> None:
    words = ["--corpus", str(books), "--minutes", "1", "--work", str(tmp_path), "--out", str(tmp_path / "out")]
    with pytest.raises(ValueError, match="no checkpoint"):
        storyteller.main([*words, "--export-now"], TINY)


def test_siblings_learn_from_the_same_books(books: Path) -> None:
    kept, _ = corpus.hold_out(corpus.read_books(books), TINY)
    text = kept[0].text
    small = tokenizers.small_bpe(kept, 290).tokenizer
    assert small.decode(small.encode(text).ids) == text
    pieces = tokenizers.unigram(kept, 330).tokenizer
    odd = text + " 日本 <0x41> 2½\r\n"
    assert pieces.decode(pieces.encode(odd).ids) == odd
    words = tokenizers.wordpiece(kept, 120).tokenizer
    assert words.encode("The old king").tokens[1:-1]
    assert "[UNK]" in words.encode("日").tokens
