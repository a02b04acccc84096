"""The choices of a shape, weighed in two ways: as a grammar draws them step by step, and as the model has them whole.

A grammar that masks tokens renormalises at every step. It spreads what was forbidden over what is left, there and
then, without looking at what follows: a beginning that is likely leads to an ending that is not. So its draws do not
follow the model's own distribution over the texts that are allowed. For choices both can be computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.sampling.constrained import only_ends
from components.sampling.grammar import Grammar
from components.sampling.likelihood import ROWS, Path, behind

LEAST = 1e-5  # paths with less mass than this, by either measure, are counted as unseen
EVALUATIONS = 96  # paths off the tokenizer's own cut that are followed at most


@dataclass(frozen=True, eq=False)
class ChoiceOdds:
    """The choices of a shape, weighed in two ways; each sums to 1, `masked` together with `unseen_masked`.

    Attributes:
        choices: the texts.
        masked: [choice] probability of each where every step is drawn among the allowed tokens alone.
        whole: [choice] probability of each by the model's own distribution over whole texts, given that one of them
            comes.
        log_p: [choice] ln of the model's own probability of the text, all followed spellings of it together.
        own_cut: [choice] the part of `masked` that spells the choice as the tokenizer itself would cut it.
        unseen_masked: mass of the paths that were not followed; each entry of `masked` is at most so much too small.
        unseen_whole: no entry of `whole` is wrong by more.
    """

    choices: tuple[str, ...]
    masked: NDArray[np.float64]
    whole: NDArray[np.float64]
    log_p: NDArray[np.float64]
    own_cut: NDArray[np.float64]
    unseen_masked: float
    unseen_whole: float


@dataclass(frozen=True)
class _Fork:
    """What may follow a path: tokens, ln P of each by the model, ln of their sum; `closed` where nothing may."""

    tokens: tuple[int, ...]
    log_p: NDArray[np.float64]
    log_share: float
    closed: bool


@dataclass(frozen=True)
class _Node:
    """A path through the grammar with ln of its mass: masked, and by the model."""

    path: Path
    log_q: float
    log_p: float

    def weight(self, scale: float) -> float:
        return float(np.exp(max(self.log_q, min(0.0, self.log_p - scale))))


def choice_odds(
    model: Any, prompt_ids: Sequence[int], grammar: Grammar, *, cancelled: Callable[[], bool] | None = None
) -> ChoiceOdds:
    """Weigh the choices of a shape as stepwise masking draws them, and as the model has them as whole texts.

    A choice can be cut into tokens in many ways and the grammar allows them all, so all are followed, the weightiest
    first, until what is left weighs next to nothing or the budget is used up; what is left is returned as a bound.
    Where one choice begins another, the shorter one is closed by an end token, which is then part of its probability.

    Args:
        model: the `OpenModel` that the grammar was compiled for.
        prompt_ids: tokens that the choices stand behind.
        grammar: of a shape of kind "choices".
        cancelled: asked before each batch; True ends the work.

    Raises:
        ValueError: another kind of shape, or as `score_options`.
    """
    if grammar.shape.kind != "choices":
        raise ValueError("Only choices can be weighed one by one; a regular expression or a schema has too many.")
    library = model.tokenizer.library_object
    cuts = [tuple(library.encode(one, add_special_tokens=False).ids) for one in grammar.shape.choices]
    known: dict[Path, _Fork] = {}
    _learn(model, prompt_ids, grammar, cuts, known, cancelled, whole=True)
    straight = [_along(known, cut, grammar) for cut in cuts]
    # ln P of all choices by the tokenizer's own cut: what a path's own mass is weighed against.
    scale = max(float(np.logaddexp.reduce([log_p for _, log_p in straight])), -1e4)
    total = _Total(grammar)
    frontier, left = [_Node((), 0.0, 0.0)], EVALUATIONS
    while frontier:
        ready = [node for node in frontier if node.path in known]
        frontier = [node for node in frontier if node.path not in known]
        if ready:
            for node in ready:
                frontier += total.children(node, known[node.path], scale)
            continue
        frontier.sort(key=lambda node: -node.weight(scale))
        chosen, dropped = frontier[: min(ROWS, left)], frontier[min(ROWS, left) :]
        left -= len(chosen)
        if not chosen:
            for node in dropped:
                total.lose(node)
            break
        _learn(model, prompt_ids, grammar, [node.path for node in chosen], known, cancelled, whole=False)
    return total.result(*map(np.array, zip(*straight, strict=True)))


def _learn(
    model: Any, prompt_ids: Sequence[int], grammar: Grammar, paths: Sequence[Path], known: dict[Path, _Fork],
    cancelled: Callable[[], bool] | None, *, whole: bool,
) -> None:
    """Add the forks after `paths` to `known`; with `whole` those on the way there too."""
    rows = sorted(set(paths))
    for place, scores in behind(model, prompt_ids, rows, cancelled):
        row = rows[place]
        for length in range(0 if whole else len(row), len(row) + 1):
            path = row[:length]
            if path in known:
                continue
            matcher = grammar.matcher()
            for token in path:
                matcher.take(token)
            mask = matcher.allowed()
            inside = np.flatnonzero(mask)
            raw: NDArray[np.float64] = scores[length].numpy()[inside]
            known[path] = _Fork(tuple(inside.tolist()), raw, float(np.logaddexp.reduce(raw)),
                                only_ends(mask, grammar))


def _along(known: dict[Path, _Fork], cut: Path, grammar: Grammar) -> tuple[float, float]:
    """ln of the masked and of the model's own probability of a cut, its end token included where that was a choice."""
    log_q = log_p = 0.0
    for length, token in enumerate(cut):
        fork = known[cut[:length]]
        if token not in fork.tokens:
            return -np.inf, -np.inf  # where the text is forced, llguidance also chooses its tokens
        raw = float(fork.log_p[fork.tokens.index(token)])
        log_p, log_q = log_p + raw, log_q + raw - fork.log_share
    last = known[cut]
    if not last.closed:
        ends = [place for place, token in enumerate(last.tokens) if token in grammar.ends]
        raw = float(np.logaddexp.reduce(last.log_p[ends]))
        log_p, log_q = log_p + raw, log_q + raw - last.log_share
    return log_q, log_p


class _Total:
    """Sums over the paths, by the choice that they spell."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._texts = [one.encode("utf-8") for one in grammar.shape.choices]
        self._q = np.zeros(len(self._texts))
        self._p = np.full(len(self._texts), -np.inf)
        self._lost_q, self._lost_p = 0.0, -np.inf

    def _text(self, path: Path) -> bytes:
        return bytes(self._grammar._tokenizer.decode_bytes(list(path)))

    def _add(self, place: int, log_q: float, log_p: float) -> None:
        self._q[place] += np.exp(log_q)
        self._p[place] = np.logaddexp(self._p[place], log_p)

    def lose(self, node: _Node) -> None:
        self._lost_q += float(np.exp(node.log_q))
        self._lost_p = float(np.logaddexp(self._lost_p, node.log_p))

    def children(self, node: _Node, fork: _Fork, scale: float) -> list[_Node]:
        """The paths that go on from here and have to be followed; what ends here is added up."""
        text = self._text(node.path)
        if fork.closed:
            self._add(self._texts.index(text), node.log_q, node.log_p)
            return []
        found = []
        for token, raw in zip(fork.tokens, fork.log_p.tolist(), strict=True):
            log_q, log_p = node.log_q + raw - fork.log_share, node.log_p + raw
            if token in self._grammar.ends:
                self._add(self._texts.index(text), log_q, log_p)
                continue
            child = _Node((*node.path, token), log_q, log_p)
            begun = self._text(child.path)
            possible = [place for place, one in enumerate(self._texts) if one.startswith(begun)]
            if len(possible) == 1:
                # Only one choice can still come, however it is spelled: its masked probability is settled here.
                self._q[possible[0]] += np.exp(log_q)
                child = _Node(child.path, -np.inf, log_p)
            if child.weight(scale) >= LEAST:
                found.append(child)
            else:
                self.lose(child)
        return found

    def result(self, own_q: NDArray[np.float64], own_p: NDArray[np.float64]) -> ChoiceOdds:
        """The sums, with ln of both masses of each choice's own cut; a choice weighs at least what that weighs."""
        self._p = np.maximum(self._p, own_p)
        all_p = float(np.logaddexp.reduce(self._p))
        bound = float(np.exp(self._lost_p - np.logaddexp(all_p, self._lost_p)))
        return ChoiceOdds(self._grammar.shape.choices, self._q, np.exp(self._p - all_p), self._p, np.exp(own_q),
                          self._lost_q, bound)
