"""The training loop of storyteller: steps until the minutes are used, a log row and a checkpoint about every minute."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from assets.recipes.corpus import Prepared, batch
from assets.recipes.llama import Llama
from assets.recipes.measures import HeadScores, bytes_of_tokens, head_scores, sampled_bits_per_byte
from assets.recipes.muon import Muon
from assets.recipes.plan import Plan

CHECKPOINT = "checkpoint.pt"


def rate(plan: Plan, step: int, used: float) -> float:
    """Share of the full learning rate: a short warm-up by steps, then a cosine over the share of minutes used."""
    cosine = plan.final_rate + (1 - plan.final_rate) * (1 + math.cos(math.pi * min(used, 1.0))) / 2
    return min(1.0, (step + 1) / plan.warm_up_steps) * cosine


def half_precision() -> contextlib.AbstractContextManager[Any]:
    """Matrix products in bfloat16; the weights themselves stay float32."""
    return torch.autocast("cpu", torch.bfloat16)


def loss_function(model: Llama, compiled: bool) -> Callable[[Tensor, Tensor], Tensor]:
    """Mean loss in nats of predicting `targets` from `ids`, both [row, position]."""

    def loss(ids: Tensor, targets: Tensor) -> Tensor:
        with half_precision():
            logits = model(ids)
        return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())

    return torch.compile(loss) if compiled else loss


def can_compile() -> bool:
    """Whether torch can compile here: a third faster, and it needs a C++ compiler."""
    return any(shutil.which(name) for name in ("g++", "clang++"))


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Save beside the old one, then replace it in one move: an interrupted save loses nothing."""
    torch.save(state, path.with_suffix(".new"))
    os.replace(path.with_suffix(".new"), path)


def measure(model: Llama, prepared: Prepared, plan: Plan) -> tuple[HeadScores, float]:
    """Head scores, and bits per byte on a small fixed sample of the held-out books."""

    def run(ids: Tensor) -> tuple[Tensor, list[Tensor]]:
        seen: list[Tensor] = []
        return model(ids, seen), seen

    model.eval()
    sizes = bytes_of_tokens(prepared.tokenizer.get_vocab())
    with half_precision():
        bits = sampled_bits_per_byte(model, prepared.held, sizes, plan.context, plan.log_windows)
    scores = head_scores(run, plan.vocabulary)
    model.train()
    return scores, bits


def append(path: Path, row: dict[str, Any]) -> None:
    """One more line of a JSON-lines file."""
    with path.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(row) + "\n")


def keep_rows_until(path: Path, step: int) -> None:
    """Drop rows later than the checkpoint that a run resumes from: their steps are taken again."""
    if path.is_file():
        rows = [line for line in path.read_text(encoding="utf-8").splitlines() if json.loads(line)["step"] <= step]
        path.write_text("".join(row + "\n" for row in rows), encoding="utf-8")


def train(prepared: Prepared, work: Path, minutes: float, plan: Plan, compiled: bool) -> None:
    """Train from the last checkpoint in `work`, or from nothing, until `minutes` of training time are used in total."""
    torch.manual_seed(plan.seed)
    model = Llama(plan)
    matrices = [p for name, p in model.named_parameters() if p.dim() == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.dim() != 2 or "embed" in name]
    muon = Muon(matrices, lr=plan.matrix_rate, weight_decay=plan.matrix_decay)
    adam = torch.optim.AdamW(others, lr=plan.embedding_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    path, log, heads = work / CHECKPOINT, work / "training.jsonl", work / "head_scores.jsonl"
    step, seconds, taken, repeated = 0, 0.0, 0, plan.repeated_rows
    if path.is_file():
        state = torch.load(path, weights_only=True)
        model.load_state_dict(state["model"])
        muon.load_state_dict(state["muon"])
        adam.load_state_dict(state["adam"])
        step, seconds, taken, repeated = (state[name] for name in ("step", "seconds", "taken", "repeated"))
        print(f"Resuming after {seconds / 60:.1f} of {minutes:g} minutes, step {step}.", flush=True)
    else:
        save_file(
            {"model.embed_tokens.weight": model.embed_tokens.weight.detach().half()},
            work / "untrained_embedding.safetensors",
        )
    for file in (log, heads):
        keep_rows_until(file, step)
    loss_of = loss_function(model, compiled)
    began, logged, recent = time.monotonic() - seconds, seconds, []

    def record() -> None:
        """A row of each log and a checkpoint; decides how many repeated rows the next steps have."""
        nonlocal repeated
        scores, bits = measure(model, prepared, plan)
        repeated = plan.repeated(scores.second_copy_loss / scores.first_copy_loss, seconds / (minutes * 60))
        row = {
            "minutes": round(seconds / 60, 2),
            "step": step,
            "tokens": step * plan.rows * plan.context,
            "loss": round(sum(recent) / len(recent), 4) if recent else None,
            "bits_per_byte": round(bits, 4),
            "best_induction": round(float(scores.induction.max()), 4),
            "best_previous_token": round(float(scores.previous.max()), 4),
            "first_copy_loss": round(scores.first_copy_loss, 4),
            "second_copy_loss": round(scores.second_copy_loss, 4),
        }
        append(log, row)
        table = {name: getattr(scores, name).round(3).tolist() for name in ("induction", "previous", "duplicate")}
        rounded = {name: [[round(x, 3) for x in layer] for layer in grid] for name, grid in table.items()}
        append(heads, {key: row[key] for key in ("minutes", "step", "tokens")} | rounded)
        print(json.dumps(row), flush=True)
        parts = {"model": model.state_dict(), "muon": muon.state_dict(), "adam": adam.state_dict()}
        counts = {"step": step, "seconds": seconds, "taken": taken, "repeated": repeated, "minutes": minutes}
        write_checkpoint(path, parts | counts)

    if step == 0:
        record()
    while seconds < minutes * 60:
        share = rate(plan, step, seconds / (minutes * 60))
        for group in muon.param_groups:
            group["lr"] = plan.matrix_rate * share
        for group in adam.param_groups:
            group["lr"] = plan.embedding_rate * share
        rows = torch.from_numpy(batch(prepared.stream, step, taken, repeated, plan))
        loss = loss_of(rows[:, :-1], rows[:, 1:])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
        muon.step()
        adam.step()
        muon.zero_grad()
        adam.zero_grad()
        recent.append(float(loss.detach()))
        step, taken, seconds = step + 1, taken + plan.rows - repeated, time.monotonic() - began
        if seconds - logged >= plan.log_seconds or seconds >= minutes * 60:
            record()
            seconds = time.monotonic() - began
            logged, recent = seconds, []
