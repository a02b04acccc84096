"""Each stage in plain words, with this step's numbers: the five main knobs, and how numbers are written.

The other stages have their sentences in `words_more`; what a knob is for in general is data (`assets/copy/`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from components.sampling import Settings, Stage, by_probability

PLAIN = {
    "logits": "what the model gave",
    "repetition_penalty": "repeat less",
    "temperature": "bolder or safer",
    "top_k": "at most so many",
    "top_p": "enough for this share",
    "min_p": "share of the best",
    "constraint": "only what fits the shape",
}


@dataclass(frozen=True)
class Scene:
    """Where a step stands, for the sentences that look at more than two distributions.

    Attributes:
        settings: the knobs.
        label: a token's text by id, for quoting.
        text: the text of several ids.
        ids: the whole text so far.
        prompt_length: how many of them are the prompt.
        redraw: how often this step was drawn again.
        chances: probability after the chain of each token written so far.
    """

    settings: Settings
    label: Callable[[int], str]
    text: Callable[[tuple[int, ...]], str]
    ids: tuple[int, ...]
    prompt_length: int
    redraw: int = 0
    chances: tuple[float, ...] = ()

    @property
    def step(self) -> int:
        """How many tokens have been written."""
        return len(self.ids) - self.prompt_length


Sentence = Callable[[Stage, Stage, Scene], str]


def percent(p: float) -> str:
    """A probability as people read it: three digits at most, never a false 0 or 100."""
    if p == 0:
        return "0 %"
    x = 100 * p
    if x < 0.001:
        return "under 0.001 %"
    if x >= 99.95:
        return "100 %"
    return f"{float(f'{x:.3g}' if x >= 10 else f'{x:.2g}'):g} %"


def tokens(count: int) -> str:
    """`1 token`, `12 tokens`."""
    return f"{count:,} token" + ("" if count == 1 else "s")


def others(count: int, verb: str = "go", verbs: str = "goes") -> str:
    """`1 other goes`, `49,102 others go`."""
    return f"{count:,} other {verbs}" if count == 1 else f"{count:,} others {verb}"


def nth(place: int) -> str:
    """`1st`, `22nd`, `1,003rd`, `11th`."""
    ending = "th" if 10 <= place % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place:,}{ending}"


def went(stage: Stage, before: Stage) -> str:
    """`12 others go, 3.4 % together.`, or that nothing was removed."""
    gone = before.survivors - stage.survivors
    return f"{others(gone)}, {percent(stage.removed)} together." if gone else "Nothing is removed here."


def say(stage: Stage, before: Stage | None, scene: Scene) -> str:
    """One to three sentences on what a stage did to this very step; `before` is the stage in front, None for the
    logits."""
    from components.views.sampling.words_more import SENTENCES

    if before is None:
        return (f"The model's own answer over all {tokens(stage.survivors)}. "
                f"It is as open as a choice among {stage.effective:.3g} equally likely ones.")
    if not stage.on:
        return _off(stage, scene.settings)
    return {**MAIN, **SENTENCES}.get(stage.name, _other)(stage, before, scene)


def _off(stage: Stage, settings: Settings) -> str:
    if settings.greedy and stage.name != "repetition_penalty":
        if stage.name == "temperature":
            return "Greedy: the likeliest token is taken and nothing is drawn, so this knob and those below do nothing."
        return "Not used: without a draw there is nothing to narrow down."
    if settings.mirostat and stage.name in ("top_k", "top_p", "min_p"):
        return "Not used: mirostat takes the place of every stage that removes tokens."
    if stage.name == "temperature" and settings.dynatemp_range:
        return "Not used by itself: dynatemp_range chooses a temperature around it at each step."
    return {
        "repetition_penalty": "Off at 1: nothing is held against tokens that stand in the text already.",
        "temperature": "At 1 the model's own distribution stays as it is.",
        "top_k": "Off at 0: every token may go on.",
        "top_p": "Off at 1: every token may go on.",
        "min_p": "Off at 0: every token may go on.",
    }.get(stage.name, "Off.")


def _repetition(stage: Stage, before: Stage, scene: Scene) -> str:
    ids = np.array(sorted(token for token in set(scene.ids) if token < len(before.probabilities)), dtype=np.int64)
    was, now = float(before.probabilities[ids].sum()), float(stage.probabilities[ids].sum())
    sense = "Held against" if stage.value is not None and stage.value > 1 else "In favour of"
    return (f"{sense} the {tokens(len(ids))} that the text has used, the prompt's own included: "
            f"together they had {percent(was)} and now have {percent(now)}.")


def _temperature(stage: Stage, before: Stage, scene: Scene) -> str:
    best = int(np.argmax(before.probabilities))
    was, now = float(before.probabilities[best]), float(stage.probabilities[best])
    sense = "Below 1 the likely gain" if stage.value is not None and stage.value < 1 else "Above 1 the unlikely gain"
    words = f"{sense} and the order stays: “{scene.label(best)}” goes from {percent(was)} to {percent(now)}."
    lost = before.survivors - stage.survivors
    if lost:
        words += f" {tokens(lost)} became too unlikely for the numbers that the library computes with."
    return words


def _top_k(stage: Stage, before: Stage, scene: Scene) -> str:
    gone = before.survivors - stage.survivors
    if not gone:
        return f"Nothing to remove: no more than {tokens(stage.survivors)} were left."
    words = f"The {tokens(stage.survivors)} at the top stay. {others(gone)}, {percent(stage.removed)} together."
    if stage.value is not None and stage.survivors > stage.value:
        words += " Equal scores at the edge all stay."
    return words


def _top_p(stage: Stage, before: Stage, scene: Scene) -> str:
    share = percent(float(stage.value or 0))
    if before.survivors == stage.survivors:
        return f"Nothing to remove: {share} is reached only with the last of {tokens(stage.survivors)}."
    place = f"{nth(stage.survivors)} token" if stage.survivors > 1 else "first token"
    return f"Adding up from the top, {share} is reached at the {place}. {went(stage, before)}"


def _min_p(stage: Stage, before: Stage, scene: Scene) -> str:
    best = float(before.probabilities.max())
    share = float(stage.value or 0)
    rule = f"The bar is {percent(share)} of the best one's {percent(best)}, so {percent(best * share)}. "
    return rule + below(stage, before)


def below(stage: Stage, before: Stage) -> str:
    """What a bar on probability did: how many lay below it, or how far above it the last one lies."""
    gone = before.survivors - stage.survivors
    if not gone:
        last = float(before.probabilities[by_probability(before.probabilities)[-1]])
        return f"Nothing is below it: the last has {percent(last)}."
    return f"{tokens(gone)} below it {'goes' if gone == 1 else 'go'}, {percent(stage.removed)} together."


def _other(stage: Stage, before: Stage, scene: Scene) -> str:
    gone = before.survivors - stage.survivors
    return ("Switched on by the model's own generation config. "
            + (f"{others(gone)}, {percent(stage.removed)} together." if gone else "It removed nothing here."))


MAIN: dict[str, Sentence] = {
    "repetition_penalty": _repetition, "temperature": _temperature, "top_k": _top_k, "top_p": _top_p, "min_p": _min_p,
}
