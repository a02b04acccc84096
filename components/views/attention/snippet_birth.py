"""The Python that gives the numbers of "How a head is born" again, with public libraries only."""

from __future__ import annotations


def snippet_birth() -> str:
    """A program that prints the three lasting steps of the log and the scores of the shipped model's best heads."""
    return """folder = "assets/models/storyteller"
import json
import numpy as np
import torch
from transformers import AutoModelForCausalLM

read = lambda name: [json.loads(line) for line in open(f"{folder}/{name}", encoding="utf-8")]
log, heads = read("training.jsonl"), read("head_scores.jsonl")
tokens = [row["tokens"] for row in log]

def best(score):
    last = np.array(heads[-1][score])
    return tuple(int(x) for x in np.unravel_index(last.argmax(), last.shape))

def step(curve, sign=1, span=5):  # the steepest rise that lasts: medians of five rows before and after
    curve = sign * np.array(curve, dtype=np.float32)
    before = np.array([np.median(curve[max(0, i - span + 1):i + 1]) for i in range(len(curve) - 1)])
    after = np.array([np.median(curve[i + 1:i + 1 + span]) for i in range(len(curve) - 1)])
    lasting = after - before >= 0.9 * (after - before).max()
    at = int(np.where(lasting, np.diff(curve), -np.inf).argmax())
    return [at, tokens[at], tokens[at + 1], sign * float(before[at]), sign * float(after[at])]

steps = {}
for score in ("previous", "induction"):
    layer, head = best(score)
    steps[score] = step([row[score][layer][head] for row in heads])
steps["copy"] = step([row["second_copy_loss"] for row in log], sign=-1)

# The shipped weights on the same test: 8 sequences of 48 random tokens, each followed by itself.
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
copy = np.random.default_rng(7).integers(1, model.config.vocab_size, (8, 48))
rows = torch.from_numpy(np.concatenate([copy, copy], axis=1))
with torch.inference_mode():
    weights = torch.stack([layer.mean(0) for layer in model(rows, output_attentions=True).attentions])
query = torch.arange(48, 96)
induction = weights[:, :, query, query - 47].mean(-1)  # [layer, head]
query = torch.arange(1, 96)
previous = weights[:, :, query, query - 1].mean(-1)

print("best heads (layer, head):", {score: best(score) for score in ("previous", "induction")})
for name, (row, left, right, before, after) in steps.items():
    print(f"{name}: between {left:,} and {right:,} tokens, {before:.3f} before, {after:.3f} after")
print("shipped model: induction", round(float(induction.max()), 4), " one token back", round(float(previous.max()), 4))
"""
