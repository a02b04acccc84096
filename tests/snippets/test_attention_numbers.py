"""The snippets of birth, shapes and low rank, run as a reader would run them, give the panels' numbers."""

from __future__ import annotations

import numpy as np

from components.attention import (
    cache_bytes,
    find_matrix,
    growth,
    lasting_step,
    loss_curve,
    matrices,
    read,
    read_birth,
    shape_of,
    spectrum,
    total_parameters,
)
from components.models import sources
from components.models.open import open_model
from components.views.attention.shapes import facts
from components.views.attention.snippet_birth import snippet_birth
from components.views.attention.snippet_lowrank import snippet_lowrank
from components.views.attention.snippet_shapes import snippet_shapes
from tests.snippets.fresh import placed, run

TEXT = "The fox saw the 'hen', and\nthe hen saw the fox. <|endoftext|>"
SHAPES = ("gpt2-small", "mistral-7b", "qwen2.5-0.5b-shape", "gemma-2b", "bert-base-shape", "gpt3")
LOWRANK = (("self_attn.q_proj", True, 32), ("mlp.down_proj", False, 4), ("embedding", False, 64))


def test_the_snippets_give_the_panels_numbers() -> None:
    """All of them in one fresh process; only the line that names the folder is changed."""
    folder = sources.locate("storyteller")
    configs = {one["id"]: one["config"] for one in facts()["presets"]}
    model = open_model("storyteller")
    chosen = [
        [one for one in matrices(model) if one.kind == kind and (every or one.layer in (2, None))]
        for kind, every, _ in LOWRANK
    ]
    runs = [placed(snippet_birth(), folder)]
    runs += [snippet_shapes(configs[name], 5000) for name in SHAPES]
    runs += [
        placed(snippet_lowrank("storyteller", TEXT, [one.name for one in some], rank), folder)
        for some, (_, _, rank) in zip(chosen, LOWRANK, strict=True)
    ]
    results = run(runs, ("steps", "induction", "previous", "parameters", "cache_bytes", "scores", "kept", "largest",
                         "before", "after"))

    birth = read_birth(folder)
    for score in ("previous", "induction"):
        step = lasting_step(birth.of(score, birth.best(score)))
        got = results[0]["steps"][score]
        assert got[:3] == [step.row, int(birth.tokens[step.row]), int(birth.tokens[step.row + 1])]
        assert np.allclose(got[3:], [step.before, step.after], atol=1e-5)
    assert results[0]["steps"]["copy"][0] == lasting_step(birth.curve("second_copy_loss"), falling=True).row
    for name in ("induction", "previous"):
        logged = birth.scores[0 if name == "induction" else 1, -1]
        assert np.abs(np.array(results[0][name]) - logged).max() <= 6e-4

    for name, got in zip(SHAPES, results[1 : 1 + len(SHAPES)], strict=True):
        shape = shape_of(configs[name])
        assert got["parameters"] == total_parameters(shape), name
        assert got["scores"] == growth(shape, 5000).scores, name
        if shape.decoder:
            assert got["cache_bytes"] == cache_bytes(shape, 5000), name

    ids, _ = read(model.tokenizer, TEXT)
    for some, (_, _, rank), got in zip(chosen, LOWRANK, results[1 + len(SHAPES) :], strict=True):
        found = spectrum(model, find_matrix(model, some[0].kind, some[0].layer))
        curve = loss_curve(model, some, ids)
        assert np.allclose(got["largest"], found.values[:5], atol=1e-3)
        assert abs(got["kept"] - float(found.kept[rank - 1])) < 1e-4
        assert abs(got["before"] - curve.whole) < 1e-4
        assert abs(got["after"] - float(curve.best[curve.ranks.index(rank)])) < 1e-3


def test_they_use_public_libraries_alone() -> None:
    for code in (snippet_birth(), snippet_lowrank("smollm2", "a", ["b"], 2)):
        assert code.startswith("folder = ")
        assert "components" not in code.split("\n", 1)[1]
    assert snippet_lowrank("smollm2", "a", ["b"], 2).startswith(
        'folder = "smollm2"  # python -m components.models fetch smollm2 --to smollm2\n'
    )
