"""From a checkpoint to a folder that `from_pretrained` reads, and the measures of that folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from assets.recipes import card, measures
from assets.recipes.corpus import END_OF_TEXT, Prepared
from assets.recipes.llama import library_config
from assets.recipes.plan import Plan
from assets.recipes.training import CHECKPOINT

#: Bits per byte, previous-token head, induction head, loss on the second copy over the loss on the first.
BARS = {"bits_per_byte": 1.65, "best_previous_token": 0.9, "best_induction": 0.8, "second_over_first": 0.3}
LOGS = ("training.jsonl", "head_scores.jsonl", "untrained_embedding.safetensors")


def tokenizer_config(context: int, tokens: dict[str, str]) -> dict[str, Any]:
    """`tokenizer_config.json` for `AutoTokenizer`: no token is added and no space is touched in either direction."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
        "add_bos_token": False,
        "add_eos_token": False,
        **tokens,
    }


def write_json(path: Path, value: Any) -> None:
    """Indented JSON, replaced in one move."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(fresh, path)


def export(work: Path, out: Path, plan: Plan) -> None:
    """Write the last checkpoint of `work` to `out`, each file in one move, so that nobody reads half a file."""
    path = work / CHECKPOINT
    if not path.is_file():
        raise ValueError(f"There is no checkpoint in {work} yet. Train for a minute first.")
    state = torch.load(path, weights_only=True)
    weights = {"model." + name: tensor.half().contiguous() for name, tensor in state["model"].items()}
    out.mkdir(parents=True, exist_ok=True)
    fresh = out / "model.safetensors.new"
    save_file(weights, fresh, metadata={"format": "pt"})
    fresh.chmod(0o644)
    os.replace(fresh, out / "model.safetensors")
    write_json(out / "config.json", library_config(plan))
    write_json(out / "generation_config.json", {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0})
    tokens = {f"{role}_token": END_OF_TEXT for role in ("bos", "eos", "pad", "unk")}
    write_json(out / "tokenizer_config.json", tokenizer_config(plan.context, tokens))
    for name in ("tokenizer.json", *LOGS):
        shutil.copyfile(work / name, out / (name + ".new"))
        os.replace(out / (name + ".new"), out / name)
    print(f"Exported step {state['step']} ({state['seconds'] / 60:.1f} minutes) to {out}", flush=True)


def load(out: Path) -> Any:
    """The exported model as a reader loads it: float32, with an attention that can be looked at."""
    from transformers import LlamaForCausalLM

    return LlamaForCausalLM.from_pretrained(out, dtype=torch.float32, attn_implementation="eager").eval()


def scores_of(model: Any, vocabulary: int) -> measures.HeadScores:
    """Head scores of a model of the library."""

    def run(ids: Tensor) -> tuple[Tensor, list[Tensor]]:
        result = model(ids, output_attentions=True, use_cache=False)
        return result.logits, list(result.attentions)

    return measures.head_scores(run, vocabulary)


def how_it_was_trained(log: Path, facts: Any, minutes: float, note: str) -> dict[str, Any]:
    """What an evaluation says of the training: its length by the log's last line, and what was read."""
    last = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
    return {
        "minutes": minutes,
        "note": note,
        "steps": last["step"],
        "tokens_seen": last["tokens"],
        "training_books": facts["training_books"],
        "training_bytes": facts["training_bytes"],
        "training_tokens": facts["training_tokens"],
        "corpus_sha256": facts["corpus_sha256"],
    }


def evaluate(
    prepared: Prepared, work: Path, out: Path, plan: Plan, minutes: float, flags: list[list[bool]], note: str = ""
) -> int:
    """Measure the exported files, write `evaluation.json` and the card. Returns 0 where every bar is met, else 1.

    `flags` says which paragraphs of the held-out books are reprinted in a training book. They are read as context and
    not scored: what was learned from another edition is no proof of anything.
    """
    model = load(out)
    scores = scores_of(model, plan.vocabulary)
    model.set_attn_implementation("sdpa")
    stride = plan.context // 2
    sizes = measures.bytes_of_tokens(prepared.tokenizer.get_vocab())
    ends = {number for token, number in prepared.tokenizer.get_vocab().items() if "\u010a" in token}  # the line end
    books: list[dict[str, Any]] = []
    total = np.zeros(4)  # bits and bytes of what is scored, bits and bytes of everything
    tokens = 0
    facts: Any = prepared.facts
    for book, ids, flag in zip(facts["held_out"], prepared.held, flags, strict=True):
        chosen = measures.windows(ids, plan.context, stride)
        need = measures.token_bits(lambda rows: model(rows, use_cache=False).logits, ids, chosen)
        fresh = ~measures.tokens_of_paragraphs(ids, ends, flag)
        sums = np.array([need[fresh].sum(), sizes[ids[fresh]].sum(), need.sum(), sizes[ids].sum()])
        total, tokens = total + sums, tokens + int(fresh[1:].sum())
        fresh_rate, rate = (round(float(sums[at] / sums[at + 1]), 4) if sums[at + 1] else None for at in (0, 2))
        books.append(
            {
                **book,
                "windows": len(chosen),
                "bytes_scored": int(sums[1]),
                "bits_per_byte": fresh_rate,
                "bits_per_byte_with_reprints": rate,
            }
        )
        print(f"{fresh_rate} bits per byte ({rate} with reprints): {book['title']}", flush=True)
    result = {
        "weights_sha256": hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest(),
        "loaded_as": "from_pretrained(path, dtype=torch.float32)",
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        **how_it_was_trained(work / "training.jsonl", facts, minutes, note),
        "bits_per_byte": round(float(total[0] / total[1]), 4),
        "bits_per_byte_with_reprints": round(float(total[2] / total[3]), 4),
        "window": plan.context,
        "stride": stride,
        "bytes_scored": int(total[1]),
        "tokens_scored": tokens,
        "held_out": books,
        "best_previous_token": round(float(scores.previous.max()), 4),
        "previous_token_head": _best(scores.previous),
        "best_induction": round(float(scores.induction.max()), 4),
        "induction_head": _best(scores.induction),
        "first_copy_loss": round(scores.first_copy_loss, 4),
        "second_copy_loss": round(scores.second_copy_loss, 4),
        "second_over_first": round(scores.second_copy_loss / scores.first_copy_loss, 4),
        "head_test": f"{measures.SEQUENCES} sequences of {measures.COPY} random tokens, each followed by itself",
        "bars": BARS,
    }
    met = {
        name: (result[name] <= bar if name in ("bits_per_byte", "second_over_first") else result[name] >= bar)
        for name, bar in BARS.items()
    }
    result["met"] = met
    write_json(out / "evaluation.json", result)
    (out / "README.md").write_text(card.storyteller(result, plan), encoding="utf-8")
    for name, passed in met.items():
        print(f"{'PASS' if passed else 'FAIL'} {name}: {result[name]} (bar {BARS[name]})", flush=True)
    return 0 if all(met.values()) else 1


def _best(grid: Any) -> dict[str, int]:
    """Layer and head, both from 0, of the highest score."""
    layer, head = divmod(int(grid.argmax()), grid.shape[1])
    return {"layer": layer, "head": head}
