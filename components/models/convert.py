"""A GGUF file of a Llama model -> an ordinary Hugging Face folder in float16.

    python -m components.models.convert FILE.gguf FOLDER

It runs once, in a process of its own, and holds one tensor at a time, so that its peak stays far below a whole model
in memory. Two things in a GGUF file differ from what transformers expects, and neither raises when it is forgotten:
the rows of query and key are interleaved for llama.cpp's rotary layout, and the pre-tokenizer is only named, not
spelt out (here: digits one by one, then GPT-2's byte-level split).
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

ROWS = 4096  # of a matrix dequantised at a time

_LAYER_NAMES = {
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}
_OUTER_NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}

Progress = Callable[[float, str], None]


def convert(source: Path, folder: Path, progress: Progress = lambda fraction, stage: None) -> None:
    """Write `folder` as a Hugging Face model folder with the weights, tokenizer and chat template of `source`.

    `manifest.json`, with the length and SHA-256 of every file, is written last: without it the folder is not complete.

    Args:
        source: a GGUF file of the Llama architecture with a byte-level BPE of the SmolLM kind.
        folder: an empty or missing folder.
        progress: called with a fraction from 0 to 1 and the name of the stage.

    Raises:
        ValueError: the file is of another architecture or tokenizer, or is damaged.
        OSError: the folder cannot be written.
    """
    import gguf

    progress(0.0, "reading the file")
    try:
        reader = gguf.GGUFReader(source)
    except (ValueError, IndexError, OverflowError) as problem:
        raise ValueError(f"{source.name} is no complete GGUF file ({problem}); fetch it again.") from problem
    facts = _facts(reader)
    folder.mkdir(parents=True, exist_ok=True)
    _write_text(folder, reader, facts)
    progress(0.1, "writing the weights")
    _write_weights(folder / "model.safetensors", reader, facts, lambda part: progress(0.1 + 0.8 * part,
                                                                                       "writing the weights"))
    progress(0.9, "checking")
    files = {path.name: {"size": path.stat().st_size, "sha256": _sha256(path)} for path in sorted(folder.iterdir())}
    manifest = {"source": source.name, "source_sha256": _sha256(source), "peak_mb": peak_mb(), "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1), "utf-8")
    progress(1.0, "converted")


def unpermute(rows: np.ndarray, heads: int) -> np.ndarray:
    """Undo llama.cpp's row order: [heads * (d/2 * 2), in], pairs side by side -> halves one after the other.

    transformers rotates number i of a head with number i + d/2; llama.cpp rotates neighbours, and so stores the rows
    of query and key as [head, d/2, 2, in] where transformers has [head, 2, d/2, in].
    """
    out, width = rows.shape
    return rows.reshape(heads, out // heads // 2, 2, width).swapaxes(1, 2).reshape(out, width)


def _facts(reader: Any) -> dict[str, Any]:
    """Every scalar of the file by name, the lists left out; checked for what this converter can read."""
    facts = {key: field.contents() for key, field in reader.fields.items()
             if len(field.types) == 1 and not key.startswith("GGUF.")}
    if facts.get("general.architecture") != "llama" or facts.get("tokenizer.ggml.model") != "gpt2":
        raise ValueError("This GGUF file holds no Llama model with a byte-level BPE; only such files are converted.")
    if facts.get("tokenizer.ggml.pre") != "smollm":
        raise ValueError(f"The file names the pre-tokenizer {facts.get('tokenizer.ggml.pre')!r}, which is not known "
                         "here; only 'smollm' is, and another would split numbers differently.")
    return facts


# Weights -------------------------------------------------------------------------------------------------------------

def _name(gguf_name: str) -> str:
    stem = gguf_name.removesuffix(".weight")
    if stem.startswith("blk."):
        _, layer, part = stem.split(".", 2)
        return f"model.layers.{layer}.{_LAYER_NAMES[part]}.weight"
    return f"{_OUTER_NAMES[stem]}.weight"


def _write_weights(path: Path, reader: Any, facts: dict[str, Any], progress: Callable[[float], None]) -> None:
    """A safetensors file, tensor by tensor: eight bytes of header length, a JSON header, then the numbers."""
    tensors = {_name(tensor.name): tensor for tensor in reader.tensors}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name in sorted(tensors):
        shape = [int(n) for n in reversed(tensors[name].shape)]  # GGUF gives the fastest axis first
        size = 2
        for n in shape:
            size *= n
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little"))
        stream.write(text)
        for done, name in enumerate(sorted(tensors), start=1):
            for part in _float16(name, tensors[name], facts):
                stream.write(part)
            progress(done / len(tensors))


def _float16(name: str, tensor: Any, facts: dict[str, Any]) -> Iterator[bytes]:
    """The numbers of one tensor as float16 bytes, a few thousand rows at a time."""
    import gguf
    import numpy as np

    heads = 0
    if name.endswith("q_proj.weight"):
        heads = int(facts["llama.attention.head_count"])
    elif name.endswith("k_proj.weight"):
        heads = int(facts["llama.attention.head_count_kv"])
    # Rows of query and key change places, so they have to be read together; they are small.
    step = len(tensor.data) if heads else ROWS
    for start in range(0, len(tensor.data), step):
        rows = gguf.dequantize(tensor.data[start:start + step], tensor.tensor_type)
        if heads:
            rows = unpermute(rows, heads)
        yield np.ascontiguousarray(rows, dtype="<f2").tobytes()


# Configuration and tokenizer -----------------------------------------------------------------------------------------

def _write_text(folder: Path, reader: Any, facts: dict[str, Any]) -> None:
    ids = {which: int(facts[f"tokenizer.ggml.{key}_token_id"])
           for which, key in (("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding"))}
    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    template = str(facts["tokenizer.chat_template"])
    heads = int(facts["llama.attention.head_count"])
    theta = float(facts["llama.rope.freq_base"])
    tied = not any(tensor.name == "output.weight" for tensor in reader.tensors)
    _json(folder / "config.json", {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "float16",
        "hidden_size": int(facts["llama.embedding_length"]),
        "intermediate_size": int(facts["llama.feed_forward_length"]),
        "num_hidden_layers": int(facts["llama.block_count"]),
        "num_attention_heads": heads,
        "num_key_value_heads": int(facts["llama.attention.head_count_kv"]),
        "head_dim": int(facts["llama.embedding_length"]) // heads,
        "max_position_embeddings": int(facts["llama.context_length"]),
        "rms_norm_eps": float(f"{facts['llama.attention.layer_norm_rms_epsilon']:.6g}"),  # stored as float32
        "rope_theta": theta, "rope_parameters": {"rope_type": "default", "rope_theta": theta},
        "hidden_act": "silu", "attention_bias": False, "mlp_bias": False, "tie_word_embeddings": tied,
        "vocab_size": len(tokens),
        "bos_token_id": ids["bos"], "eos_token_id": ids["eos"], "pad_token_id": ids["pad"],
    })
    _json(folder / "generation_config.json", {
        "bos_token_id": ids["bos"], "eos_token_id": ids["eos"], "pad_token_id": ids["pad"]})
    _json(folder / "tokenizer_config.json", {
        # The generic class: GPT2Tokenizer would rebuild the pre-tokenizer and lose the digit step.
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": int(facts["llama.context_length"]),
        "clean_up_tokenization_spaces": False,
        **{f"{which}_token": tokens[i] for which, i in ids.items()}})
    (folder / "chat_template.jinja").write_text(template, "utf-8")
    (folder / "README.md").write_text(
        f"# {facts.get('general.name', 'Model')}\n\nMade from a 4-bit GGUF copy, so its numbers differ a little from "
        f"the original's. Licence: {facts.get('general.license', 'see the source')}. The weights are float16; load "
        "them with `from_pretrained(folder, dtype=torch.float32)`.\n", "utf-8")
    _write_tokenizer(folder / "tokenizer.json", reader, tokens)


def _write_tokenizer(path: Path, reader: Any, tokens: list[str]) -> None:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    merges = [tuple(merge.split(" ")) for merge in reader.fields["tokenizer.ggml.merges"].contents()]
    kinds = reader.fields["tokenizer.ggml.token_type"].contents()
    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    control = 3  # GGUF's token type for special tokens
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False)
                                  for token, kind in zip(tokens, kinds, strict=True) if kind == control])
    tokenizer.save(str(path))


def peak_mb() -> int | None:
    """The most memory that this process has used so far, in megabytes; None where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux's ru_maxrss counts the parent's memory too, from the moment between fork and exec; this mark does not.
        mark = next(line for line in status.read_text("utf-8").splitlines() if line.startswith("VmHWM:"))
        return round(int(mark.split()[1]) * 1024 / 1e6)
    try:
        import resource
    except ImportError:  # Windows
        return None
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6)


def _json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1), "utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def main(arguments: list[str]) -> int:
    """Convert, with one JSON object a line on the standard output: progress, then perhaps the problem."""
    source, folder = (Path(argument) for argument in arguments)
    try:
        convert(source, folder, lambda fraction, stage: print(json.dumps({"fraction": fraction, "stage": stage}),
                                                              flush=True))
    except (ValueError, OSError, KeyError) as problem:
        print(json.dumps({"error": str(problem), "errno": getattr(problem, "errno", None)}), flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
