"""What it costs to watch: a step with its whole stage record against the bare forward, eight settings in one batch
against eight runs, and all of the library's stages against one forward.

Each function gets a decoder of GPT-2-small's shape, runs what it compares in turn in one process, and returns the ratio
of the medians and the medians themselves, in seconds.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from components.sampling import Chain, Settings, Stage, decode, next_logits, prefixes, take

PROMPT = 64
NEW = 10
WATCHED = Settings(temperature=0.8, top_k=50, top_p=0.9, repetition_penalty=1.2, max_new_tokens=NEW)
EIGHT = (
    WATCHED,
    Settings(temperature=0, max_new_tokens=NEW),
    Settings(temperature=0.7, max_new_tokens=NEW),
    Settings(temperature=1.2, max_new_tokens=NEW),
    Settings(top_p=0.9, max_new_tokens=NEW),
    Settings(min_p=0.1, max_new_tokens=NEW),
    Settings(temperature=1.5, top_k=40, max_new_tokens=NEW),
    Settings(temperature=0.8, top_k=50, top_p=0.95, min_p=0.05, max_new_tokens=NEW),
)
# Every stage of the library's that changes one step's scores, all in one chain.
ALL_STAGES = Settings(
    temperature=0.9, top_k=5_000, top_p=0.99, min_p=0.0001, typical_p=0.98, epsilon_cutoff=1e-7, eta_cutoff=1e-7,
    top_h=0.9, repetition_penalty=1.2, encoder_repetition_penalty=1.1, no_repeat_ngram_size=3,
    encoder_no_repeat_ngram_size=4, sequence_bias=(((5,), 1.0),), bad_words_ids=((7,), (8, 9)), suppress_tokens=(11,),
    begin_suppress_tokens=(12,), min_length=300, min_new_tokens=20, exponential_decay_length_penalty=(5, 1.01),
    remove_invalid_values=True, renormalize_logits=True, watermark="greenlist", max_new_tokens=NEW,
)


def gpt2_shape() -> Any:
    """A random decoder of GPT-2-small's shape, float32; its logits are spread as a trained model's are."""
    import torch
    import transformers

    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config()).eval().requires_grad_(False)
    model.transformer.ln_f.weight.mul_(6)
    return model


def prompt_ids(count: int = PROMPT) -> list[int]:
    return [(7_919 * place + 31) % 50_000 for place in range(count)]


def in_turn(runs: dict[str, Callable[[], object]], turns: int, warm: int = 1) -> dict[str, float]:
    """The median seconds of each of `runs`, taken turn by turn."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(turns + warm):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if turn >= warm:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def _rounded(ratio: float, seconds: dict[str, float], **more: Any) -> dict[str, Any]:
    return {"ratio": round(ratio, 3), "seconds": {name: round(value, 5) for name, value in seconds.items()}, **more}


def step_vs_bare(model: Any, turns: int = 40) -> dict[str, Any]:
    """One streamed step (forward, whole stage record, draw) against the forward alone, both with a cache.

    Both go on from the same 64 tokens by the same token, and cut their cache back afterwards.
    """
    import torch
    from transformers import DynamicCache

    ids = prompt_ids()
    chain = Chain(WATCHED, model=model, prompt_ids=ids)
    last = torch.tensor([ids[-1:]])

    def cache() -> Any:
        made = DynamicCache(config=model.config)
        with torch.inference_mode():
            model(torch.tensor([ids[:-1]]), past_key_values=made, use_cache=True)
        return made

    bare_cache, own_cache = cache(), cache()

    def forward(kept: Any) -> torch.Tensor:
        with torch.inference_mode():
            logits: torch.Tensor = model(last, past_key_values=kept, use_cache=True).logits[0, -1]
            kept.crop(-1)
        return logits

    def watched() -> None:
        logits = forward(own_cache)
        stages = chain.fold(logits, ids)
        take(logits, ids, chain, 0, stages=stages)

    seconds = in_turn({"bare": lambda: forward(bare_cache), "watched": watched}, turns, warm=3)
    return _rounded(seconds["watched"] / seconds["bare"], seconds)


def eight_vs_eight_runs(model: Any, turns: int = 5) -> dict[str, Any]:
    """Eight settings in one batch against one run for each, ten tokens after a prompt of 64, stages recorded on both
    sides. A run begins with its prompt unread."""
    ids = prompt_ids()
    kept: list[object] = []

    def record(place: int, stages: Sequence[Stage]) -> None:
        kept.append([(stage.name, stage.survivors, stage.removed, stage.entropy) for stage in stages])

    def together() -> None:
        prefixes.clear()
        decode(model, ids, EIGHT, on_stages=record)

    def apart() -> None:
        for settings in EIGHT:
            prefixes.clear()
            decode(model, ids, [settings], on_stages=record)

    seconds = in_turn({"eight_runs": apart, "batch": together}, turns)
    prefixes.clear()
    return _rounded(seconds["batch"] / seconds["eight_runs"], seconds)


def stages_vs_forward(model: Any, turns: int = 40) -> dict[str, Any]:
    """All of the library's stages switched on at once, nothing recorded in between, against one forward with a
    cache. `recorded` is the same with the record of every stage."""
    ids = prompt_ids()
    logits = next_logits(model, ids)
    chain = Chain(ALL_STAGES, model=model, prompt_ids=ids)
    runs: dict[str, Callable[[], object]] = {
        "forward": lambda: next_logits(model, ids),  # the 63 before the last are kept
        "stages": lambda: chain.scores(logits, ids),
        "recorded": lambda: chain.fold(logits, ids),
    }
    seconds = in_turn(runs, turns, warm=3)
    return _rounded(seconds["stages"] / seconds["forward"], seconds, stages=list(chain.names))


def measure() -> dict[str, Any]:
    """All three, for themselves."""
    model = gpt2_shape()
    return {part.__name__: part(model) for part in (step_vs_bare, eight_vs_eight_runs, stages_vs_forward)}
