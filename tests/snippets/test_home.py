"""Home's snippet, run as a reader would run it, gives the picture's numbers."""

from __future__ import annotations

import pytest

from components import first_views
from components.models import sources
from components.views.home.snippet import snippet
from tests.snippets.fresh import placed, run

NAMES = ("ids", "looks", "likely", "rest", "hits", "place", "topic", "votes")


def test_the_snippet_gives_the_pictures_numbers() -> None:
    """Of every model that is here, in one fresh process; only the line that names the folder is changed."""
    models = [name for name in ("storyteller", "smollm2") if sources.state(name).here]
    assert "storyteller" in models
    views = []
    runs = []
    for name in models:
        view = first_views.load(f"home.{name}")
        assert view is not None
        views.append(view)
        runs.append(placed(snippet(view.payload), sources.locate(name)))
    for view, got in zip(views, run(runs, NAMES), strict=True):
        header = view.header
        assert got["ids"] == [chip["id"] for chip in header["tokens"]["chips"]]
        hub = header["attention"]["hub"]
        assert got["looks"] == pytest.approx(
            [float(view.arrays["weights"][query, hub]) for query in header["attention"]["lookers"]], abs=1e-3
        )
        shown = {bar["id"]: bar["p"] for bar in header["sampling"]["top"]}
        assert sum(abs(shown.get(token, share) - share) for token, share in got["likely"]) < 1e-3
        assert len(set(shown) & {token for token, _ in got["likely"]}) >= len(shown) - 1
        assert got["rest"] == pytest.approx(header["sampling"]["rest"], abs=1e-3)
        assert [one for one, _ in got["hits"]] == [hit["passage"] for hit in header["search"]["hits"]]
        assert [cosine for _, cosine in got["hits"]] == pytest.approx(
            [hit["cosine"] for hit in header["search"]["hits"]], abs=1e-3
        )
        assert got["place"] == pytest.approx(header["topics"]["place"], abs=5e-3)
        assert got["topic"] == header["topics"]["topic"]
        assert got["votes"][str(got["topic"])] == pytest.approx(header["topics"]["share"], abs=1e-3)
