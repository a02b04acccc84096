"""Files to take away: the whole distribution as CSV, the settings with the chain as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from components.sampling import Stage, Step
from components.views.sampling.labels import Labels


def safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def distribution_csv(stages: Sequence[Stage], labels: Labels) -> bytes:
    """One row a token of the vocabulary, by falling final then first chance: id, text, chance after each stage."""
    on = [stage for stage in stages if stage.on]
    order = np.lexsort((np.arange(len(on[0].probabilities)), -on[0].probabilities, -on[-1].probabilities))
    columns = [stage.probabilities.tolist() for stage in on]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["id", "token", *("model" if stage.name == "logits" else stage.name for stage in on)])
    for token in order.tolist():
        writer.writerow([token, safe(labels.label(token)["t"]), *(f"{column[token]:.9g}" for column in columns)])
    return out.getvalue().encode("utf-8")


def chain_json(
    model: str, text: str, knobs: dict[str, Any], stages: Sequence[Stage], steps: Sequence[Step], labels: Labels
) -> bytes:
    """Settings, the chain with what each stage did, and the tokens written so far with their records."""
    return json.dumps(
        {
            "model": model,
            "text": text,
            "settings": knobs,
            "chain": [
                {
                    "name": stage.name,
                    "value": stage.value,
                    "on": stage.on,
                    "tokens_left": stage.survivors,
                    "mass_removed": stage.removed,
                    "entropy_nats": stage.entropy,
                    "effective_choices": stage.effective,
                }
                for stage in stages
            ],
            "written": [{"token": labels.label(step.id)["t"], **asdict(step)} for step in steps],
        },
        ensure_ascii=False,
        indent=1,
    ).encode("utf-8")
