"""Random decoders of a few thousand numbers, for tests that need a model and not what it says."""

from __future__ import annotations

from typing import Any

import torch


def tiny(kind: str = "gpt2", seed: int = 0) -> Any:
    """A random decoder of a few thousand numbers."""
    import transformers

    torch.manual_seed(seed)
    if kind == "gpt2":
        config = transformers.GPT2Config(vocab_size=503, n_positions=64, n_embd=32, n_layer=2, n_head=2,
                                         bos_token_id=0, eos_token_id=502, initializer_range=0.4)
        return transformers.GPT2LMHeadModel(config).eval().requires_grad_(False)
    config = transformers.LlamaConfig(vocab_size=311, max_position_embeddings=64, hidden_size=32, intermediate_size=48,
                                      num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                                      bos_token_id=0, eos_token_id=310, initializer_range=0.4)
    return transformers.LlamaForCausalLM(config).eval().requires_grad_(False)
