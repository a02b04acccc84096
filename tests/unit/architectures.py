"""Tiny random models of every architecture that the Attention page is held to, and real ones where they are here."""

from __future__ import annotations

from typing import Any

SHAPE = {
    "vocab_size": 100, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
}
GROUPED = {**SHAPE, "num_key_value_heads": 2, "max_position_embeddings": 64}
IDS = [3, 17, 5, 9, 3, 17, 5, 61, 2, 33, 17]


def _made(model: str, config: Any) -> Any:
    import torch
    import transformers

    torch.manual_seed(7)
    made = getattr(transformers, model)(config).eval()
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            # Norms that scale by 1, biases of 0 and sinks of 0 would hide a mistake.
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.2)
            elif "embed" not in name:
                parameter.mul_(4)
    return made


def llama(**changes: Any) -> Any:
    """Grouped queries, rotary positions, gated feed-forward; untied head."""
    import transformers

    return _made("LlamaForCausalLM", transformers.LlamaConfig(**{**GROUPED, **changes}))


def gpt2() -> Any:
    """Learned positions, fused q, k, v."""
    import transformers

    return _made("GPT2LMHeadModel",
                 transformers.GPT2Config(vocab_size=100, n_embd=32, n_layer=2, n_head=4, n_positions=64))


def mistral() -> Any:
    """A sliding window of 4 in every layer."""
    import transformers

    return _made("MistralForCausalLM", transformers.MistralConfig(**GROUPED, sliding_window=4))


def qwen3() -> Any:
    """Norms on q and k; heads wider than the model divided by their number."""
    import transformers

    return _made("Qwen3ForCausalLM", transformers.Qwen3Config(**GROUPED, head_dim=16))


def gemma2() -> Any:
    """Soft-capped scores and logits, a window in alternate layers, four norms a block."""
    import transformers

    return _made("Gemma2ForCausalLM", transformers.Gemma2Config(
        **GROUPED, head_dim=8, sliding_window=4, attn_logit_softcapping=5.0, final_logit_softcapping=3.0))


def gpt_neox() -> Any:
    """Rotary positions on a quarter of the dimensions, fused q, k, v, attention and feed-forward side by side."""
    import transformers

    return _made("GPTNeoXForCausalLM", transformers.GPTNeoXConfig(**SHAPE, max_position_embeddings=64))


def gpt_oss() -> Any:
    """A learned sink in each row, a window in alternate layers, experts."""
    import transformers

    return _made("GptOssForCausalLM", transformers.GptOssConfig(
        **GROUPED, head_dim=8, sliding_window=4, num_local_experts=2, num_experts_per_tok=1))


def bert() -> Any:
    """An encoder: both sides visible, a norm after each addition."""
    import transformers

    return _made("BertForMaskedLM", transformers.BertConfig(**SHAPE, max_position_embeddings=64))


def modernbert() -> Any:
    """An encoder with rotary positions and a gated feed-forward; a window in alternate layers."""
    import transformers

    return _made("ModernBertForMaskedLM", transformers.ModernBertConfig(
        **SHAPE, max_position_embeddings=64, local_attention=6, global_attn_every_n_layers=2, pad_token_id=0,
        bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2))


def t5() -> Any:
    """An encoder-decoder with relative positions."""
    import transformers

    return _made("T5ForConditionalGeneration", transformers.T5Config(
        vocab_size=100, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, decoder_start_token_id=0))


MODELS = {one.__name__: one for one in (llama, gpt2, mistral, qwen3, gemma2, gpt_neox, gpt_oss, bert, modernbert)}


def eager(model: Any, ids: list[int]) -> Any:
    """The library's own answer with attentions and hidden states, from an untouched copy of the model."""
    import copy

    import torch

    other = copy.deepcopy(model)
    other.set_attn_implementation("eager")
    with torch.inference_mode():
        return other(torch.tensor([ids]), output_attentions=True, output_hidden_states=True)
