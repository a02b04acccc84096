"""Search: passages -> Index -> Ranking, by shared words (BM25), by meaning (vectors), and by both.

>>> from components.search import build_index, rank
>>> index = build_index(["A cat sat on a mat.", "Dogs bark at night."], encoder=None)
>>> [(hit.passage, hit.rank) for hit in rank(index, "why do dogs bark?", "bm25")]
[(1, 1)]
"""

from __future__ import annotations

from .analysis import Word, words
from .evaluation import judged_share, ndcg
from .fusion import order, reciprocal, scaled
from .index import Encoder, Index, build_index, embed
from .ranking import METHODS, RRF_K, check_query, cut_note, encode_query, keyword_reason, query_terms, rank
from .results import FusedReason, Hit, KeywordReason, MeaningReason, Ranking, Reason, Share, Term

__all__ = [
    "METHODS",
    "RRF_K",
    "Encoder",
    "FusedReason",
    "Hit",
    "Index",
    "KeywordReason",
    "MeaningReason",
    "Ranking",
    "Reason",
    "Share",
    "Term",
    "Word",
    "build_index",
    "check_query",
    "cut_note",
    "embed",
    "encode_query",
    "judged_share",
    "keyword_reason",
    "ndcg",
    "order",
    "query_terms",
    "rank",
    "reciprocal",
    "scaled",
    "words",
]
