"""The snippet of "Turn heads off", run as a reader would run it, gives the panel's numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from components.attention import ablate
from components.models import sources
from components.models.open import open_model
from components.views.attention.snippet_ablation import snippet_ablation
from tests.conftest import ROOT

TEXT = "When the rain stopped, the old tortoise walked slowly down to the"
CASES = (
    ("storyteller", ((1, 1),), "zero", None),
    ("storyteller", ((0, 6), (3, 2), (3, 5)), "mean", 300),
)


def test_the_snippet_gives_the_panels_numbers(tmp_path: Path) -> None:
    """All cases in one fresh process; only the line that names the folder is changed."""
    opened = open_model("storyteller")
    ids = opened.tokenizer.library_object.encode(TEXT).ids
    runs = []
    for model, heads, how, target in CASES:
        first, rest = snippet_ablation(model, ids, heads, how, target).split("\n", 1)
        assert first == 'folder = "assets/models/storyteller"'
        assert "components" not in rest
        runs.append(f"folder = {str(sources.locate(model))!r}\n{rest}")
    script = tmp_path / "run.py"
    script.write_text(
        "import json\nresults = []\n"
        f"for code in json.loads({json.dumps(json.dumps(runs))}):\n"
        "    space = {}\n    exec(code, space)\n"
        "    results.append({name: space[name] for name in ('target', 'probability', 'rank', 'kl', 'loss')})\n"
        "print('RESULTS ' + json.dumps(results))\n",
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    for (_, heads, how, target), got in zip(CASES, json.loads(done.stdout.split("RESULTS ")[-1]), strict=True):
        shown = ablate(opened, ids, heads, how, target)
        assert shown.target == got["target"]
        assert shown.probability(got["target"]) == pytest.approx(got["probability"], rel=1e-4)
        assert list(shown.rank(got["target"])) == got["rank"]
        assert [shown.loss_before, shown.loss_after] == pytest.approx(got["loss"], abs=1e-4)
        assert shown.effect.kl == pytest.approx(got["kl"], abs=1e-5)
