"""The Tokens page's snippets, run as a reader would run them, give the panel's numbers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

from components.models import catalog, sources
from components.models.__main__ import copy_to
from components.models.catalog import Asset
from components.models.open import OpenTokenizer, open_tokenizer
from components.tokenization import trace
from components.views.tokenizer.snippet import snippet
from tests.conftest import ROOT

TEXTS = (
    "The unhappiness of 1234 tortoises: 🐢\nOne of them said \"hello\".",
    "HÉLLO  Übermensch <|endoftext|> बारिश",
)
PAIRS = (("cl100k", "smollm2"), ("bert", "storyteller"), ("mistral-v1", "claude"), ("qwen", "tekken"),
         ("storyteller-wordpiece", "storyteller-unigram"), ("o200k", "mistral-v3"), ("p50k", "p50k"))
_FOLDER = re.compile(r'^(left|right)_folder = "([^"]+)".*$', re.MULTILINE)


def test_snippets_of_the_page_give_its_numbers(tmp_path: Path) -> None:
    """All of them in one fresh process; only the lines that name a folder are changed."""
    cases = [(pair, text) for pair in PAIRS for text in TEXTS if all(sources.state(name).here for name in pair)]
    assert len(cases) >= 4, "BERT, storyteller and Mistral ship with the app"
    runs = []
    for (left, right), text in cases:
        code = snippet(text, left, right)
        for name in (left, right):
            if not isinstance(catalog.entry(name).sources[0], Asset):
                folder = tmp_path / name
                if not folder.is_dir():
                    copy_to(name, folder) if name != "smollm2" else _tokenizer_only(name, folder)
                code = code.replace(f'_folder = "{name}"', f'_folder = "{folder}"')
        runs.append(code)
    script = tmp_path / "run.py"
    script.write_text(
        "import json\nresults = []\n"
        f"for code in json.loads({json.dumps(json.dumps(runs))}):\n"
        "    space = {}\n    exec(code, space)\n"
        "    results.append([[space[side + '_ids'], space[side + '_per_token'], bool(space[side + '_exact'])]"
        " for side in ('left', 'right')])\n"
        "print('RESULTS ' + json.dumps([[[list(map(int, ids)), per, exact] for ids, per, exact in one]"
        " for one in results]))\n", encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    results = json.loads(done.stdout.split("RESULTS ")[-1])
    for ((left, right), text), got in zip(cases, results, strict=True):
        for name, (ids, per_token, exact) in zip((left, right), got, strict=True):
            shown = trace(opened(name), text)
            assert ids == shown.ids.tolist(), (name, text)
            assert abs(per_token - shown.bytes_per_token) < 1e-9, name
            assert exact == shown.round_trip.exact, (name, text)


@cache
def opened(name: str) -> OpenTokenizer:
    return open_tokenizer(name)


def _tokenizer_only(name: str, folder: Path) -> None:
    """SmolLM2 without its 269 MB of weights, which no snippet of this page reads."""
    folder.mkdir()
    (folder / "tokenizer.json").write_bytes((sources.locate(name) / "tokenizer.json").read_bytes())


def test_a_snippet_names_its_folders_and_uses_public_libraries_alone() -> None:
    code = snippet("a\nb", "cl100k", "storyteller")
    folders = _FOLDER.findall(code)
    assert folders == [("left", "cl100k"), ("right", "assets/models/storyteller")]
    assert code.startswith("left_folder = ")
    assert "components." not in code.replace("python -m components.models", "")
    assert "python -m components.models fetch cl100k --to cl100k" in code
    compile(code, "snippet", "exec")


def test_a_snippet_holds_any_text() -> None:
    for text in ("'''\"\"\"\\", "\x00\r\n\u2028x", "a" * 2_000, "🐢\n" * 3):
        space: dict[str, object] = {}
        line = snippet(text, "bert", "storyteller").split("\n\n# ")[0].split("\n\ntext = ")[1]
        exec("text = " + line, space)
        assert space["text"] == text


def test_a_very_long_text_is_read_from_a_file() -> None:
    code = snippet("a" * 5_000, "bert", "storyteller")
    assert 'open("text.txt"' in code
    assert len(code) < 2_000
