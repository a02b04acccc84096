"""The Llama architecture in one page, with the parameter names of the Hugging Face layout.

It is trained with this file because a plain module with fused attention is faster on a processor than the library's
general one. The weights are the same: a test loads them into `transformers.LlamaForCausalLM` and compares the logits.
Axes are named in the comments: b = row of the batch, t = position, h = head, d = number inside a head.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from assets.recipes.plan import Plan


class Norm(nn.Module):
    """RMSNorm: divide by the root mean square, then scale each channel."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.epsilon)


def rotary_table(plan: Plan) -> tuple[Tensor, Tensor]:
    """Cosine and sine of every position's rotation, each [t, d]."""
    half = torch.arange(0, plan.head_width, 2, dtype=torch.float32) / plan.head_width
    angle = torch.outer(torch.arange(plan.context, dtype=torch.float32), plan.rope_theta**-half)
    return torch.cat([angle, angle], -1).cos(), torch.cat([angle, angle], -1).sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn queries or keys [b, h, t, d] by their position. The first half of d is paired with the second."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], dim=-1) * sin


class Attention(nn.Module):
    """Causal attention in which each pair of query heads shares one key-value head."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        kv_width = plan.kv_heads * plan.head_width
        self.q_proj = nn.Linear(plan.width, plan.width, bias=False)
        self.k_proj = nn.Linear(plan.width, kv_width, bias=False)
        self.v_proj = nn.Linear(plan.width, kv_width, bias=False)
        self.o_proj = nn.Linear(plan.width, plan.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, seen: list[Tensor] | None) -> Tensor:
        b, t, _ = x.shape
        plan = self.plan
        q = self.q_proj(x).view(b, t, plan.heads, plan.head_width).transpose(1, 2)
        k = self.k_proj(x).view(b, t, plan.kv_heads, plan.head_width).transpose(1, 2)
        v = self.v_proj(x).view(b, t, plan.kv_heads, plan.head_width).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        k = k.repeat_interleave(plan.heads // plan.kv_heads, dim=1)
        v = v.repeat_interleave(plan.heads // plan.kv_heads, dim=1)
        if seen is not None:  # [b, h, query, key], kept only when somebody wants to look
            score = q @ k.transpose(-1, -2) / plan.head_width**0.5
            hidden = torch.ones(t, t, dtype=torch.bool, device=x.device).triu(1)
            seen.append(score.float().masked_fill(hidden, float("-inf")).softmax(-1))
        out = F.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v, is_causal=True)
        return self.o_proj(out.transpose(1, 2).reshape(b, t, plan.width))


class FeedForward(nn.Module):
    """SwiGLU: one projection decides how much of the other passes."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(plan.width, plan.feed_forward, bias=False)
        self.up_proj = nn.Linear(plan.width, plan.feed_forward, bias=False)
        self.down_proj = nn.Linear(plan.feed_forward, plan.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    """Read the stream, attend, add; read the stream, think, add."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.input_layernorm = Norm(plan.width, plan.norm_epsilon)
        self.self_attn = Attention(plan)
        self.post_attention_layernorm = Norm(plan.width, plan.norm_epsilon)
        self.mlp = FeedForward(plan)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, seen: list[Tensor] | None) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, seen)
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    """Token ids [b, t] in, logits [b, t, vocabulary] out. Input and output share one embedding."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.embed_tokens = nn.Embedding(plan.vocabulary, plan.width)
        self.layers = nn.ModuleList(Layer(plan) for _ in range(plan.layers))
        self.norm = Norm(plan.width, plan.norm_epsilon)
        cos, sin = rotary_table(plan)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, seen: list[Tensor] | None = None) -> Tensor:
        """Logits; where `seen` is a list, each layer's attention [b, h, query, key] is appended to it."""
        t = ids.shape[1]
        x = self.embed_tokens(ids)
        for layer in self.layers:
            x = layer(x, self.cos[:t], self.sin[:t], seen)
        return F.linear(self.norm(x), self.embed_tokens.weight)


def library_config(plan: Plan) -> dict[str, Any]:
    """`config.json` of the same model for `transformers.LlamaForCausalLM`."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": plan.vocabulary,
        "hidden_size": plan.width,
        "intermediate_size": plan.feed_forward,
        "num_hidden_layers": plan.layers,
        "num_attention_heads": plan.heads,
        "num_key_value_heads": plan.kv_heads,
        "head_dim": plan.head_width,
        "hidden_act": "silu",
        "max_position_embeddings": plan.context,
        "rms_norm_eps": plan.norm_epsilon,
        "rope_theta": plan.rope_theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": plan.rope_theta},
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": True,
        "initializer_range": 0.02,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "pad_token_id": 0,
        "dtype": "float16",
        "use_cache": True,
    }
