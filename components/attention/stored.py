"""Scores that a model's heads have on random tokens that repeat, made once by a recipe and kept as data.

A sentence in which nothing comes twice cannot tell which heads follow a repetition. These scores can: they are averages
over sequences of 48 random tokens, each followed by itself (`python -m assets.recipes.head_scores` makes them).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PATH = Path(__file__).resolve().parents[2] / "assets" / "copy" / "head_scores.json"


@cache
def _file() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PATH.read_text("utf-8")) if PATH.is_file() else {"models": {}}
    return found


def stored_scores(name: str) -> dict[str, NDArray[np.float32]]:
    """A model's stored scores by name, each [layer, head]; nothing for a model that the recipe has not seen."""
    entry = _file()["models"].get(name, {"scores": {}})
    return {score: np.array(table, dtype=np.float32) for score, table in entry["scores"].items()}
