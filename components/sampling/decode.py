"""Writing on: token by token, each step recorded, our own draw with its own random numbers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.sampling.batch import Together, read_prompt, rows_at_once
from components.sampling.chain import Chain, Stage
from components.sampling.draw import Draw, check_noise, gumbel, loudest, pick, uniform
from components.sampling.library import library_of
from components.sampling.prefixes import prefixes
from components.sampling.reading import check_ids, context_of
from components.sampling.settings import Settings

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Step:
    """One new token and where it came from.

    Attributes:
        id: the token.
        raw: its probability as the model gave it (0 to 1).
        probability: its probability after the chain; 1 under greedy decoding, where nothing else can come.
        surprise: -ln(raw), in nats.
        rank: 1 for the token that the model held likeliest.
        random: the random number that was drawn; None under greedy decoding, and where every token had its own.
        low, high: where the token lies between 0 and 1; None where `random` is.
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
    found = library_of(model).generation_config.eos_token_id  # type: ignore[union-attr]
    if found is None:
        return frozenset()
    return frozenset([int(found)] if isinstance(found, int) else map(int, found))


@dataclass(frozen=True, eq=False)
class _Weighed:
    """One step before the draw.

    Attributes:
        logits: [vocab] float32.
        raw: [vocab] their log-probabilities.
        scores: [vocab] after the chain.
        probabilities: [vocab] after the chain.
        stages: where they were folded.
    """

    logits: torch.Tensor
    raw: torch.Tensor
    scores: torch.Tensor
    probabilities: NDArray[np.float32]
    stages: Sequence[Stage]


def _weigh(
    logits: Any, history: Sequence[int], chain: Chain, redraw: int, chances: Sequence[float], stages: Sequence[Stage]
) -> _Weighed:
    import torch

    row = logits if isinstance(logits, torch.Tensor) else torch.from_numpy(np.array(logits, dtype=np.float32))
    if stages:
        scores, probabilities = torch.from_numpy(stages[-1].scores.copy()), stages[-1].probabilities
    else:
        scores = chain.scores(logits, history, redraw=redraw, chances=chances)
        probabilities = torch.softmax(scores, dim=-1).numpy()
    return _Weighed(row, torch.log_softmax(row, dim=-1), scores, probabilities, stages)


def _choose(
    weighed: _Weighed, settings: Settings, step: int, redraw: int, noise: str, wanted: int | None = None
) -> Step:
    import torch

    raw, row = weighed.raw, weighed.logits
    if wanted is not None:
        if not 0 <= wanted < len(row):
            raise ValueError(f"Token {wanted} is not among this model's {len(row):,}; choose one of its own.")
        draw = Draw(wanted, None, None, None)
    elif np.isnan(weighed.probabilities[0]):  # one NaN makes all of them NaN
        raise ValueError("The knobs leave no token, so nothing can come next; turn one of them back.")
    elif settings.greedy:
        draw = Draw(int(torch.argmax(weighed.scores)), None, None, None)
    elif noise == "gumbel":
        random = gumbel(len(row), settings.seed, step, redraw)
        draw = Draw(loudest(weighed.probabilities, random), None, None, None)
    else:
        draw = pick(weighed.probabilities, uniform(settings.seed, step, redraw))
    certain = settings.greedy and wanted is None
    probability = 1.0 if certain else float(weighed.probabilities[draw.id])
    surprise = max(0.0, -float(raw[draw.id]))
    rank = int((row > row[draw.id]).sum()) + 1
    return Step(draw.id, float(raw[draw.id].exp()), probability, surprise, rank, draw.random, draw.low, draw.high)


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
    noise: str = "uniform",
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
        noise: "uniform", one random number for the step, or "gumbel", one for every token; see `draw`.

    Raises:
        ValueError: nothing can come, or the wanted token is none of the model's.
    """
    weighed = _weigh(logits, history, chain, redraw, chances, stages)
    return _choose(weighed, chain.settings, step, redraw, check_noise(noise), wanted)


def _kind(settings: Settings) -> Settings:
    """Settings that differ in nothing but the seed have the same chances after the same text, unless XTC strikes."""
    return settings if settings.xtc_probability else replace(settings, seed=0)


def _rows(library: Any, prompt: tuple[int, ...], settings_list: Sequence[Settings]) -> list[_Row]:
    """A row for each of the settings; those of one kind share a chain where its processors remember nothing."""
    chains: dict[Settings, Chain] = {}
    rows = []
    for place, settings in enumerate(settings_list):
        chain = chains.get(_kind(settings))
        if chain is None or settings.guidance_scale != 1 or settings.watermark:
            chain = chains[_kind(settings)] = Chain(settings, model=library, prompt_ids=prompt)
        name = f"Setting {place + 1} of {len(settings_list)}: " if len(settings_list) > 1 else ""
        rows.append(_Row(place, name, settings, chain, prompt))
    return rows


class _Row:
    """One continuation under way."""

    def __init__(self, place: int, name: str, settings: Settings, chain: Chain, prompt: tuple[int, ...]) -> None:
        self.place, self.name, self.settings, self.chain, self.prompt = place, name, settings, chain, prompt
        self.kind = _kind(settings)
        self.steps: list[Step] = []
        self.ids: tuple[int, ...] = ()
        self.ended = ""

    def weigh(self, logits: torch.Tensor, watched: bool) -> _Weighed:
        history, chances = (*self.prompt, *self.ids), [step.probability for step in self.steps]
        stages = self.chain.fold(logits, history, chances=chances) if watched else ()
        return _weigh(logits, history, self.chain, 0, chances, stages)

    def add(self, step: Step, ends: frozenset[int]) -> None:
        self.steps.append(step)
        self.ids = (*self.ids, step.id)
        if step.id in ends:
            self.ended = "end"
        elif len(self.steps) >= self.settings.max_new_tokens:
            self.ended = "length"

    def made(self) -> Generation:
        return Generation(self.settings, self.prompt, tuple(self.steps), self.ended or "stopped")


def decode(
    model: Any,
    prompt_ids: Sequence[int],
    settings_list: Sequence[Settings],
    *,
    on_token: Callable[[int, Step], None] | None = None,
    on_stages: Callable[[int, Sequence[Stage]], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    noise: str = "uniform",
) -> list[Generation]:
    """Continue one prompt under each of the settings, token by token with a key-value cache, in float32.

    The prompt is read once, and at every step all continuations go through the model in one batch (in several, where
    their caches would not fit into `batch.BUDGET`). Each setting draws with its own seed (see `draw`), so the same
    seed gives the same tokens, alone or among others. Greedy decoding gives what transformers'
    `generate(do_sample=False)` gives.

    Args:
        model: an `OpenModel`, or a transformers decoder in float32.
        prompt_ids: tokens to go on from, at least one.
        settings_list: one continuation is made for each.
        on_token: called after every token with the setting's place in the list and the token's record.
        on_stages: called before it with the place and the stages of that step; they are folded only for this.
        cancelled: asked before every token; True ends the work, and what is written by then is returned.
        noise: how tokens are drawn. "gumbel" gives settings of one seed the same random number for each token, so
            that they part only where their distributions make them; see `draw`.

    Raises:
        ValueError: no prompt, a prompt that fills the context, ids out of range, no token left by the knobs; where
            there are several settings, the last sentence begins with which.
    """
    library = library_of(model)
    prompt = check_ids(model, prompt_ids)
    check_noise(noise)
    rows = _rows(library, prompt, settings_list)
    first, prefix = read_prompt(library, prompt, cancelled)
    if first is None or not rows:
        prefixes.put(library, prefix)
        return [row.made() for row in rows]
    group = rows_at_once(prefix, max(row.settings.max_new_tokens for row in rows))
    # Alone, a continuation writes into the prompt's own cache and leaves it for whoever goes on from there. Several
    # write on beside it, and it is at everybody's disposal meanwhile.
    own = len(rows) == 1
    if not own:
        prefixes.put(library, prefix)
    for start in range(0, len(rows), group):
        together = Together(library, prefix, own=own)
        _write(rows[start : start + group], together, first, context_of(model), end_ids(model), cancelled=cancelled,
               noise=noise, on_token=on_token, on_stages=on_stages)
        if own:
            prefixes.put(library, together.prefix)
    return [row.made() for row in rows]


def _write(
    rows: Sequence[_Row],
    together: Together,
    first: torch.Tensor,
    context: int,
    ends: frozenset[int],
    *,
    cancelled: Callable[[], bool] | None,
    noise: str,
    on_token: Callable[[int, Step], None] | None,
    on_stages: Callable[[int, Sequence[Stage]], None] | None,
) -> None:
    """Write all rows to their ends, the same step of each before the next; `first` are the logits [vocab] after the
    prompt."""
    logits, writing = first[None], list(rows)
    while writing:
        so_far = writing[0].ids
        if len(writing[0].prompt) + len(so_far) >= context:
            for row in writing:
                row.ended = "context"
            return
        if so_far:
            logits = together.advance(list(dict.fromkeys(row.ids for row in writing)))
        places = {text: row for row, text in enumerate(together.texts)}
        known: dict[Hashable, _Weighed] = {}
        for row in writing:
            if cancelled is not None and cancelled():
                return
            key = (row.kind, row.ids)
            try:
                if key not in known:
                    known[key] = row.weigh(logits[places[row.ids]], on_stages is not None)
                step = _choose(known[key], row.settings, len(row.steps), 0, noise)
            except ValueError as problem:
                raise ValueError(f"{row.name}{problem}") from problem
            if on_stages is not None:
                on_stages(row.place, known[key].stages)
            row.add(step, ends)
            if on_token is not None:
                on_token(row.place, step)
        writing = [row for row in writing if not row.ended]
