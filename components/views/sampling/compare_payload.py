"""The data of the comparison's pictures: settings with their texts, and outcomes of many draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from components.payload import pack
from components.sampling import Generation, Outcomes, measure, parting
from components.views.sampling import copy
from components.views.sampling.compare_settings import GREEDY, PAGE, Asked

SHOWN = 12
TITLES = {GREEDY: "greedy", PAGE: "the page's knobs", "": "the model as it is"}


@dataclass(frozen=True)
class Column:
    """A setting, and what it has written (nothing yet where `generation` is None).

    Attributes:
        asked: the setting.
        labels: of the new tokens.
        text: what they say.
        generation: with the record of each token; `ended` is "writing" while it grows.
    """

    asked: Asked
    labels: tuple[dict[str, Any], ...]
    text: str
    generation: Generation | None


def title(line: str, spelled: str) -> str:
    """A setting's name for the eye."""
    return TITLES.get(line) or spelled.replace(",", ", ").replace("=", " ") or TITLES[""]


def _knobs() -> list[dict[str, Any]]:
    """Every knob that a line can name, with what a reader may put there first."""
    found = []
    for name, entry in copy.knobs_file()["knobs"].items():
        if name in ("max_new_tokens", "order"):
            continue
        usual = entry.get("usual")
        found.append({"name": name, "plain": entry.get("plain", ""), "low": entry.get("low"), "high": entry.get("high"),
                      "step": entry.get("step"), "usual": usual if isinstance(usual, int | float) else None})
    return found


def texts(
    columns: Sequence[Column], words: Mapping[str, Any], said: Mapping[str, Any], *, tokens: int, waiting: bool
) -> bytes:
    """Header: settings, measures, where texts part. Arrays: tokens, surprises and chances, column after column."""
    names: dict[int, int] = {}
    table: list[dict[str, Any]] = []
    ids, surprises, chances = [], [], []
    described = []
    for column in columns:
        made = column.generation
        steps = made.steps if made is not None else ()
        for step, label in zip(steps, column.labels, strict=True):
            if step.id not in names:
                names[step.id] = len(table)
                table.append(label)
            ids.append(names[step.id])
            surprises.append(step.surprise)
            chances.append((step.raw, step.probability))
        described.append({
            "line": column.asked.line,
            "spelled": column.asked.spelled,
            "title": title(column.asked.line, column.asked.spelled),
            "trouble": column.asked.trouble,
            "count": len(steps),
            "measured": asdict(measure(made, column.text)) if made is not None else None,
        })
    written = [column.generation.ids if column.generation is not None else None for column in columns]
    header = {
        "kind": "texts",
        "settings": described,
        "tokens": table,
        "partings": [[_parts(one, other, waiting) for other in written] for one in written],
        "presets": words["presets"],
        "knobs": _knobs(),
        "empty": words["empty"],
        "seed": said.get("seed"),
        "asked": tokens,
        "waiting": waiting,
    }
    arrays = {
        "ids": np.array(ids, dtype=np.int32),
        "surprises": np.array(surprises, dtype=np.float32),
        "chances": np.array(chances, dtype=np.float32).reshape(-1, 2),
    }
    return pack(header, arrays)


def _parts(one: Sequence[int] | None, other: Sequence[int] | None, growing: bool) -> int | None:
    """Where two texts part; while they grow, one being longer is no difference yet."""
    if one is None or other is None:
        return None
    least = min(len(one), len(other))
    return parting(one[:least], other[:least]) if growing else parting(one, other)


def draws(
    found: Sequence[tuple[str, Outcomes | None]], spell_out: Any, words: Mapping[str, Any], *, wanted: int
) -> bytes:
    """Many draws of one or two settings: the most frequent texts as they are, the others in one sum."""
    sides = []
    for name, outcomes in found:
        if outcomes is None:
            sides.append({"title": name, "draws": 0, "outcomes": []})
            continue
        shown = outcomes.outcomes[:SHOWN]
        rest = outcomes.outcomes[SHOWN:]
        sides.append({
            "title": name,
            "draws": outcomes.draws,
            "different": len(outcomes.outcomes),
            "entropy": outcomes.entropy,
            "covered": outcomes.covered,
            "outcomes": [
                {"text": spell_out(one.ids), "tokens": len(one.ids), "count": one.count, "p": one.probability,
                 "key": "-".join(map(str, one.ids))}
                for one in shown
            ],
            "rest": {"different": len(rest), "count": sum(one.count for one in rest)},
        })
    return pack({"kind": "draws", "sides": sides, "empty": words["empty"], "wanted": wanted})
