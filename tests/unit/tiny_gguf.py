"""A tiny random model as a GGUF file, for llama.cpp: Llama's architecture, 96 words, 100 kB."""

from __future__ import annotations

from pathlib import Path

import numpy as np

VOCABULARY = 96
# The output rows of these two are zero, so their raw logits are exactly 0 and equal.
ZERO, ALSO_ZERO = 0, 95


def write(path: Path, seed: int = 0, width: int = 32, layers: int = 2, inner: int = 48) -> None:
    """Write the file. Token 1 begins a text, token 2 ends it, token n is the word `w` and its number."""
    import gguf

    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(512)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(4)
    writer.add_head_count_kv(4)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // 4)
    writer.add_vocab_size(VOCABULARY)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    words = [f"\u2581w{i:03d}" for i in range(3, VOCABULARY)]
    writer.add_token_list(["<unk>", "<s>", "</s>", *words])
    writer.add_token_scores([0.0] * 3 + [-float(i) for i in range(3, VOCABULARY)])
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    writer.add_token_types([*kinds, *[gguf.TokenType.NORMAL] * len(words)])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)

    def draw(rows: int, columns: int, scale: float) -> np.ndarray:
        return (scale * random.standard_normal((rows, columns))).astype(np.float32)

    output = draw(VOCABULARY, width, 0.5)
    output[[ZERO, ALSO_ZERO]] = 0
    writer.add_tensor("token_embd.weight", draw(VOCABULARY, width, 1.0))
    writer.add_tensor("output_norm.weight", np.ones(width, np.float32))
    writer.add_tensor("output.weight", output)
    for layer in range(layers):
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(width, np.float32))
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", draw(width, width, 0.3))
        for name in ("ffn_gate", "ffn_up"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", draw(inner, width, 0.3))
        writer.add_tensor(f"blk.{layer}.ffn_down.weight", draw(width, inner, 0.3))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
