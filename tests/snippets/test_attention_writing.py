"""The snippets of "While it writes", run as a reader would run them, give the table's numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from components.attention import map_text, write_on
from components.models import sources
from components.models.open import open_model
from components.sampling import Settings
from components.views.attention.snippet_writing import snippet_writing
from tests.conftest import ROOT

CASES = (
    ("storyteller", "The old miller had a cat. One day the cat said to the old", 3, 0,
     Settings(temperature=0, max_new_tokens=12)),
    ("storyteller", "Naïve \"quotes\" and\nlines", 2, 5, Settings(temperature=1.2, seed=7, max_new_tokens=12)),
)


def test_snippets_give_the_rows_and_the_tokens(tmp_path: Path) -> None:
    runs = []
    for case in CASES:
        first, rest = snippet_writing(*case).split("\n", 1)
        assert first.startswith("folder = ")
        runs.append(f"folder = {str(sources.locate(case[0]))!r}\n{rest}")
    script = tmp_path / "run.py"
    script.write_text(
        "import json\nresults = []\n"
        f"for code in json.loads({json.dumps(json.dumps(runs))}):\n"
        "    space = {}\n    exec(code, space)\n"
        "    names = ('written', 'probabilities', 'looks_at', 'most', 'on_first')\n"
        "    results.append({name: space[name] for name in names})\n"
        "print('RESULTS ' + json.dumps(results))\n",
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    results = json.loads(done.stdout.split("RESULTS ")[-1])
    for (name, text, layer, head, settings), got in zip(CASES, results, strict=True):
        model = open_model(name)
        writing = write_on(model, map_text(model, text).ids, settings)
        keys, most = writing.looks(skip_first=False)
        assert writing.ids[writing.prompt :].tolist() == got["written"]
        assert keys[layer, head].tolist() == got["looks_at"]
        for shown, told in ((writing.probability, "probabilities"), (most[layer, head], "most"),
                            (writing.sink()[layer, head], "on_first")):
            assert np.abs(shown - np.array(got[told])).max() <= 1e-4, told
