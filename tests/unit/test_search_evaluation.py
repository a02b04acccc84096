"""nDCG against scikit-learn's, and what it refuses."""

from __future__ import annotations

import random

import pytest

from components.search import judged_share, ndcg


def test_ndcg_is_scikit_learns() -> None:
    from sklearn.metrics import ndcg_score

    draw = random.Random(5)
    for _ in range(60):
        passages = [f"p{i}" for i in range(draw.randint(2, 30))]
        grades = {name: draw.choice([0, 0, 1, 2, 3]) for name in passages}
        grades["p0"] = 3
        ranked = draw.sample(passages, len(passages))
        k = draw.randint(1, 12)
        scores = [[float(-ranked.index(name)) for name in passages]]
        assert ndcg(ranked, grades, k) == pytest.approx(ndcg_score([[grades[n] for n in passages]], scores, k=k))


def test_ndcg_by_hand() -> None:
    assert ndcg(["a", "b"], {"a": 3, "b": 1}) == 1
    assert ndcg(["x", "a"], {"a": 2}) == pytest.approx(1 / 1.5849625)
    assert ndcg([], {"a": 1}) == 0
    assert ndcg(["x"] + [f"y{i}" for i in range(9)] + ["a"], {"a": 1}) == 0, "the eleventh place does not count"


@pytest.mark.parametrize(
    ("ranked", "grades", "k", "sentence"),
    [(["a"], {"a": 1}, 0, "k is 0"), (["a", "a"], {"a": 1}, 10, "twice"), (["a"], {"a": -1}, 10, "below 0"),
     (["a"], {"a": 0}, 10, "leave this question out"), (["a"], {}, 10, "leave this question out")],
)
def test_ndcg_refuses(ranked, grades, k, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ndcg(ranked, grades, k)


def test_judged_share() -> None:
    assert judged_share(["a", "b", "c", "d"], {"a": 0, "d": 3}, k=3) == pytest.approx(1 / 3)
    assert judged_share([], {"a": 1}) == 1
