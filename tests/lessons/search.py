"""What the lessons of the Search page claim, checked with a margin against BM25 and MiniLM."""

from __future__ import annotations

import functools
import re

from components import corpora
from components.models.open import OpenEncoder, open_encoder
from components.search import Index, Ranking, build_index, encode_query, keyword_reason, query_terms, rank


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
    assert keyword.rank_of(dough) == 53
    assert "bread" not in corpora.bundled("encyclopedia").texts[dough].lower()
    reason = keyword_reason(_index(), question, dough)
    assert [term.term for term in reason.terms] == ["make"]
    assert abs(keyword.scores[dough] - 1.07) < 0.01
    assert meaning.rank_of(dough) == 1
    assert meaning.hits[0].score - meaning.hits[1].score > 0.03
    assert abs(meaning.scores[dough] - 0.575) < 0.002


def lesson_fusion_can_hurt() -> None:
    question, dough = "What makes bread rise?", _at("Why dough rises")
    usual, small = _ask(question, "rrf", rrf_k=60), _ask(question, "rrf", rrf_k=1)
    assert usual.rank_of(dough) == 7
    assert abs(usual.scores[dough] - 0.0252) < 1e-4
    assert small.rank_of(dough) == 2
    assert abs(small.scores[dough] - (1 / 54 + 1 / 2)) < 1e-6
    assert small.hits[0].passage == _at("Bread wheat, a triple cross")
    assert small.hits[0].ranks == {"bm25": 1, "dense": 5}
    assert not re.search(r"\b(rise|rises|dough|yeast)\b", corpora.bundled("encyclopedia").texts[small.hits[0].passage])
    assert _ask(question, "dense").rank_of(dough) == 1


def lesson_not_is_not_read() -> None:
    question = "Which treatments for illness are not vaccines?"
    meaning = _ask(question, "dense")
    first_six = (
        "Vaccines from messenger RNA", "The end of smallpox", "Jenner and the first vaccine",
        "Two vaccines against polio", "Pasteur and rabies", "Onesimus and the Boston inoculation",
    )
    assert {hit.passage for hit in meaning.hits[:6]} == {_at(title) for title in first_six}
    assert meaning.hits[6].passage == _at("Insulin")
    assert meaning.hits[5].score - meaning.hits[6].score > 0.05
    assert meaning.hits[6].score - meaning.hits[7].score > 0.005
    assert "not" not in query_terms(_index(), question)
    with_not, without = _encoder().encode([question, question.replace(" not", "")])
    assert abs(float(with_not @ without) - 0.978) < 0.002
    keyword, quinine = _ask(question, "bm25"), _at("Quinine")
    assert keyword.rank_of(quinine) == 1
    assert {term.term for term in keyword_reason(_index(), question, quinine).terms} == {"ill", "treatment"}
    text = corpora.bundled("encyclopedia").texts[quinine]
    assert "died after ill-treatment in jail" in text
    assert text.count("treatment") == 1


def lesson_misspelt_name() -> None:
    question, krakatoa = "How strong was the volcanoe erruption of Krakatao?", _at("Krakatoa, 1883")
    assert _ask(question, "bm25").rank_of(krakatoa) is None
    assert _index().passages_with("errupt") == _index().passages_with("krakatao") == 0
    meaning = _ask(question, "dense")
    assert meaning.rank_of(krakatoa) == 1
    assert meaning.hits[0].score - meaning.hits[1].score > 0.03
    assert abs(meaning.scores[krakatoa] - 0.645) < 0.002
    assert _ask(question, "rrf").rank_of(krakatoa) == 25


def lesson_asked_in_german() -> None:
    german, rainbow = "Wie entsteht ein Regenbogen?", _at("What makes a rainbow")
    meaning = _ask(german, "dense")
    place = meaning.rank_of(rainbow)
    assert place is not None
    assert 380 <= place <= 390
    assert abs(meaning.scores[rainbow] + 0.026) < 0.002
    assert meaning.hits[0].passage == _at("The Bavarian beer law of 1516")
    assert abs(meaning.hits[0].score - 0.189) < 0.002
    assert meaning.hits[0].score - meaning.hits[1].score > 0.02
    assert {"Wilhelm", "Ludwig", "Ingolstadt"} <= set(
        re.findall(r"\w+", corpora.bundled("encyclopedia").texts[meaning.hits[0].passage])
    )
    assert _ask(german, "bm25").found == 0
    for english in ("How does a rainbow form?", "What makes a rainbow?"):
        assert _ask(english, "dense").rank_of(rainbow) == 1


def lesson_rare_name() -> None:
    question, wheat = "tell me what Norin 10 was and who bred it", _at("Norman Borlaug's short wheat")
    keyword, meaning = _ask(question, "bm25"), _ask(question, "dense")
    assert keyword.rank_of(wheat) == 1
    assert keyword.hits[0].score - keyword.hits[1].score > 1
    assert [term.term for term in keyword_reason(_index(), question, wheat).terms] == ["norin", "bred", "10"]
    assert _index().passages_with("norin") == 1
    assert _encoder().tokenizer.encode("Norin").tokens[1:-1] == ["nor", "##in"]
    assert meaning.hits[0].passage == _at("Hou Yi and the ten suns")
    assert meaning.hits[0].score - meaning.hits[1].score > 0.01
    place = meaning.rank_of(wheat)
    assert place is not None
    assert 38 <= place <= 44
    assert _ask(question, "rrf").rank_of(wheat) == 2


def lesson_no_answer() -> None:
    question, pyramid = "Who was the pharaoh that had the Great Sphinx at Giza carved?", _at("The Great Pyramid")
    assert not any("sphinx" in text.lower() for text in corpora.bundled("encyclopedia").texts)
    assert all(_ask(question, method).rank_of(pyramid) == 1 for method in ("bm25", "dense", "rrf"))
    best = _ask(question, "dense").hits[0].score
    assert abs(best - 0.632) < 0.002
    assert best - _ask("What makes bread rise?", "dense").hits[0].score > 0.04


def lesson_without_stems() -> None:
    question, stradivari = "stradivarius violin", _at("Antonio Stradivari")
    assert _ask(question, "bm25").rank_of(stradivari) == 1
    without = rank(_index(stemming=False), question, "bm25")
    assert without.rank_of(stradivari) is None
    assert without.found == 3
    text = corpora.bundled("encyclopedia").texts[stradivari]
    assert re.search(r"\bviolins\b", text, re.IGNORECASE)
    assert not re.search(r"\bviolin\b", text, re.IGNORECASE)
