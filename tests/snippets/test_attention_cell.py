"""The snippets of "One cell", run as a reader would run them, give the panel's numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.attention import cell_of, read_layer
from components.models import sources
from components.models.open import open_model
from components.views.attention.snippet_cell import snippet_cell
from tests.snippets.fresh import placed, run
from tests.unit.architectures import IDS, MODELS

NAMES = ("largest", "dot", "score", "weight", "model_weight", "difference", "length", "together")
# model, layer, head, query, key
REAL = (("storyteller", 2, 5, 9, 4), ("minilm", 3, 7, 2, 6))
TINY = ("gpt2", "gemma2", "gpt_neox", "gpt_oss")
TEXT = "A small boat left the bay at dawn, and at noon a small boat left the"


def shown(cell: Any) -> dict[str, Any]:
    """What the panel shows of a cell, under the snippet's names."""
    return {
        "largest": [[int(at), float(cell.products[at])] for at in cell.order[:5]],
        "dot": cell.dot, "score": cell.score, "weight": cell.weight, "model_weight": cell.model_weight,
        "difference": cell.difference, "length": float(cell.lengths[cell.key]), "together": cell.output_length,
    }


def test_snippets_of_the_panel_give_its_numbers(tmp_path: Path) -> None:
    """All of them in one fresh process; only the line that names the folder is changed."""
    runs, expected = [], []

    def add(name: str, folder: str, architecture: str, cell: Any, reading: Any) -> None:
        runs.append(placed(snippet_cell(name, architecture, cell, reading), folder))
        expected.append((name, shown(cell), cell.dot_before))

    for name, layer, head, query, key in REAL:
        if not sources.state(name).here:
            continue
        model = open_model(name)
        ids = model.tokenizer.library_object.encode(TEXT).ids
        reading = read_layer(model, ids, layer)
        cell = cell_of(reading.layer, head, query, key, reading.projection, ids=ids)
        add(name, str(sources.locate(name)), model.architecture, cell, reading)
    assert "storyteller" in [name for name, _, _ in expected], "storyteller ships with the app"
    for name in TINY:
        tiny = MODELS[name]()
        folder = tmp_path / name
        tiny.save_pretrained(folder)
        reading = read_layer(tiny, IDS, 1)
        cell = cell_of(reading.layer, 2, 9, 8, reading.projection, ids=IDS)
        add(name, str(folder), type(tiny).__name__, cell, reading)
    results = run(runs, (*NAMES, "dot_without_positions"))
    for (name, told, before), got in zip(expected, results, strict=True):
        for word in ("weight", "model_weight", "difference"):
            assert got[word] == pytest.approx(told[word], abs=1e-5), (name, word)
        for word in ("dot", "score", "length", "together"):
            assert got[word] == pytest.approx(told[word], rel=1e-4, abs=1e-4), (name, word)
        for (at, product), (own_at, own) in zip(told["largest"], got["largest"], strict=True):
            assert (at == own_at or abs(product) == pytest.approx(abs(own), abs=2e-4)), name
            assert abs(product) == pytest.approx(abs(own), rel=1e-4, abs=2e-4), name
        if "dot_without_positions" in got:
            assert before is not None
            assert got["dot_without_positions"] == pytest.approx(before, rel=1e-4, abs=1e-4), name


def test_a_snippet_names_its_folder_and_uses_public_libraries_alone() -> None:
    reading = read_layer(MODELS["llama"](), IDS, 0)
    cell = cell_of(reading.layer, 0, 4, 2, reading.projection)
    for name, architecture in (("storyteller", "LlamaForCausalLM"), ("minilm", "BertModel")):
        code = snippet_cell(name, architecture, cell, reading)
        assert code.split("\n")[0].startswith("folder = ")
        assert "components" not in code.split("\n", 1)[1]
        assert "streamlit" not in code
        compile(code, "snippet", "exec")
    assert np.isfinite(cell.difference)
