"""The claims of the Attention page's lessons, each held against the model it names, with a margin."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from components.attention import SCORES, HeadMap, map_text, ranked
from components.models import sources

LESSONS = Path(__file__).resolve().parents[2] / "assets" / "lessons" / "attention.json"


@cache
def _opened(model: str):  # type: ignore[no-untyped-def]
    from components.models.open import open_model

    return open_model(model)


@cache
def _map(lesson: str) -> HeadMap:
    entry = next(item for item in json.loads(LESSONS.read_text("utf-8"))["lessons"] if item["id"] == lesson)
    if not sources.state(entry["model"]).here:
        pytest.skip(f"{entry['model']} is not here; run `python -m components.models fetch {entry['model']}`")
    return map_text(_opened(entry["model"]), entry["text"])


def _score(heads: HeadMap, name: str, layer: int, head: int) -> float:
    return float(heads.scores[SCORES.index(name), layer, head])


def _at(heads: HeadMap, piece: str, which: int = 0) -> int:
    return [at for at, own in enumerate(heads.pieces) if own == piece][which]


def lesson_who_is_it_about() -> None:
    heads = _map("who-is-it-about")
    matrix = heads.matrix(13, 8)
    tortoise = _at(heads, " tortoise")
    had = matrix[_at(heads, " had")]
    assert int(had[1:].argmax()) + 1 == tortoise
    assert had[tortoise] == pytest.approx(0.71, abs=0.03)
    assert _at(heads, " had") - tortoise == 6
    assert matrix[_at(heads, " who"), tortoise] == pytest.approx(0.85, abs=0.03)


def lesson_find_the_induction_head() -> None:
    heads = _map("find-the-induction-head")
    last = heads.matrix(18, 6)[-1]
    assert heads.pieces[-1] == " narrow"
    assert last[_at(heads, " door")] == pytest.approx(0.99, abs=0.02)
    best = ranked(heads.scores[SCORES.index("induction")])
    assert best[0][:2] == (18, 6)
    assert best[0][2] == pytest.approx(0.76, abs=0.02)
    assert best[0][2] > best[1][2] + 0.05
    assert heads.next_pieces[0] == " door"
    assert heads.next_probabilities[0] == pytest.approx(0.93, abs=0.02)


def lesson_one_step_back() -> None:
    heads = _map("one-step-back")
    best = ranked(heads.scores[SCORES.index("previous")])
    assert best[0][:2] == (16, 0)
    assert best[0][2] == pytest.approx(0.82, abs=0.02)
    lit = [(layer, head) for layer, head, score in best if score >= 0.7]
    assert sorted(layer for layer, _ in lit) == [1, 11, 16]
    assert best[3][2] < 0.65


def lesson_the_resting_place() -> None:
    heads = _map("the-resting-place")
    first = heads.scores[SCORES.index("first")]
    assert abs(int((first > 0.5).sum()) - 176) <= 4
    assert _score(heads, "first", 18, 8) > 0.99
    rows = heads.matrix(18, 8).sum(axis=1)
    assert np.allclose(rows, 1, atol=0.01)


def lesson_who_receives() -> None:
    heads = _map("who-receives")
    assert heads.next_pieces[0] == " Mary"
    assert heads.next_probabilities[0] == pytest.approx(0.91, abs=0.02)
    last = heads.matrix(24, 4)[-1]
    mary = _at(heads, " Mary")
    assert last[mary] == pytest.approx(0.83, abs=0.03)
    assert heads.tokens - 1 - mary == 12
    assert max(last[_at(heads, " John", 0)], last[_at(heads, " John", 1)]) < 0.1


def lesson_small_model_same_head() -> None:
    heads = _map("small-model-same-head")
    assert heads.layers * heads.heads == 48
    assert _score(heads, "previous", 1, 1) > 0.8
