"""The snippet of "Turn heads off", run as a reader would run it, gives the panel's numbers."""

from __future__ import annotations

import pytest

from components.attention import ablate
from components.models import sources
from components.models.open import open_model
from components.views.attention.snippet_ablation import snippet_ablation
from tests.snippets.fresh import placed, run

TEXT = "When the rain stopped, the old tortoise walked slowly down to the"
CASES = (
    ("storyteller", ((1, 1),), "zero", None),
    ("storyteller", ((0, 6), (3, 2), (3, 5)), "mean", 300),
)


def test_the_snippet_gives_the_panels_numbers() -> None:
    """All cases in one fresh process; only the line that names the folder is changed."""
    opened = open_model("storyteller")
    ids = opened.tokenizer.library_object.encode(TEXT).ids
    runs = []
    for model, heads, how, target in CASES:
        code = snippet_ablation(model, ids, heads, how, target)
        assert code.startswith('folder = "assets/models/storyteller"\n')
        runs.append(placed(code, sources.locate(model)))
    results = run(runs, ("target", "probability", "rank", "kl", "loss"))
    for (_, heads, how, target), got in zip(CASES, results, strict=True):
        shown = ablate(opened, ids, heads, how, target)
        assert shown.target == got["target"]
        assert shown.probability(got["target"]) == pytest.approx(got["probability"], rel=1e-4)
        assert list(shown.rank(got["target"])) == got["rank"]
        assert [shown.loss_before, shown.loss_after] == pytest.approx(got["loss"], abs=1e-4)
        assert shown.effect.kl == pytest.approx(got["kl"], abs=1e-5)
