"""The snippets of "Logit lens" and "Two sentences", run as a reader would run them, give the panels' numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from components.attention import find_word, logit_lens, map_text, part
from components.models import sources
from components.models.open import open_model
from components.views.attention import lens, parting
from tests.conftest import ROOT

TEXT = "Once upon a time there was a"


def test_the_snippets_give_the_panels_numbers(tmp_path: Path) -> None:
    heads = map_text(open_model("storyteller"), TEXT)
    pair = parting.pairs()[0]
    codes = []
    for model, code in (
        ("storyteller", lens.snippet("storyteller", heads)),
        ("minilm", parting.snippet("minilm", pair)),
        ("storyteller", parting.snippet("storyteller", pair)),
    ):
        first, rest = code.split("\n", 1)
        assert first.startswith("folder = ")
        assert "components" not in rest
        codes.append(f"folder = {str(sources.locate(model))!r}\n{rest}")
    script = tmp_path / "run.py"
    script.write_text(
        "import json\nresults = []\n"
        f"for code in json.loads({json.dumps(json.dumps(codes))}):\n"
        "    space = {}\n    exec(code, space)\n"
        "    results.append({k: space[k] for k in ('ranks', 'chances', 'cosine', 'pulls') if k in space})\n"
        "print('RESULTS ' + json.dumps(results))\n",
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.split("RESULTS ")[-1])
    seen = logit_lens(open_model("storyteller"), heads.ids)
    assert told[0]["ranks"] == seen.answer_rank[:, -1].tolist()
    assert np.allclose(told[0]["chances"], seen.answer_probability[:, -1], atol=1e-4)
    for model, got in (("minilm", told[1]), ("storyteller", told[2])):
        opened = open_model(model)
        places = [find_word(opened.tokenizer, pair[which], pair["word"], marks=model == "minilm")
                  for which in ("first", "second")]
        found = part(opened, *places)
        assert np.allclose(got["cosine"], found.cosine[:-1], atol=1e-4)
        mine = found.pull_first[-2]
        kept = ~np.isnan(mine)
        assert np.allclose(np.array(got["pulls"])[kept], mine[kept], atol=1e-4)
