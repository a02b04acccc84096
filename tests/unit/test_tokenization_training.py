"""Training: against the library's own trainers, on bad texts, and ended in the middle."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from components import corpora
from components.models.open import OpenTokenizer
from components.tokenization import Recipe, Trained, trace, train, training, training_curve
from components.tokenization.training import hold_out
from components.tokenization.training_fit import blank, count_words, gpt4_pattern

TEXT = "\n".join(corpora.bundled("encyclopedia").texts)[:60_000]
EVERY = [(algorithm, cut) for algorithm, cuts in training.PRE_TOKENIZERS.items() for cut in cuts
         if (algorithm, cut) != ("unigram", "none")]  # slow, and learnt in the same way
#: All planes of Unicode without lone surrogates, with what tokenizers stumble over more often than chance gives it.
awkward = st.sampled_from(" \n\t▁#<|>[]UNK\u0301\u200d\ufb01ßİ🏽👩क्षि0189")
texts = st.text(st.one_of(st.characters(exclude_categories=("Cs",)), awkward), max_size=60)
#: Two libraries of regular expressions may know different versions of Unicode, so none that Python does not know yet.
assigned = st.text(st.one_of(st.characters(exclude_categories=("Cs", "Cn")), awkward), max_size=60)


def nothing(*_: Any) -> None:
    """Hears and says nothing."""


_done: dict[tuple[str, str, int], Trained] = {}


def trained(algorithm: str, cut: str = "", size: int = 700) -> Trained:
    """A training of the text above, done once."""
    key = (algorithm, cut or training.PRE_TOKENIZERS[algorithm][0], size)
    if key not in _done:
        _done[key] = train(Recipe(algorithm, size, cut), TEXT)
    return _done[key]


def library(one: Trained) -> Any:
    return one.opened("mine").library_object


# What is learnt ------------------------------------------------------------------------------------------------------

def test_bpe_is_what_the_library_trains() -> None:
    learn, _ = hold_out(TEXT)
    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.train_from_iterator(learn, trainers.BpeTrainer(
        vocab_size=700, min_frequency=2, special_tokens=["<|endoftext|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    assert library(trained("bpe")).get_vocab() == plain.get_vocab()


def test_wordpiece_is_what_the_library_trains_but_for_ties() -> None:
    """The library's own trainer breaks ties by a hash table's order, so that a few of its entries change each time."""
    learn, _ = hold_out(TEXT)
    plain = blank(Recipe("wordpiece").checked())
    plain.train_from_iterator(learn, trainers.WordPieceTrainer(
        vocab_size=700, min_frequency=2, special_tokens=list(training.SPECIAL["wordpiece"]), show_progress=False))
    ours = library(trained("wordpiece"))
    assert ours.get_vocab_size() == plain.get_vocab_size() == 700
    assert len(set(ours.get_vocab()) - set(plain.get_vocab())) < 35, "few pairs are as frequent as the last ones"
    frequent = {name for name, token in ours.get_vocab().items() if token < 250}
    assert frequent <= set(plain.get_vocab())
    assert isinstance(ours.model, models.WordPiece)
    assert ours.encode("Tides").tokens[0] == "[CLS]"


def test_unigram_is_what_the_library_trains() -> None:
    learn, _ = hold_out(TEXT)
    plain = blank(Recipe("unigram").checked())
    plain.train_from_iterator(learn, trainers.UnigramTrainer(
        vocab_size=700, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>", show_progress=False))
    assert set(library(trained("unigram")).get_vocab()) == set(plain.get_vocab())


@pytest.mark.parametrize("algorithm", ["bpe", "wordpiece"])
def test_the_same_text_and_settings_give_the_same_file(algorithm: str) -> None:
    assert train(Recipe(algorithm, 700), TEXT).file == trained(algorithm).file


@pytest.mark.parametrize(("algorithm", "cut"), [("bpe", "gpt2"), ("bpe", "none"), ("wordpiece", "bert")])
@pytest.mark.parametrize("size", [0, 300, 555])
def test_a_smaller_vocabulary_stands_inside_the_larger(algorithm: str, cut: str, size: int) -> None:
    """Cut off where a training would have stopped, it is that training's tokenizer, to the last byte of its file."""
    large = trained(algorithm, cut)
    size = size or large.base
    smaller = train(Recipe(algorithm, size, cut), TEXT)
    assert training_curve.cut(library(large), size).to_str().encode() == smaller.file
    assert smaller.size == size


@pytest.mark.parametrize(("algorithm", "cut"), EVERY)
def test_the_curve_counts_what_the_library_counts(algorithm: str, cut: str) -> None:
    one = trained(algorithm, cut)
    learn, held = hold_out(TEXT)
    assert one.learnt_bytes + one.held_bytes == len(TEXT.encode())
    assert "".join(learn + held) != TEXT
    assert sorted(learn + held) == sorted(TEXT.splitlines(keepends=True))
    assert one.points[-1].size == one.size
    for pieces, size, said in ((learn, one.learnt_bytes, one.points[-1].learnt),
                               (held, one.held_bytes, one.points[-1].held)):
        count = sum(len(found.ids) for found in library(one).encode_batch(pieces, add_special_tokens=False))
        assert said == size / count
    rising = [point.learnt for point in one.points]
    assert rising == sorted(rising), "more entries never cost more tokens on the text they were learnt from"
    assert len(rising) > 4


def test_every_point_shows_its_own_cut_of_the_sample() -> None:
    one = trained("bpe")
    for point in one.points:
        smaller = training_curve.cut(library(one), point.size)
        found = trace(OpenTokenizer("smaller", "tokenizers", smaller), one.sample)
        assert len(point.pieces) == len(found)
        assert "".join(text for text, _ in point.pieces) == one.sample, "an English sample has no broken characters"
    assert len(one.points[0].pieces) == len(one.sample.encode()) > 2 * len(one.points[-1].pieces)


@pytest.mark.parametrize(("algorithm", "cut"), EVERY)
def test_the_ends_are_in_the_order_of_learning(algorithm: str, cut: str) -> None:
    one = trained(algorithm, cut)
    assert len(one.first) == len(one.last) == training.LISTED
    assert not set(one.first) & set(one.last)
    if algorithm == "bpe" and cut == "gpt2":
        tokenizer = library(one)
        assert tokenizer.encode(one.first[0][0]).ids == [one.base]
        assert tokenizer.encode(one.last[-1][0]).ids == [one.size - 1]
    if algorithm == "unigram":
        assert one.first[0][0].strip() in {"the", "a", "s", "and", "of", "in"}


def test_unknown_tokens_are_counted() -> None:
    """A held-out line in another script: WordPiece has no letter for it."""
    text = "\n".join(["the rain and the mill"] * 9 + ["дождь"]) * 1 + "\n" + "\n".join(["the rain"] * 10)
    one = train(Recipe("wordpiece", 60), text)
    assert one.points[-1].unknown == pytest.approx(1 / 3), "[UNK] the rain"
    assert train(Recipe("bpe", 300), text).points[-1].unknown == 0


def test_an_entry_that_is_no_character_shows_its_bytes() -> None:
    one = train(Recipe("bpe", 262), "🐢 🐢🐢 " * 40)
    assert ("F0 9F", "byte") in one.first
    assert ("🐢", "") in one.first
    assert one.points[0].pieces[:2] == (("F0", "byte"), ("9F", "byte"))


# On any text ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("algorithm", "cut"), EVERY)
@settings(max_examples=60, deadline=None)
@given(text=texts)
def test_what_is_trained_is_traced_like_any_other(algorithm: str, cut: str, text: str) -> None:
    traced_exactly(algorithm, cut, text)


@pytest.mark.slow
@pytest.mark.parametrize(("algorithm", "cut"), EVERY)
@settings(max_examples=500, deadline=None)
@given(text=texts)
def test_what_is_trained_is_traced_like_any_other_500(algorithm: str, cut: str, text: str) -> None:
    traced_exactly(algorithm, cut, text)


def traced_exactly(algorithm: str, cut: str, text: str) -> None:
    """The library's own ids; for bytes, ranges that tile the text and pieces that make it up."""
    tokenizer = trained(algorithm, cut).opened("mine")
    found = trace(tokenizer, text)
    assert np.array_equal(found.ids, tokenizer.library_object.encode(text, add_special_tokens=False).ids)
    if algorithm == "bpe":
        assert found.tiles
        assert b"".join(token.bytes for token in found) == text.encode()


@settings(max_examples=100, deadline=None)
@given(text=assigned)
def test_gpt4s_pattern_cuts_as_tiktoken_does(text: str) -> None:
    import regex

    from components.models.vocabularies import pattern_of

    split = pre_tokenizers.Split(Regex(gpt4_pattern()), "isolated")
    ours = [piece for piece, _ in split.pre_tokenize_str(text)]
    assert ours == regex.findall(pattern_of("cl100k_base"), text)


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.sampled_from("ab \n\té🐢"), max_size=3_000))
def test_held_out_and_learnt_make_up_the_text(text: str) -> None:
    learn, held = hold_out(text)
    rest = iter(held)
    together = ""
    for place, piece in enumerate(learn):
        together += piece
        if place % 9 == 8:
            together += next(rest, "")
    assert together == text
    assert not list(rest)
    assert len(held) == 0 or 9 <= len(learn) / len(held) < 19


def test_long_lines_are_cut_before_a_space() -> None:
    learn, held = hold_out(("word " * 5_000).strip() + "\n" + "x" * 9_000)
    assert all(len(piece) <= training.UNIT for piece in learn + held)
    assert sum(piece.startswith(" word") for piece in learn + held) > 8


def test_a_sample_is_spread_evenly_and_fits() -> None:
    every = [f"{place} " * (1 + place % 7) for place in range(1_000)]
    assert training.even_sample(every, 10**6) == every
    some = training.even_sample(every, 5_000)
    assert 4_500 < sum(len(text) + 1 for text in some) <= 5_000
    places = [every.index(text) for text in some]
    assert places == sorted(places)
    assert max(np.diff(places)) <= 2 * 1_000 / len(some)


def test_words_are_the_librarys() -> None:
    shell = blank(Recipe("bpe").checked())
    assert count_words(shell, ["to be, or not to be"], nothing) == Counter(
        {"to": 1, "Ġbe": 2, ",": 1, "Ġor": 1, "Ġnot": 1, "Ġto": 1})


# Texts that give little, or nothing ----------------------------------------------------------------------------------

@pytest.mark.parametrize(("algorithm", "text", "asked", "size", "says"), [
    ("bpe", "abcdefghij", 1_000, 257, "no two neighbouring pieces"),
    ("bpe", "abcdefghij", 10, 257, "the 256 bytes and 1 special entry"),
    ("bpe", "a" * 100_000, 1_000, 272, "no two neighbouring pieces"),
    ("bpe", "\0" * 1_000, 1_000, 264, "no two neighbouring pieces"),
    ("wordpiece", "abcdefghij", 1_000, 23, "no two neighbouring pieces"),
    ("wordpiece", "abcdefghij", 10, 23, "That and 5 special entries make 23"),
    ("wordpiece", "a" * 100_000, 1_000, 26, "no two neighbouring pieces"),
    ("unigram", "abcdefghij", 1_000, 14, "no more pieces"),
    ("unigram", "abcdefghij", 11, 14, "3 special entries come on top"),
    ("unigram", "a" * 100_000, 1_000, 20, "no more pieces"),
])
def test_fewer_or_more_entries_have_their_reason(algorithm: str, text: str, asked: int, size: int, says: str) -> None:
    one = train(Recipe(algorithm, asked), text)
    assert one.size == size == library(one).get_vocab_size()
    assert one.note is not None
    assert f"{size:,} entries" in one.note
    assert says in one.note
    assert (one.held_bytes == 0) == (len(text) < 80)


@pytest.mark.parametrize("algorithm", training.ALGORITHMS)
def test_binary_is_a_text_like_any_other(algorithm: str) -> None:
    random = np.random.default_rng(4)
    one = train(Recipe(algorithm, 400), random.bytes(20_000).decode("latin-1"))
    assert one.size == 400
    assert one.note is None


def test_as_many_entries_as_asked_need_no_reason() -> None:
    assert trained("bpe").note is None


def test_unigram_says_the_least_that_is_possible() -> None:
    with pytest.raises(ValueError, match="11 different ones, so 10 entries are too few; ask for 11 or more"):
        train(Recipe("unigram", 10), "abcdefghij")  # and the ▁ in front
    train(Recipe("unigram", 11), "abcdefghij")


@pytest.mark.parametrize(("recipe", "text", "sentence"), [
    (Recipe("bpe"), "", "is empty; type"),
    (Recipe("bpe"), " \n\t ", "is empty; type"),
    (Recipe("wordpiece"), "\1\2\3" * 100, "Nothing of this text is left after the normaliser"),
    (Recipe("unigram"), "a b " * 60_000, "has 240 kB, and Unigram learns so slowly that it gets at most 200 kB"),
    (Recipe("wordpiece"), "a b " * 1_250_001, "has 5 MB, and the limit is 5 MB"),
    (Recipe("bpe"), "half of \ud83d", "lone surrogate"),
    (Recipe("bpe", 50_001), "text", "50001 entries cannot be trained here; ask for 2 to 50,000"),
    (Recipe("bpe", 1), "text", "ask for 2 to"),
    (Recipe("lzw"), "text", "no algorithm known here; choose one of bpe"),
    (Recipe("bpe", 500, "bert"), "text", "'bert' is no pre-tokeniser for bpe; choose one of gpt2"),
    (Recipe("bpe", 500, "", "upper"), "text", "no normaliser known here; choose one of none"),
])
def test_refusals_are_sentences(recipe: Recipe, text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        train(recipe, text)
