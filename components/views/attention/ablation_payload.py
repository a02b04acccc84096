"""What the browser gets of "Turn heads off": the comparison in numbers, its verdict in words, the sweep as two maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.attention import Attribution, HeadMap, Sweep
from components.payload import pack

if TYPE_CHECKING:
    from components.views.attention.ablation import Result

#: Below this many nats (or 1 - cosine) a change is called none.
NOTHING = 1e-3
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def verdict(chosen: float, random: Sequence[float], elsewhere: float | None, many: bool, what: str) -> str:
    """What the numbers allow to be said, in plain words: never more than the control does.

    Args:
        chosen: how much the chosen heads change (KL in nats, or 1 - cosine).
        random: the same for each random set. elsewhere: for the chosen heads on another text.
        many: whether more than one head is off. what: "prediction" or "vectors".
    """
    heads, have = ("These heads", "have") if many else ("This head", "has")
    kind = "sets of as many heads" if many else "heads"
    if not random:
        return f"All heads are off, so there is no random set to compare with; the {what} changes by what you see."
    count = _number(len(random))
    above = sum(value >= chosen for value in random)
    if chosen < NOTHING:
        first = f"Without {'them' if many else 'it'} the {what} stays as good as the same."
        others = sum(value < NOTHING for value in random)
        return f"{first} Of {count} random {kind}, {_number(others)} {'do' if others != 1 else 'does'} as little."
    if above == 0:
        moves = "they move" if many else "it moves"
        said = f"More than chance: {moves} the {what} more than each of {count} random {kind}."
        if elsewhere is None:
            return said
        if elsewhere < chosen / 4:
            return f"{said} On another text {'they do' if many else 'it does'} less than a quarter of that."
        return f"{said} On another text {'they move' if many else 'it moves'} it too."
    if above == len(random):
        each = f"each of {count} random {kind} moves the {what} more"
        return f"Less than chance: {each}. {heads} {have} little to do here."
    return (
        f"No more than chance: {_number(above)} of {count} random {kind} {'move' if above > 1 else 'moves'} "
        f"the {what} as much or more."
    )


def _number(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else str(count)


def payload(
    heads: HeadMap, view: dict[str, Any], result: Result | None, found: Sweep | None, direct: Attribution | None
) -> bytes:
    """The panel's buffer; a few kilobytes."""
    header: dict[str, Any] = {
        **view,
        "layers": heads.layers,
        "heads": heads.heads,
        "causal": heads.causal,
        "title": _title(view),
        "result": None if result is None else _result(heads, view, result),
        "estimate": None if result is None else _seconds(heads, view, result),
        "swept": None,
        "direct": None,
    }
    arrays: dict[str, NDArray[Any]] = {}
    if found is not None:
        maps = {"target": found.target_change, "kl": found.kl, "loss": found.loss_change, "moved": found.moved}
        # A decoder's reader asks about its prediction, an encoder's about its vectors.
        if found.kl is not None:
            del maps["moved"]
        kept = {name: array for name, array in maps.items() if array is not None}
        # Shown as how much a head helps: what is lost without it.
        arrays.update({name: -array if name == "target" else array for name, array in kept.items()})
        header["swept"] = {"maps": list(kept), "how": found.how}
    if direct is not None:
        arrays["direct"] = direct.heads
        header["direct"] = {
            "embedding": direct.embedding,
            "heads": float(direct.heads.sum(dtype=float)),
            "feed_forward": float(direct.feed_forward.sum(dtype=float)),
            "bias": direct.norm_bias + direct.head_bias + float(direct.attention_bias.sum(dtype=float)),
            "total": direct.total,
            "logit": direct.logit,
            "softcap": direct.softcap,
        }
    return pack(header, {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in arrays.items()})


def _title(view: dict[str, Any]) -> str:
    off = view["off"]
    if not off:
        return "No head is off yet"
    if view["scope"] == "layer":
        return f"Layer {off[0][0]} without its {len(off)} heads"
    return f"Without layer {off[0][0]}, head {off[0][1]}" if len(off) == 1 else f"Without {len(off)} heads"


def _seconds(heads: HeadMap, view: dict[str, Any], result: Result) -> float:
    whole = float(view["passes"]) * result.forward
    return whole + (heads.layers * heads.heads * result.loss if view["loss"] else 0.0)


def _result(heads: HeadMap, view: dict[str, Any], result: Result) -> dict[str, Any]:
    made, beside = result.ablation, result.control
    effect = made.effect
    many = len(made.heads) > 1
    main = "kl" if effect.kl is not None else "moved"
    random = [getattr(one, main) for one in beside.random]
    there = None if beside.elsewhere is None else getattr(beside.elsewhere, main)
    what = "prediction" if main == "kl" else "vectors"
    told: dict[str, Any] = {
        "verdict": verdict(getattr(effect, main), random, there, many, what),
        "elsewhere": result.elsewhere,
        "seed": beside.seed,
        "strips": [
            {
                "name": name,
                "chosen": getattr(effect, name),
                "random": [getattr(one, name) for one in beside.random],
                "elsewhere": None if beside.elsewhere is None else getattr(beside.elsewhere, name),
            }
            for name in ("kl", "target", "loss", "moved")
            if getattr(effect, name) is not None and (name != "moved" or main == "moved")
        ],
        "loss": None if made.loss_before is None else [made.loss_before, made.loss_after],
        "tokens": None,
        "target": None,
        "moved": None,
    }
    if made.target is not None:
        rows = [[token, piece, *made.probability(token)] for token, piece in result.pieces.items()]
        told["tokens"] = rows
        told["target"] = {
            "id": made.target,
            "piece": result.pieces[made.target],
            "rank": list(made.rank(made.target)),
            "probability": list(made.probability(made.target)),
        }
    else:
        told["moved"] = [
            [piece, float(1 - cosine), float(length)]
            for piece, cosine, length in zip(heads.pieces, made.cosine, made.length, strict=True)
        ]
    return told
