"""Labels -> words: c-TF-IDF, which asks how much more often a topic uses a word than the others do.

The formula is BERTopic's (`ClassTfidfTransformer`), written out here because importing that package brings some
300 MB into memory; a test holds the two against each other.

    weight(word, topic) = share of the topic's words that are this word * log(1 + A / f)

with A the mean number of words a topic and f how often the word occurs in all of them. Outliers count as one more
topic, as they do in BERTopic.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .results import Word

TOP = 12
LETTERS = r"(?u)\b[^\W\d_]{2,}\b"
ANYTHING = r"(?u)\S+"
#: What is left of "don't", "we've" and their like when words are runs of letters.
REMNANTS = (
    "don", "didn", "doesn", "isn", "wasn", "aren", "weren", "hasn", "haven", "hadn", "won", "wouldn", "couldn",
    "shouldn", "ve", "ll", "re",
)


def ctfidf(counts: np.ndarray) -> np.ndarray:
    """c-TF-IDF weights of word counts, both float64 `[topic, word]`.

    A topic without any counted word has weights of zero.
    """
    counts = np.asarray(counts, np.float64)
    total = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    often = counts.sum(axis=0)
    mean = int(total.mean()) if total.size else 0
    idf = np.log(np.divide(mean, often, out=np.zeros_like(often), where=often > 0) + 1)
    return share * idf


def count_words(documents: Sequence[str], labels: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """How often each topic uses each term (one word or two): float64 `[1 + topics, term]`, outliers first, and terms.

    English stop words are left out, and terms that only one document has. A pair of words is two that stand beside
    each other in one document once stop words are gone. Where nothing is left (all stop words,
    signs, single letters) everything between spaces counts.
    """
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

    stop = sorted(ENGLISH_STOP_WORDS | set(REMNANTS))
    attempts = (
        {"token_pattern": LETTERS, "stop_words": stop, "min_df": 2},
        {"token_pattern": LETTERS, "stop_words": stop, "min_df": 1},
        {"token_pattern": ANYTHING, "min_df": 1},
    )
    for options in attempts:
        try:
            vectorizer = CountVectorizer(ngram_range=(1, 2), **options)
            terms_by_document = vectorizer.fit_transform(documents)
        except ValueError:  # an empty vocabulary, or none left by min_df; the next attempt is less strict
            continue
        rows = int(labels.max(initial=-1)) + 2
        member = csr_matrix(
            (np.ones(len(labels)), (labels + 1, np.arange(len(labels)))), shape=(rows, len(labels))
        )
        return (member @ terms_by_document).toarray().astype(np.float64), list(vectorizer.get_feature_names_out())
    return np.zeros((int(labels.max(initial=-1)) + 2, 0)), []


def top_words(counts: np.ndarray, terms: Sequence[str], top: int = TOP) -> list[tuple[Word, ...]]:
    """The heaviest terms of each topic, heaviest first; of equal weight in alphabetical order.

    Args:
        counts, terms: from `count_words`, the outliers' row first.
    """
    found = []
    for row in ctfidf(counts)[1:]:
        order = np.lexsort((np.arange(len(row)), -np.round(row, 12)))[:top]
        found.append(tuple(Word(terms[i], float(row[i])) for i in order if row[i] > 0))
    return found
