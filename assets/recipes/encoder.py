"""A masked encoder in one page: storyteller's architecture, with every position looking in both directions.

The library calls this architecture ModernBERT. Training uses this file because a plain module is faster on a
processor, and because Muon does better with queries, keys and values as matrices of their own; `library_weights` joins
them, and a test compares the logits with `transformers.ModernBertForMaskedLM`.
Axes are named in the comments: b = row of the batch, t = position, h = head, d = number inside a head.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from assets.recipes.llama import FeedForward, rotate
from assets.recipes.masked_plan import MaskedPlan
from assets.recipes.plan import Plan


class Norm(nn.Module):
    """LayerNorm without a bias: subtract the mean, divide by the deviation, then scale each channel."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, (x.shape[-1],), self.weight, None, self.epsilon)


class Attention(nn.Module):
    """Attention over the whole row, before and after."""

    def __init__(self, plan: MaskedPlan) -> None:
        super().__init__()
        self.plan = plan
        self.q_proj = nn.Linear(plan.width, plan.width, bias=False)
        self.k_proj = nn.Linear(plan.width, plan.width, bias=False)
        self.v_proj = nn.Linear(plan.width, plan.width, bias=False)
        self.o_proj = nn.Linear(plan.width, plan.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        b, t, _ = x.shape
        shape = (b, t, self.plan.heads, self.plan.head_width)
        q, k, v = (project(x).view(shape).transpose(1, 2) for project in (self.q_proj, self.k_proj, self.v_proj))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        out = F.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v)
        return self.o_proj(out.transpose(1, 2).reshape(b, t, self.plan.width))


class Layer(nn.Module):
    """Read the stream, attend, add; read the stream, think, add. The first layer reads what is normed already."""

    def __init__(self, plan: MaskedPlan, first: bool) -> None:
        super().__init__()
        self.input_layernorm = nn.Identity() if first else Norm(plan.width, plan.norm_epsilon)
        self.self_attn = Attention(plan)
        self.post_attention_layernorm = Norm(plan.width, plan.norm_epsilon)
        self.mlp = FeedForward(Plan(width=plan.width, feed_forward=plan.feed_forward))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class Encoder(nn.Module):
    """Token ids [b, t] in, logits out at the places asked for. Input and output share one embedding."""

    def __init__(self, plan: MaskedPlan) -> None:
        super().__init__()
        self.plan = plan
        self.embed_tokens = nn.Embedding(plan.vocabulary, plan.width)
        self.embed_norm = Norm(plan.width, plan.norm_epsilon)
        self.layers = nn.ModuleList(Layer(plan, first=number == 0) for number in range(plan.layers))
        self.norm = Norm(plan.width, plan.norm_epsilon)
        self.head = nn.Linear(plan.width, plan.width, bias=False)
        self.head_norm = Norm(plan.width, plan.norm_epsilon)
        half = torch.arange(0, plan.head_width, 2, dtype=torch.float32) / plan.head_width
        angle = torch.outer(torch.arange(plan.context, dtype=torch.float32), plan.rope_theta**-half)
        self.register_buffer("cos", torch.cat([angle, angle], -1).cos(), persistent=False)
        self.register_buffer("sin", torch.cat([angle, angle], -1).sin(), persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)
        nn.init.eye_(self.head.weight)

    def forward(self, ids: Tensor, places: Tensor | None = None) -> Tensor:
        """Logits [b, t, vocabulary], or [b, n, vocabulary] at `places` [b, n]: most of the cost is in this product."""
        t = ids.shape[1]
        x = self.embed_norm(self.embed_tokens(ids))
        for layer in self.layers:
            x = layer(x, self.cos[:t], self.sin[:t])
        if places is not None:
            x = x.gather(1, places[..., None].expand(-1, -1, x.shape[-1]))
        return F.linear(self.head_norm(self.head(self.norm(x))), self.embed_tokens.weight)


def begin_from_storyteller(model: Encoder, weights: dict[str, Tensor]) -> None:
    """Carry storyteller's weights (names of the library's Llama) into an untrained encoder of the same size.

    All of it fits: a key-value head goes to both query heads that shared it, and the norms keep their scales. Two
    things differ. Here the embedding is normed before the first layer and not again inside it, so the first layer's
    scale moves into its matrices. And a mean is subtracted, which is near zero in storyteller too.
    """
    plan = model.plan
    old = {name.removeprefix("model."): tensor.float() for name, tensor in weights.items()}
    embedding = old["embed_tokens.weight"]
    if embedding.shape != (plan.tokens, plan.width):
        raise ValueError(f"Storyteller's embedding is {tuple(embedding.shape)}; this plan wants "
                         f"{(plan.tokens, plan.width)}. Use a plan of the same size.")
    size = embedding.square().mean(-1).sqrt().mean()
    state = model.state_dict()
    state["embed_tokens.weight"] = torch.cat([embedding, embedding.mean(0, keepdim=True)])  # a gap begins as no word
    state["embed_norm.weight"] = torch.full((plan.width,), float(size))
    state["norm.weight"] = torch.ones(plan.width)
    state["head_norm.weight"] = old["norm.weight"]
    for name, tensor in old.items():
        if not name.startswith("layers."):
            continue
        if name.endswith(("k_proj.weight", "v_proj.weight")):
            heads = tensor.view(-1, plan.head_width, plan.width)
            tensor = heads.repeat_interleave(plan.heads // len(heads), dim=0).reshape(plan.width, plan.width)
        if name in state:
            state[name] = tensor
    for matrix in ("q_proj", "k_proj", "v_proj"):
        name = f"layers.0.self_attn.{matrix}.weight"
        state[name] = state[name] * (old["layers.0.input_layernorm.weight"] / size)
    model.load_state_dict(state)


def library_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same weights under the names of `transformers.ModernBertForMaskedLM`, joined as it joins them."""
    names = {
        "embed_tokens.weight": "model.embeddings.tok_embeddings.weight",
        "embed_norm.weight": "model.embeddings.norm.weight",
        "norm.weight": "model.final_norm.weight",
        "head.weight": "head.dense.weight",
        "head_norm.weight": "head.norm.weight",
    }
    found = {names[name]: tensor for name, tensor in state.items() if name in names}
    layers = sorted({int(name.split(".")[1]) for name in state if name.startswith("layers.")})
    for number in layers:
        old, new = f"layers.{number}.", f"model.layers.{number}."
        attention = [state[f"{old}self_attn.{name}_proj.weight"] for name in "qkv"]
        found[new + "attn.Wqkv.weight"] = torch.cat(attention)
        found[new + "attn.Wo.weight"] = state[old + "self_attn.o_proj.weight"]
        gate = [state[f"{old}mlp.{name}_proj.weight"] for name in ("gate", "up")]
        found[new + "mlp.Wi.weight"] = torch.cat(gate)
        found[new + "mlp.Wo.weight"] = state[old + "mlp.down_proj.weight"]
        found[new + "mlp_norm.weight"] = state[old + "post_attention_layernorm.weight"]
        if number:
            found[new + "attn_norm.weight"] = state[old + "input_layernorm.weight"]
    return found


def library_config(plan: MaskedPlan) -> dict[str, Any]:
    """`config.json` of the same model for `transformers.ModernBertForMaskedLM`."""
    rope = {"rope_type": "default", "rope_theta": plan.rope_theta}
    return {
        "architectures": ["ModernBertForMaskedLM"],
        "model_type": "modernbert",
        "vocab_size": plan.vocabulary,
        "hidden_size": plan.width,
        "intermediate_size": plan.feed_forward,
        "num_hidden_layers": plan.layers,
        "num_attention_heads": plan.heads,
        "hidden_activation": "silu",
        "classifier_activation": "linear",
        "classifier_bias": False,
        "decoder_bias": False,
        "max_position_embeddings": plan.context,
        "norm_eps": plan.norm_epsilon,
        "norm_bias": False,
        "layer_types": ["full_attention"] * plan.layers,
        "global_attn_every_n_layers": 1,
        "rope_parameters": {"full_attention": rope, "sliding_attention": rope},
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "embedding_dropout": 0.0,
        "mlp_dropout": 0.0,
        "tie_word_embeddings": True,
        "initializer_range": 0.02,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "pad_token_id": 0,
        "cls_token_id": 0,
        "sep_token_id": 0,
        "mask_token_id": plan.mask_id,
        "dtype": "float16",
    }
