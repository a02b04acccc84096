"""How good a ranked list is, against passages that a reader has judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def ndcg(ranked: Sequence[str], grades: Mapping[str, int], k: int = 10) -> float:
    """Normalised discounted cumulative gain of the first k places: 0 to 1, where 1 is the best order there is.

    A passage adds its grade divided by `log2(rank + 1)`; the sum is divided by what the judged passages would give
    in their best order (Jaervelin and Kekaelaeinen, TOIS 2002; the linear gain of trec_eval and scikit-learn).
    A passage that was not judged counts as grade 0.

    Args:
        ranked: passages, best first, each at most once; may be shorter than k.
        grades: passage -> grade, 0 or more.
        k: how many places count.

    Raises:
        ValueError: k below 1, a passage listed twice, a negative grade, or no grade above 0 (then there is no best
            order to compare with: an unanswerable question is left out, not counted as 0 or 1).

    >>> round(ndcg(["b", "a"], {"a": 3, "b": 1}), 4)
    0.7967
    """
    if not isinstance(k, int) or isinstance(k, bool) or k < 1:
        raise ValueError(f"k is {k!r} and must be a whole number of at least 1.")
    if len(set(ranked)) != len(ranked):
        raise ValueError("A passage is listed twice; list each at most once.")
    if any(grade < 0 for grade in grades.values()):
        raise ValueError("A grade is below 0; grades are 0 or more.")
    best = sorted(grades.values(), reverse=True)[:k]
    if not best or best[0] == 0:
        raise ValueError("No passage is graded above 0, so there is no best order; leave this question out.")
    return _gain([grades.get(passage, 0) for passage in ranked[:k]]) / _gain(best)


def judged_share(ranked: Sequence[str], grades: Mapping[str, int], k: int = 10) -> float:
    """Which share of the first k places was judged at all. Where it is low, a score is a guess.

    An empty list has nothing left to judge: 1.

    >>> judged_share(["a", "x"], {"a": 0})
    0.5
    """
    first = list(ranked[:k])
    return sum(passage in grades for passage in first) / len(first) if first else 1.0


def _gain(grades: Sequence[int]) -> float:
    return float(np.sum(np.asarray(grades, np.float64) / np.log2(np.arange(2, len(grades) + 2))))
