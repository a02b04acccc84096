"""The stored first view of each page: what the first example looks like, drawn before any model is in memory.

`assets/first_view/<page>.<model>.bin` is one payload (components/payload.py) whose header holds at least

- `text`, `settings`: what the result belongs to; a page uses the file only when its own are equal;
- `stamp`: hashes of the model and the versions of the libraries that made it (see `stamp`).

`python -m assets.recipes.first_view` makes the files; a test recomputes them and compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from components.payload import unpack

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "first_view"


@dataclass(frozen=True)
class FirstView:
    """A stored result: its header, its arrays and the whole buffer, ready to be mounted."""

    header: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    payload: bytes


@lru_cache(maxsize=32)
def load(name: str) -> FirstView | None:
    """The stored view `<page>.<model>`, or `None` where there is none."""
    path = FOLDER / f"{name}.bin"
    if not path.is_file():
        return None
    payload = path.read_bytes()
    header, arrays = unpack(payload)
    return FirstView(header, arrays, payload)


def find(page: str, model: str, text: str, settings: Mapping[str, Any]) -> FirstView | None:
    """The stored view of this very text with these very settings, else `None`."""
    view = load(f"{page}.{model}")
    if view is None or view.header.get("text") != text or view.header.get("settings") != dict(settings):
        return None
    return view


def stamp(model_hash: str, libraries: tuple[str, ...]) -> dict[str, str]:
    """What a stored view was made with: the model's hash and each library's version."""
    from importlib.metadata import version

    return {"model": model_hash, **{name: version(name) for name in libraries}}
