"""The claims of the Attention page's lessons, each held against the model it names, with a margin."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.attention import (
    SCORES,
    Ablation,
    Control,
    HeadMap,
    ablate,
    attribute,
    cell_of,
    control,
    find_word,
    logit_lens,
    map_text,
    part,
    ranked,
    read_layer,
)
from components.models import sources
from components.views.attention.parting import pairs

LESSONS = Path(__file__).resolve().parents[2] / "assets" / "lessons" / "attention.json"


@cache
def _opened(model: str):  # type: ignore[no-untyped-def]
    from components.models.open import open_model

    return open_model(model)


def _entry(lesson: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        item for item in json.loads(LESSONS.read_text("utf-8"))["lessons"] if item["id"] == lesson
    )
    return found


@cache
def _map(lesson: str) -> HeadMap:
    entry = _entry(lesson)
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


def _off(lesson: str, head: tuple[int, int], draws: int = 5) -> tuple[Ablation, Control]:
    """One head turned off as the panel does it, and its five random heads."""
    ids, model = _map(lesson).ids, _opened(_entry(lesson)["model"])
    return ablate(model, ids, [head]), control(model, ids, [head], draws=draws)


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
    lit = [(layer, head) for layer, head, score in best if score >= 0.5]
    assert len(lit) == 3
    assert {layer for layer, _ in lit} == {17, 18}
    assert best[3][2] < 0.45
    assert best[2][2] > 0.53
    assert np.isnan(_map("who-is-it-about").scores[SCORES.index("induction")]).all()


def lesson_induction_in_a_small_model() -> None:
    heads = _map("induction-in-a-small-model")
    best = ranked(heads.scores[SCORES.index("induction")])
    assert best[0][:2] == (5, 4)
    assert best[0][2] == pytest.approx(0.73, abs=0.02)
    assert best[1][2] == pytest.approx(0.48, abs=0.02)
    assert heads.matrix(5, 4)[-1, _at(heads, " door")] > 0.99
    off, beside = _off("induction-in-a-small-model", (5, 4))
    assert off.target == heads.next_ids[0]
    assert heads.next_pieces[0] == " door"
    before, after = off.probability(int(off.target))
    assert before == pytest.approx(0.050, abs=0.004)
    assert after == pytest.approx(0.024, abs=0.004)
    assert off.rank(int(off.target)) == (1, 4)
    assert off.effect.target == pytest.approx(-0.74, abs=0.05)
    assert max(abs(one.target or 0) for one in beside.random) < 0.12


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
    mary = _at(heads, " Mary")
    looks = {(layer, head): float(heads.matrix(layer, head)[-1, mary]) for layer in range(30) for head in range(9)}
    assert max(looks, key=looks.__getitem__) == (24, 4)
    assert looks[24, 4] == pytest.approx(0.83, abs=0.03)
    found = attribute(_opened("smollm2"), heads.ids, int(heads.next_ids[0]))
    assert found.heads[24, 4] == pytest.approx(-1.4, abs=0.1)
    for head, look in ((0, 0.70), (1, 0.58), (7, 0.52)):
        assert looks[23, head] == pytest.approx(look, abs=0.03)
        assert 1.0 < found.heads[23, head] < 1.6
    held, _ = _off("who-receives", (24, 4), draws=0)
    assert held.probability(int(heads.next_ids[0]))[1] == pytest.approx(0.973, abs=0.008)
    brought, beside = _off("who-receives", (23, 0))
    assert brought.probability(int(heads.next_ids[0]))[1] == pytest.approx(0.860, abs=0.01)
    assert -(brought.effect.target or 0) > 1.5 * max(abs(one.target or 0) for one in beside.random)


def lesson_small_model_same_head() -> None:
    heads = _map("small-model-same-head")
    assert heads.layers * heads.heads == 48
    best = ranked(heads.scores[SCORES.index("previous")])
    assert best[0][:2] == (1, 1)
    assert best[0][2] > 0.98
    assert [layer for layer, _, _ in best[:3]] == [1, 1, 1]
    assert best[2][2] > 0.9
    assert best[3][2] < 0.7


def lesson_rotary_and_distance() -> None:
    heads = _map("rotary-and-distance")
    assert set(heads.pieces[1:]) == {" rain"}
    assert heads.tokens == 21
    last = heads.tokens - 1
    reading = read_layer(_opened("smollm2"), heads.ids.tolist(), 0)
    cell = cell_of(reading.layer, 3, last, last - 1, reading.projection, ids=reading.ids)
    assert cell.dots_before is not None
    assert np.ptp(cell.dots_before[1:]) < 1e-3
    assert np.ptp(cell.dots[1:]) > 1
    near, far = heads.matrix(0, 3)[last], heads.matrix(0, 6)[last]
    for back, weight in ((0, 0.22), (1, 0.22), (2, 0.10), (4, 0.02)):
        assert near[last - back] == pytest.approx(weight, abs=0.01)
    assert near[last - 6] > near[last - 4] + 0.01
    assert near[last - 3 :].sum() > 0.5
    assert far[last - 1] == pytest.approx(0.04, abs=0.006)
    assert far[last - 12] == pytest.approx(0.065, abs=0.006)


def lesson_important_or_not() -> None:
    heads = _map("important-or-not")
    door = _at(heads, " door")
    assert heads.matrix(20, 6)[-1, door] == pytest.approx(0.89, abs=0.02)
    assert heads.matrix(18, 6)[-1, door] > 0.95
    off, beside = _off("important-or-not", (20, 6))
    before, after = off.probability(int(off.target or 0))
    assert heads.next_pieces[0] == " door"
    assert before == pytest.approx(0.930, abs=0.005)
    assert after == pytest.approx(0.937, abs=0.005)
    random = max(abs(one.target or 0) for one in beside.random)
    assert abs(off.effect.target or 9) < random
    telling = ablate(_opened("smollm2"), heads.ids, [(18, 6)])
    assert telling.probability(int(telling.target or 0))[1] == pytest.approx(0.869, abs=0.01)
    assert -(telling.effect.target or 0) > 5 * random


def lesson_which_layer_knows() -> None:
    heads = _map("which-layer-knows")
    found = logit_lens(_opened("smollm2"), heads.ids, positions=1)
    assert found.answer_ids[0] == heads.next_ids[0]
    assert found.decided(0) == 28
    assert found.answer_rank[27, 0] == pytest.approx(16, abs=5)
    for layer, share in ((28, 0.29), (29, 0.50), (30, 0.93)):
        assert found.answer_probability[layer, 0] == pytest.approx(share, abs=0.03)
    best = ranked(heads.scores[SCORES.index("induction")])
    assert {layer for layer, _, score in best if score >= 0.5} == {17, 18}


def lesson_two_banks() -> None:
    if not sources.state("minilm").here:
        pytest.skip("minilm is not here; run `python -m components.models fetch minilm`")
    pair = next(one for one in pairs() if one["id"] == "bank")
    model = _opened("minilm")
    places = [find_word(model.tokenizer, pair[which], "bank", marks=True) for which in ("first", "second", "third")]
    found = part(model, *places)
    assert found.same is not None
    assert found.cosine[0] == pytest.approx(0.96, abs=0.01)
    assert found.cosine[-1] == pytest.approx(0.72, abs=0.02)
    assert found.same[-1] == pytest.approx(0.88, abs=0.02)
    pulled = dict(zip(places[0].pieces, found.pull_first[-1].tolist(), strict=True))
    assert pulled["grassy"] == pytest.approx(0.08, abs=0.01)
    assert pulled["river"] == pytest.approx(0.01, abs=0.006)
    assert max((one for one in pulled if one != "bank" and not one.startswith("[")), key=pulled.__getitem__) == "grassy"
