"""The Python that turns the panel's heads off again, with public libraries only."""

from __future__ import annotations

from collections.abc import Sequence

from components.views.snippets import folder_line

# Where a library keeps the projection that joins a layer's heads; most families follow Llama.
PLACES = {
    "gpt2": "model.transformer.h[layer].attn.c_proj",
    "distilgpt2": "model.transformer.h[layer].attn.c_proj",
    "pythia-70m": "model.gpt_neox.layers[layer].attention.dense",
}


def snippet_ablation(
    model: str, ids: Sequence[int], heads: Sequence[tuple[int, int]], how: str, target: int | None
) -> str:
    """A program that prints probabilities, loss, rank and divergence with every head on and with these off."""
    place = PLACES.get(model, "model.model.layers[layer].self_attn.o_proj")
    return f"""{folder_line(model)}
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

ids = {list(map(int, ids))}
off = {[tuple(map(int, one)) for one in heads]}  # (layer, head)
how = {how!r}  # "zero", or "mean": over the positions of this text

tokenizer = AutoTokenizer.from_pretrained(folder)
# A copy of your own: a hook stays on a model, and everybody who shares the model would get its numbers.
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
batch = torch.tensor([ids])
dim = getattr(model.config, "head_dim", None) or model.config.hidden_size // model.config.num_attention_heads

def joins(layer):
    return {place}

means = {{}}
def remember(layer):
    def hook(module, arguments):
        means[layer] = arguments[0][0].mean(0)  # [head * dim]
    return hook

def turn_off(layer):
    def hook(module, arguments):
        given = arguments[0].clone()  # [1, token, head * dim], before the heads are joined
        for at, head in off:
            if at == layer:
                part = slice(head * dim, (head + 1) * dim)
                given[..., part] = means[layer][part] if how == "mean" else 0
        return (given,)
    return hook

layers = sorted({{layer for layer, _ in off}})
with torch.inference_mode():
    handles = [joins(layer).register_forward_pre_hook(remember(layer)) for layer in layers]
    before = model(batch).logits[0]
    for handle in handles:
        handle.remove()
    handles = [joins(layer).register_forward_pre_hook(turn_off(layer)) for layer in layers]
    after = model(batch).logits[0]
    for handle in handles:
        handle.remove()

target = {target if target is not None else "int(before[-1].argmax())"}
p, q = before[-1].softmax(-1), after[-1].softmax(-1)
probability = [float(p[target]), float(q[target])]
rank = [1 + int((one > one[target]).sum()) for one in (p, q)]
kl = float((p.double() * (p.double() / q.double()).log()).sum())
loss = [float(torch.nn.functional.cross_entropy(one[:-1], batch[0, 1:])) if len(ids) > 1 else None
        for one in (before, after)]

print("target:", repr(tokenizer.decode([target])), "probability:", probability, " rank:", rank)
print("loss in nats a token:", loss, " KL in nats:", kl)
"""
