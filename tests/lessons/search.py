"""What the lessons of the Search page claim, checked with a margin against BM25 and MiniLM."""

from __future__ import annotations

import functools
import re

from components import corpora
from components.models.open import OpenEncoder, open_encoder
from components.search import Index, Ranking, build_index, encode_query, query_terms, rank


@functools.cache
def _encoder() -> OpenEncoder:
    return open_encoder("minilm")


@functools.cache
def _index(stemming: bool = True) -> Index:
    corpus = corpora.bundled("encyclopedia")
    return build_index(
        corpus.texts, _encoder(), embeddings=corpora.stored_vectors(corpus.name, corpus.texts), stemming=stemming
    )


def _ask(question: str, method: str, **options: float) -> Ranking:
    return rank(_index(), question, method, query_vector=encode_query(_encoder(), question), **options)


def _at(title: str) -> int:
    return corpora.bundled("encyclopedia").titles.index(title)


def lesson_other_words() -> None:
    question, dough = "What makes bread rise?", _at("Why dough rises")
    keyword, meaning = _ask(question, "bm25"), _ask(question, "dense")
    assert keyword.rank_of(dough) == 33
    assert "bread" not in corpora.bundled("encyclopedia").texts[dough].lower()
    assert abs(keyword.scores[dough] - 0.94) < 0.01
    assert meaning.rank_of(dough) == 1
    assert meaning.hits[0].score - meaning.hits[1].score > 0.03
    assert abs(meaning.scores[dough] - 0.575) < 0.002


def lesson_fusion_can_hurt() -> None:
    question, dough = "What makes bread rise?", _at("Why dough rises")
    usual, small = _ask(question, "rrf", rrf_k=60), _ask(question, "rrf", rrf_k=1)
    assert usual.rank_of(dough) == 5
    assert abs(usual.scores[dough] - 0.0271) < 1e-4
    assert small.rank_of(dough) == 2
    assert abs(small.scores[dough] - (1 / 34 + 1 / 2)) < 1e-6
    assert small.hits[0].passage == _at("The baguette")
    assert small.hits[0].ranks == {"bm25": 1, "dense": 6}


def lesson_not_is_not_read() -> None:
    question = "Which treatments for illness are not vaccines?"
    meaning = _ask(question, "dense")
    about_vaccines = (
        "Vaccines from messenger RNA", "The end of smallpox", "Jenner and the first vaccine",
        "Two vaccines against polio", "Pasteur and rabies",
    )
    assert {hit.passage for hit in meaning.hits[:5]} == {_at(title) for title in about_vaccines}
    lemons = _at("Lemons against scurvy")
    assert meaning.rank_of(lemons) == 6
    assert meaning.hits[4].score - meaning.scores[lemons] > 0.05
    assert "not" not in query_terms(_index(), question)
    with_not, without = _encoder().encode([question, question.replace(" not", "")])
    assert abs(float(with_not @ without) - 0.978) < 0.002


def lesson_misspelt_name() -> None:
    question, krakatoa = "How strong was the volcanoe erruption of Krakatao?", _at("Krakatoa, 1883")
    assert _ask(question, "bm25").rank_of(krakatoa) is None
    assert _index().passages_with("errupt") == _index().passages_with("krakatao") == 0
    meaning = _ask(question, "dense")
    assert meaning.rank_of(krakatoa) == 1
    assert meaning.hits[0].score - meaning.hits[1].score > 0.03
    assert abs(meaning.scores[krakatoa] - 0.645) < 0.002
    assert _ask(question, "rrf").rank_of(krakatoa) == 23


def lesson_asked_in_german() -> None:
    german, rainbow = "Wie entsteht ein Regenbogen?", _at("What makes a rainbow")
    meaning = _ask(german, "dense")
    place = meaning.rank_of(rainbow)
    assert place is not None
    assert 130 <= place <= 150
    assert abs(meaning.hits[0].score - 0.162) < 0.002
    assert _ask(german, "bm25").found == 0
    for english in ("How does a rainbow form?", "What makes a rainbow?"):
        assert _ask(english, "dense").rank_of(rainbow) == 1


def lesson_without_stems() -> None:
    question, stradivari = "stradivarius violin", _at("Antonio Stradivari")
    assert _ask(question, "bm25").rank_of(stradivari) == 1
    without = rank(_index(stemming=False), question, "bm25")
    assert without.rank_of(stradivari) is None
    assert without.found == 2
    text = corpora.bundled("encyclopedia").texts[stradivari]
    assert re.search(r"\bviolins\b", text, re.IGNORECASE)
    assert not re.search(r"\bviolin\b", text, re.IGNORECASE)
