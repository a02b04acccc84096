"""The Python that gives the walk's numbers again, with public libraries only."""

from __future__ import annotations

import json

from components.models import sources
from components.views.snippets import folder_line

# Architectures whose parts carry the names that the longer program uses.
_NAMED = ("llama", "mistral", "qwen2")


def snippet_walk(model: str, text: str, position: int, layer: int, head: int, *, causal: bool) -> str:
    """A program that goes through the same stations; for other architectures, through those the library hands out."""
    config = json.loads((sources.locate(model) / "config.json").read_text("utf-8"))
    if config.get("model_type") in _NAMED:
        return _start(model, text, position, layer, head, "AutoModelForCausalLM", False) + _STATIONS
    masked = any("MaskedLM" in one for one in config.get("architectures") or [])
    kind = "AutoModelForCausalLM" if causal else "AutoModelForMaskedLM" if masked else "AutoModel"
    return _start(model, text, position, layer, head, kind, not causal) + _SHORT


def _start(model: str, text: str, position: int, layer: int, head: int, kind: str, special: bool) -> str:
    return f"""{folder_line(model)}
import torch
from transformers import {kind}, AutoTokenizer

text = {text!r}
position, layer, head = {position}, {layer}, {head}

tokenizer = AutoTokenizer.from_pretrained(folder)
model = {kind}.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
ids = tokenizer(text, return_tensors="pt", add_special_tokens={special}).input_ids
with torch.inference_mode():
    output = model(ids, output_attentions=True, output_hidden_states=True)
stream = output.hidden_states[layer][0]  # [token, width], what enters the layer
"""


_STATIONS = """
block, config = model.model.layers[layer], model.config
attention = block.self_attn
dim = attention.head_dim
kv_head = head // (config.num_attention_heads // config.num_key_value_heads)

# 1 the embedding's row; then the normalised vectors of all tokens
row = model.model.embed_tokens.weight[ids[0, position]]
rms = stream.pow(2).mean(-1, keepdim=True).sqrt()
normed = stream / (stream.pow(2).mean(-1, keepdim=True) + config.rms_norm_eps).sqrt() * block.input_layernorm.weight

# 2 query, keys and values of this head
with torch.inference_mode():
    query = attention.q_proj(normed)[position].view(-1, dim)[head]
    keys = attention.k_proj(normed).view(len(normed), -1, dim)[:, kv_head]
    values = attention.v_proj(normed).view(len(normed), -1, dim)[:, kv_head]

# 3 rotary positions: pair i is numbers i and i + dim / 2, turned by its place times its speed
speeds = config.rope_parameters["rope_theta"] ** (-torch.arange(0, dim, 2) / dim)


def turned(vector, place):
    a, b = vector[: dim // 2], vector[dim // 2 :]
    cos, sin = (place * speeds).cos(), (place * speeds).sin()
    return torch.cat([a * cos - b * sin, b * cos + a * sin])


query = turned(query, position)
keys = torch.stack([turned(key, place) for place, key in enumerate(keys)])

# 4 scores, scale, mask, softmax, weighted sum
scores = keys @ query
scaled = scores * dim**-0.5
masked = scaled.masked_fill(torch.arange(len(keys)) > position, float("-inf"))
weights = masked.softmax(-1)
brought = weights @ values

# 5 the feed-forward network: how many of its units stand open
inner = []
handle = block.mlp.gate_proj.register_forward_hook(lambda module, given, made: inner.append(made[0, position]))
with torch.inference_mode():
    model(ids)
handle.remove()
opened = int((inner[0] > 0).sum())

# 6 the next token
probabilities = output.logits[0, position].softmax(-1)
likeliest = [[tokenizer.decode([int(one)]), float(probabilities[one])] for one in probabilities.topk(5).indices]

weight_difference = float((weights - output.attentions[layer][0, head, position]).abs().max())
rms = float(rms[position])
print("embedding:", row[:5].tolist())
print("root mean square before the norm:", rms)
print("largest score:", float(scores.max()), " largest weight:", float(weights.max()))
print("the row differs from the model's by", weight_difference)
print("brought by this head:", brought[:5].tolist())
print(opened, "of", len(inner[0]), "units stand open; the next token:", likeliest)
"""

_SHORT = """
weights = output.attentions[layer][0, head, position]  # [key], after mask and softmax
added = output.hidden_states[layer + 1][0, position] - stream[position]
rms = float(stream[position].pow(2).mean().sqrt())
logits = getattr(output, "logits", None)
likeliest = []
if logits is not None:
    probabilities = logits[0, position].softmax(-1)
    likeliest = [[tokenizer.decode([int(one)]), float(probabilities[one])] for one in probabilities.topk(5).indices]

print("root mean square of what enters the layer:", rms)
print("weights:", [round(float(w), 4) for w in weights])
print("what the layer changes:", added[:5].tolist())
print("likeliest here:", likeliest)
"""
