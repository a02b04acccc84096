"""What watching the chain costs, against the bare library in one run.

A random model of GPT-2-small's shape (124 million parameters, 50,257 tokens): what a step costs depends on the shape
alone. Whatever is compared runs in turn, and medians are compared.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.parts import Parts, say
from tests.benchmarks.sampling_branch import branch_vs_fresh
from tests.benchmarks.sampling_steps import eight_vs_eight_runs, gpt2_shape, stages_vs_forward, step_vs_bare

WRITTEN = 60


def memory_limit(model: Any, step: float) -> dict[str, Any]:
    """The bare step against reading all weights once at the bandwidth that this machine shows now.

    The bandwidth is that of summing 512 MB of float32 by all threads, best of nine: one read of each byte.
    """
    import torch

    block = torch.ones(128_000_000)
    seconds = []
    for _ in range(9):
        start = time.perf_counter()
        block.sum()
        seconds.append(time.perf_counter() - start)
    bandwidth = block.nbytes / min(seconds)
    # The table of tokens is read once, as the output layer; of the positions one row is read.
    weights = sum(one.nbytes for name, one in model.named_parameters() if "wpe" not in name)
    limit = weights / bandwidth
    return {"gb_per_s": round(bandwidth / 1e9, 2), "weights_mb": round(weights / 1e6, 1),
            "limit_ms": round(limit * 1e3, 2), "ratio": round(step / limit, 3)}


def tokens_per_second(name: str) -> dict[str, Any] | None:
    """Tokens a second of `decode` with all stages recorded, and without, prompt read; None where the model is not."""
    from components.models import sources
    from components.models.open import open_model
    from components.sampling import Settings, decode, prefixes, prompt

    if not sources.state(name).here:
        say(f"  {name} is not here: python -m components.models fetch {name}")
        return None
    model = open_model(name)
    ids = prompt(model, "The old lighthouse keeper climbed the stairs because").ids
    settings = Settings(temperature=0.8, top_k=50, top_p=0.9, min_p=0.05, max_new_tokens=WRITTEN)
    rates: dict[str, list[float]] = {"watched": [], "plain": []}
    for turn in range(6):
        for kind in rates:
            watch = (lambda place, stages: None) if kind == "watched" else None
            start = time.perf_counter()
            made = decode(model, ids, [settings], on_stages=watch)[0]
            spent = time.perf_counter() - start
            if turn:
                rates[kind].append(len(made.steps) / spent)
    prefixes.clear()
    return {kind: round(median(values), 1) for kind, values in rates.items()}


def bytes_per_step(name: str) -> dict[str, Any] | None:
    """What the page sends to the browser for one press of Next: every component's buffer that changed."""
    from components.models import sources
    from tests.app.test_sampling import walk
    from tests.conftest import app_test

    if not sources.state(name).here:
        return None
    test = app_test("sampling", sampling_model=name)

    def sent() -> dict[str, bytes]:
        return {
            one.proto.id: one.proto.bytes for one in walk(test.main) if getattr(one, "type", "") == "bidi_component"
        }

    sizes = []
    before = sent()
    for _ in range(4):
        test.session_state["sampling_asked"] = {"do": "next"}
        test.run()
        now = sent()
        sizes.append(sum(len(value) for key, value in now.items() if before.get(key) != value))
        before = now
    return {"median": round(median(sizes)), "first_view": sum(map(len, before.values()))}


def measure() -> dict[str, Any]:
    """All figures."""
    part = Parts("step,eight,stages,branch,memory,rate,bytes")
    model = gpt2_shape()

    def step(folder: Path) -> dict[str, Any]:
        return step_vs_bare(model)

    found = {
        "step": part("step", "one watched step against the bare forward", step),
        "eight": part("eight", "eight settings in one batch against eight runs", lambda _: eight_vs_eight_runs(model)),
        "stages": part("stages", "all of the library's stages against one forward", lambda _: stages_vs_forward(model)),
        "branch": part("branch", "a branch at 200 tokens against starting again", lambda _: branch_vs_fresh(model)),
    }
    bare = found["step"]["seconds"]["bare"] if found["step"] else None
    if bare:
        found["memory"] = part("memory", "a step against reading the weights once", lambda _: memory_limit(model, bare))
    rates = part("rate", "tokens a second", lambda _: {name: tokens_per_second(name)
                                                       for name in ("storyteller", "smollm2")}) or {}
    sent = part("bytes", "bytes sent for one step", lambda _: {name: bytes_per_step(name)
                                                               for name in ("storyteller", "smollm2")}) or {}

    def of(case: str, key: str = "ratio") -> Any:
        kept = found.get(case)
        return None if kept is None else round(kept[key], 3)

    def rate(name: str) -> Any:
        return (rates.get(name) or {}).get("watched")

    return {
        "step_vs_bare": of("step"),
        "eight_vs_eight_runs": of("eight"),
        "stages_vs_forward": of("stages"),
        "branch_vs_fresh": of("branch", "branch_vs_fresh"),
        "step_vs_memory_limit": of("memory"),
        "tokens_per_s_storyteller": rate("storyteller"),
        "tokens_per_s_smollm2": rate("smollm2"),
        "bytes_per_step": (sent.get("smollm2") or sent.get("storyteller") or {}).get("median"),
        "cases": part.cases,
    }
