"""The Attention page's snippets, run as a reader would run them, give the picture's numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from components.attention import SCORES, map_text
from components.models import sources
from components.models.open import open_model
from components.views.attention.snippet import snippet
from tests.conftest import ROOT

LAMP = "The green lamp hung over the narrow door. Years went by, and still the green lamp hung over the narrow"
CASES = (
    ("smollm2", LAMP, 18, 6),
    ("smollm2", "The tortoise who lived under the stairs had never told anyone her name.", 13, 8),
    ("storyteller", LAMP, 2, 5),
    ("storyteller", "Naïve 👩‍👩‍👧 \"quotes\" and\nlines, <|endoftext|>", 5, 7),
    ("storyteller", "a", 0, 0),
    ("minilm", LAMP, 2, 9),
    ("gapfiller", "The tortoise walked down to the[MASK] and drank.", 1, 2),
)


def test_snippets_of_the_page_give_its_numbers(tmp_path: Path) -> None:
    """All of them in one fresh process; only the line that names the folder is changed."""
    cases = [case for case in CASES if sources.state(case[0]).here]
    assert len(cases) >= 3, "storyteller ships with the app"
    runs = []
    for model, text, layer, head in cases:
        first, rest = snippet(model, text, layer, head).split("\n", 1)
        assert first.startswith("folder = ")
        runs.append(f"folder = {str(sources.locate(model))!r}\n{rest}")
    script = tmp_path / "run.py"
    script.write_text(
        "import json\nresults = []\n"
        f"for code in json.loads({json.dumps(json.dumps(runs))}):\n"
        "    space = {}\n    exec(code, space)\n"
        "    names = ('previous', 'first', 'induction', 'following', 'entropy', 'looks_at', 'next_token')\n"
        "    results.append({name: space[name] for name in names if name in space})\n"
        "    results[-1]['weights'] = space['weights'].tolist()\n"
        "print('RESULTS ' + json.dumps(results))\n",
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    results = json.loads(done.stdout.split("RESULTS ")[-1])
    for (model, text, layer, head), got in zip(cases, results, strict=True):
        heads = map_text(open_model(model), text)
        assert np.abs(heads.matrix(layer, head) - np.array(got["weights"])).max() <= 6e-4, (model, text)
        for name, score in (("previous", "previous"), ("first", "first"), ("induction", "induction"),
                            ("following", "next"), ("entropy", "entropy")):
            if name not in got:
                continue
            shown = float(heads.scores[SCORES.index(score), layer, head])
            told = float("nan") if got[name] is None else got[name]
            assert np.isclose(shown, told, atol=1e-4, equal_nan=True), (model, text, name)
        key, weight = got["looks_at"][0]
        assert abs(float(heads.matrix(layer, head)[-1, key]) - weight) <= 1.1e-3
        assert got.get("next_token") == (heads.next_pieces[0] if heads.causal else None)


def test_a_snippet_names_its_folder_and_uses_public_libraries_alone() -> None:
    for model, line in (
        ("smollm2", 'folder = "smollm2"  # python -m components.models fetch smollm2 --to smollm2'),
        ("storyteller", 'folder = "assets/models/storyteller"'),
    ):
        code = snippet(model, "a", 1, 2)
        assert code.split("\n")[0] == line
        assert "components" not in code.split("\n", 1)[1]
        assert "streamlit" not in code


def test_a_snippet_holds_any_text() -> None:
    for text in ("'''\"\"\"\\", "\x00\r\n\u2028x", "{braces} {{twice}}", "🐢\n" * 3):
        code = snippet("storyteller", text, 0, 0)
        line = next(part for part in code.split("\n") if part.startswith("text = "))
        space: dict[str, object] = {}
        exec(line, space)
        assert space["text"] == text
