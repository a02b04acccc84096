"""What a language costs: counts against the library itself, premiums, and the trap of the unknown token."""

from __future__ import annotations

import pytest

from components import corpora
from components.corpora import Sentence
from components.models.open import open_tokenizer
from components.tokenization import LanguageCost, language_costs, premium
from components.views.tokenizer import languages
from tests.conftest import needs

PAIR = (
    Sentence("en", "Latn", "greeting", "Good morning."),
    Sentence("en", "Latn", "long", "The rain has stopped at last."),
    Sentence("hi", "Deva", "greeting", "सुप्रभात।"),
    Sentence("hi", "Deva", "long", "आख़िरकार बारिश रुक गई।"),
)


def test_counts_are_the_librarys() -> None:
    tokenizer = open_tokenizer("storyteller")
    told: list[float] = []
    found = language_costs(tokenizer, PAIR, told.append)
    assert [one.language for one in found] == ["en", "hi"]
    for cost, texts in zip(found, (PAIR[:2], PAIR[2:]), strict=True):
        assert cost.script == texts[0].script
        assert cost.bytes == tuple(len(one.text.encode()) for one in texts)
        library = tokenizer.library_object.encode_batch([one.text for one in texts], add_special_tokens=False)
        assert cost.tokens == tuple(len(one.ids) for one in library)
        assert cost.lost == (0, 0), "bytes can spell everything"
    assert told == [0.5, 1.0]
    over = premium(found)
    assert over["en"] == 1
    assert over["hi"] == sum(found[1].tokens) / sum(found[0].tokens) > 3


def test_unknown_characters_are_counted_as_lost() -> None:
    """WordPiece trained on English says [UNK] for a whole Hindi word: few tokens, and nothing left of the text."""
    found = language_costs(open_tokenizer("storyteller-wordpiece"), PAIR)
    assert found[0].lost == (0, 0)
    assert sum(found[1].lost) > 20
    assert sum(found[1].tokens) < 3 * sum(found[0].tokens)


@pytest.mark.parametrize(
    ("sentences", "sentence"), [((), "no sentence to count"), (PAIR[:3], "hi has no sentence 'long'")]
)
def test_refusals_are_sentences(sentences: tuple[Sentence, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        language_costs(open_tokenizer("storyteller-1k"), sentences)


def test_a_premium_needs_its_language() -> None:
    cost = LanguageCost("hi", "Deva", (3,), (9,), (0,))
    with pytest.raises(ValueError, match="no count for 'en'"):
        premium([cost])


def test_every_language_has_a_name_and_every_name_a_language() -> None:
    assert set(languages.names()) == {one.language for one in corpora.parallel()}
    for name in languages.names().values():
        assert set(name) == {"name", "own"}


@needs("cl100k")
@needs("o200k")
def test_hindi_became_cheaper_from_gpt4_to_gpt4o() -> None:
    """A larger vocabulary with more Indic text in it: the premium fell by more than half."""
    four, four_o = (premium(language_costs(open_tokenizer(name), corpora.parallel())) for name in ("cl100k", "o200k"))
    assert four["hi"] > 2 * four_o["hi"]
    assert max(four, key=four.__getitem__) == "my", "Burmese costs most"
    assert 1 == four["en"] < four["de"] < four["hi"]
