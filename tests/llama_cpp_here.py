"""llama.cpp on this machine: storyteller as a GGUF file, and its server in this process."""

from __future__ import annotations

import gc
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.conftest import ROOT, free_port

STORYTELLER = ROOT / "assets" / "models" / "storyteller"
# What a chat sends: the message and nothing around it, as storyteller knows no format.
PLAIN_TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


def _interleaved(weights: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Rotary pairs stand half a head apart in transformers and side by side in llama.cpp."""
    rows, columns = weights.shape
    return weights.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def storyteller_gguf(path: Path) -> None:
    """Write storyteller, weights and tokenizer, in float32 (21 MB)."""
    import gguf
    from safetensors.numpy import load_file

    config = json.loads((STORYTELLER / "config.json").read_text("utf-8"))
    tokenizer = json.loads((STORYTELLER / "tokenizer.json").read_text("utf-8"))
    weights = {name: tensor.astype(np.float32) for name, tensor in
               load_file(STORYTELLER / "model.safetensors").items()}
    heads, pairs = config["num_attention_heads"], config["num_key_value_heads"]

    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("storyteller")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(pairs)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    words = sorted(tokenizer["model"]["vocab"].items(), key=lambda item: item[1])
    special = {entry["id"]: entry["content"] for entry in tokenizer["added_tokens"]}
    texts = {**{place: word for word, place in words}, **special}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")  # digits one by one, then GPT-2's pattern: storyteller's own
    writer.add_token_list([texts[place] for place in range(config["vocab_size"])])
    writer.add_token_types([gguf.TokenType.CONTROL if place in special else gguf.TokenType.NORMAL
                            for place in range(config["vocab_size"])])
    writer.add_token_merges([" ".join(merge) for merge in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_add_bos_token(False)
    writer.add_chat_template(PLAIN_TEMPLATE)

    names = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
             "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
             "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
    writer.add_tensor("token_embd.weight", weights["model.embed_tokens.weight"])
    writer.add_tensor("output_norm.weight", weights["model.norm.weight"])
    for layer in range(config["num_hidden_layers"]):
        for theirs, ours in names.items():
            tensor = weights[f"model.layers.{layer}.{theirs}.weight"]
            if ours in ("attn_q", "attn_k"):
                tensor = _interleaved(tensor, heads if ours == "attn_q" else pairs)
            writer.add_tensor(f"blk.{layer}.{ours}.weight", np.ascontiguousarray(tensor))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@contextmanager
def llama_server(path: Path, *, port: int | None = None, context: int = 256) -> Iterator[str]:
    """The server's address while the block runs. Raises ImportError where the package is not installed."""
    import xllamacpp

    said: Any = xllamacpp.CommonParams()
    said.model.path = str(path)
    said.model_alias = {"storyteller"}
    said.port = port or free_port()
    said.n_ctx, said.n_parallel, said.n_gpu_layers = context, 1, 0
    said.cpuparams.n_threads = said.cpuparams_batch.n_threads = 1
    said.warmup = said.fit_params = False
    said.verbosity = -1
    # Left alone it keeps keys and values in half precision, which moves log-probabilities by 0.01.
    said.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    said.cache_type_k = said.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    server = xllamacpp.Server(said)
    try:
        yield str(server.listening_address)
    finally:
        del server
        gc.collect()
        _wait_until_closed(said.port)


def _wait_until_closed(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as left:
            if left.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.05)
    raise RuntimeError("llama.cpp's server did not end")
