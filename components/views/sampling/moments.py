"""From the page's knobs to the picture: what is computed, what is kept, and under which key.

Everything kept is shared between readers (the same text under the same knobs is the same picture) and immutable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components import caching, sampling
from components.models import catalog, loaders
from components.sampling import Chain, Prompt, Reading, Settings, Stage, Step
from components.tokenization import vocabulary
from components.views import frame
from components.views.sampling.labels import Labels
from components.views.sampling.picture import Moment, draw, settings_of
from components.workshop import Job


@dataclass(frozen=True)
class Begun:
    """A text that a model has read.

    Attributes:
        model: catalog id.
        prompt: the tokens, and the text with its template.
        reading: surprises and the logits after the last token.
        ends: ids at which the model ends a text.
        context: how many tokens it reads at most.
    """

    model: str
    prompt: Prompt
    reading: Reading
    ends: frozenset[int]
    context: int


def chat_prompt(knobs: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether the text is a chat message, and the system prompt that goes with it."""
    return bool(knobs.get("chat")), str(knobs.get("system") or "")


def begin(model: str, text: str, knobs: Mapping[str, Any]) -> Begun:
    """Let the model read the text, in the background; kept for everybody.

    Raises:
        ValueError: the text or the model cannot be used.
    """
    chat, system = chat_prompt(knobs)

    def work(job: Job) -> Begun:
        job.report(None, "opening the model")
        opened = loaders.model(model)
        job.report(None, "reading the text")
        prompt = sampling.prompt(opened, text, chat=chat, system=system)
        reading = sampling.read(opened, prompt.ids, report=lambda share: job.report(share, "reading the text"),
                                cancelled=job.cancelled)
        return Begun(model, prompt, reading, sampling.end_ids(opened), opened.context)

    title = catalog.entry(model).title
    return frame.compute("sampling_read", (model, text, chat, system), work, label=title)


def labels(model: str) -> Labels:
    """The labels of a model's tokens."""
    return Labels(vocabulary(loaders.model(model).tokenizer))


def ids_of(begun: Begun, steps: Sequence[Step]) -> tuple[int, ...]:
    """The whole text so far, as tokens."""
    return (*begun.prompt.ids, *(step.id for step in steps))


def logits_of(begun: Begun, steps: Sequence[Step]) -> NDArray[np.float32]:
    """The logits [vocab] after the text so far."""
    if not steps:
        return begun.reading.logits
    ids = ids_of(begun, steps)
    return caching.shared("sampling_logits", (begun.model, ids),
                          lambda: sampling.next_logits(loaders.model(begun.model), ids))


def _chain(begun: Begun, settings: Settings) -> Chain:
    return Chain(settings, model=loaders.model(begun.model).model, prompt_ids=begun.prompt.ids)


def _chances(steps: Sequence[Step]) -> tuple[float, ...]:
    return tuple(step.probability for step in steps)


OFFERS = 5


@dataclass(frozen=True)
class Choice:
    """A token, and what stood beside it.

    Attributes:
        step: the token's record.
        chance: its probability after the chain, under greedy decoding too.
        offers: (id, chance after the chain, chance as the model gave it) of the likeliest tokens of that place.
    """

    step: Step
    chance: float
    offers: tuple[tuple[int, float, float], ...]


def choice(
    begun: Begun, steps: Sequence[Step], knobs: Mapping[str, Any], redraw: int, *, wanted: int | None = None,
    stages: Sequence[Stage] = (),
) -> Choice:
    """The token that the draw gives after the text so far, or the one that the reader wants; kept for everybody.

    Raises:
        ValueError: nothing can come, or the wanted token is none of the model's.
    """
    settings, ids = settings_of(knobs), ids_of(begun, steps)

    def work() -> Choice:
        chain = _chain(begun, settings)
        logits = logits_of(begun, steps)
        folded = stages or chain.fold(logits, ids, redraw=redraw, chances=_chances(steps))
        step = sampling.take(logits, ids, chain, len(steps), redraw, chances=_chances(steps), stages=folded,
                             wanted=wanted)
        gave, now = folded[0].probabilities, folded[-1].probabilities
        return Choice(step, float(now[step.id]), offers(gave, now))

    key = (begun.model, begun.prompt.ids, tuple(steps), repr(settings), redraw, wanted)
    return caching.shared("sampling_choice", key, work)


def offers(gave: NDArray[np.float32], now: NDArray[np.float32]) -> tuple[tuple[int, float, float], ...]:
    """The five likeliest tokens by `now` [vocab], those that cannot come left out."""
    best = np.argpartition(-now, min(OFFERS, len(now)) - 1)[:OFFERS]
    best = best[np.lexsort((best, -now[best]))]
    return tuple((int(token), float(now[token]), float(gave[token])) for token in best if now[token] > 0)


def next_step(
    begun: Begun, steps: Sequence[Step], knobs: Mapping[str, Any], redraw: int, *, stages: Sequence[Stage] = ()
) -> Step:
    """The token that the draw gives after the text so far. `stages`: of this place, where they were folded already."""
    return choice(begun, steps, knobs, redraw, stages=stages).step


def stages_of(begun: Begun, steps: Sequence[Step], knobs: Mapping[str, Any], redraw: int = 0) -> list[Stage]:
    """The distribution of the next token, stage by stage."""
    return _chain(begun, settings_of(knobs)).fold(logits_of(begun, steps), ids_of(begun, steps), redraw=redraw,
                                                  chances=_chances(steps))


def moment(begun: Begun, text: str, steps: Sequence[Step], knobs: Mapping[str, Any], redraw: int) -> Moment:
    """Everything the picture is made of."""
    stages = stages_of(begun, steps, knobs, redraw)
    return Moment(
        text=text,
        knobs=dict(knobs),
        model=catalog.entry(begun.model).title,
        reading=begun.reading,
        steps=tuple(steps),
        stages=tuple(stages),
        pending=next_step(begun, steps, knobs, redraw, stages=stages),
        redraw=redraw,
    )


def picture(
    begun: Begun, text: str, steps: Sequence[Step], knobs: Mapping[str, Any], redraw: int
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Header and arrays of the picture, kept for everybody."""
    key = (begun.model, text, tuple(steps), tuple(sorted(knobs.items())), redraw)
    return caching.shared(
        "sampling_picture", key, lambda: draw(moment(begun, text, steps, knobs, redraw), labels(begun.model))
    )
