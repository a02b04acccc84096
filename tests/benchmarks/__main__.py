"""`python -m tests.benchmarks NAME`: progress to stderr, one JSON object as the last line of stdout.

Flat figures first (the worst case of each), nested cases behind them; `null` with a note where something could not
be measured.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys

import tests.benchmarks as package


def names() -> list[str]:
    return sorted(item.name for item in pkgutil.iter_modules(package.__path__) if not item.name.startswith("_"))


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in names():
        print(f"usage: python -m tests.benchmarks NAME, with NAME one of: {', '.join(names())}", file=sys.stderr)
        return 2
    result = importlib.import_module(f"tests.benchmarks.{arguments[0]}").measure()
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
