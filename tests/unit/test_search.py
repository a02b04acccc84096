"""Search: against bm25s asked directly, against the fusion formulas written out, and at the door."""

from __future__ import annotations

import math

import numpy as np
import pytest

from components.search import (
    FusedReason,
    KeywordReason,
    MeaningReason,
    build_index,
    embed,
    encode_query,
    keyword_reason,
    query_terms,
    rank,
    words,
)

PASSAGES = [
    "The ferry crosses the bay twice a day, and the bay freezes in January.",
    "Frozen lakes carry skaters; a lake freezes from its edge.",
    "Bread rises because yeast makes gas.",
    "A baker folds the dough, rests the dough and bakes it at dawn.",
    "Lighthouses warn ships of rocks at night.",
    "Ships waited outside the bay until the ice was gone.",
]


class Toy:
    """An encoder of eight numbers: it counts letters, so that texts with like letters lie near each other."""

    def __init__(self) -> None:
        self.calls = 0

    def encode(self, texts: list[str]) -> np.ndarray:
        self.calls += 1
        rows = [[1.0 + text.lower().count(letter) for letter in "aeioutsr"] for text in texts]
        array = np.array(rows, np.float32)
        return array / np.linalg.norm(array, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def index():
    return build_index(PASSAGES, Toy())


@pytest.mark.parametrize(("k1", "b", "stemming"), [(1.5, 0.75, True), (0.4, 0.0, False), (3.0, 1.0, True)])
@pytest.mark.parametrize("query", ["Does the bay freeze?", "ships, ships and ice", "baking bread at dawn"])
def test_bm25_is_what_bm25s_gives(query: str, k1: float, b: float, stemming: bool) -> None:
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer("english") if stemming else None
    retriever = bm25s.BM25(method="lucene", k1=k1, b=b)
    retriever.index(bm25s.tokenize(PASSAGES, stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)
    tokens = bm25s.tokenize([query], stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False)[0]
    expected = retriever.get_scores(tokens)

    ranking = rank(build_index(PASSAGES, None, k1=k1, b=b, stemming=stemming), query, "bm25")
    np.testing.assert_allclose(ranking.scores, expected, atol=1e-6)
    assert [hit.passage for hit in ranking] == [
        int(i) for i in np.argsort(-expected, kind="stable") if expected[i] > 0
    ]


def test_the_words_of_a_hit_sum_to_its_score(index) -> None:
    ranking = rank(index, "ships on a frozen bay, the bay", "bm25")
    assert len(ranking) >= 3
    for hit in ranking:
        assert isinstance(hit.reason, KeywordReason)
        assert hit.reason.score == pytest.approx(hit.score, abs=1e-5)
        for term in hit.reason.terms:
            assert term.score == pytest.approx(term.count * term.idf * term.saturation, abs=1e-5)
            length, mean = index.lengths[hit.passage], index.lengths.mean()
            norm = index.k1 * (1 - index.b + index.b * length / mean)
            assert term.saturation == pytest.approx(term.found / (term.found + norm), abs=1e-5)
            n = term.passages
            assert term.idf == pytest.approx(math.log(1 + (len(index) - n + 0.5) / (n + 0.5)), abs=1e-6)
    ferry = next(hit for hit in ranking if hit.passage == 0)
    bay = next(t for t in ferry.reason.terms if t.term == "bay")
    assert (bay.count, bay.found, bay.passages) == (2, 2, 2)


def test_spans_point_at_the_words_that_matched(index) -> None:
    reason = keyword_reason(index, "freezing", 1)
    found = [(PASSAGES[1][start:end], term) for start, end, term in reason.spans]
    assert found == [("freezes", "freez")]
    assert [term.term for term in reason.terms] == ["freez"], "Frozen has another stem: stemming joins endings only"


def test_words_keep_their_place_in_odd_text() -> None:
    text = "İstanbul's ΣΑΣ naïve 👩‍👩‍👧 a x leaves\x00fall שלום"
    for word in words(text, stemming=True):
        assert text[word.start : word.end] == word.text
    kinds = {w.text: w.why_out for w in words("a leaf I the", stemming=False)}
    assert kinds == {"a": "one letter", "leaf": "", "I": "one letter", "the": "common word"}


def test_terms_equal_those_of_bm25s() -> None:
    import bm25s
    import Stemmer

    from components.search.analysis import terms

    texts = [*PASSAGES, "İstanbul naïve café's Straße 12,000 e-mail x_y", "", "the of and"]
    expected = bm25s.tokenize(
        texts, stopwords="en", stemmer=Stemmer.Stemmer("english"), return_ids=False, show_progress=False
    )
    assert [terms(t, stemming=True) for t in texts] == expected


def test_dense_is_the_cosine(index) -> None:
    ranking = rank(index, "ice", "dense", k=3)
    expected = index.embeddings @ encode_query(index, "ice")
    np.testing.assert_allclose(ranking.scores, expected, atol=1e-6)
    assert [h.passage for h in ranking] == np.argsort(-expected, kind="stable")[:3].tolist()
    assert all(isinstance(h.reason, MeaningReason) and h.reason.cosine == h.score for h in ranking)
    assert ranking.found == len(PASSAGES)


@pytest.mark.parametrize("k", [0, 1, 60])
def test_rrf_sums_reciprocal_ranks(index, k: float) -> None:
    query = "ships on the frozen bay"
    keyword, dense = rank(index, query, "bm25"), rank(index, query, "dense")
    fused = rank(index, query, "rrf", rrf_k=k)
    for hit in fused:
        by_hand = sum(1 / (k + r) for r in (keyword.rank_of(hit.passage), dense.rank_of(hit.passage)) if r)
        assert hit.score == pytest.approx(by_hand, rel=1e-6)
        assert isinstance(hit.reason, FusedReason)
        assert sum(s.part for s in hit.reason.shares) == pytest.approx(hit.score, rel=1e-6)
        assert hit.ranks == {"bm25": keyword.rank_of(hit.passage), "dense": dense.rank_of(hit.passage)}
    assert [h.rank for h in fused] == list(range(1, len(PASSAGES) + 1))


def test_linear_goes_from_one_list_to_the_other(index) -> None:
    query = "ships on the frozen bay"
    first = [h.passage for h in rank(index, query, "bm25")]
    assert [h.passage for h in rank(index, query, "linear", weight=0.0)][: len(first)] == first
    assert [h.passage for h in rank(index, query, "linear", weight=1.0)] == [
        h.passage for h in rank(index, query, "dense")
    ]
    assert rank(index, query, "linear").hits[0].score <= 1.0


def test_no_shared_word_is_a_result_not_an_error(index) -> None:
    ranking = rank(index, "telescope", "bm25")
    assert len(ranking) == 0
    assert ranking.found == 0
    assert ranking.notes == ("No passage shares a word with the question.",)
    fused = rank(index, "telescope", "rrf")
    assert [h.passage for h in fused] == [h.passage for h in rank(index, "telescope", "dense")]
    assert all(h.reason.shares[0].part == 0 and h.reason.shares[0].rank is None for h in fused)


def test_passages_of_common_words_alone_can_still_be_indexed() -> None:
    index = build_index(["the of and", "a"], Toy())
    assert len(rank(index, "the of", "bm25")) == 0
    assert len(rank(index, "the of", "rrf")) == 2
    assert query_terms(index, "the of") == {}


def test_equal_scores_keep_the_order_of_the_passages() -> None:
    index = build_index(["same words here"] * 4, Toy())
    for method in ("bm25", "dense", "rrf", "linear"):
        assert [h.passage for h in rank(index, "same words", method)] == [0, 1, 2, 3]


def test_vectors_made_earlier_are_used_and_the_encoder_is_not_asked() -> None:
    toy = Toy()
    vectors = embed(PASSAGES, toy)
    before = toy.calls
    index = build_index(PASSAGES, toy, embeddings=vectors)
    rank(index, "ice", "rrf", query_vector=vectors[2])
    assert toy.calls == before
    assert rank(index, "ice", "dense", query_vector=vectors[2]).hits[0].passage == 2


def test_embedding_reports_and_can_be_stopped() -> None:
    seen: list[tuple[int, int]] = []
    many = [f"passage {i} " + "x" * (i % 7) for i in range(70)]
    vectors = embed(many, Toy(), lambda done, total: seen.append((done, total)))
    assert seen == [(32, 70), (64, 70), (70, 70)]
    np.testing.assert_allclose(vectors, Toy().encode(many), atol=1e-6)
    with pytest.raises(InterruptedError):
        embed(many, Toy(), lambda done, total: True)


@pytest.mark.parametrize(
    ("passages", "sentence"),
    [([], "no passage"), (["fine", "  "], "Passage 2 is empty"), (["fine", None], "Passage 2 is not text"),
     ("one text", "put it in a list"), (["x" * 100_001], "cut it in two"), (["a"] * 10_001, "give fewer")],
)
def test_passages_are_checked_at_the_door(passages, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        build_index(passages, None)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [("", "no question yet"), (" \n\t", "no question yet"), (None, "is text"), ("x" * 20_001, "ask something shorter")],
)
def test_questions_are_checked_at_the_door(index, query, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        rank(index, query, "bm25")


@pytest.mark.parametrize(
    "query",
    ["x", "\ud800 lone", "\x00\x01 control", "<script>alert(1)</script>", "<|endoftext|>", "👨‍👩‍👧‍👦", "שלום עולם"],
)
def test_odd_questions_have_an_answer(index, query: str) -> None:
    for method in ("bm25", "dense", "rrf", "linear"):
        assert rank(index, query, method).scores.shape == (len(PASSAGES),)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"method": "tfidf"}, "no method named"), ({"k": 0}, "at least 1"), ({"k": True}, "at least 1"),
     ({"rrf_k": -1}, "RRF's k"), ({"rrf_k": math.nan}, "RRF's k"), ({"weight": 2}, "weight"),
     ({"method": "rerank"}, "needs a reranker"), ({"query_vector": np.full(8, np.nan)}, "not finite"),
     ({"query_vector": np.ones(5)}, "same encoder"), ({"query_vector": np.zeros(8)}, "length zero")],
)
def test_knobs_are_checked_at_the_door(index, options: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        rank(index, "ice", **{"method": "rrf", **options})


@pytest.mark.parametrize(("k1", "b"), [(-1, 0.5), (11, 0.5), (1, -0.1), (1, 1.1), (math.nan, 0.5), (1, math.inf)])
def test_keyword_knobs_are_checked_at_the_door(k1: float, b: float) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        build_index(PASSAGES, None, k1=k1, b=b)


@pytest.mark.parametrize(
    ("vectors", "sentence"),
    [(np.ones((5, 8)), "6 rows"), (np.ones(6), "6 rows"), (np.full((6, 8), np.inf), "not finite"),
     (np.where(np.eye(6, 8) > 0, np.nan, 1.0), "not finite"), (np.zeros((6, 8)), "length zero")],
)
def test_vectors_are_checked_at_the_door(vectors: np.ndarray, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        build_index(PASSAGES, None, embeddings=vectors)


def test_meaning_needs_vectors() -> None:
    index = build_index(PASSAGES, None)
    for method in ("dense", "rrf", "linear"):
        with pytest.raises(ValueError, match="build it with an encoder"):
            rank(index, "ice", method)


def test_nothing_in_a_ranking_can_be_written_to(index) -> None:
    ranking = rank(index, "ice", "rrf")
    with pytest.raises(ValueError):
        ranking.scores[0] = 1.0
    with pytest.raises(ValueError):
        index.embeddings[0, 0] = 1.0
    with pytest.raises(AttributeError):
        ranking.method = "bm25"
