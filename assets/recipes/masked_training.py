"""The training loop of gapfiller: steps until the minutes are used, a log row and a checkpoint about every minute."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from assets.recipes.corpus import Prepared
from assets.recipes.encoder import Encoder, begin_from_storyteller
from assets.recipes.masked import Step, Words, beginnings, hide, training_step, words_of
from assets.recipes.masked_plan import MaskedPlan
from assets.recipes.muon import Muon
from assets.recipes.training import CHECKPOINT, append, half_precision, keep_rows_until, rate, write_checkpoint


def loss_function(model: Encoder, compiled: bool) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Mean loss in nats of the hidden tokens: rows [b, t], where the gaps are [b, n], what was there [b, n]."""

    def loss(ids: Tensor, places: Tensor, answers: Tensor) -> Tensor:
        with half_precision():
            logits = model(ids, places)
        return F.cross_entropy(logits.float().flatten(0, 1), answers.flatten())

    return torch.compile(loss, dynamic=False) if compiled else loss


def log_sample(prepared: Prepared, plan: MaskedPlan, words: Words) -> dict[str, Step]:
    """Two fixed samples of the held-out books: tokens hidden one by one, and whole words."""
    rows = []
    each = max(1, plan.log_windows // len(prepared.held))
    for ids in prepared.held:
        if len(ids) >= plan.context:
            starts = np.linspace(0, len(ids) - plan.context, each + 2)[1:-1].astype(int)
            rows += [ids[start : start + plan.context].astype(np.int64) for start in starts]
    if not rows:
        raise ValueError("Every held-out book is shorter than a row. Give longer books or a smaller context.")
    stacked = np.stack(rows)
    return {
        name: hide(stacked, plan.hidden_in_measures, plan.mask_id, [kind] * len(rows), np.random.default_rng(plan.seed))
        for name, kind in (("tokens", None), ("words", words))
    }


@torch.no_grad()
def accuracy(model: Encoder, sample: Step, batch: int = 16) -> tuple[float, float]:
    """Share of the gaps whose most probable token is the right one, and the mean loss in nats."""
    right, loss = 0.0, 0.0
    model.eval()
    for at in range(0, len(sample.ids), batch):
        ids, places, answers = (torch.from_numpy(part[at : at + batch])
                                for part in (sample.ids, sample.places, sample.answers))
        with half_precision():
            logits = model(ids, places).float()
        right += float((logits.argmax(-1) == answers).sum())
        loss += float(F.cross_entropy(logits.flatten(0, 1), answers.flatten(), reduction="sum"))
    model.train()
    return right / sample.answers.size, loss / sample.answers.size


def train(
    prepared: Prepared, work: Path, minutes: float, plan: MaskedPlan, compiled: bool, start: Path | None,
    steps: int | None = None,
) -> None:
    """Train from the last checkpoint in `work`, or from storyteller's weights in `start`, until the minutes are used.

    Args:
        prepared: the corpus.
        work: folder for checkpoint and log.
        minutes: training time in total over all resumes; it fixes the learning-rate schedule.
        plan: the numbers.
        compiled: let torch compile the model.
        start: a safetensors file with storyteller's weights; None begins from nothing.
        steps: stop after so many steps in any case.
    """
    torch.manual_seed(plan.seed)
    model = Encoder(plan)
    if start is not None:
        begin_from_storyteller(model, load_file(start))
    matrices = [p for name, p in model.named_parameters() if p.dim() == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.dim() != 2 or "embed" in name]
    muon = Muon(matrices, lr=plan.matrix_rate, weight_decay=plan.matrix_decay)
    adam = torch.optim.AdamW(others, lr=plan.other_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    words = words_of(prepared.tokenizer.get_vocab())
    samples = log_sample(prepared, plan, words)
    starts = beginnings(prepared.stream, words, plan.short_context)
    path, log = work / CHECKPOINT, work / "training.jsonl"
    step, seconds = 0, 0.0
    if path.is_file():
        state = torch.load(path, weights_only=True)
        model.load_state_dict(state["model"])
        muon.load_state_dict(state["muon"])
        adam.load_state_dict(state["adam"])
        step, seconds = state["step"], state["seconds"]
        print(f"Resuming after {seconds / 60:.1f} of {minutes:g} minutes, step {step}.", flush=True)
    keep_rows_until(log, step)
    loss_of = loss_function(model, compiled)
    began, logged, recent = time.monotonic() - seconds, seconds, []

    def record() -> None:
        """A row of the log and a checkpoint."""
        tokens_right, tokens_loss = accuracy(model, samples["tokens"])
        words_right, _ = accuracy(model, samples["words"])
        row: dict[str, Any] = {
            "minutes": round(seconds / 60, 2),
            "step": step,
            "tokens": step * plan.rows * plan.context,
            "loss": round(sum(recent) / len(recent), 4) if recent else None,
            "held_out_loss": round(tokens_loss, 4),
            "held_out_accuracy": round(tokens_right, 4),
            "held_out_accuracy_whole_words": round(words_right, 4),
        }
        append(log, row)
        print(json.dumps(row), flush=True)
        parts = {"model": model.state_dict(), "muon": muon.state_dict(), "adam": adam.state_dict()}
        write_checkpoint(path, parts | {"step": step, "seconds": seconds, "minutes": minutes})

    if step == 0:
        record()
    while seconds < minutes * 60 and (steps is None or step < steps):
        share = rate(plan, step, seconds / (minutes * 60))
        for optimizer, full in ((muon, plan.matrix_rate), (adam, plan.other_rate)):
            for group in optimizer.param_groups:
                group["lr"] = full * share
        part = training_step(prepared.stream, starts, words, step, plan)
        loss = loss_of(*(torch.from_numpy(one) for one in (part.ids, part.places, part.answers)))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
        muon.step()
        adam.step()
        muon.zero_grad()
        adam.zero_grad()
        recent.append(float(loss.detach()))
        step, seconds = step + 1, time.monotonic() - began
        ended = seconds >= minutes * 60 or (steps is not None and step >= steps)
        if seconds - logged >= plan.log_seconds or ended:
            record()
            seconds = time.monotonic() - began
            logged, recent = seconds, []
