"""The Python that works out one attention weight again, with public libraries only."""

from __future__ import annotations

from components.attention import Cell, LayerReading
from components.views.snippets import folder_line

_LLAMA = """import torch
from transformers import AutoModelForCausalLM
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

ids = torch.tensor([{ids}])
layer, head, query, key = {place}

# Only the eager attention hands out its weights, to compare with.
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
attention = model.model.layers[layer].self_attn
seen = {{}}
attention.register_forward_pre_hook(lambda module, arguments, named: seen.update(named), with_kwargs=True)
with torch.inference_mode():
    model_weights = model(ids, output_attentions=True).attentions[layer][0, head, query].double()
    x, (cosine, sine) = seen["hidden_states"], seen["position_embeddings"]
    split = lambda y: y.view(1, ids.shape[1], -1, attention.head_dim).transpose(1, 2).double()
    q, k, v = split(attention.q_proj(x)), split(attention.k_proj(x)), split(attention.v_proj(x))
    kv_head = head // (q.shape[1] // k.shape[1])  # several query heads share one head of keys and values
    dot_without_positions = float(q[0, head, query] @ k[0, kv_head, key])
    q, k = apply_rotary_pos_emb(q, k, cosine, sine)
q, k, v = q[0, head, query], k[0, kv_head], v[0, kv_head]

# 1. Query times key, term by term.
products = q * k[key]
dot = float(products.sum())

# 2. Scale. A decoder sees nothing of what comes later.
scores = k @ q * attention.scaling
scores[query + 1:] = -torch.inf
"""

_OTHER = """import sys
import torch
import transformers
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

ids = torch.tensor([{ids}])
layer, head, query, key = {place}

calls = []
def look(module, q, k, v, mask, **named):  # what every attention layer of the library is given
    eager = sys.modules[type(module).__module__].eager_attention_forward
    output, weights = eager(module, q, k, v, mask, **named)
    calls.append((q[0].double(), k[0].double(), v[0].double(), mask, named, weights[0].double()))
    return output, weights

AttentionInterface.register("look", look)
AttentionMaskInterface.register("look", eager_mask)  # without it no mask is made and a decoder looks ahead
model = transformers.{auto}.from_pretrained(folder, dtype=torch.float32).eval()
model.set_attn_implementation("look")
with torch.inference_mode():
    model(ids, attention_mask=torch.ones_like(ids))
q, k, v, mask, named, model_weights = calls[layer]
model_weights = model_weights[head, query]
kv_head = head // (q.shape[0] // k.shape[0])  # several query heads may share one head of keys and values
q, k, v = q[head, query], k[kv_head], v[kv_head]

# 1. Query times key, term by term.
products = q * k[key]
dot = float(products.sum())

# 2. Scale{steps}.
scale = named.get("scaling")
scores = k @ q * (q.shape[0] ** -0.5 if scale is None else scale)
{lines}if mask is not None:
    scores = scores + mask[0, 0, query].double()
"""

_END = """
# 3. Softmax over the row.
{softmax}
difference = float((weights - model_weights).abs().max())

# 4. Times value, through the head's piece of the output projection.
linear = model.get_submodule("{projection}")
W_O = linear.weight if type(linear).__name__ == "Conv1D" else linear.weight.T
W_O = W_O.detach().double().view(-1, v.shape[1], W_O.shape[1])[head]
added = weights[:, None] * v @ W_O
lengths = added.norm(dim=1)

largest = [[int(at), round(float(products[at]), 4)] for at in products.abs().argsort(descending=True)[:5]]
dot, score, weight, model_weight = dot, float(scores[key]), float(weights[key]), float(model_weights[key])
length, together = float(lengths[key]), float(added.sum(0).norm())

print("largest products [dimension, product]:", largest)
print("sum:", dot{rotary}, " score:", score)
print("worked out here:", weight, " by the model:", model_weight, " whole row differs by at most", difference)
print("length of what it adds:", length, " of what the head adds:", together)
"""


def snippet_cell(name: str, architecture: str, cell: Cell, reading: LayerReading) -> str:
    """A program that prints the numbers of one cell: products, score, weight here and by the model, lengths.

    Args:
        name: the model's catalog id. architecture: its class, such as "LlamaForCausalLM".
        cell, reading: what the panel shows.
    """
    llama = architecture == "LlamaForCausalLM"
    steps = [
        ("soft cap", cell.softcap, 'scores = named["softcap"] * torch.tanh(scores / named["softcap"])\n'),
        ("relative positions", cell.bias, 'scores = scores + named["position_bias"][0, head, query].double()\n'),
    ]
    present = [(word, line) for word, value, line in steps if value is not None]
    start = (_LLAMA if llama else _OTHER).format(
        ids=reading.ids.tolist(),
        place=f"{reading.index}, {cell.head}, {cell.query}, {cell.key}",
        auto=_auto(architecture),
        steps="".join(f", {word}" for word, _ in present) + ", mask",
        lines="".join(line for _, line in present),
    )
    plain = "weights = torch.softmax(scores, dim=0)"
    sink = (
        '# A learned score takes its share of the row and is dropped.\n'
        'weights = torch.softmax(torch.cat([scores, named["s_aux"][head].detach().double()[None]]), dim=0)[:-1]'
    )
    end = _END.format(
        softmax=plain if cell.sink is None else sink,
        projection=reading.projection_name,
        rotary=', " without rotary positions:", dot_without_positions' if llama else "",
    )
    return f"{folder_line(name)}\n{start}{end}"


def _auto(architecture: str) -> str:
    for ending, auto in (("ForCausalLM", "AutoModelForCausalLM"), ("LMHeadModel", "AutoModelForCausalLM"),
                         ("ForMaskedLM", "AutoModelForMaskedLM")):
        if architecture.endswith(ending):
            return auto
    return "AutoModel"
