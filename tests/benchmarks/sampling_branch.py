"""What it costs to go on from a branch, against starting again without any cache."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

LENGTH = 200
SETTINGS = {"temperature": 0.8, "top_k": 50, "top_p": 0.9, "repetition_penalty": 1.1}


def branch_vs_fresh(model: Any, *, times: int = 7) -> dict[str, float]:
    """Time to the first new token of a branch that leaves the text after 200 tokens, interleaved, medians.

    `branch` finds another branch of the same text kept, as a reader does who has gone back. `fresh` starts again with
    nothing kept, as the page reads a text. `bare` is one forward of the bare model over the same tokens, logits of the
    last position only: the least that starting again can cost in any program. Chain and draw are in all three.

    Returns:
        `branch_ms`, `fresh_ms`, `bare_ms`, `branch_vs_fresh` and `branch_vs_bare`, which are branch over the others.
    """
    import numpy as np
    import torch

    from components.sampling import Chain, Settings, next_logits, prefixes, read, take

    vocabulary = model.get_output_embeddings().weight.shape[0]
    ids = np.random.default_rng(0).integers(1, vocabulary - 1, LENGTH + times + 2).tolist()
    text, others = tuple(ids[:LENGTH]), ids[LENGTH:]
    chain = Chain(Settings(**SETTINGS), model=model, prompt_ids=text)

    def first_token(history: tuple[int, ...], logits: Any) -> int:
        return take(logits, history, chain, len(history) - LENGTH).id

    def branch(history: tuple[int, ...]) -> int:
        return first_token(history, next_logits(model, history))

    def bare(history: tuple[int, ...]) -> int:
        with torch.inference_mode():
            logits = model(torch.tensor([history]), use_cache=False, logits_to_keep=1).logits[0, -1]
        return first_token(history, logits)

    def fresh(history: tuple[int, ...]) -> int:
        prefixes.clear()
        return first_token(history, read(model, history).logits)

    spent: dict[str, list[float]] = {"branch": [], "bare": [], "fresh": []}

    def timed(name: str, call: Callable[[tuple[int, ...]], int], history: tuple[int, ...]) -> int:
        start = time.perf_counter()
        token = call(history)
        spent[name].append(time.perf_counter() - start)
        return token

    fresh((*text, ids[0]))
    for turn, other in enumerate(others):
        history = (*text, other)
        tokens = {timed("branch", branch, history), timed("bare", bare, history), timed("fresh", fresh, history)}
        if len(tokens) > 1:
            raise ValueError("A branch and a fresh start drew different tokens; the cache is not the text's.")
        if turn == 1:  # two turns to warm up
            for seconds in spent.values():
                seconds.clear()
    found = {f"{name}_ms": 1000 * median(seconds) for name, seconds in spent.items()}
    return {**found, "branch_vs_fresh": found["branch_ms"] / found["fresh_ms"],
            "branch_vs_bare": found["branch_ms"] / found["bare_ms"]}
