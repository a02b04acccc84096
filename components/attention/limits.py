"""How long a text may be, by the model's context and by memory, checked at the door.

Attention weights grow with the square of the text: layers x heads x tokens x tokens x 4 bytes in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# All weights of one text in float32. 300 MB is 512 tokens of SmolLM2 (30 x 9 heads); storyteller meets its context
# of 256 long before.
WEIGHT_BYTES = 300_000_000
TOKENS = 512


def bytes_needed(layers: int, heads: int, tokens: int) -> int:
    """Bytes of all attention weights [layer, head, query, key] of one text in float32."""
    return layers * heads * tokens * tokens * 4


def token_limit(layers: int, heads: int, context: int | None) -> int:
    """The most tokens that are taken: what the model can read, what fits in `WEIGHT_BYTES`, and at most 512."""
    by_memory = int((WEIGHT_BYTES / (layers * heads * 4)) ** 0.5)
    return max(1, min(TOKENS, by_memory, context or TOKENS))


def context_of(config: Any) -> int | None:
    """The number of positions a configuration allows, or None where it names none."""
    for name in ("max_position_embeddings", "n_positions"):
        value = getattr(config, name, None)
        if isinstance(value, int) and value > 0:
            return value
    return None


def check_ids(ids: Sequence[int] | NDArray[np.integer[Any]], config: Any) -> NDArray[np.int64]:
    """The ids as an int64 array [token], or a ValueError that says what is wrong and what to do."""
    array = np.asarray(ids)
    if array.ndim == 2 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 1:
        raise ValueError("The token ids have to be one list of whole numbers; pass one text at a time.")
    if array.size == 0:
        raise ValueError("There is no token to look at; type a sentence, or press an example.")
    if array.dtype.kind not in "iu":
        raise ValueError("Token ids have to be whole numbers; pass the tokenizer's ids.")
    array = array.astype(np.int64)
    vocabulary = int(config.vocab_size)
    if array.min() < 0 or array.max() >= vocabulary:
        wrong = int(array.min() if array.min() < 0 else array.max())
        raise ValueError(
            f"Token id {wrong} is outside the model's vocabulary of {vocabulary:,}; use the model's own tokenizer."
        )
    layers, heads = int(config.num_hidden_layers), int(config.num_attention_heads)
    limit = token_limit(layers, heads, context_of(config))
    if array.size > limit:
        needed = bytes_needed(layers, heads, int(array.size)) / 1e6
        raise ValueError(
            f"This text has {array.size:,} tokens, and this model's attention is shown for up to {limit:,} "
            f"({array.size:,} would need {needed:,.0f} MB of weights); shorten the text."
        )
    return array
