"""Every step of BPE, WordPiece and Unigram, held against the ids of the library itself."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import strategies as st

from components.models.open import OpenTokenizer, open_tokenizer
from components.tokenization import Lattice, Matching, Merging, Replay, replay
from tests.unit.any_text import MIXED, OWN_WORDS, TEXTS, for_any
from tests.unit.test_tokenization import AWKWARD, library_ids
from tests.unit.tokenizers_here import EVERYONE, LINES, here, trained


def ends_in_the_librarys_ids(tokenizer: OpenTokenizer, text: str) -> Replay:
    """`replay` compares with the ids that `trace` gives; here they are asked of the library once more, and each step
    is held against the one before it."""
    found = replay(tokenizer, text)
    assert found.ids.tolist() == library_ids(tokenizer, text)
    assert len(found.needed) <= len(text.encode()) + 1
    assert found.pieces_after(found.merges) == len(found.ids)
    for way in found.ways:
        check_way(way)
    for word in found.words:
        assert 0 <= word.start <= word.end <= len(text)
    return found


def check_way(way: Any) -> None:
    if isinstance(way, Merging):
        standing = {unit.start: unit.end for unit in way.units}
        for merge in way.merges:
            assert standing[merge.start] <= merge.middle
            assert standing.pop(merge.middle) == merge.end
            standing[merge.start] = merge.end
        assert list(way.needed) == sorted(way.needed)
        if way.whole is None:
            assert sorted(standing.items()) == [(piece.start, piece.end) for piece in way.pieces]
    elif isinstance(way, Matching):
        tries = list(way.tries())
        assert [(one.start, one.end, one.id) for one in tries if one.id is not None] == \
            [(piece.start, piece.end, piece.ids[0]) for piece in way.found]
    else:
        assert isinstance(way, Lattice)
        scores = [path.score for path in way.paths]
        assert scores == sorted(scores, reverse=True) or math.isclose(scores[0], max(scores), abs_tol=1e-4)
        assert len({path.edges for path in way.paths}) == len(way.paths)
        for path in way.paths:
            edges = [way.edges[place] for place in path.edges]
            assert [0, *(edge.end for edge in edges)] == [*(edge.start for edge in edges), len(way.spelling)]


@pytest.mark.parametrize("name", EVERYONE)
def test_awkward_texts(name: str) -> None:
    tokenizer = here(name)
    for text in [*AWKWARD.values(), MIXED, "a" * 300, "▁" * 40, " " * 70, "🐢" * 30, "x" * 101, "antidis" * 20,
                 "\U0003d000:A \U0003d001/b"]:  # letters in Unicode 18, nobody before
        ends_in_the_librarys_ids(tokenizer, text)


def property_of(name: str, examples: int) -> None:
    for_any(partial(ends_in_the_librarys_ids, here(name)), TEXTS, examples=examples, first=[MIXED])


@pytest.mark.parametrize("name", EVERYONE)
def test_any_text(name: str) -> None:
    property_of(name, 60)


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERYONE)
def test_any_text_at_length(name: str) -> None:
    property_of(name, 500)


def merges_of(name: str, word: str) -> list[tuple[int, str]]:
    way = replay(here(name), word).ways[0]
    assert isinstance(way, Merging)
    return [(merge.rank, way.spelling[merge.start:merge.end].decode()) for merge in way.merges]


def test_smollm2_merges_unhappiness_as_its_list_says() -> None:
    found = merges_of("smollm2", " unhappiness")
    listed = json.loads(here("smollm2").library_object.model.__getstate__())["merges"]
    assert [rank for rank, _ in found] == sorted(rank for rank, _ in found)
    for rank, piece in found:
        assert "".join(listed[rank]).replace("Ġ", " ") == piece
    assert found[0] == (2, "in")
    assert found[-1] == (38_210, "appiness")


def test_a_rank_of_tiktoken_counts_merges_not_ids() -> None:
    """The first piece of more than one byte has id 256 and is the result of merge 0."""
    tokenizer = here("cl100k")
    way = replay(tokenizer, "    ").ways[0]
    assert isinstance(way, Merging)
    assert all(merge.rank == merge.id - 256 for merge in way.merges)
    # Tekken's first 1,000 ids are control tokens.
    way = replay(here("tekken"), "tortoise").ways[0]
    assert isinstance(way, Merging)
    assert way.merges
    assert all(merge.rank == merge.id - 1_256 for merge in way.merges)


def stopped_tokenizers(tokenizer: OpenTokenizer, merges: int) -> Any:
    library = tokenizer.library_object
    from tokenizers import Tokenizer

    data = json.loads(library.to_str())
    data["model"]["merges"] = data["model"]["merges"][:merges]
    twin = Tokenizer.from_str(json.dumps(data))
    return lambda text: len(twin.encode(text, add_special_tokens=False).ids)


def stopped_tiktoken(tokenizer: OpenTokenizer, merges: int) -> Callable[[str], int]:
    import tiktoken

    library = tokenizer.library_object
    longer = sorted(token for piece, token in library._mergeable_ranks.items() if len(piece) > 1)[:merges]
    last = longer[-1] if longer else -1
    kept = {piece: token for piece, token in library._mergeable_ranks.items() if len(piece) == 1 or token <= last}
    twin = tiktoken.Encoding("stopped", pat_str=library._pat_str, mergeable_ranks=kept, special_tokens={})
    return lambda text: len(twin.encode_ordinary(text))


def stopped_sentencepiece(tokenizer: OpenTokenizer, merges: int) -> Callable[[str], int]:
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2

    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString(tokenizer.library_object.serialized_model_proto())
    longer = sorted(-piece.score for piece in model.pieces if piece.type == 1 and len(piece.piece) > 1)
    kept = [piece for piece in model.pieces
            if piece.type != 1 or len(piece.piece) == 1 or -piece.score < longer[merges]]
    twin = sentencepiece_model_pb2.ModelProto()
    twin.CopyFrom(model)
    del twin.pieces[:]
    twin.pieces.extend(kept)
    processor = sentencepiece.SentencePieceProcessor(model_proto=twin.SerializeToString())
    return lambda text: len(processor.encode(text))


@pytest.mark.parametrize("name", ["storyteller", "smollm2", "cl100k", "tekken", "mistral-v1"])
@pytest.mark.parametrize("merges", [0, 40, 1_000])
def test_a_tokenizer_that_really_stopped_there_agrees(name: str, merges: int) -> None:
    tokenizer = here(name)
    stop = {"tokenizers": stopped_tokenizers, "tiktoken": stopped_tiktoken, "sentencepiece": stopped_sentencepiece}
    count = stop[tokenizer.kind](tokenizer, merges)
    for text in [MIXED, " unhappiness", "aaaa" * 9, *(AWKWARD[name] for name in ("hindi", "code", "family"))]:
        assert replay(tokenizer, text).pieces_after(merges) == count(text)


def test_storyteller_stopped_early_is_its_small_sibling() -> None:
    """Both were trained on the same tales, so the small one's merges are the first of the large one's."""
    large, small = here("storyteller"), here("storyteller-1k")
    for text in (MIXED, "Once upon a time a tortoise lived under the stairs, and nobody asked it why."):
        found = replay(small, text)
        assert replay(large, text).pieces_after(found.merges) == len(found.ids)


def test_wordpiece_tries_the_whole_rest_first() -> None:
    way = replay(here("bert"), "rains").ways[0]
    assert isinstance(way, Matching)
    assert [(way.spelling[one.start:one.end], one.id is not None) for one in way.tries()] == [("rains", True)]
    way = replay(here("bert"), "snowiest").ways[0]
    assert isinstance(way, Matching)
    said = [("##" if one.start else "") + way.spelling[one.start:one.end] + ("" if one.id is None else "!")
            for one in way.tries()]
    assert said == ["snowiest", "snowies", "snowie", "snowi", "snow!", "##iest!"]


def test_wordpiece_gives_up_a_word_that_does_not_come_out_even() -> None:
    """The vocabulary has `snow`, and nothing that goes on with a snowman."""
    found = replay(here("bert"), "snow☃ " + "x" * 101)
    way = found.ways[0]
    assert isinstance(way, Matching)
    assert [way.spelling[piece.start:piece.end] for piece in way.found] == ["snow"]
    assert (way.stuck, way.too_long) == (4, False)
    assert [(one.start, one.end) for one in way.tries()] == [(0, 5), (0, 4), (4, 5)]
    assert way.ids == (here("bert").library_object.token_to_id("[UNK]"),)
    long = found.ways[-1]
    assert isinstance(long, Matching)
    assert long.too_long
    assert list(long.tries()) == []
    assert long.ids == (here("bert").library_object.token_to_id("[UNK]"),)


@pytest.mark.parametrize("name", ["storyteller-unigram", "t5"])
def test_the_next_best_ways_are_the_best_of_all(name: str) -> None:
    """Every way through a short word, one by one, sorted: the list has to be its beginning."""
    tokenizer = here(name)
    for word in ("unhappiness", "tortoises", "aaaaaaa", "z☃z☃"):
        way = replay(tokenizer, word, ways=12).ways[-1]
        assert isinstance(way, Lattice)
        every = []
        size = len(way.spelling)
        for cuts in product((False, True), repeat=size - 1):
            edges = [0, *(place + 1 for place, cut in enumerate(cuts) if cut), size]
            path = [next((edge for edge in way.edges if (edge.start, edge.end) == stretch), None)
                    for stretch in pairwise(edges)]
            if None not in path:
                every.append(sum(edge.score for edge in path if edge))
        every.sort(reverse=True)
        assert [path.score for path in way.paths] == pytest.approx(every[:12])
        assert way.best[-1] == pytest.approx(every[0])


def test_an_unknown_character_costs_ten_more_than_the_rarest_entry() -> None:
    tokenizer = here("t5")
    way = replay(tokenizer, "☃").ways[0]
    assert isinstance(way, Lattice)
    lowest = min(score for _, score in json.loads(tokenizer.library_object.model.__getstate__())["vocab"])
    assert [edge.score for edge in way.edges if edge.unknown] == [lowest - 10]


def test_a_control_token_takes_no_steps() -> None:
    found = replay(here("smollm2"), "a<|im_end|>b")
    assert [(word.text, word.way, word.control) for word in found.words] == [("a", 0, None), ("<|im_end|>", -1, 2),
                                                                             ("b", 1, None)]
    assert found.pieces_after(0) == 3


@pytest.mark.parametrize(("name", "words"), [
    ("smollm2", ["Über", " ", "7", "é", " rain"]), ("cl100k", ["Über", " ", "7", "é", " rain"]),
    ("mistral-v1", [" Über", " 7é", " rain"]), ("bert", ["uber", "7e", "rain"]),
    ("storyteller-unigram", ["Über", " ", "7", "é", " rain"])])
def test_words_are_written_as_a_person_would(name: str, words: list[str]) -> None:
    assert [word.text for word in replay(here(name), "Über 7é rain").words] == words


def test_equal_words_are_replayed_once() -> None:
    found = replay(here("storyteller"), "rain rain rain")
    assert [word.way for word in found.words] == [0, 1, 1]
    assert [(word.start, word.end) for word in found.words] == [(0, 4), (4, 9), (9, 14)]


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
@pytest.mark.parametrize("fallback", [False, True])
def test_sentencepiece_models_trained_here(kind: str, fallback: bool) -> None:
    """Both algorithms, with and without bytes for what is unknown, and pieces that are taken as they stand."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES), model_writer=model, model_type=kind, vocab_size=300 if fallback else 60,
        byte_fallback=fallback, user_defined_symbols=["<tale>", "stairs"], hard_vocab_limit=False,
        minloglevel=2)
    tokenizer = OpenTokenizer("own", "sentencepiece",
                              sentencepiece.SentencePieceProcessor(model_proto=model.getvalue()))

    for_any(partial(ends_in_the_librarys_ids, tokenizer), TEXTS | st.text("therainsu ☃é▁", max_size=40), examples=60,
            first=["the <tale> of stairs ☃☃ unrained  x"])


def own(model: Any, before: Any = None) -> OpenTokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer(model)
    if before is not None:
        tokenizer.pre_tokenizer = before
    return OpenTokenizer("own", "tokenizers", tokenizer)


def test_bpe_in_its_rarer_settings() -> None:
    from tokenizers import models, pre_tokenizers

    vocab = {piece: place for place, piece in enumerate(
        ["?", "a", "b", "c", "ab", "abc", "c</w>", "b</w>", "ab</w>", "bc", "<0xE2>", "<0x98>", "<0x83>"])}
    merges = [("a", "b"), ("ab", "c"), ("a", "b</w>"), ("b", "c")]
    split = pre_tokenizers.WhitespaceSplit()
    for settings_of in ({}, {"unk_token": "?"}, {"unk_token": "?", "fuse_unk": True}, {"byte_fallback": True},
                        {"end_of_word_suffix": "</w>"}, {"end_of_word_suffix": "</w>", "unk_token": "?"}):
        tokenizer = own(models.BPE(vocab=vocab, merges=merges, **settings_of), split)
        for text in ("abc ab cab bca", "a☃☃b ☃", "aabbcc abcabc", "xyz axxb"):
            ends_in_the_librarys_ids(tokenizer, text)


def test_a_word_that_is_taken_whole() -> None:
    """With `ignore_merges` an entry that no merge reaches is still taken; a tokenizer without it has more pieces."""
    from tokenizers import models, pre_tokenizers

    vocab = {piece: place for place, piece in enumerate(["a", "b", "c", "ab", "cab"])}
    model = models.BPE(vocab=vocab, merges=[("a", "b")], ignore_merges=True)
    found = replay(own(model, pre_tokenizers.WhitespaceSplit()), "cab ab")
    way = found.ways[0]
    assert isinstance(way, Merging)
    assert way.ids == (4,)
    assert len(way.merges) == 1
    assert way.whole == 0
    assert found.pieces_after(0) == 5


@pytest.mark.parametrize("before", ["metaspace", "llama", "across", "words"])
@pytest.mark.parametrize("kind", ["bpe", "fallback", "suffix", "wordpiece", "unigram"])
def test_tokenizers_trained_here(kind: str, before: str) -> None:
    tokenizer = trained(kind, before)

    for_any(partial(ends_in_the_librarys_ids, tokenizer), TEXTS | OWN_WORDS, examples=60,
            first=["the stairs  in the Tale <|end|> ☃☃é unhappy", "☃▁", "▁☃"])
    if before == "llama" and kind in ("bpe", "fallback", "unigram"):
        assert len(replay(tokenizer, "the rain on the sea").words) == 5, "no entry reaches across a space"


def test_a_plain_list_of_words() -> None:
    from tokenizers import models, pre_tokenizers

    tokenizer = own(models.WordLevel({"rain": 0, "[UNK]": 1}, unk_token="[UNK]"), pre_tokenizers.WhitespaceSplit())
    found = replay(tokenizer, "rain snow")
    assert found.algorithm == "word list"
    assert found.ids.tolist() == [0, 1]


def test_empty_text_has_no_words() -> None:
    for name in ("storyteller", "bert", "storyteller-unigram", "mistral-v1"):
        found = replay(here(name), "")
        assert (found.words, found.ways, len(found.ids), found.pieces_after(0)) == ((), (), 0, 0)


def test_the_door() -> None:
    tokenizer = open_tokenizer("storyteller-1k")
    with pytest.raises(ValueError, match="surrogate"):
        replay(tokenizer, "a\ud83d")
    with pytest.raises(ValueError, match="20,001 characters"):
        replay(tokenizer, "a" * 20_001)


def test_steps_that_end_elsewhere_are_not_shown() -> None:
    """BPE with dropout draws its merges: no replay can be its own."""
    from tokenizers import models

    vocab = {"a": 0, "aa": 1}
    tokenizer = own(models.BPE(vocab=vocab, merges=[("a", "a")], dropout=0.999))
    with pytest.raises(ValueError, match="not shown"):
        replay(tokenizer, "a" * 400)
