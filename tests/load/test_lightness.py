"""Opening a page is light: what is drawn first comes from stored results, and nothing heavy is imported for it."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, serve
from tests.load.client import Client, run

HEAVY = {"torch", "transformers", "sentence_transformers", "sklearn", "umap", "hdbscan", "bertopic", "faiss", "numba"}
CHARTS = {"pandas", "altair", "plotly"}

pytestmark = pytest.mark.xdist_group("load")


def imported(process_id: int, listing: Path) -> set[str]:
    listing.unlink(missing_ok=True)
    os.kill(process_id, signal.SIGUSR1)
    for _ in range(200):
        if listing.is_file():
            return {name.split(".")[0] for name in listing.read_text("utf-8").split("\n")}
        time.sleep(0.05)
    raise AssertionError("the server did not list its modules")


def test_opening_pages_imports_nothing_heavy(tmp_path: Path) -> None:
    listing = tmp_path / "modules"

    async def visit(url: str, page: str, query: str = "") -> None:
        client = Client(url, page, query)
        try:
            await client.open()
        finally:
            await client.close()
        assert not client.exceptions, client.exceptions

    with serve(tmp_path / "log.txt", watch=listing) as server:
        # Streamlit itself imports plotly to register its theme wherever plotly is installed, before any page opens.
        streamlits_own = imported(server.process.pid, listing)
        assert not streamlits_own & (HEAVY | {"pandas", "altair"})
        for page in ("home", "tokenizer"):
            run(visit(server.url, page))
            brought = (imported(server.process.pid, listing) - streamlits_own) & (HEAVY | CHARTS)
            assert not brought, f"opening {page} imported {sorted(brought)}"
        for page in ("attention", "sampling"):
            run(visit(server.url, page))
            brought = (imported(server.process.pid, listing) - streamlits_own) & (HEAVY | CHARTS)
            assert not brought, f"opening {page} imported {sorted(brought)}"
        for page in ("search", "topics"):
            run(visit(server.url, page))
            brought = (imported(server.process.pid, listing) - streamlits_own) & HEAVY
            assert not brought, f"opening {page} imported {sorted(brought)}"


def test_home_and_tokens_never_bring_in_pandas(tmp_path: Path) -> None:
    """After typing, after changing a tokenizer, in every panel."""
    from components.models import sources

    listing = tmp_path / "modules"

    async def use(url: str) -> None:
        client = Client(url, "tokenizer")
        await client.open()
        for query in ("text=Strawberry+fields", "text=%F0%9F%90%A2&tokenizer_left=bert"):
            client.query = query
            await client.rerun()
        for label in panel_labels():
            client.query = f"tokenizer_panel={label}&text=Strawberry+fields"
            client.states.clear()
            other = Client(url, "tokenizer", client.query)
            await other.open()
            await other.close()
            assert not other.exceptions, other.exceptions
        await client.close()
        assert not client.exceptions, client.exceptions

    def panel_labels() -> list[str]:
        source = (ROOT / "pages" / "tokenizer.py").read_text("utf-8")
        block = source[source.index("frame.panels") :]
        labels = re.findall(r'"([A-Z][^"]+)":', block)
        assert labels
        return [label.replace(" ", "+") for label in labels]

    assert sources.state("bert").here
    with serve(tmp_path / "log.txt", watch=listing) as server:
        streamlits_own = imported(server.process.pid, listing)
        run(use(server.url))
        brought = (imported(server.process.pid, listing) - streamlits_own) & CHARTS
        assert not brought, f"using Tokens imported {sorted(brought)}"
