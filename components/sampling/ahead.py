"""Where each of several next tokens would lead: all are written on side by side, with the likeliest token each time.

One reading of the shared text, one batch for all branches (`batch.Together`), one token of each before the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.sampling.batch import Together, read_prompt
from components.sampling.chain import Chain
from components.sampling.decode import Step, _choose, _weigh, end_ids
from components.sampling.library import library_of
from components.sampling.prefixes import Prefix, prefixes, share
from components.sampling.reading import check_ids, context_of
from components.sampling.settings import MAX_NEW_TOKENS, Settings

OFFERS = 5
BRANCHES = 8


@dataclass(frozen=True)
class Ahead:
    """One token of a branch.

    Attributes:
        step: its record; nothing was drawn.
        chance: its probability after the chain.
        offers: (id, chance after the chain, chance as the model gave it) of the likeliest tokens of its place.
    """

    step: Step
    chance: float
    offers: tuple[tuple[int, float, float], ...]


def offers(
    gave: NDArray[np.float32], now: NDArray[np.float32], most: int = OFFERS
) -> tuple[tuple[int, float, float], ...]:
    """The likeliest tokens by `now` [vocab], at most `most`, with their chances now and as the model gave them."""
    best = np.argpartition(-now, min(most, len(now)) - 1)[:most]
    best = best[np.lexsort((best, -now[best]))]
    return tuple((int(token), float(now[token]), float(gave[token])) for token in best if now[token] > 0)


def look_ahead(
    model: Any,
    prompt_ids: Sequence[int],
    written: Sequence[Step],
    firsts: Sequence[int],
    settings: Settings,
    count: int,
    *,
    tell: Callable[[tuple[tuple[Ahead, ...], ...]], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[tuple[Ahead, ...], ...]:
    """Write each of the branches on to `count` tokens, `firsts` included, each time with the chain's likeliest token.

    Args:
        model: an `OpenModel`, or a transformers decoder in float32.
        prompt_ids: the prompt's tokens.
        written: what has been written after it.
        firsts: the branches' first tokens, distinct.
        settings: the knobs; nothing is drawn, so the seed does nothing, and neither does a temperature above 0.
        count: tokens of each branch.
        tell: called with the branches so far after every token of all of them.
        cancelled: asked before every token; True ends the work, and what is written by then is returned.

    Returns:
        the branches' tokens, in the order of `firsts`; a branch is shorter where the model ends its text or can read
        no further.

    Raises:
        ValueError: no branch, one twice or too many, a count out of range, ids that are none of the model's, a text
            that fills the context, no token left by the knobs.
    """
    library = library_of(model)
    ids = check_ids(model, (*prompt_ids, *(step.id for step in written)))
    firsts = check_ids(model, firsts)
    if len(set(firsts)) < len(firsts) or len(firsts) > BRANCHES:
        raise ValueError(f"The branches have to begin with different tokens, {BRANCHES} at most; leave some out.")
    if not 1 <= count <= MAX_NEW_TOKENS:
        raise ValueError(f"{count} tokens of each branch were asked for; choose between 1 and {MAX_NEW_TOKENS}.")
    if len(ids) >= context_of(model):
        raise ValueError("The text fills what this model reads, so nothing can follow; go back, or shorten it.")
    chain = Chain(settings, model=library, prompt_ids=tuple(prompt_ids))
    first, prefix = read_prompt(library, ids, cancelled)
    prefixes.put(library, prefix)
    branches: list[list[Ahead]] = [[] for _ in firsts]
    if first is None:
        return tuple(map(tuple, branches))

    def add(place: int, logits: Any, wanted: int | None) -> None:
        steps = [*written, *(one.step for one in branches[place])]
        history = (*prompt_ids, *(step.id for step in steps))
        weighed = _weigh(logits, history, chain, 0, [step.probability for step in steps], ())
        now = weighed.probabilities
        if np.isnan(now[0]):
            raise ValueError("The knobs leave no token, so nothing can come next; turn one of them back.")
        token = int(np.argmax(now)) if wanted is None else wanted
        step = _choose(weighed, settings, len(steps), 0, "uniform", token)
        branches[place].append(Ahead(step, float(now[token]), offers(weighed.raw.exp().numpy(), now)))

    def written_of(place: int) -> tuple[int, ...]:
        return tuple(one.step.id for one in branches[place])

    for place, token in enumerate(firsts):
        add(place, first, token)
    together, ends = Together(library, prefix, own=False), end_ids(model)
    going = [place for place, token in enumerate(firsts) if token not in ends]
    while True:
        if tell is not None:
            tell(tuple(map(tuple, branches)))
        long = len(branches[going[0]]) if going else count
        if long >= count or len(ids) + long >= context_of(model) or (cancelled is not None and cancelled()):
            break
        logits = together.advance([written_of(place) for place in going])
        for row, place in enumerate(going):
            add(place, logits[row], None)
        still = [place for place in going if branches[place][-1].step.id not in ends]
        for place in sorted(set(going) - set(still)):
            _keep(library, prefix, together, branches[place])
        going = still
    for place in going:
        if len(branches[place]) > 1:
            _keep(library, prefix, together, branches[place])
    return tuple(map(tuple, branches))


def _keep(library: Any, prefix: Prefix, together: Together, branch: Sequence[Ahead]) -> None:
    """A branch's cache for whoever goes on from it; its last token is not read yet."""
    import torch

    ids = tuple(one.step.id for one in branch[:-1])
    row = together.texts.index(ids)
    cache = share(together.cache)
    cache.batch_select_indices(torch.tensor([row]))
    known = prefix.surprises[: len(prefix.ids)]
    if len(known) == len(prefix.ids):
        known += tuple(one.step.surprise for one in branch[:-1])
    prefixes.put(library, Prefix((*prefix.ids, *ids), cache, known))
