"""Our chain in mlx-lm's order gives mlx-lm's own probabilities: held against mlx-lm itself.

Its sampler draws at once; what it would draw from is caught.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.unit.test_sampling_engines import ENGINES, HOW, ours, same


@pytest.fixture(autouse=True)
def uncompiled() -> Iterator[None]:
    """mlx compiles each sampler for each of its settings, which takes seconds; uncompiled it does the same."""
    mx = pytest.importorskip("mlx.core", reason=HOW, exc_type=ImportError)
    mx.disable_compile()
    yield
    mx.enable_compile()


def mlx_after(
    monkeypatch: pytest.MonkeyPatch, logits: np.ndarray, prompt: tuple[int, ...], temp: float,
    penalties: dict[str, Any], **values: Any,
) -> np.ndarray:
    mx = pytest.importorskip("mlx.core", reason=HOW, exc_type=ImportError)
    engine = pytest.importorskip("mlx_lm.sample_utils", reason=HOW, exc_type=ImportError)
    monkeypatch.setattr(engine, "categorical_sampling", lambda scores, warmth: scores * (1 / warmth))
    scores = mx.array(logits)[None]
    for processor in engine.make_logits_processors(**penalties):
        scores = processor(mx.array(prompt), scores)
    scores = scores - mx.logsumexp(scores, axis=-1, keepdims=True)
    left = engine.make_sampler(temp=temp, **values)(scores)
    return np.array(mx.softmax(left, axis=-1))[0]


MLX: list[dict[str, Any]] = [
    {},
    {"temperature": 0.6}, {"temperature": 1.8},
    {"top_p": 0.05}, {"top_p": 0.6}, {"top_p": 0.95},
    {"min_p": 0.03}, {"min_p": 0.4}, {"min_p": 1.0},
    {"top_k": 1}, {"top_k": 9},
    {"xtc_probability": 1.0, "xtc_threshold": 0.05}, {"xtc_probability": 1.0, "xtc_threshold": 0.4},
    {"presence_penalty": 0.8, "penalty_last_n": 20}, {"frequency_penalty": 0.8, "penalty_last_n": 20},
    {"repetition_penalty": 1.5}, {"sequence_bias": (((8,), 3.0), ((21,), -2.0))},
    {"top_p": 0.9, "top_k": 5, "temperature": 1.7}, {"top_p": 0.7, "min_p": 0.1, "temperature": 2.0},
    {"top_p": 0.95, "min_p": 0.02, "xtc_probability": 1.0, "xtc_threshold": 0.03, "top_k": 6, "temperature": 0.7},
    {"repetition_penalty": 1.2, "presence_penalty": 0.5, "frequency_penalty": 0.4, "penalty_last_n": 20, "top_p": 0.8},
]


@pytest.mark.parametrize("values", MLX, ids=lambda values: ",".join(f"{k}={v}" for k, v in values.items()) or "none")
def test_our_chain_in_mlx_lm_s_order_leaves_what_mlx_lm_leaves(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, Any]
) -> None:
    said = dict(values)
    penalties = {name: said.pop(name) for name in ("repetition_penalty", "presence_penalty", "frequency_penalty")
                 if name in said}
    if "sequence_bias" in said:
        penalties["logit_bias"] = {word[0]: bias for word, bias in said.pop("sequence_bias")}
    said.pop("penalty_last_n", None)
    for seed in range(6):
        logits = np.random.default_rng(seed).normal(0, 2.5, 200).astype(np.float32)
        prompt = (3, 8, 8, 21, 50 + seed, 8)
        found = mlx_after(monkeypatch, logits, prompt, said.get("temperature", 1.0), penalties,
                          **{name: value for name, value in said.items() if name != "temperature"})
        same(ours(logits, prompt, values, "mlx-lm"), found)


def test_where_mlx_lm_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = np.array([2.0, 1.0, 1.0, 1.0, -1.0], dtype=np.float32)
    # top_k keeps exactly k; ties at the edge of top_p all stay, while the library keeps one by its id.
    assert np.count_nonzero(mlx_after(monkeypatch, logits, (0,), 1.0, {}, top_k=2)) == 2
    assert np.count_nonzero(ours(logits, (0,), {"top_k": 2}, "mlx-lm")) == 4
    assert np.count_nonzero(mlx_after(monkeypatch, logits, (0,), 1.0, {}, top_p=0.5)) == 4
    assert np.count_nonzero(ours(logits, (0,), {"top_p": 0.5}, "mlx-lm")) == 2
    # XTC lets all stay that tie with the least likely top choice.
    struck = {"xtc_probability": 1.0, "xtc_threshold": 0.1}
    assert np.flatnonzero(mlx_after(monkeypatch, logits, (0,), 1.0, {}, **struck)).tolist() == [1, 2, 3, 4]
    assert np.flatnonzero(ours(logits, (0,), struck, "mlx-lm")).tolist() == [3, 4]
    notes = ENGINES["mlx-lm"]["notes"]
    assert "top_k keeps exactly k" in notes
    assert "tie" in notes


def test_the_default_is_greedy() -> None:
    import inspect

    engine = pytest.importorskip("mlx_lm.sample_utils", reason=HOW, exc_type=ImportError)
    own = {name: given.default for name, given in inspect.signature(engine.make_sampler).parameters.items()}
    said = ENGINES["mlx-lm"]["defaults"]
    assert own["temp"] == said["temperature"] == 0
    assert {name: own[name] for name in ("top_k", "min_p", "xtc_probability", "xtc_threshold")} == {
        name: said[name] for name in ("top_k", "min_p", "xtc_probability", "xtc_threshold")
    }
    windows = inspect.signature(engine.make_logits_processors).parameters
    assert windows["presence_context_size"].default == said["penalty_last_n"]
