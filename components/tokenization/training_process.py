"""Training in a process of its own, which is ended when nobody waits for it any more."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from components.tokenization.apart import run_apart
from components.tokenization.training import Recipe, Report, Trained, check

SECONDS, MEGABYTES = 300.0, 3_000
"""A training that takes longer, or more memory, is ended with a sentence."""
_PROGRESS = re.compile(rb'"current":(\d+),"total":(\d+)\}\s*$')


def train_apart(recipe: Recipe, text: str, report: Report, check_wanted: Callable[[], None], *,
                seconds: float = SECONDS) -> Trained:
    """Train as `training.train` does, in a process of its own.

    Args:
        report: told the share that is done (None where it cannot be told) and the stage.
        check_wanted: called many times a second; when it raises, the process is ended and the exception goes on.
        seconds: how long the training may take.

    Raises:
        ValueError: as `training.train`, and when the time or the memory was not enough.
    """
    recipe = check(recipe, text)

    def hear(said: dict[str, Any]) -> None:
        if "stage" in said:
            report(said["fraction"], said["stage"])

    report(0.0, "starting")
    said = run_apart("components.tokenization.training_child", {"recipe": asdict(recipe), "megabytes": MEGABYTES},
                     text.encode("utf-8"), check_wanted, seconds=seconds, hear=hear, overhear=_progress, stay=True,
                     too_long=f"This training took more than {seconds:g} seconds and was ended; give it less text, or "
                              "choose a pre-tokeniser that cuts the text.")
    if "trained" in said:
        return Trained.from_json(json.dumps(said["trained"]))
    raise ValueError(str(said.get("error") or "The training ended before it was done, perhaps for want of memory; "
                         "give it less text or a smaller vocabulary."))


def _progress(bite: bytes) -> dict[str, Any] | None:
    """The library's own progress, thousands of lines of it: the newest one in each bite is enough."""
    if found := _PROGRESS.search(bite):
        done, total = int(found[1]), max(1, int(found[2]))
        if total > 1 and b'"Compute merges"' in bite[-200:]:
            return {"fraction": 0.2 + 0.4 * min(1.0, done / total),
                    "stage": f"learning, {done:,} of {total:,} entries"}
    return None
