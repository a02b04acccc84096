"""The numbers of all heads in one file, safetensors or npz. Both say in themselves how they are read."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.attention import SCORES, HeadMap

# Up to here weights go as full matrices; beyond, a decoder's as causal halves, which are a little over half as large.
FULL_BYTES = 48_000_000
REST = ("scores", "norms", "ids", "words", "next_ids", "next_probabilities")

README = """Attention of every head of {model} on one text, from Looking Glass.

weights{half}: float16, {shape}. A row of a head adds up to 1.{how}
scores: float32 [score, layer, head]; the names are in `scores` of this metadata. NaN: this text cannot tell.
norms: float32 [layer, head, token], the length of a token's value behind the head's part of the output projection;
  weight * norm is the length of what that key adds to the residual stream. No tokens: the projection was not found.
ids: int32 [token]. words: int32 [token], the number of the word that a token belongs to.
next_ids, next_probabilities: the likeliest next tokens, out of the whole vocabulary; empty for an encoder.
Metadata: model, text, pieces (the tokens' texts, a JSON list), scores (a JSON list), causal, kv_heads.
"""
_FULL = " Query head h reads key-value head h // (heads / kv_heads)."
_HALF = """
  The lower triangle row by row, as numpy.tril_indices(tokens) gives it:
  full = numpy.zeros((tokens, tokens)); full[numpy.tril_indices(tokens)] = weights_lower[layer, head]"""


def _whole(heads: HeadMap) -> bool:
    return not heads.causal or heads.layers * heads.heads * heads.tokens**2 * 2 <= FULL_BYTES


def arrays(heads: HeadMap) -> dict[str, NDArray[Any]]:
    """Everything by name: `weights` [layer, head, query, key], or `weights_lower` [layer, head, cell] where that one
    would be over 48 MB."""
    n = heads.tokens
    if _whole(heads):
        full = np.zeros((heads.layers, heads.heads, n, n), dtype=np.float16)
        if heads.causal:
            rows, columns = np.tril_indices(n)
            full[:, :, rows, columns] = heads.weights
        else:
            full[:] = heads.weights.reshape(full.shape)
        weights = {"weights": full}
    else:
        weights = {"weights_lower": heads.weights}
    return {**weights, **{name: getattr(heads, name) for name in REST}}


def metadata(heads: HeadMap, model: str, text: str) -> dict[str, str]:
    """What the arrays mean, as strings, since safetensors holds nothing else beside them."""
    half = not _whole(heads)
    shape = "[layer, head, cell]" if half else "[layer, head, query, key]"
    return {
        "README": README.format(model=model, half="_lower" if half else "", shape=shape, how=_HALF if half else _FULL),
        "model": model,
        "text": text,
        "pieces": json.dumps(heads.pieces, ensure_ascii=False),
        "scores": json.dumps(SCORES),
        "causal": json.dumps(heads.causal),
        "kv_heads": str(heads.kv_heads),
    }


def as_safetensors(heads: HeadMap, model: str, text: str) -> bytes:
    """One safetensors file; its metadata begins with a README."""
    from safetensors.numpy import save

    made: bytes = save(
        {name: np.ascontiguousarray(array) for name, array in arrays(heads).items()}, metadata(heads, model, text)
    )
    return made


def as_npz(heads: HeadMap, model: str, text: str) -> bytes:
    """One npz file; `README` and `metadata` (JSON) are strings in it, so that it loads without pickle."""
    out = io.BytesIO()
    told = metadata(heads, model, text)
    np.savez_compressed(
        out, README=np.array(told["README"]), metadata=np.array(json.dumps(told, ensure_ascii=False)),
        **arrays(heads),  # type: ignore[arg-type]
    )
    return out.getvalue()
