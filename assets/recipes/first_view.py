"""Make the stored first view of each page: `python -m assets.recipes.first_view [page ...]`.

Each page's own recipe (`assets/recipes/first_views/<page>.py`) says for which models it is made, computes it with the
same calls as the page, and knows how a stored one is compared with a fresh one.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from types import ModuleType

from assets.recipes import first_views
from components.first_views import FOLDER
from components.models import sources


def recipes(names: list[str] | None = None) -> dict[str, ModuleType]:
    """The pages' recipes by page."""
    found = [item.name for item in pkgutil.iter_modules(first_views.__path__) if not item.name.startswith("_")]
    found.sort(key=lambda name: (name == "home", name))  # Home shows the stored map of Topics, so it comes last
    unknown = set(names or []) - set(found)
    if unknown:
        raise ValueError(f"No first view is known for {', '.join(sorted(unknown))}; choose among {', '.join(found)}.")
    return {name: importlib.import_module(f"assets.recipes.first_views.{name}") for name in names or found}


def main(names: list[str]) -> int:
    """Write every view whose model is here; say which could not be made."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for page, recipe in recipes(names).items():
        for model in recipe.MODELS:
            if model != "minilm" and not sources.state(model).here:
                print(f"{page}: {model} is not here, its view was not made")
                continue
            for name, payload in recipe.build(model).items():
                (FOLDER / name).write_bytes(payload)
                print(f"{page}: {name}, {len(payload):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
