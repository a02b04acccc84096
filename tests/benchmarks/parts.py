"""The parts of a benchmark, of which an operator may choose some with `LOOKING_GLASS_BENCH`."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


class Parts:
    """Call it once a part; `cases` keeps what each gave."""

    def __init__(self, every: str) -> None:
        self.wanted = os.environ.get("LOOKING_GLASS_BENCH", every).split(",")
        self.cases: dict[str, dict[str, Any]] = {}

    def __call__(self, name: str, words: str, function: Callable[[Path], dict[str, Any]]) -> dict[str, Any] | None:
        """What the function gives, called with a new folder; None where this part was not asked for."""
        if name not in self.wanted:
            return None
        say(words)
        with tempfile.TemporaryDirectory() as folder:
            self.cases[name] = function(Path(folder))
        say(f"  {self.cases[name]}")
        return self.cases[name]
