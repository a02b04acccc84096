"""What each replayed stage means for the reader, in a sentence with this token's numbers."""

from __future__ import annotations

import math

from components.remote import RemoteStep
from components.sampling import RemoteStage


def share(value: float) -> str:
    """A probability as the page writes it, three significant digits at most."""
    if value == 0:
        return "0 %"
    percent = 100 * value
    if percent < 0.001:
        return "under 0.001 %"
    if percent >= 99.95:
        return "100 %"
    digits = 2 if percent < 10 else 3
    return f"{float(f'{percent:.{digits}g}'):g} %"


def between(low: float, high: float) -> str:
    """One number where the bounds show the same, else both."""
    one, other = share(low), share(high)
    return one if one == other else f"{one.removesuffix(' %')} to {other}"


def say(stage: RemoteStage, step: RemoteStep, sizes_known: bool) -> str:
    """The verdict's reason. `sizes_known`: whether the size of that model's vocabulary is known."""
    listed, last = len(step.top), math.exp(step.top[-1].logprob)
    left = stage.survivors[0]
    seen = 1 - step.unseen
    if stage.name == "logits":
        if step.unseen < 1e-9:
            return f"The {listed} tokens on the list are all there is."
        return (f"The {listed} likeliest have {share(seen)} together. All others share {share(step.unseen)}; none of "
                f"them has more than the last one seen, {share(last)}.")
    if stage.name == "greedy":
        return "Temperature 0 takes the likeliest, and that one is on the list."
    if stage.exact and stage.unseen_high == 0 and stage.name == "top_k":
        tie = ", as long as no unseen token ties with the last of them" if stage.tied else ""
        return (f"The {left} that stay are on the list{tie}. The rest is gone, so it no longer matters how much it "
                "had.")
    value = stage.value or 0.0
    if stage.name == "temperature":
        if stage.exact:
            return "Every token that is left is on the list, so nothing is unknown."
        if math.isclose(stage.unseen_high, 1.0) and not sizes_known:
            return ("Above 1 the unseen tokens gain, and nobody said how many there are: their share has no limit. "
                    "Only how the seen ones compare with each other is certain.")
        return (f"How the seen tokens compare is certain. Their share of the whole is not, since the unseen change as "
                f"well: those end up with {between(stage.unseen_low, stage.unseen_high)}.")
    if stage.name == "top_k":
        return f"{value:g} tokens stay and only {listed} are on the list: some unseen ones stay with a share unknown."
    if stage.name == "top_p":
        if stage.exact:
            return f"The tokens on the list reach {share(value)} by themselves, at number {left}; what follows is gone."
        if stage.unseen_high == 0:
            low, high = stage.survivors
            return (f"{share(value)} is reached on the list, but at number {low} or as late as number {high}: the "
                    "whole is not known well enough.")
        return f"The list may not reach {share(value)}, so unseen tokens may stay as well, and how many is unknown."
    if stage.exact:
        return f"The bar, {share(value)} of the best, lies above the last token seen: nothing unseen passes it."
    if stage.unseen_high == 0:
        return "Nothing unseen passes the bar, but which seen ones do is a matter of rounding."
    return (f"The bar, {share(value)} of the best, lies below the last token seen, so unseen ones may pass it; how "
            "many is unknown.")
