"""Writing on: token by token, each step recorded, our own draw with its own random numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.sampling.chain import Chain, Stage, _library
from components.sampling.draw import pick, uniform
from components.sampling.prefixes import prefixes
from components.sampling.reading import advance, check_ids, context_of
from components.sampling.settings import Settings


@dataclass(frozen=True)
class Step:
    """One new token and where it came from.

    Attributes:
        id: the token.
        raw: its probability as the model gave it (0 to 1).
        probability: its probability after the chain; 1 under greedy decoding, where nothing else can come.
        surprise: -ln(raw), in nats.
        rank: 1 for the token that the model held likeliest.
        random: the random number that was drawn; None under greedy decoding.
        low, high: where the token lies between 0 and 1; None under greedy decoding.
    """

    id: int
    raw: float
    probability: float
    surprise: float
    rank: int
    random: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Generation:
    """A continuation.

    Attributes:
        settings: the knobs it was made with.
        prompt_ids: the tokens it goes on from.
        steps: the new tokens, each with its record.
        ended: "end" at the model's own end token, "length" at max_new_tokens, "context" where the model reads no
            further, "stopped" where the caller stopped it.
    """

    settings: Settings
    prompt_ids: tuple[int, ...]
    steps: tuple[Step, ...]
    ended: str

    @property
    def ids(self) -> tuple[int, ...]:
        """The new tokens' ids."""
        return tuple(step.id for step in self.steps)


def end_ids(model: Any) -> frozenset[int]:
    """The tokens at which the model's own generation config ends a text."""
    found = _library(model).generation_config.eos_token_id  # type: ignore[union-attr]
    if found is None:
        return frozenset()
    return frozenset([int(found)] if isinstance(found, int) else map(int, found))


def take(
    logits: Any,
    history: Sequence[int],
    chain: Chain,
    step: int,
    redraw: int = 0,
    *,
    chances: Sequence[float] = (),
    stages: Sequence[Stage] = (),
    wanted: int | None = None,
) -> Step:
    """Choose the token after `history` from its logits [vocab].

    Args:
        logits: the model's, for the position after the last id of `history`.
        history: ids of the text so far.
        chain: the processors, built for these settings.
        step: how many tokens have been written before; with the seed it fixes the random number.
        redraw: how often this step was drawn again.
        chances: probability after the chain of each token written before; mirostat learns from them.
        stages: this step's, where they were folded already, so that the chain does not run twice.
        wanted: the token that a reader has chosen; nothing is drawn then.

    Raises:
        ValueError: nothing can come, or the wanted token is none of the model's.
    """
    import torch

    settings = chain.settings
    if stages:
        scores = torch.from_numpy(stages[-1].scores.copy())
    else:
        scores = chain.scores(logits, history, redraw=redraw, chances=chances)
    row = logits if isinstance(logits, torch.Tensor) else torch.from_numpy(np.array(logits, dtype=np.float32))
    raw = torch.log_softmax(row, dim=-1)
    if wanted is not None:
        if not 0 <= wanted < len(row):
            raise ValueError(f"Token {wanted} is not among this model's {len(row):,}; choose one of its own.")
        token, random, low, high = wanted, None, None, None
        probability = float(torch.softmax(scores, dim=-1)[token])
    elif settings.greedy:
        token, probability, random, low, high = int(torch.argmax(scores)), 1.0, None, None, None
    else:
        probabilities = torch.softmax(scores, dim=-1).numpy()
        if np.isnan(probabilities).any():
            raise ValueError("The knobs leave no token, so nothing can come next; turn one of them back.")
        draw = pick(probabilities, uniform(settings.seed, step, redraw))
        token, random, low, high = draw.id, draw.random, draw.low, draw.high
        probability = float(probabilities[token])
    surprise = max(0.0, -float(raw[token]))
    rank = int((row > row[token]).sum()) + 1
    return Step(token, float(raw[token].exp()), probability, surprise, rank, random, low, high)


def decode(
    model: Any,
    prompt_ids: Sequence[int],
    settings_list: Sequence[Settings],
    *,
    on_token: Callable[[int, Step], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> list[Generation]:
    """Continue one prompt under each of the settings, token by token with a key-value cache, in float32.

    The prompt is read once. Each setting draws with its own seed (see `draw`), so the same seed gives the same
    tokens, alone or among others. Greedy decoding gives what transformers' `generate(do_sample=False)` gives.

    Args:
        model: an `OpenModel`, or a transformers decoder in float32.
        prompt_ids: tokens to go on from, at least one.
        settings_list: one continuation is made for each.
        on_token: called after every token with the setting's place in the list and the token's record.
        cancelled: asked before every token; True ends the work, and what is written by then is returned.

    Raises:
        ValueError: no prompt, a prompt that fills the context, ids out of range, no token left by the knobs.
    """
    library = _library(model)
    prompt = check_ids(model, prompt_ids)
    context, ends = context_of(model), end_ids(model)
    prefix = prefixes.take(library, prompt)
    first_logits, prefix = advance(library, prefix, prompt[len(prefix.ids) :])
    generations: list[Generation] = []
    for place, settings in enumerate(settings_list):
        if len(prefix.ids) > len(prompt):
            prefix.cache.crop(len(prompt) - len(prefix.ids))
            prefix.ids = prompt
        chain = Chain(settings, model=library, prompt_ids=prompt)
        logits, ended = first_logits, "length"
        steps: list[Step] = []
        while len(steps) < settings.max_new_tokens:
            if cancelled is not None and cancelled():
                ended = "stopped"
                break
            history = (*prompt, *(step.id for step in steps))
            if len(history) >= context:
                ended = "context"
                break
            if len(history) > len(prefix.ids):
                logits, prefix = advance(library, prefix, history[len(prefix.ids) :])
            step = take(logits, history, chain, len(steps), chances=[one.probability for one in steps])
            steps.append(step)
            if on_token is not None:
                on_token(place, step)
            if step.id in ends:
                ended = "end"
                break
        generations.append(Generation(settings, prompt, tuple(steps), ended))
    prefixes.put(library, prefix)
    return generations
