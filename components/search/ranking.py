"""Asking: one question, one method, the passages in order with the reason for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from . import analysis, fusion
from .index import Index, check_vectors
from .results import FusedReason, Hit, KeywordReason, MeaningReason, Ranking, Reason, Share, Term

METHODS: tuple[str, ...] = ("bm25", "dense", "rrf", "linear", "rerank")
RRF_K = 60.0
MAX_QUERY_CHARACTERS = 20_000


def check_query(query: Any) -> str:
    """The question as it will be asked.

    Raises:
        ValueError: not text, empty, or longer than 20,000 characters.
    """
    if not isinstance(query, str):
        raise ValueError("A question is text; type a few words.")
    if not query.strip():
        raise ValueError("There is no question yet; type a few words, or press an example.")
    if len(query) > MAX_QUERY_CHARACTERS:
        raise ValueError(
            f"The question has {len(query):,} characters and may have {MAX_QUERY_CHARACTERS:,}; ask something shorter."
        )
    return query


def encode_query(index_or_encoder: Any, query: str) -> np.ndarray:
    """The question's vector `[dimension]`, float32 of unit length. Takes an `Index` or an encoder."""
    encoder = index_or_encoder.encoder if isinstance(index_or_encoder, Index) else index_or_encoder
    if encoder is None:
        raise ValueError("This index has no encoder, so it cannot read a question by meaning; give it one.")
    vectors = check_vectors(encoder.encode([check_query(query)]), 1, "The question's vectors")
    row: np.ndarray = vectors[0]
    return row


def query_terms(index: Index, query: str) -> dict[str, tuple[str, int]]:
    """The question's terms in order: term -> (first spelling, how often)."""
    out: dict[str, tuple[str, int]] = {}
    for word in analysis.words(query, stemming=index.stemming):
        if word.term is not None:
            spelling, count = out.get(word.term, (word.text, 0))
            out[word.term] = (spelling, count + 1)
    return out


def keyword_scores(index: Index, query: str) -> np.ndarray:
    """BM25 of every passage: `[passage]` float32, 0 where no word is shared."""
    scores = np.zeros(len(index), np.float32)
    for term in analysis.terms(query, stemming=index.stemming):
        if term in index.columns:
            having, weights, _ = index.columns[term]
            scores[having] += weights
    return scores


def rank(
    index: Index,
    query: str,
    method: str = "rrf",
    k: int = 10,
    reranker: Any = None,
    *,
    rrf_k: float = RRF_K,
    weight: float = 0.5,
    query_vector: np.ndarray | None = None,
) -> Ranking:
    """Put the passages in order for one question.

    Args:
        index: from `build_index`.
        query: the question.
        method: "bm25" (shared words), "dense" (cosine of the vectors), "rrf" (both, by rank), "linear" (both, by
            scores stretched to 0..1) or "rerank" (needs a reranker).
        k: how many hits to give.
        rrf_k: RRF's constant; larger makes ranks count more alike.
        weight: linear's share of meaning: 0 keyword alone, 1 meaning alone.
        query_vector: the question's vector where it is known already, `[dimension]`.

    A question that shares no word with any passage has zero BM25 hits: that is a result, not an error.

    Raises:
        ValueError: an empty or over-long question, an unknown method, knobs out of range, no vectors where needed.
    """
    question = check_query(query)
    if method not in METHODS:
        raise ValueError(f"There is no method named {method!r}; choose one of: {', '.join(METHODS)}.")
    if method == "rerank":
        if reranker is None:
            raise ValueError("Reranking needs a reranker; give one, or choose bm25, dense, rrf or linear.")
        raise ValueError("This version has no reranking yet; choose bm25, dense, rrf or linear.")
    if not isinstance(k, int) or isinstance(k, bool) or k < 1:
        raise ValueError(f"k is {k!r} and must be a whole number of at least 1.")
    if not (isinstance(rrf_k, int | float) and 0 <= rrf_k <= 10_000):
        raise ValueError(f"RRF's k is {rrf_k!r} and must lie between 0 and 10,000; 60 is usual.")
    if not (isinstance(weight, int | float) and 0 <= weight <= 1):
        raise ValueError(f"The weight is {weight!r} and must lie between 0 (keyword) and 1 (meaning).")

    lists: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    notes: list[str] = []
    if method != "dense":
        keyword = keyword_scores(index, question)
        lists["bm25"] = (keyword, fusion.order(keyword, keyword > 0))
        if not keyword.any():
            notes.append("No passage shares a word with the question.")
    if method != "bm25":
        if index.embeddings is None:
            raise ValueError("This index has no vectors, so it cannot search by meaning; build it with an encoder.")
        vector = encode_query(index, question) if query_vector is None else _checked(query_vector, index.embeddings)
        cosine = index.embeddings @ vector
        lists["dense"] = (cosine, fusion.order(cosine))
        notes.extend(filter(None, [cut_note(index.encoder, question)]))

    if method in lists:
        scores, ranks = lists[method]
    elif method == "rrf":
        parts = fusion.reciprocal([r for _, r in lists.values()], float(rrf_k))
        scores, ranks = _fused(parts)
    else:
        parts = np.stack(
            [(1 - weight) * fusion.scaled(lists["bm25"][0]), weight * fusion.scaled(lists["dense"][0])]
        )
        scores, ranks = _fused(parts)
    scores.setflags(write=False)
    ranks.setflags(write=False)

    best = np.argsort(np.where(ranks > 0, ranks, len(index) + 1), kind="stable")[: min(k, np.count_nonzero(ranks))]
    hits = []
    for passage in map(int, best):
        reason: Reason
        if method == "bm25":
            reason = keyword_reason(index, question, passage)
        elif method == "dense":
            reason = MeaningReason(float(scores[passage]))
        else:
            reason = FusedReason(
                tuple(
                    Share(name, int(r[passage]) or None, float(s[passage]), float(part[passage]))
                    for (name, (s, r)), part in zip(lists.items(), parts, strict=True)
                )
            )
        by_list: Mapping[str, int | None] = {name: int(r[passage]) or None for name, (_, r) in lists.items()}
        hits.append(Hit(passage, int(ranks[passage]), float(scores[passage]), by_list, reason))
    return Ranking(question, method, tuple(hits), scores, ranks, tuple(notes))


def keyword_reason(index: Index, query: str, passage: int) -> KeywordReason:
    """The sum behind one passage's BM25 score: a term for each shared word, largest first, and where they stand."""
    terms = []
    for term, (spelling, count) in query_terms(index, query).items():
        if term not in index.columns:
            continue
        having, weights, found = index.columns[term]
        at = int(np.searchsorted(having, passage))
        if at == len(having) or having[at] != passage:
            continue
        weight = float(weights[at])
        idf = index.idf(term)
        terms.append(
            Term(term, spelling, count * weight, count, int(found[at]), len(having), idf, weight / idf if idf else 0.0)
        )
    terms.sort(key=lambda t: -t.score)
    where = analysis.spans(index.passages[passage], {t.term for t in terms}, stemming=index.stemming)
    return KeywordReason(tuple(terms), where)


def _fused(parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum the parts `[list, passage]` and rank. A passage that no list has stays unranked."""
    total = parts.sum(axis=0)
    return total.astype(np.float32), fusion.order(total)


def _checked(vector: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
    row = check_vectors(np.atleast_2d(np.asarray(vector)), 1, "The question's vectors")
    if row.shape[1] != embeddings.shape[1]:
        raise ValueError(
            f"The question's vector has {row.shape[1]} numbers and the passages' have {embeddings.shape[1]};"
            " use the same encoder for both."
        )
    first: np.ndarray = row[0]
    return first


def cut_note(encoder: Any, query: str) -> str | None:
    """A sentence where the encoder reads less than the whole question, else None.

    Only an encoder with a `tokenizers.Tokenizer` that cuts (as `open_encoder` gives) can say so.
    """
    if not hasattr(encoder, "tokenizer") or len(query) < 256:  # a token is at least one character
        return None
    read = encoder.tokenizer.encode(query)
    if not read.overflowing:
        return None
    tokens = sum(len(part.ids) - sum(part.special_tokens_mask) for part in (read, *read.overflowing))
    return f"Meaning reads the first {len(read.ids)} tokens of the question; it has {tokens:,}."
