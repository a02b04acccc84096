"""Every head's scores on random tokens that repeat: `python -m assets.recipes.head_scores [model ...]`.

Decoders: `stripe_scores`, eight sequences of 48 random tokens followed by themselves. Encoders: the same sequences
between the special tokens that they expect, and the scores of the Attention page without induction, which needs a
reading from left to right. Models that are not here keep what the file has. Writes `assets/copy/head_scores.json`.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

import numpy as np

from components.attention import BIRTH_SCORES, SCORES, is_encoder, map_heads, marks_around, stripe_scores
from components.attention.birth import probe_rows
from components.attention.stored import PATH
from components.first_views import stamp
from components.models import catalog, sources
from components.models.open import OpenModel, open_model

MODELS = ("storyteller", "smollm2", "minilm", "gapfiller")
LIBRARIES = ("torch", "transformers")
ENCODER_SCORES = ("previous", "duplicate")


def measure(model: OpenModel) -> dict[str, np.ndarray]:
    """The scores by name, each [layer, head]."""
    if not is_encoder(model.name):
        return dict(zip(BIRTH_SCORES, stripe_scores(model), strict=True))
    before, after = marks_around(model.tokenizer)
    tables = []
    for row in probe_rows(model.vocab_size):
        ids = np.concatenate([before, row, after]).astype(np.int64)
        marks = np.concatenate([np.full(len(before), 2), np.zeros(len(row)), np.full(len(after), 2)])
        tables.append(map_heads(model, ids, special=marks.astype(np.uint8), spell=lambda some: [""] * len(some)).scores)
    mean = np.mean(tables, axis=0)
    return {name: mean[SCORES.index(name)] for name in ENCODER_SCORES}


def build(model: str) -> dict[str, Any]:
    """One model's entry of the file: its scores with three digits, and what they were made with."""
    opened = open_model(model)
    weights = hashlib.sha256((opened.path / "model.safetensors").read_bytes()).hexdigest()
    scores = {name: [[round(float(one), 3) for one in row] for row in table] for name, table in measure(opened).items()}
    return {"stamp": stamp(weights, LIBRARIES), "scores": scores}


def main(names: list[str]) -> int:
    """Write the entries of those models that are here."""
    kept: dict[str, Any] = json.loads(PATH.read_text("utf-8"))["models"] if PATH.is_file() else {}
    for name in names or MODELS:
        if name not in catalog.ENTRIES or not sources.state(name).here:
            print(f"{name} is not here, its scores were not made")
            continue
        kept[name] = build(name)
        print(f"{name}: {', '.join(kept[name]['scores'])}")
    about = "Mean attention on random tokens that repeat; python -m assets.recipes.head_scores makes this file."
    rows = [f' {json.dumps(name)}: {json.dumps(kept[name])}' for name in sorted(kept)]
    PATH.write_text(f'{{"about": {json.dumps(about)},\n"models": {{\n' + ",\n".join(rows) + "\n}}\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
