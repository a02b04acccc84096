"""`ablate(model, ids, heads)`: what a model says when some of its heads say nothing, and what chance would have done.

A head that is turned off gives zero, or its *mean*: the mean of its own output over the positions of this text, in the
pass in which every head is on. Zero and mean disagree. Zero also takes away what a head gives at every token alike;
the mean leaves that and takes only what differs from token to token. In a decoder the mean knows of later tokens, so
it is a measure of what a head does and not a model that could be run.

No number here means much alone: `control` gives the same for random heads and for another text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.attention.restart import (
    Head,
    Start,
    begin,
    check_heads,
    check_how,
    check_target,
    silent,
)

Floats = NDArray[np.float32]
#: How many sets of random heads stand beside a set that somebody chose.
DRAWS = 5


@dataclass(frozen=True)
class Effect:
    """What turning heads off did, in one line. None where the model gives no such number.

    Attributes:
        loss: change of the mean negative log-likelihood, in nats a token of the text; above 0 it got worse.
        target: change of the target's log-probability as the next token, in nats; below 0 it got less likely.
        kl: Kullback-Leibler divergence of the next-token probabilities after from those before, in nats.
        moved: 1 - cosine between a token's last vector before and after, mean over tokens.
    """

    loss: float | None
    target: float | None
    kl: float | None
    moved: float


@dataclass(frozen=True)
class Ablation:
    """A model with and without some of its heads, on one text.

    Attributes:
        heads: the (layer, head) that were off, in order.
        how: "zero" or "mean".
        target: the token that is watched; the model's own likeliest next one where none was named. None where nothing
            is predicted.
        log_before, log_after: [vocabulary], log-probabilities of the next token in nats, over the full vocabulary, or
            None for an encoder.
        loss_before, loss_after: mean negative log-likelihood in nats a token; None for an encoder or one token.
        cosine: [token], between a token's last vector before and after.
        length: [token], the length of the vector after over its length before.
    """

    heads: tuple[Head, ...]
    how: str
    target: int | None
    log_before: Floats | None
    log_after: Floats | None
    loss_before: float | None
    loss_after: float | None
    cosine: Floats
    length: Floats

    @property
    def effect(self) -> Effect:
        """The same in one line."""
        loss = None
        if self.loss_before is not None and self.loss_after is not None:
            loss = self.loss_after - self.loss_before
        change = kl = None
        if self.log_before is not None and self.log_after is not None and self.target is not None:
            change = float(self.log_after[self.target]) - float(self.log_before[self.target])
            kl = divergence(self.log_before, self.log_after)
        return Effect(loss, change, kl, float(1 - self.cosine.mean()))

    def probability(self, token: int) -> tuple[float, float]:
        """A next token's probability before and after."""
        before, after = self._predictions()
        return float(np.exp(before[token])), float(np.exp(after[token]))

    def rank(self, token: int) -> tuple[int, int]:
        """A next token's rank before and after, 1 for the likeliest."""
        before, after = self._predictions()
        return int((before > before[token]).sum()) + 1, int((after > after[token]).sum()) + 1

    def top(self, count: int) -> list[int]:
        """The likeliest next tokens of both, by the higher of their two probabilities: at most 2 * count ids."""
        before, after = self._predictions()
        either = set(np.argsort(-before)[:count].tolist()) | set(np.argsort(-after)[:count].tolist())
        return sorted(either, key=lambda token: (-max(before[token], after[token]), token))

    def _predictions(self) -> tuple[Floats, Floats]:
        if self.log_before is None or self.log_after is None:
            raise ValueError("This model predicts no next token; look at how far its vectors move.")
        return self.log_before, self.log_after


@dataclass(frozen=True)
class Control:
    """What the same would have done by chance, and elsewhere.

    Attributes:
        sets: the random sets of heads, each as large as the chosen one and none of its heads among them, as long as
            the model has enough others; empty where there is no other set of that size.
        random: an `Effect` a random set, on the same text.
        elsewhere: the chosen heads on another text, its own likeliest next token as target; None where none was given.
        seed: of the draw.
    """

    sets: tuple[tuple[Head, ...], ...]
    random: tuple[Effect, ...]
    elsewhere: Effect | None
    seed: int


def divergence(before: NDArray[Any], after: NDArray[Any]) -> float:
    """Kullback-Leibler divergence KL(before || after) in nats from log-probabilities [vocabulary]."""
    long = before.astype(np.float64)
    # Where a probability is 0 in float32 its logarithm may be -inf, and it has no part in the sum.
    terms = np.exp(long) * (long - after.astype(np.float64))
    return max(0.0, float(terms[np.isfinite(long)].sum()))


def ablate(
    model: Any,
    ids: Sequence[int] | NDArray[np.integer[Any]],
    heads: Sequence[Head],
    how: str = "zero",
    target: int | None = None,
) -> Ablation:
    """Turn heads off and compare.

    Args:
        model: what `open_model` returns, or a transformers decoder or encoder.
        ids: the token ids of one text, [token].
        heads: (layer, head), each named once.
        how: "zero" or "mean", see above.
        target: the next token to watch; by default the one that the model finds likeliest.

    Raises:
        ValueError: no head, one that the model has not, one named twice; an unknown `how`; a target outside the
            vocabulary; or as `capture` does.
    """
    return compare(begin(model, ids), heads, how, target)


def compare(start: Start, heads: Sequence[Head], how: str, target: int | None = None) -> Ablation:
    """`ablate`, from a pass that was run before."""
    named = check_heads(heads, start.layers, start.heads)
    check_how(how, int(start.ids.size))
    before, after = start.streams[-1][0], start.without(named, how)
    log_before = log_after = None
    if start.predicts:
        log_before = _array(start.log_probabilities(before[-1]))
        log_after = _array(start.log_probabilities(after[-1]))
        check_target(target, log_before.size)
        target = int(log_before.argmax()) if target is None else int(target)
    old, new = start.vectors(before).double(), start.vectors(after).double()
    lengths = old.norm(dim=-1).clamp_min(1e-12), new.norm(dim=-1).clamp_min(1e-12)
    return Ablation(
        heads=named,
        how=how,
        target=target if start.predicts else None,
        log_before=log_before,
        log_after=log_after,
        loss_before=start.loss(before),
        loss_after=start.loss(after),
        cosine=_array((old * new).sum(-1) / lengths[0] / lengths[1]),
        length=_array(lengths[1] / lengths[0]),
    )


def control(
    model: Any,
    ids: Sequence[int] | NDArray[np.integer[Any]],
    heads: Sequence[Head],
    how: str = "zero",
    target: int | None = None,
    *,
    elsewhere: Sequence[int] | NDArray[np.integer[Any]] | None = None,
    draws: int = DRAWS,
    seed: int = 1,
    check: Callable[[], None] = silent,
) -> Control:
    """The same experiment with random heads, and with the same heads on another text.

    Args:
        elsewhere: ids of the other text; left out where there is none.
        draws: how many random sets. seed: of their draw.
        check: called before each; raise in it to stop.
        The others are those of `ablate`.

    Raises ValueError as `ablate` does.
    """
    start = begin(model, ids)
    named = check_heads(heads, start.layers, start.heads)
    found = []
    sets = random_sets(start.layers, start.heads, named, draws, seed)
    for one in sets:
        check()
        found.append(compare(start, one, how, target).effect)
    other = None
    if elsewhere is not None:
        check()
        other = compare(begin(model, elsewhere), named, how).effect
    return Control(sets, tuple(found), other, seed)


def random_sets(
    layers: int, heads: int, chosen: Sequence[Head], draws: int = DRAWS, seed: int = 1
) -> tuple[tuple[Head, ...], ...]:
    """Sets of random heads, each as large as the chosen one, drawn without putting back within a set."""
    every = [(layer, head) for layer in range(layers) for head in range(heads)]
    others = [one for one in every if one not in set(chosen)]
    pool = others if len(others) >= len(chosen) else every
    if len(chosen) >= len(every):
        return ()
    generator = np.random.default_rng(seed)
    return tuple(
        tuple(sorted(pool[int(at)] for at in generator.choice(len(pool), len(chosen), replace=False)))
        for _ in range(draws)
    )


def _array(tensor: Any) -> Floats:
    array: Floats = np.array(tensor.detach().cpu().numpy(), dtype=np.float32, copy=True)
    array.setflags(write=False)
    return array
