"""Speculative decoding with drafts copied from the text itself (prompt lookup), every round kept.

    Each round:
    1. look for the text's last few tokens further up in the text; what follows there is the draft;
    2. read the whole draft in one forward, which gives the model's own distribution at each of its tokens;
    3. accept the draft token by token while it is what the model would write;
    4. at the first that is not, the model writes its own token; after a draft that holds whole, one more.

So a forward gives at least one token and at most the draft's length and one. The text stays the model's own: under
greedy decoding token by token, under sampling in distribution.

The search for a draft is that of transformers' `PromptLookupCandidateGenerator` (5.23). Acceptance is algorithm 1 of
Leviathan, Kalman, Matias, "Fast inference from transformers via speculative decoding" (arXiv 2211.17192), with a draft
that is certain of each of its tokens, q = 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.sampling.beam import check_one_text
from components.sampling.chain import Chain
from components.sampling.decode import end_ids
from components.sampling.draw import pick, uniform
from components.sampling.library import library_of
from components.sampling.prefixes import prefixes
from components.sampling.reading import advance, check_ids, context_of, forward
from components.sampling.settings import Settings

MAX_DRAFT = 40
MAX_NGRAM = 10
# The numbers that decide on acceptance come from a stream of their own, apart from the draw's (0) and XTC's.
ACCEPT_STREAM = 41


@dataclass(frozen=True)
class Draft:
    """Tokens proposed to come next.

    Attributes:
        ids: the tokens.
        ngram: how many of the text's last tokens were found again.
        copied: position in the text of the token that `ids` begins with; the found ones stand right before it.
    """

    ids: tuple[int, ...]
    ngram: int
    copied: int


@dataclass(frozen=True)
class Judged:
    """One token of a draft that the model has judged.

    Attributes:
        id: the token.
        probability: what the model, after the chain, gave it (p); under greedy decoding 1 for the likeliest, else 0.
        random: the number u that it was compared with, accepted where u < p; None under greedy decoding.
        accepted: whether it stands in the text now.
    """

    id: int
    probability: float
    random: float | None
    accepted: bool


@dataclass(frozen=True)
class Round:
    """One forward of the model.

    Attributes:
        start: position in the text of the first token that this round wrote.
        draft: what was proposed; None where nothing further up was like the text's end.
        judged: the draft's tokens up to the first rejected one; those behind it were never looked at.
        written: the token that the model wrote itself, in place of the rejected one or behind a draft that held.
        raw: probability of `written` as the model gave it.
    """

    start: int
    draft: Draft | None
    judged: tuple[Judged, ...]
    written: int
    raw: float

    @property
    def accepted(self) -> tuple[int, ...]:
        """The draft's tokens that were accepted."""
        return tuple(one.id for one in self.judged if one.accepted)

    @property
    def ids(self) -> tuple[int, ...]:
        """What this round wrote."""
        return (*self.accepted, self.written)


@dataclass(frozen=True)
class Speculation:
    """A text written by rounds.

    Attributes:
        prompt_ids: the tokens it goes on from.
        settings: the chain's knobs.
        num_tokens, max_ngram: how long drafts are at most, and the longest ending that is looked for.
        rounds: all rounds; each took one forward.
        ended: "end", "length", "context" or "stopped".
    """

    prompt_ids: tuple[int, ...]
    settings: Settings
    num_tokens: int
    max_ngram: int
    rounds: tuple[Round, ...]
    ended: str

    @property
    def ids(self) -> tuple[int, ...]:
        """The new tokens."""
        return tuple(token for one in self.rounds for token in one.ids)

    @property
    def drafted(self) -> int:
        """How many tokens were proposed."""
        return sum(len(one.draft.ids) for one in self.rounds if one.draft)

    @property
    def accepted(self) -> int:
        """How many of them stand in the text."""
        return sum(len(one.accepted) for one in self.rounds)

    @property
    def forwards(self) -> int:
        """How often the model ran."""
        return len(self.rounds)

    @property
    def saved(self) -> int:
        """How many runs of the model were saved against one for every token."""
        return len(self.ids) - self.forwards


def look_up(ids: Sequence[int], num_tokens: int, max_ngram: int, ends: frozenset[int] = frozenset()) -> Draft | None:
    """The draft for a text: what followed the first place at which its longest ending stood before.

    Args:
        ids: the text.
        num_tokens: tokens of the draft at most.
        max_ngram: tokens of the ending at most; shorter ones are tried when it is not found.
        ends: end tokens; a draft stops before one.

    Returns:
        None where not even the last token stood in the text before, or where an end token followed it.

    Example: `look_up([4, 5, 6, 4, 5], 2, 2)` finds (4, 5) at 0 and proposes (6, 4).
    """
    text = tuple(ids)
    if num_tokens < 1:
        return None
    for size in range(min(max_ngram, len(text) - 1), 0, -1):
        ending = text[-size:]
        for place in range(len(text) - size):
            if text[place : place + size] == ending:
                start = place + size
                found = text[start : start + num_tokens]
                stop = next((at for at, token in enumerate(found) if token in ends), len(found))
                return Draft(found[:stop], size, start) if stop else None
    return None


def judge(
    probabilities: NDArray[np.float32], token: int, accept: float, draw: float
) -> tuple[bool, int]:
    """Accept a proposed token or replace it, so that what comes out follows `probabilities` exactly.

    Args:
        probabilities: [vocab], the model's own p.
        token: the proposal, of which the draft was certain (q = 1).
        accept: u in [0, 1); the proposal is accepted where u < p / q.
        draw: in [0, 1); where it was not, the token is drawn with this from max(p - q, 0), which is p without it.

    Returns:
        whether it was accepted, and the token that stands in the text.
    """
    if accept < float(probabilities[token]):
        return True, token
    left = probabilities.copy()
    left[token] = 0.0
    return False, pick(left / left.sum(dtype=np.float64), draw).id


def prompt_lookup(
    model: Any,
    prompt_ids: Sequence[int],
    *,
    max_new_tokens: int = 40,
    num_tokens: int = 10,
    max_ngram: int = 2,
    settings: Settings | None = None,
    cancelled: Callable[[], bool] | None = None,
    on_round: Callable[[Round], None] | None = None,
) -> Speculation:
    """Write on with drafts copied from the text.

    Args:
        model: an `OpenModel`, or a transformers decoder in float32.
        prompt_ids: tokens to go on from, at least one.
        max_new_tokens: tokens at most.
        num_tokens: the library's `prompt_lookup_num_tokens`.
        max_ngram: the library's `max_matching_ngram_size`.
        settings: the chain's knobs. Greedy ones give the text of greedy decoding; others draw with `seed`.
        cancelled: asked before every round; True ends the work, and what is written by then is returned.
        on_round: called with every round.

    Raises:
        ValueError: arguments or ids that cannot be, a prompt that fills the context, knobs with a state of their own.

    Source: transformers 5.23, `PromptLookupCandidateGenerator` and `_assisted_decoding`.
    """
    settings = settings or Settings(do_sample=False)
    for name, value, most in (("prompt_lookup_num_tokens", num_tokens, MAX_DRAFT),
                              ("max_matching_ngram_size", max_ngram, MAX_NGRAM)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise ValueError(f"{name} is {value!r} and has to be a whole number from 1 to {most}.")
    check_one_text(settings, "A draft may be taken back")
    library, prompt = library_of(model), check_ids(model, prompt_ids)
    room = context_of(model) - len(prompt)
    if room < 1:
        raise ValueError("This text fills all that the model can read, so nothing can follow; shorten it.")
    settings = replace(settings, max_new_tokens=max_new_tokens)
    longest = min(max_new_tokens, room)
    chain, ends = Chain(settings, model=library, prompt_ids=prompt), end_ids(model)
    prefix = prefixes.take(library, prompt)
    text, rounds, ended = prompt, [], ""
    while not ended:
        if cancelled is not None and cancelled():
            ended = "stopped"
            break
        left = longest - (len(text) - len(prompt))
        draft = look_up(text, min(num_tokens, left - 1), max_ngram, ends)
        proposed = draft.ids if draft else ()
        unread = text[len(prefix.ids) :]
        if len(unread) > 1:
            _, prefix = advance(library, prefix, unread[:-1])
        logits, prefix = forward(library, prefix, (unread[-1], *proposed))
        one = _round(chain, logits, text, draft, len(text) - len(prompt))
        unused = len(proposed) - len(one.accepted)
        if unused:
            prefix.cache.crop(-unused)  # negative: this many positions from the end
            prefix.ids = prefix.ids[:-unused]
        rounds.append(one)
        text = (*text, *one.ids)
        if on_round is not None:
            on_round(one)
        if one.written in ends:
            ended = "end"
        elif len(text) - len(prompt) >= longest:
            ended = "length" if longest == max_new_tokens else "context"
    prefixes.put(library, prefix)
    return Speculation(prompt, settings, num_tokens, max_ngram, tuple(rounds), ended)


def _round(chain: Chain, logits: Any, text: tuple[int, ...], draft: Draft | None, step: int) -> Round:
    """Judge a draft by the logits [1 + draft, vocab] that begin at the text's last token."""
    import torch

    settings = chain.settings
    judged: list[Judged] = []
    for place, row in enumerate(logits):
        scores = chain.scores(row, (*text, *(one.id for one in judged)))
        proposal = draft.ids[place] if draft and place < len(draft.ids) else None
        if settings.greedy:
            token, chance, random = int(torch.argmax(scores)), 1.0, None
            accepted = token == proposal
            chance = float(accepted)
        else:
            p = torch.softmax(scores, dim=-1).numpy()
            if np.isnan(p).any():
                raise ValueError("The knobs leave no token, so nothing can come next; turn one of them back.")
            at = step + place
            random = uniform(settings.seed, at, stream=ACCEPT_STREAM)
            if proposal is None:
                accepted, token = False, pick(p, uniform(settings.seed, at)).id
            else:
                accepted, token = judge(p, proposal, random, uniform(settings.seed, at))
                chance = float(p[proposal])
        if proposal is not None:
            judged.append(Judged(proposal, chance, random, accepted))
        if not accepted:
            raw = float(torch.softmax(row, dim=-1)[token])
            return Round(len(text), draft, tuple(judged), token, raw)
    raise AssertionError("the last row has no proposal, so the loop ends inside")
