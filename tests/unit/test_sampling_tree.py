"""The tree of written tokens, and where each of several next tokens would lead."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from components.sampling import Settings, decode, look_ahead, offers, prefixes, tree
from tests.unit.test_sampling_prefixes import forwards
from tests.unit.tiny_decoders import tiny

PROMPT = [5, 9, 9, 42, 7]


def step(token: int, surprise: float = 1.0) -> dict[str, Any]:
    return {"id": token, "raw": 0.5, "probability": 0.25, "surprise": surprise, "rank": 1, "random": None,
            "low": None, "high": None}


def ids(grown: tree.Tree, number: int | None = None) -> list[int]:
    return [one["id"] for one in tree.steps(grown, number)]


def line(grown: tree.Tree, number: int, tokens: list[int]) -> int:
    for token in tokens:
        number = tree.grow(grown, number, step(token))
    return number


def test_going_back_forgets_nothing_and_the_same_token_is_the_same_branch() -> None:
    grown = tree.new_tree()
    end = line(grown, 0, [1, 2, 3])
    tree.go(grown, end)
    tree.cut(grown, 1)
    assert ids(grown) == [1]
    other = line(grown, grown["at"], [9, 8])
    assert ids(grown, other) == [1, 9, 8]
    assert ids(grown, end) == [1, 2, 3]
    assert line(grown, 0, [1, 2, 3]) == end
    assert tree.leaves(grown) == [end, other]
    assert tree.shown(grown)[0] == 0
    assert json.loads(json.dumps(grown))["at"] == grown["at"], "plain data"


def test_pruning_hides_a_branch_with_all_that_follows_and_is_undone() -> None:
    grown = tree.new_tree()
    end = line(grown, 0, [1, 2, 3])
    other = line(grown, 0, [7])
    tree.go(grown, end)
    second = tree.path(grown, end)[1]
    tree.prune(grown, second)
    assert ids(grown) == [1], "who stood on it stands before it"
    assert sorted(tree.shown(grown)) == sorted([0, tree.path(grown, end)[0], other])
    tree.restore(grown, second)
    assert end in tree.shown(grown)
    tree.prune(grown, second)
    line(grown, tree.path(grown, end)[0], [2])
    assert second in tree.shown(grown), "a token that is written again is there again"
    with pytest.raises(ValueError, match="cannot be pruned"):
        tree.prune(grown, 0)


@pytest.mark.parametrize("number", [99, -1, "1", None, True, 1.0, [1]])
def test_a_node_that_is_not_there_is_a_sentence(number: object) -> None:
    grown = tree.new_tree()
    line(grown, 0, [1])
    before = json.dumps(grown)
    for call in (tree.prune, tree.restore, tree.node):
        with pytest.raises(ValueError, match="not there"):
            call(grown, number)
    assert json.dumps(grown) == before
    for count in (-1, 2):
        with pytest.raises(ValueError, match="cut back"):
            tree.cut(grown, count)


def test_names_are_one_short_line() -> None:
    grown = tree.new_tree()
    end = line(grown, 0, [1])
    tree.rename(grown, end, "  the\nsad \x07 end " + "x" * 90)
    assert grown["nodes"][end]["name"].startswith("the sad end x")
    assert len(grown["nodes"][end]["name"]) == tree.NAME_LENGTH
    with pytest.raises(ValueError, match="as text"):
        tree.rename(grown, end, 5)


def test_branches_are_compared_by_their_mean_surprise() -> None:
    grown = tree.new_tree()
    first = tree.grow(grown, 0, step(1, 2.0))
    second = tree.grow(grown, first, step(2, 4.0))
    assert tree.mean_surprise(grown, 0) is None
    assert tree.mean_surprise(grown, second) == pytest.approx(3.0)


def test_a_full_tree_lets_pruned_and_old_branches_go_and_never_the_text_in_sight() -> None:
    grown = tree.new_tree()
    old = line(grown, 0, [1, 2, 3])
    hidden = line(grown, 0, [4, 5])
    tree.prune(grown, tree.path(grown, hidden)[0])
    tree.go(grown, line(grown, 0, [6, 7, 8]))
    assert tree.trim(grown, most=7) == 2
    assert hidden not in grown["nodes"]
    assert old in grown["nodes"]
    tree.trim(grown, most=1)
    assert ids(grown) == [6, 7, 8]
    assert len(grown["nodes"]) == 4


def test_offers_are_the_likeliest_that_can_come() -> None:
    now = np.array([0.1, 0, 0.5, 0.2, 0.2, 0], dtype=np.float32)
    gave = np.full(6, 1 / 6, dtype=np.float32)
    assert [one[0] for one in offers(gave, now, 3)] == [2, 3, 4]
    assert [one[0] for one in offers(gave, now, 9)] == [2, 3, 4, 0]
    assert offers(gave, now, 1)[0][1:] == (pytest.approx(0.5), pytest.approx(1 / 6))


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_each_branch_goes_on_as_generate_would_write_it_greedily(kind: str) -> None:
    model = tiny(kind, seed=4)
    settings = Settings(temperature=0.7, top_k=50, repetition_penalty=1.2)
    written = decode(model, PROMPT, [Settings(max_new_tokens=6)])[0].steps
    text = [*PROMPT, *(one.id for one in written)]
    prefixes.clear()
    with forwards(model) as seen:
        made = look_ahead(model, PROMPT, written, [3, 17, 100, 250], settings, 8)
    assert seen == [len(text)] + [1] * 7, "the text once, then one forward a token for all branches"
    for first, branch in zip([3, 17, 100, 250], made, strict=True):
        expected = model.generate(torch.tensor([[*text, first]]), do_sample=False, repetition_penalty=1.2,
                                  max_new_tokens=7)[0].tolist()[len(text):]
        assert [one.step.id for one in branch] == expected
        assert all(one.chance == pytest.approx(one.offers[0][1]) for one in branch[1:])
        assert all(one.step.random is None for one in branch)
    with forwards(model) as seen:  # going on from a branch's end, and from its middle
        end = (*text, *(one.step.id for one in made[2]))
        from components.sampling import next_logits

        next_logits(model, end)
        next_logits(model, (*text, *(one.step.id for one in made[1][:4])))
    assert seen == [1, 1]


def test_a_branch_ends_where_the_model_ends_and_stop_keeps_what_is_written() -> None:
    model = tiny(seed=4)
    plain = look_ahead(model, PROMPT, (), [3, 17], Settings(), 9)
    model.generation_config.eos_token_id = [plain[0][2].step.id, 501]
    stops = {plain[0][2].step.id}
    ended = look_ahead(model, PROMPT, (), [3, 17], Settings(), 9)
    assert len(ended[0]) == next(n for n, one in enumerate(plain[0], 1) if one.step.id in stops)
    assert [one.step.id for one in ended[1]][:2] == [one.step.id for one in plain[1]][:2]
    told: list[int] = []
    short = look_ahead(model, PROMPT, (), [3, 17], Settings(), 9, tell=lambda so_far: told.append(len(so_far[1])),
                       cancelled=lambda: len(told) >= 3)
    assert told == [1, 2, 3]
    assert len(short[1]) == 3
    full = look_ahead(model, [1] * 60, (), [3, 17], Settings(), 9)
    assert max(map(len, full)) == 4, "the model reads 64"


@pytest.mark.parametrize(
    ("firsts", "count", "words"),
    [([], 5, "no token"), ([3, 3], 5, "different"), ([3], 0, "between 1"), ([9_999], 5, "not among"),
     (list(range(9)), 5, "at most")],
)
def test_unusable_branches_are_a_sentence(firsts: list[int], count: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        look_ahead(tiny(), PROMPT, (), firsts, Settings(), count)
