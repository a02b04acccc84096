"""A tree of written tokens: going back forgets nothing, and another choice becomes a branch.

Plain data, made of dicts, lists and numbers: `{"nodes": {number: node}, "at": number, "next": number}`. Node 0 is the
text that everything goes on from. Every other node is one token:

    {"up": number of the token before it, "step": a `Step` as a dict, "chance": after the chain, 0 to 1,
     "offers": [[id, chance after the chain, chance as the model gave it], ...] for the token after this one,
     "name": "", "pruned": False}

The path from node 0 to `at` is what the reader sees as the text. The functions write into the tree they are given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Tree = dict[str, Any]
Node = dict[str, Any]

MAX_NODES = 3_000
NAME_LENGTH = 40


def new_tree() -> Tree:
    """A tree of nothing but the text that it starts from."""
    return {"nodes": {0: _node(-1, None, 1.0)}, "at": 0, "next": 1}


def _node(up: int, step: dict[str, Any] | None, chance: float) -> Node:
    return {"up": up, "step": step, "chance": chance, "offers": [], "name": "", "pruned": False}


def node(tree: Tree, number: object) -> Node:
    """The node of that number.

    Raises:
        ValueError: there is none.
    """
    found: Node | None = None
    if isinstance(number, int) and not isinstance(number, bool):
        found = tree["nodes"].get(number)
    if found is None:
        raise ValueError("This branch is not there any more; choose another one.")
    return found


def path(tree: Tree, number: int | None = None) -> list[int]:
    """The numbers of the tokens from the start to `number` (the current one if left out), without node 0."""
    found: list[int] = []
    at = tree["at"] if number is None else number
    node(tree, at)
    while at != 0:
        found.append(at)
        at = tree["nodes"][at]["up"]
    return found[::-1]


def steps(tree: Tree, number: int | None = None) -> list[dict[str, Any]]:
    """The records of the tokens from the start to `number` (the current one if left out)."""
    return [tree["nodes"][one]["step"] for one in path(tree, number)]


def children(tree: Tree, number: int, *, pruned: bool = False) -> list[int]:
    """The tokens that were written after this one, in the order in which they came; pruned ones only if asked for."""
    return [one for one, kept in tree["nodes"].items() if kept["up"] == number and (pruned or not kept["pruned"])]


def child(tree: Tree, number: int, token: int) -> int | None:
    """The node of that token after this one, pruned or not; None where it was never written."""
    return next((one for one in children(tree, number, pruned=True)
                 if tree["nodes"][one]["step"]["id"] == token), None)


def grow(
    tree: Tree, number: int, step: Mapping[str, Any], *, chance: float | None = None,
    offers: Sequence[Sequence[float]] | None = None,
) -> int:
    """Write a token after a node, and return its number. A token that stands there already is that same branch.

    Args:
        number: the node that it follows.
        step: its record, a `Step` as a dict.
        chance: after the chain; the record's own if left out.
        offers: the likeliest tokens of that place, kept with the node before.
    """
    before = node(tree, number)
    if offers is not None:
        before["offers"] = [list(one) for one in offers]
    found = child(tree, number, step["id"])
    if found is None:
        found = tree["next"]
        tree["next"] += 1
        tree["nodes"][found] = _node(number, dict(step), 0.0)
    kept = tree["nodes"][found]
    kept["step"] = dict(step)
    kept["chance"] = float(step["probability"] if chance is None else chance)
    kept["pruned"] = False
    return int(found)


def go(tree: Tree, number: int) -> None:
    """Make a token the end of the text. What is pruned on the way there is there again.

    Raises:
        ValueError: there is no such node.
    """
    for one in path(tree, number):
        tree["nodes"][one]["pruned"] = False
    tree["at"] = number


def cut(tree: Tree, count: int) -> None:
    """Go back along the text to its first `count` tokens.

    Raises:
        ValueError: the text is shorter.
    """
    whole = path(tree)
    if not 0 <= count <= len(whole):
        raise ValueError(f"The text has {len(whole)} new tokens, so it cannot be cut back to {count}.")
    tree["at"] = whole[count - 1] if count else 0


def prune(tree: Tree, number: int) -> None:
    """Take a branch out of sight, with all that follows it. `restore` brings it back.

    A reader who stands on it stands before it then.

    Raises:
        ValueError: there is no such node, or it is the text that everything starts from.
    """
    taken = node(tree, number)
    if number == 0:
        raise ValueError("The text that the branches start from cannot be pruned; choose one of the branches.")
    if number in path(tree):
        tree["at"] = taken["up"]
    taken["pruned"] = True


def restore(tree: Tree, number: int) -> None:
    """Bring a pruned branch back.

    Raises:
        ValueError: there is no such node.
    """
    node(tree, number)["pruned"] = False


def rename(tree: Tree, number: int, name: object) -> None:
    """Give a branch a name, one short line; an empty one takes the name away.

    Raises:
        ValueError: there is no such node, or the name is no text.
    """
    kept = node(tree, number)
    if not isinstance(name, str):
        raise ValueError("A branch's name is a word or two; type it as text.")
    plain = "".join(sign if sign.isprintable() else " " for sign in name)
    kept["name"] = " ".join(plain.split())[:NAME_LENGTH]


def shown(tree: Tree) -> list[int]:
    """The nodes that are neither pruned nor behind a pruned one, each after the one before it."""
    found, waiting = [], [0]
    after: dict[int, list[int]] = {}
    for number, kept in tree["nodes"].items():
        if not kept["pruned"]:
            after.setdefault(kept["up"], []).append(number)
    while waiting:
        number = waiting.pop()
        found.append(number)
        waiting.extend(reversed(after.get(number, [])))
    return found


def leaves(tree: Tree) -> list[int]:
    """The ends of the branches in sight, in the order of the tree."""
    seen = shown(tree)
    inner = {tree["nodes"][number]["up"] for number in seen}
    return [number for number in seen if number and number not in inner]


def mean_surprise(tree: Tree, number: int) -> float | None:
    """Mean surprise in nats, by the model's own distribution, of the tokens from the start to `number`."""
    found = [step["surprise"] for step in steps(tree, number)]
    return sum(found) / len(found) if found else None


def trim(tree: Tree, most: int = MAX_NODES) -> int:
    """Keep at most `most` nodes: the oldest ends go first, pruned ones before all, never the text in sight.

    Returns:
        how many nodes went.
    """
    nodes = tree["nodes"]
    gone = 0
    while len(nodes) > most:
        safe = {0, *path(tree)}
        hidden = set(nodes) - set(shown(tree))
        ends = sorted(set(nodes) - {kept["up"] for kept in nodes.values()} - safe)
        if not ends:
            break
        for number in ([one for one in ends if one in hidden] or ends)[: len(nodes) - most]:
            del nodes[number]
            gone += 1
    return gone
