"""Writing inside a shape: at every step the grammar takes away what cannot follow, and the chain goes on from there.

The grammar is one processor of the chain, with its own row, where `generate` puts `prefix_allowed_tokens_fn`. It
chooses among what is allowed step by step. That is not the model's own distribution over whole texts of that shape:
see `likelihood.choice_odds`, which computes both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.sampling.chain import Chain
from components.sampling.decode import Step, take
from components.sampling.grammar import Grammar
from components.sampling.library import library_of
from components.sampling.prefixes import prefixes
from components.sampling.reading import advance, check_ids, context_of
from components.sampling.settings import Settings

if TYPE_CHECKING:
    import torch

TOP = 6


@dataclass(frozen=True)
class ShapeStep:
    """One token written inside a shape.

    Attributes:
        step: the token and its record; `step.probability` is after the whole chain.
        allowed: how many tokens the grammar let through, end tokens included.
        forbidden: the model's probability (0 to 1) of everything that it did not let through.
        forced: only one token was allowed, so nothing was chosen here.
        log_p: ln of the token's probability as the model gave it.
        log_q: ln of its probability among the allowed tokens alone, nothing else changed.
        before: the likeliest tokens as the model gave them, (id, probability, allowed).
        after: the likeliest of the allowed ones, (id, probability among them).
        ends: the model ended the text with this token, which the grammar allowed.
    """

    step: Step
    allowed: int
    forbidden: float
    forced: bool
    log_p: float
    log_q: float
    before: tuple[tuple[int, float, bool], ...]
    after: tuple[tuple[int, float], ...]
    ends: bool


@dataclass(frozen=True, eq=False)
class Constrained:
    """A continuation inside a shape.

    Attributes:
        grammar: the shape.
        settings: the knobs it was made with.
        prompt_ids: the tokens it goes on from.
        steps: the new tokens, an end token that the model chose included.
        ended: "complete" where the shape is closed; "length" at max_new_tokens, "context" where the model reads no
            further, "stopped" by the caller, "limit" where the grammar grew beyond its limits: then it may be cut off.
        complete: whether the text has the whole shape. After "length" this can still be so: it could have gone on.
        note: why the grammar could not go on; empty but for "limit".
    """

    grammar: Grammar
    settings: Settings
    prompt_ids: tuple[int, ...]
    steps: tuple[ShapeStep, ...]
    ended: str
    complete: bool
    note: str = ""

    @property
    def ids(self) -> tuple[int, ...]:
        """The new tokens' ids without an end token."""
        return tuple(one.step.id for one in self.steps if not one.ends)

    @property
    def log_p(self) -> float:
        """ln of the probability that the model by itself writes just these tokens."""
        return float(sum(one.log_p for one in self.steps))

    @property
    def log_q(self) -> float:
        """ln of the probability that it writes them where each step is drawn from the allowed tokens alone."""
        return float(sum(one.log_q for one in self.steps))


class _Constraint:
    """The grammar as a processor: (ids [1, n], scores [1, vocab]) -> scores, -inf for what is not allowed."""

    def __init__(self) -> None:
        self.mask: NDArray[np.bool_] = np.ones(0, dtype=bool)

    def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        import torch

        return scores.masked_fill(~torch.from_numpy(self.mask)[None], float("-inf"))


def constrained(
    model: Any,
    prompt_ids: Sequence[int],
    grammar: Grammar,
    settings: Settings,
    *,
    on_token: Callable[[ShapeStep], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Constrained:
    """Continue a prompt inside a shape, token by token with a key-value cache, in float32.

    Greedy decoding gives what `generate` gives with llguidance's mask as a logits processor. A text ends where the
    grammar leaves nothing but an end token, or where the model itself chooses one that the grammar allows.

    Args:
        model: an `OpenModel`, or a transformers decoder in float32, the one that the grammar was compiled for.
        prompt_ids: tokens to go on from, at least one; the shape begins after them.
        grammar: from `compile_shape`.
        settings: the knobs; `max_new_tokens` is where it is cut off at the latest.
        on_token: called after every token with its record.
        cancelled: asked before every token; True ends the work, and what is written by then is returned.

    Raises:
        ValueError: no prompt, a prompt that fills the context, ids out of range, no token left by the knobs.
    """
    library = library_of(model)
    prompt = check_ids(model, prompt_ids)
    context = context_of(model)
    constraint, matcher = _Constraint(), grammar.matcher()
    chain = Chain(settings, model=library, prompt_ids=prompt, constraint=constraint)
    prefix = prefixes.take(library, prompt)
    logits, prefix = advance(library, prefix, prompt[len(prefix.ids) :])
    steps: list[ShapeStep] = []
    ended, note = "length", ""
    while len(steps) < settings.max_new_tokens:
        if cancelled is not None and cancelled():
            ended = "stopped"
            break
        history = (*prompt, *(one.step.id for one in steps))
        if len(history) >= context:
            ended = "context"
            break
        try:
            constraint.mask = matcher.allowed()
        except ValueError as problem:
            ended, note = "limit", str(problem)
            break
        if only_ends(constraint.mask, grammar):
            ended = "complete"
            break
        if len(history) > len(prefix.ids):
            logits, prefix = advance(library, prefix, history[len(prefix.ids) :])
        step = take(logits, history, chain, len(steps), chances=[one.step.probability for one in steps])
        record = _record(step, logits, constraint.mask, grammar)
        steps.append(record)
        if not record.ends:
            matcher.take(step.id)
        if on_token is not None:
            on_token(record)
        if record.ends:
            ended = "complete"
            break
    else:
        # The last token may have closed the shape.
        try:
            ended = "complete" if only_ends(matcher.allowed(), grammar) else "length"
        except ValueError as problem:
            ended, note = "limit", str(problem)
    prefixes.put(library, prefix)
    complete = ended == "complete" or (ended != "limit" and matcher.accepting)
    return Constrained(grammar, settings, prompt, tuple(steps), ended, complete, note)


def only_ends(mask: NDArray[np.bool_], grammar: Grammar) -> bool:
    """Whether nothing but an end token may follow."""
    return int(mask.sum()) == sum(bool(mask[token]) for token in grammar.ends if token < len(mask))


def _record(step: Step, logits: Any, mask: NDArray[np.bool_], grammar: Grammar) -> ShapeStep:
    import torch

    exact = torch.log_softmax(logits.double(), dim=-1).numpy()  # [vocab]; float64, since allowed shares get tiny
    chances, inside = np.exp(exact), np.flatnonzero(mask)
    share = float(chances[inside].sum())
    log_share = float(torch.logsumexp(torch.from_numpy(exact[inside]), dim=0))
    best = np.argsort(-exact, kind="stable")[:TOP].tolist()
    kept = inside[np.argsort(-exact[inside], kind="stable")[:TOP]].tolist()
    return ShapeStep(
        step=step,
        allowed=len(inside),
        forbidden=float(chances[~mask].sum()) if share > 0.5 else 1.0 - share,
        forced=len(inside) == 1,
        log_p=float(exact[step.id]),
        log_q=float(exact[step.id]) - log_share,
        before=tuple((token, float(chances[token]), bool(mask[token])) for token in best),
        after=tuple((token, float(np.exp(exact[token] - log_share))) for token in kept),
        ends=step.id in grammar.ends,
    )
