"""Every step of a pipeline, held against the library's own one call for all of it."""

from __future__ import annotations

import io
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from components.models.open import OpenTokenizer, open_tokenizer
from components.tokenization import Pipeline, pipeline
from tests.unit.any_text import MIXED, OWN_WORDS, TEXTS, for_any
from tests.unit.test_tokenization import AWKWARD, library_ids
from tests.unit.tokenizers_here import EVERYONE, LINES, here, trained


def library_steps(tokenizer: OpenTokenizer, text: str) -> tuple[list[int], str]:
    """Ids with the template's tokens, and their decoding, from the library in two calls."""
    library = tokenizer.library_object
    if tokenizer.kind != "tokenizers":
        ids = library_ids(tokenizer, text)
        return ids, library.decode(ids)
    ids = library.encode(text, add_special_tokens=True).ids
    return ids, library.decode(ids)


def is_the_librarys(tokenizer: OpenTokenizer, text: str) -> Pipeline:
    found = pipeline(tokenizer, text)
    ids, decoded = library_steps(tokenizer, text)
    (model,) = found.of("model")
    assert model.ids is not None
    assert model.ids.tolist() == library_ids(tokenizer, text)
    last = found.of("post_processor")[-1]
    assert last.ids is not None
    assert last.ids.tolist() == ids
    assert found.decoded == found.steps[-1].text == decoded
    assert found.steps[0].pieces == [text]
    for before, step in pairwise(found.steps):
        check_step(before, step, text)
    return found


def check_step(before: Any, step: Any, text: str) -> None:
    assert "".join(step.pieces) == step.text
    assert len(step.pieces) == len(step) == len(step.sources) == len(step.kinds)
    if len(step):
        assert step.origin.min() >= 0
        assert step.origin.max() <= len(text)
        assert (step.origin[:, 0] <= step.origin[:, 1]).all()
        assert (step.sources >= 0).all()
        assert (step.sources <= len(before)).all()
        assert (step.sources[:, 0] <= step.sources[:, 1]).all()
    for mark in step.marks:
        assert 0 <= mark.start <= mark.end <= len(step.text)
        assert (mark.start == mark.end) == (mark.kind == "removed")
        # SentencePiece gives an unknown part of a character no place of its own.
        assert bool(mark.before) == (mark.kind != "added") or step.stage == "model", mark
    if step.places is not None:
        assert len(step.places) == len(step.text)
        if before.text != step.text:
            assert step.marks, (before.type, step.type)
    if not step.changed:
        assert step.pieces == before.pieces
        assert not step.marks


@pytest.mark.parametrize("name", EVERYONE)
def test_awkward_texts(name: str) -> None:
    tokenizer = here(name)
    for text in [*AWKWARD.values(), MIXED, "a" * 300, "▁" * 40, " " * 70, "🐢" * 30, "x" * 101]:
        is_the_librarys(tokenizer, text)


def property_of(name: str, examples: int) -> None:
    for_any(partial(is_the_librarys, here(name)), TEXTS, examples=examples, first=[MIXED])


@pytest.mark.parametrize("name", EVERYONE)
def test_any_text(name: str) -> None:
    property_of(name, 60)


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERYONE)
def test_any_text_at_length(name: str) -> None:
    property_of(name, 500)


@pytest.mark.parametrize("before", ["metaspace", "llama", "across", "words"])
@pytest.mark.parametrize("kind", ["bpe", "fallback", "suffix", "wordpiece", "unigram"])
def test_tokenizers_trained_here(kind: str, before: str) -> None:
    """With added tokens that are found in the text as written, after the normaliser, and with the space around them."""
    from tokenizers import decoders, processors

    tokenizer = trained(kind, before)
    library = tokenizer.library_object
    if kind == "suffix":
        library.decoder = decoders.BPEDecoder()
    elif kind == "fallback":
        library.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                             decoders.Strip(" ", 1, 0)])
    if kind != "unigram":
        end = ("<|end|>", library.token_to_id("<|end|>"))
        library.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=True),
            processors.TemplateProcessing(single="<|end|> $A <|end|>", special_tokens=[end])])

    for_any(partial(is_the_librarys, tokenizer), TEXTS | OWN_WORDS, examples=12,
            first=["the stairs  in the Tale <|end|> ☃☃é unhappy"])


@pytest.mark.parametrize("rule", ["nmt_nfkc_cf", "identity"])
def test_sentencepiece_models_trained_here(rule: str) -> None:
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES), model_writer=model, model_type="unigram", vocab_size=60, hard_vocab_limit=False,
        normalization_rule_name=rule, user_defined_symbols=["<tale>"], minloglevel=2)
    tokenizer = OpenTokenizer("own", "sentencepiece",
                              sentencepiece.SentencePieceProcessor(model_proto=model.getvalue()))

    for_any(partial(is_the_librarys, tokenizer), TEXTS, examples=40, first=["The  ﬁne Rain <tale> "])
    types = [step.type for step in pipeline(tokenizer, "The ﬁne  rain ").of("normalizer")]
    assert types == [*([rule] if rule != "identity" else []), "remove_extra_whitespaces", "add_dummy_prefix",
                     "escape_whitespaces"]


def marks(name: str, text: str, stage: str, kind: str) -> list[tuple[str, str, str]]:
    """What one step did: (kind of change, what stood there, what stands there now)."""
    (step,) = (step for step in pipeline(here(name), text).of(stage) if step.type == kind)
    return [(mark.kind, mark.before, step.text[mark.start:mark.end]) for mark in step.marks]


def test_each_switch_of_berts_normaliser_is_a_step() -> None:
    text = "Hé\x07llo\tÀ東"
    assert [step.type for step in pipeline(here("bert"), text).of("normalizer")] == [
        "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"]
    assert marks("bert", text, "normalizer", "clean_text") == [("removed", "\x07", ""), ("changed", "\t", " ")]
    assert marks("bert", text, "normalizer", "handle_chinese_chars") == [("added", "", " "), ("added", "", " ")]
    assert marks("bert", text, "normalizer", "strip_accents") == [("changed", "é", "e"), ("changed", "À", "A")]
    assert marks("bert", text, "normalizer", "lowercase") == [("changed", "H", "h"), ("changed", "A", "a")]


def test_a_ligature_and_a_unit_keep_their_place() -> None:
    step = pipeline(here("claude"), "aﬁ ㎞b").of("normalizer")[0]
    assert step.text == "afi kmb"
    assert step.places is not None
    assert step.places.tolist() == [[0, 1], [1, 2], [1, 2], [2, 3], [3, 4], [3, 4], [4, 5]]
    assert [(mark.before, step.text[mark.start:mark.end]) for mark in step.marks] == [("ﬁ", "fi"), ("㎞", "km")]


def test_what_is_put_around_a_character_does_not_change_it() -> None:
    assert marks("bert", "a 東京", "normalizer", "handle_chinese_chars") == [("added", "", " ")] * 4
    assert {mark[:2] for mark in marks("bert", "a 東京", "pre_tokenizer", "BertPreTokenizer")} == {("removed", " ")}


def test_dropped_spaces_are_marked_between_the_words() -> None:
    assert marks("bert", "a  b c", "pre_tokenizer", "BertPreTokenizer") == [("removed", "  ", ""), ("removed", " ", "")]


def test_the_template_and_the_way_back() -> None:
    found = pipeline(here("bert"), "Unhappiness!")
    template = found.of("post_processor")[-1]
    assert (template.pieces[0], template.pieces[-1]) == ("[CLS]", "[SEP]")
    assert [template.text[mark.start:mark.end] for mark in template.marks] == ["[CLS]", "[SEP]"]
    assert template.sources[0].tolist() == [0, 0], "it comes from nothing"
    assert [step.type for step in found.of("decoder")] == ["skip_special_tokens", "WordPiece"]
    assert found.decoded == "unhappiness!"


def test_tokens_that_end_inside_a_character_come_back_together() -> None:
    found = pipeline(here("r50k"), "hi 🐢")
    assert found.of("model")[0].pieces == ["hi", "20\u202fF0\u202f9F", "90", "A2"]
    back = found.steps[-1]
    assert back.pieces == ["hi", " 🐢"]
    assert back.sources.tolist() == [[0, 1], [1, 4]]
    assert back.origin.tolist() == [[0, 2], [2, 4]]
    assert not back.marks, "the bytes stay as they are: only the row above writes part of a character as digits"


def test_every_token_knows_its_word() -> None:
    for name in ("bert", "storyteller", "t5", "cl100k"):
        found = pipeline(here(name), "The unhappiness of tortoises")
        words, (model,) = found.of("pre_tokenizer")[-1], found.of("model")
        for piece, (first, last) in zip(model.pieces, model.sources.tolist(), strict=True):
            assert last == first + 1
            assert piece.removeprefix("##") in words.pieces[first]


def test_gpt2s_split_pattern_is_the_one_that_is_shown() -> None:
    """The library holds it in its own code, so what the page shows is held against what the library does."""
    from tokenizers import Regex, pre_tokenizers

    from components.views.tokenizer.pipeline_payload import wordings

    pattern = wordings()["pre_tokenizer.ByteLevel"]["pattern"]
    shown, own = pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False)
    for text in [*AWKWARD.values(), MIXED]:
        # Behind its own split it spells every byte; the places are those of the split.
        assert [place for _, place in shown.pre_tokenize_str(text)] == \
            [place for _, place in own.pre_tokenize_str(text)]


def test_the_door() -> None:
    tokenizer = open_tokenizer("storyteller-1k")
    with pytest.raises(ValueError, match="surrogate"):
        pipeline(tokenizer, "a\ud83d")
    with pytest.raises(ValueError, match="20,001 characters"):
        pipeline(tokenizer, "a" * 20_001)


def test_merges_drawn_at_random_are_not_shown() -> None:
    from tokenizers import Tokenizer, models

    library = Tokenizer(models.BPE(vocab={"a": 0, "aa": 1}, merges=[("a", "a")], dropout=0.5))
    with pytest.raises(ValueError, match="not shown"):
        pipeline(OpenTokenizer("own", "tokenizers", library), "a" * 400)


@pytest.mark.parametrize("decoder", ["CTC", "nothing", "a pattern", "Metaspace"])
def test_decoders_of_a_readers_own(decoder: str) -> None:
    """A part that is not known here is one step together with the others, never a wrong one."""
    from tokenizers import Regex, decoders

    tokenizer = trained("bpe", "metaspace")
    tokenizer.library_object.decoder = {
        "CTC": decoders.Sequence([decoders.CTC(), decoders.Fuse()]), "nothing": None,
        "a pattern": decoders.Replace(Regex("[aeiou]"), "*"), "Metaspace": decoders.Metaspace()}[decoder]
    for text in ("the rain  on the stairs", "☃", "", " unhappy Tale<|end|> "):
        found = is_the_librarys(tokenizer, text)
    last = found.of("decoder")[-1]
    assert last.type == {"CTC": "in one", "a pattern": "in one", "nothing": "none"}.get(decoder, decoder)
