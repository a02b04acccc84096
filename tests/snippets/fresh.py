"""Running the pages' snippets as a reader would: in a fresh process that knows nothing of this project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

# What a snippet prints goes to the other stream, so that the last line is the answer.
_RUN = """
import contextlib, json, sys

def plain(value):
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value.tolist() if hasattr(value, "tolist") else value

codes, names = json.load(sys.stdin)
found = []
for code in codes:
    space = {}
    with contextlib.redirect_stdout(sys.stderr):
        exec(code, space)
    found.append({name: plain(space[name]) for name in names if name in space})
print("\\n" + json.dumps(found))
"""


def placed(code: str, folder: Path | str) -> str:
    """The snippet with its first line, which names the model's folder, naming this machine's; all else as it is."""
    first, rest = code.split("\n", 1)
    assert first.startswith("folder = ")
    assert "components" not in rest
    assert "streamlit" not in rest
    return f"folder = {str(folder)!r}\n{rest}"


def run(
    codes: Sequence[str], names: Sequence[str], *, cwd: Path = ROOT, environ: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Those of the named variables that each snippet leaves behind; arrays and tensors come back as lists.

    One process for all of them, since importing torch takes longer than most. `-P`: nothing of this project can be
    imported, though it stands in the folder.
    """
    done = subprocess.run(
        [sys.executable, "-P", "-c", _RUN], input=json.dumps([list(codes), list(names)]), capture_output=True,
        text=True, cwd=cwd, timeout=900, env={**os.environ, **(environ or {})}, check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found
