"""The Attention page against BertViz, and its capture and sweep against the bare library, in one run.

A random model of GPT-2-small's shape (12 layers x 12 heads) reads 256 random tokens; attention's cost depends on shape
alone. BertViz draws its head view of the same weights in the same browser; the scripts that it asks of a content
network (require.js, d3, jQuery) are served from this machine, so that no network time counts against it. jQuery is
2.1.0 where BertViz names 2.0.0, which the package registry does not have.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

from tests.benchmarks.parts import Parts, say
from tests.conftest import ROOT

TOKENS = 256


@cache
def gpt2_shape() -> Any:
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.GPT2Config(attn_implementation="eager")
    model = transformers.GPT2LMHeadModel(config).eval()
    with torch.no_grad():  # peaky weights, as a trained model has; random ones are almost uniform
        for block in model.transformer.h:
            block.attn.c_attn.weight.mul_(8)
    return model.requires_grad_(False)


def ids(tokens: int) -> list[int]:
    import random

    chosen = random.Random(7)
    return [chosen.randrange(50_000) for _ in range(tokens)]


def capturing(folder: Path) -> dict[str, Any]:
    """`map_heads` against one bare eager forward pass that hands out all weights, interleaved, medians."""
    import torch

    from components.attention import map_heads

    model, text = gpt2_shape(), ids(TOKENS)
    seconds: dict[str, list[float]] = {"capture": [], "eager": []}
    batch = torch.tensor([text])
    for turn in range(7):
        start = time.perf_counter()
        map_heads(model, text)
        middle = time.perf_counter()
        with torch.inference_mode():
            model(batch, output_attentions=True, use_cache=False)
        if turn >= 2:
            seconds["capture"].append(middle - start)
            seconds["eager"].append(time.perf_counter() - middle)
    ratios = [one / other for one, other in zip(seconds["capture"], seconds["eager"], strict=True)]
    return {
        "ratio": round(statistics.median(ratios), 3),
        "spread": [round(min(ratios), 3), round(max(ratios), 3)],
        "seconds": {name: round(statistics.median(values), 3) for name, values in seconds.items()},
    }


def drawing(folder: Path) -> dict[str, Any]:
    """Both pictures of the same weights: bytes, click to complete picture, hover, nodes."""
    import importlib.util

    import torch

    if importlib.util.find_spec("bertviz") is None:
        return {"note": "BertViz is not installed; run `python -m pip install bertviz==1.4.1` and measure again"}

    from components.attention import map_heads
    from components.views.attention.payload import Look, payload
    from components.views.component import bundle
    from tests.benchmarks import _drawing

    model, text = gpt2_shape(), ids(TOKENS)
    words = [f"word{place}" for place in range(TOKENS)]
    heads = map_heads(model, text, words)
    look = Look(model="GPT-2's shape", chosen=(5, 3), turn=1, exact=(5, 3), light="previous", at_least=0.5,
                sort="place", hide_first=True)
    buffer = payload(heads, look)
    js, css = bundle("attention")
    say("  weights for BertViz")
    with torch.inference_mode():
        weights = model(torch.tensor([text]), output_attentions=True, use_cache=False).attentions
    (folder / "payload.bin").write_bytes(buffer)
    (folder / "ours.mjs").write_text(js, "utf-8")
    (folder / "ours.html").write_text(_drawing.host(css), "utf-8")
    theirs = _drawing.bertviz_page(weights, words, folder)
    del weights
    megabytes = {"ours": len(buffer) / 1e6, "bertviz": theirs / 1e6}
    drawn = _drawing.draw(folder, lines=12 * TOKENS * TOKENS)
    middle = {name: statistics.median(values) for name, values in drawn["seconds"].items()}
    return {
        "first_payload_mb": round(megabytes["ours"], 3),
        "code_mb": round((len(js) + len(css)) / 1e6, 3),
        "bertviz_mb": round(megabytes["bertviz"], 1),
        "payload_vs_bertviz": round(megabytes["ours"] / megabytes["bertviz"], 4),
        "drawn_s": {name: round(value, 3) for name, value in middle.items()},
        "drawn_every": {name: [round(one, 3) for one in values] for name, values in drawn["seconds"].items()},
        "drawn_vs_bertviz_head_view": round(middle["ours"] / middle["bertviz"], 4),
        "hover_ms": drawn["hover_ms"],
        "hover_ms_worst": drawn["hover_ms_worst"],
        "bertviz_hover_ms": drawn["bertviz_hover_ms"],
        "dom_nodes": drawn["nodes"],
        "bertviz_dom_nodes": drawn["bertviz_nodes"],
    }


_PEAK = """
import json, re
from pathlib import Path
from tests.benchmarks.attention import gpt2_shape, ids
from components.attention import map_heads
from components.workshop import give_back_memory

def status(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1000

model = gpt2_shape()
map_heads(model, ids(16))
give_back_memory()
Path("/proc/self/clear_refs").write_text("5")  # forget the highest so far
before = status("VmRSS")
made = map_heads(model, ids(512))
high = status("VmHWM")
give_back_memory()
print(json.dumps([high - before, status("VmRSS") - before]))
"""


def peak(folder: Path) -> dict[str, Any]:
    """What resident memory rises by at its highest for 512 tokens, and what of it stays, in a process of its own;
    12 x 12 x 512 x 512 weights are 151 MB in float32."""
    if not Path("/proc/self/clear_refs").exists():
        return {"mb": None, "note": "only Linux tells the highest memory since a moment"}
    done = subprocess.run([sys.executable, "-c", _PEAK], capture_output=True, text=True, cwd=ROOT, check=True)
    highest, stays = json.loads(done.stdout.splitlines()[-1])
    return {"mb": round(highest, 1), "stays_mb": round(stays, 1)}


def smollm2(folder: Path) -> dict[str, Any]:
    """All 270 heads of SmolLM2 on 256 tokens, the model being open."""
    from components.attention import map_heads
    from components.models import sources
    from components.models.open import open_model

    if not sources.state("smollm2").here:
        return {"seconds": None, "note": "SmolLM2 is not here; run `python -m components.models fetch smollm2`"}
    model = open_model("smollm2")
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        map_heads(model, [one % 40_000 for one in ids(TOKENS)])
        seconds.append(time.perf_counter() - start)
    return {"seconds": round(statistics.median(seconds[1:]), 2), "every": [round(one, 2) for one in seconds]}


def sweeping(folder: Path) -> dict[str, Any]:
    """See `_sweep.py`."""
    from tests.benchmarks import attention_sweep

    return attention_sweep.measure()


def measure() -> dict[str, Any]:
    """`LOOKING_GLASS_BENCH` chooses parts: capture, drawing, sweep, peak, smollm2."""
    part = Parts("capture,drawing,sweep,peak,smollm2")
    captured = part("capture", "capture against a bare eager pass", capturing) or {}
    drawn = part("drawing", "drawing against BertViz (a few minutes)", drawing) or {}
    swept = part("sweep", "all heads turned off against a pass a head", sweeping) or {}
    high = part("peak", "memory at 512 tokens", peak) or {}
    real = part("smollm2", "SmolLM2 at 256 tokens", smollm2) or {}
    return {
        "first_payload_mb": drawn.get("first_payload_mb"),
        "payload_vs_bertviz": drawn.get("payload_vs_bertviz"),
        "drawn_vs_bertviz_head_view": drawn.get("drawn_vs_bertviz_head_view"),
        "hover_ms": drawn.get("hover_ms"),
        "dom_nodes": drawn.get("dom_nodes"),
        "capture_vs_eager": captured.get("ratio"),
        "sweep_vs_naive": swept.get("sweep_vs_naive"),
        "sweep_vs_naive_32": swept.get("sweep_vs_naive_32"),
        "peak_mb_512": high.get("mb"),
        "smollm2_256_s": real.get("seconds"),
        "cases": part.cases,
    }
