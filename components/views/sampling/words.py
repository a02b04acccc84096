"""Each stage in plain words, with this step's numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from components.sampling import Settings, Stage, by_probability

PLAIN = {
    "logits": "what the model gave",
    "repetition_penalty": "repeat less",
    "temperature": "bolder or safer",
    "top_k": "at most so many",
    "top_p": "enough for this share",
    "min_p": "share of the best",
}


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


def say(stage: Stage, before: Stage | None, settings: Settings, label: Callable[[int], str], history: set[int]) -> str:
    """One or two sentences on what a stage did to this very step.

    Args:
        stage: the stage.
        before: the one before it; None for the logits.
        settings: the knobs.
        label: a token's text by id, for quoting.
        history: the distinct ids of the text so far.
    """
    if before is None:
        return (f"The model's own answer over all {tokens(stage.survivors)}. "
                f"It is as open as a choice among {stage.effective:.3g} equally likely ones.")
    if not stage.on:
        return _off(stage, settings)
    return {
        "repetition_penalty": _repetition,
        "temperature": _temperature,
        "top_k": _top_k,
        "top_p": _top_p,
        "min_p": _min_p,
    }.get(stage.name, _other)(stage, before, label, history)


def _off(stage: Stage, settings: Settings) -> str:
    if settings.greedy and stage.name != "repetition_penalty":
        if stage.name == "temperature":
            return "Greedy: the likeliest token is taken and nothing is drawn, so this knob and those below do nothing."
        return "Not used: without a draw there is nothing to narrow down."
    neutral = {
        "repetition_penalty": "Off at 1: nothing is held against tokens that stand in the text already.",
        "temperature": "At 1 the model's own distribution stays as it is.",
        "top_k": "Off at 0: every token may go on.",
        "top_p": "Off at 1: every token may go on.",
        "min_p": "Off at 0: every token may go on.",
    }
    return neutral.get(stage.name, "Off.")


def _repetition(stage: Stage, before: Stage, label: Callable[[int], str], history: set[int]) -> str:
    ids = np.array(sorted(token for token in history if token < len(before.probabilities)), dtype=np.int64)
    was, now = float(before.probabilities[ids].sum()), float(stage.probabilities[ids].sum())
    sense = "Held against" if stage.value is not None and stage.value > 1 else "In favour of"
    return (f"{sense} the {tokens(len(ids))} that the text has used, the prompt's own included: "
            f"together they had {percent(was)} and now have {percent(now)}.")


def _temperature(stage: Stage, before: Stage, label: Callable[[int], str], history: set[int]) -> str:
    best = int(np.argmax(before.probabilities))
    was, now = float(before.probabilities[best]), float(stage.probabilities[best])
    sense = "Below 1 the likely gain" if stage.value is not None and stage.value < 1 else "Above 1 the unlikely gain"
    words = f"{sense} and the order stays: “{label(best)}” goes from {percent(was)} to {percent(now)}."
    lost = before.survivors - stage.survivors
    if lost:
        words += f" {tokens(lost)} became too unlikely for the numbers that the library computes with."
    return words


def _top_k(stage: Stage, before: Stage, label: Callable[[int], str], history: set[int]) -> str:
    gone = before.survivors - stage.survivors
    if not gone:
        return f"Nothing to remove: no more than {tokens(stage.survivors)} were left."
    words = f"The {tokens(stage.survivors)} at the top stay. {others(gone)}, {percent(stage.removed)} together."
    if stage.value is not None and stage.survivors > stage.value:
        words += " Equal scores at the edge all stay."
    return words


def _top_p(stage: Stage, before: Stage, label: Callable[[int], str], history: set[int]) -> str:
    gone = before.survivors - stage.survivors
    share = percent(float(stage.value or 0))
    if not gone:
        return f"Nothing to remove: {share} is reached only with the last of {tokens(stage.survivors)}."
    place = f"{_nth(stage.survivors)} token" if stage.survivors > 1 else "first token"
    went = f"{others(gone)}, {percent(stage.removed)} together."
    return f"Adding up from the top, {share} is reached at the {place}. {went}"


def _min_p(stage: Stage, before: Stage, label: Callable[[int], str], history: set[int]) -> str:
    best = float(before.probabilities.max())
    bar = best * float(stage.value or 0)
    gone = before.survivors - stage.survivors
    rule = f"The bar is {percent(float(stage.value or 0))} of the best one's {percent(best)}, so {percent(bar)}. "
    if not gone:
        last = float(before.probabilities[by_probability(before.probabilities)[-1]])
        return rule + f"Nothing is below it: the last has {percent(last)}."
    return rule + f"{tokens(gone)} below it {'goes' if gone == 1 else 'go'}, {percent(stage.removed)} together."


def _other(stage: Stage, before: Stage, label: Callable[[int], str], history: set[int]) -> str:
    gone = before.survivors - stage.survivors
    return ("Switched on by the model's own generation config. "
            + (f"{others(gone)}, {percent(stage.removed)} together." if gone else "It removed nothing here."))


def _nth(place: int) -> str:
    ending = "th" if 10 <= place % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place:,}{ending}"
