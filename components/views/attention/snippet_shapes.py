"""The Python that counts a model's parameters again, with public libraries only."""

from __future__ import annotations

import json
from typing import Any

#: The class of the transformers library for each family.
CLASSES = {
    "llama": "LlamaForCausalLM", "mistral": "MistralForCausalLM", "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM", "gemma": "GemmaForCausalLM", "gpt2": "GPT2LMHeadModel",
    "gpt_neox": "GPTNeoXForCausalLM", "bert": "BertModel", "modernbert": "ModernBertModel",
    "t5": "T5ForConditionalGeneration",
}
#: What a count depends on; the rest of a configuration is left out of the snippet.
NAMES = (
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
    "vocab_size", "max_position_embeddings", "type_vocab_size", "tie_word_embeddings", "attention_bias", "mlp_bias",
    "n_layer", "n_head", "n_embd", "n_positions", "n_inner", "d_model", "d_kv", "d_ff", "num_layers",
    "num_decoder_layers", "num_heads", "feed_forward_proj", "relative_attention_num_buckets", "norm_bias",
    "decoder_bias", "classifier_bias", "use_sliding_window", "sliding_window", "global_attn_every_n_layers",
    "local_attention", "layer_types",
)


def class_of(config: dict[str, Any]) -> str:
    """The library's class for a configuration."""
    named = str((config.get("architectures") or [""])[0])
    family = str(config["model_type"])
    return named if family in ("bert", "modernbert") and named else CLASSES[family]


def snippet_shapes(config: dict[str, Any], tokens: int) -> str:
    """A program that builds the model without its weights, counts it, and gives its bytes, cache and scores."""
    name = class_of(config)
    kept = {key: config[key] for key in NAMES if config.get(key) is not None}
    settings = json.dumps(kept, ensure_ascii=True).replace("true", "True").replace("false", "False")
    build = name.removesuffix("ForCausalLM").removesuffix("LMHeadModel").removesuffix("ForConditionalGeneration")
    build = build.removesuffix("ForMaskedLM").removesuffix("Model")
    return f"""import torch
from transformers import {build}Config, {name}

config = {build}Config(**{settings})
with torch.device("meta"):  # shapes alone, not a byte of weights
    model = {name}(config)

parameters = sum(p.numel() for p in model.parameters())
gigabytes = {{name: parameters * bits // 8 / 1e9 for name, bits in
             [("fp32", 32), ("bf16", 16), ("int8", 8), ("4-bit", 4)]}}

tokens = {tokens}
layers = getattr(config, "num_decoder_layers", None) or config.num_hidden_layers
heads = config.num_attention_heads
kv_heads = getattr(config, "num_key_value_heads", None) or heads
head_dim = getattr(config, "head_dim", None) or getattr(config, "d_kv", None) or config.hidden_size // heads
kinds = getattr(config, "layer_types", None)
window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
windowed = (sum(kind == "sliding_attention" for kind in kinds) if kinds else layers) if window else 0
kept = (layers - windowed) * tokens + windowed * min(tokens, window or tokens)
cache_bytes = 2 * kept * kv_heads * head_dim * 2  # keys and values, two bytes a number
scores = layers * heads * tokens ** 2

print(f"{{parameters:,}} parameters", gigabytes)
print(f"at {{tokens:,}} tokens: {{cache_bytes / 1e6:,.1f}} MB of keys and values (a decoder's), {{scores:,}} scores")
"""
