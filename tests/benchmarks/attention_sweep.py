"""Turning every head off in turn: the sweep against the plain way, at GPT-2 small's shape with random weights.

The plain way is one eager forward of the whole text with all logits for each head, the head taken out by a hook. It is
timed on 24 heads spread over the layers, two a layer, and scaled to all 144: every such forward costs the same. The
sweep watches the target only, so it needs the logits at the last position. Both sides take turns, layer by layer.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import numpy as np

LAYERS, HEADS, WIDTH, VOCABULARY = 12, 12, 768, 50_257
TARGET = 17


def gpt2_small() -> Any:
    """A random model of that shape."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=VOCABULARY, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, n_positions=1024,
        attn_implementation="eager",
    )
    return GPT2LMHeadModel(config).eval().requires_grad_(False)


def plainly(model: Any, ids: Any, layer: int, head: int) -> float:
    """The target's log-probability by one eager forward with all logits, this head's part of W_O's input at zero."""
    import torch

    dim = WIDTH // HEADS

    def off(module: Any, arguments: Any) -> Any:
        given = arguments[0].clone()
        given[..., head * dim : (head + 1) * dim] = 0
        return (given,)

    handle = model.transformer.h[layer].attn.c_proj.register_forward_pre_hook(off)
    try:
        with torch.inference_mode():
            logits = model(ids, use_cache=False).logits[0, -1]
    finally:
        handle.remove()
    return float(torch.log_softmax(logits, -1)[TARGET])


def one(model: Any, tokens: int) -> dict[str, Any]:
    """Both sides at one length; the plain forwards are spread between the sweep's layers."""
    import torch

    from components.attention import sweep

    ids = np.random.default_rng(1).integers(0, VOCABULARY, tokens)
    batch = torch.from_numpy(ids)[None]
    with torch.inference_mode():
        base = float(torch.log_softmax(model(batch, use_cache=False).logits[0, -1], -1)[TARGET])
    sweep(model, ids[:8], target=TARGET)  # both sides are warm
    plain: list[float] = []
    told: dict[tuple[int, int], float] = {}
    began = 0.0
    ours = 0.0

    def between(done: int, of: int) -> None:
        """After each layer of the sweep, two heads of that layer the plain way; this time is not the sweep's."""
        nonlocal began, ours
        ours += time.perf_counter() - began
        if done % HEADS == 0:
            layer = done // HEADS - 1
            for head in (layer % HEADS, (layer + HEADS // 2) % HEADS):
                started = time.perf_counter()
                told[layer, head] = plainly(model, batch, layer, head) - base
                plain.append(time.perf_counter() - started)
        began = time.perf_counter()

    began = time.perf_counter()
    found = sweep(model, ids, target=TARGET, report=between)
    ours += time.perf_counter() - began
    assert found.target_change is not None
    wrong = [abs(float(found.target_change[at]) - value) for at, value in told.items()]
    whole = statistics.mean(plain) * LAYERS * HEADS
    return {
        "tokens": tokens,
        "ratio": round(ours / whole, 3),
        "sweep_s": round(ours, 2),
        "naive_s_scaled": round(whole, 2),
        "naive_heads_timed": len(plain),
        "naive_forward_s": [round(value, 4) for value in sorted(plain)],
        "largest_difference": max(wrong),
    }


def measure() -> dict[str, Any]:
    """`sweep_vs_naive` at 256 tokens and `sweep_vs_naive_32` at 32, with the cases behind them."""
    model = gpt2_small()
    cases = {}
    for tokens in (32, 256):
        cases[str(tokens)] = one(model, tokens)
        print(f"sweep at {tokens} tokens: {cases[str(tokens)]}", file=sys.stderr)
    return {
        "sweep_vs_naive": cases["256"]["ratio"],
        "sweep_vs_naive_32": cases["32"]["ratio"],
        "note": "naive: 24 of 144 forwards timed, two a layer, between the sweep's layers, and scaled",
        "cases": cases,
    }
