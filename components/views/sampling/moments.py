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
from components.sampling import Ahead, Chain, Prompt, Reading, Settings, Stage, Step
from components.tokenization import vocabulary
from components.views import frame
from components.views.sampling import orders
from components.views.sampling.labels import Labels
from components.views.sampling.picture import Moment, draw, settings_of
from components.views.sampling.spelled import Speller
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


def choice(
    begun: Begun, steps: Sequence[Step], knobs: Mapping[str, Any], redraw: int, *, wanted: int | None = None,
    stages: Sequence[Stage] = (),
) -> Ahead:
    """The token that the draw gives after the text so far, or the one that the reader wants; kept for everybody.

    Raises:
        ValueError: nothing can come, or the wanted token is none of the model's.
    """
    settings, ids = settings_of(knobs), ids_of(begun, steps)

    def work() -> Ahead:
        chain = _chain(begun, settings)
        logits = logits_of(begun, steps)
        folded = stages or chain.fold(logits, ids, redraw=redraw, chances=_chances(steps))
        step = sampling.take(logits, ids, chain, len(steps), redraw, chances=_chances(steps), stages=folded,
                             wanted=wanted)
        gave, now = folded[0].probabilities, folded[-1].probabilities
        return Ahead(step, float(now[step.id]), sampling.offers(gave, now))

    key = (begun.model, begun.prompt.ids, tuple(steps), repr(settings), redraw, wanted)
    return caching.shared("sampling_choice", key, work)


def next_step(
    begun: Begun, steps: Sequence[Step], knobs: Mapping[str, Any], redraw: int, *, stages: Sequence[Stage] = ()
) -> Step:
    """The token that the draw gives after the text so far. `stages`: of this place, where they were folded already."""
    return choice(begun, steps, knobs, redraw, stages=stages).step


def stages_of(begun: Begun, steps: Sequence[Step], knobs: Mapping[str, Any], redraw: int = 0) -> list[Stage]:
    """The distribution of the next token, stage by stage."""
    return _chain(begun, settings_of(knobs)).fold(logits_of(begun, steps), ids_of(begun, steps), redraw=redraw,
                                                  chances=_chances(steps))


def gave(begun: Begun, steps: Sequence[Step]) -> NDArray[np.float32]:
    """Probabilities [vocab] of the next token as the model gave them."""
    logits = logits_of(begun, steps).astype(np.float64)
    shares = np.exp(logits - logits.max())
    return (shares / shares.sum()).astype(np.float32)


def speller(model: str) -> Speller:
    """What turns typed tokens and words into ids; the model has to be open."""
    library = loaders.model(model).tokenizer.library_object

    def encode(text: str) -> Sequence[int]:
        return tuple(library.encode(text, add_special_tokens=False).ids) if text else ()

    def single(text: str) -> int | None:
        ids = encode(text)
        return ids[0] if len(ids) == 1 else library.token_to_id(text)

    return Speller(encode, single, library.get_vocab_size())


def prompt_ranks(begun: Begun) -> tuple[int, ...]:
    """Rank of each prompt token, 1 for the likeliest, 0 for the first; one more reading of the prompt, kept."""
    def work(job: Job) -> tuple[int, ...]:
        job.report(None, "ranking the text's tokens")
        scored = sampling.score(loaders.model(begun.model), begun.prompt.ids, cancelled=job.cancelled)
        return tuple(scored.ranks.tolist())

    return frame.compute("sampling_ranks", (begun.model, begun.prompt.ids), work,
                         label=catalog.entry(begun.model).title)


def moment(
    begun: Begun, text: str, steps: Sequence[Step], knobs: Mapping[str, Any], redraw: int,
    follow: tuple[int, ...] = (), ranks: tuple[int, ...] = (),
) -> Moment:
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
        follow=follow,
        prompt_ranks=ranks,
    )


def picture(
    begun: Begun, text: str, steps: Sequence[Step], knobs: Mapping[str, Any], redraw: int,
    follow: tuple[int, ...] = (), ranked: bool = False,
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Header and arrays of the picture, kept for everybody.

    `follow` are ids followed through the stages; `ranked` asks for the rank of each token of the prompt.
    """
    ranks = prompt_ranks(begun) if ranked else ()
    key = (begun.model, text, tuple(steps), tuple(sorted(knobs.items())), redraw, follow, ranked)

    def work() -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        named = labels(begun.model)
        made = moment(begun, text, steps, knobs, redraw, follow, ranks)
        header, arrays = draw(made, named)
        if knobs.get("order"):
            plain = {name: value for name, value in knobs.items() if name != "order"}
            usual = stages_of(begun, steps, plain, redraw)
            other = next_step(begun, steps, plain, redraw, stages=usual)
            header["order"] = orders.effect(made.stages, made.pending, usual, other, named.quote, knobs["order"])
        return header, arrays

    return caching.shared("sampling_picture", key, work)
