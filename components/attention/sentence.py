"""Text -> the ids a model reads and the pieces a reader sees, checked before a model is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.attention.heads import HeadMap, map_heads
from components.models.open import OpenModel, OpenTokenizer
from components.tokenization import trace
from components.workshop import check_text

# A token of ordinary text has four or five letters. A text of this many characters is beyond every limit of this page,
# and saying so at once spares the tokenizer a megabyte.
CHARACTERS = 20_000


def read(tokenizer: OpenTokenizer, text: str) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """The ids [token] of a text and each token's own text; no mark is put in front.

    Raises ValueError for a text that is empty, broken or far too long.
    """
    check_text(text)
    if len(text) > CHARACTERS:
        raise ValueError(
            f"This text has {len(text):,} characters, and every head is drawn for a few hundred tokens; "
            "choose a paragraph of it."
        )
    traced = trace(tokenizer, text)
    return traced.ids, tuple(token.text for token in traced)


def spell(tokenizer: OpenTokenizer, ids: Sequence[int]) -> tuple[str, ...]:
    """What each of a model's own tokens spells by itself; a part of a character shows as U+FFFD."""
    return tuple(str(tokenizer.library_object.decode([int(one)], skip_special_tokens=False)) for one in ids)


def map_text(model: OpenModel, text: str, *, check: Callable[[], None] = lambda: None) -> HeadMap:
    """`map_heads` of a text, read by the model's own tokenizer.

    Raises:
        ValueError: the text is empty, broken or too long for the model or the memory; or as `capture` raises.
    """
    ids, pieces = read(model.tokenizer, text)

    def shown(some: Sequence[int]) -> Sequence[str]:
        return spell(model.tokenizer, some)

    return map_heads(model, ids, pieces, spell=shown, check=check)


def limits_of(config: dict[str, Any]) -> tuple[int, int]:
    """The token limit, and the bytes of all weights at that limit, of a model's `config.json`."""
    from components.attention.limits import bytes_needed, token_limit

    layers, heads = int(config["num_hidden_layers"]), int(config["num_attention_heads"])
    context = config.get("max_position_embeddings") or config.get("n_positions")
    limit = token_limit(layers, heads, context)
    return limit, bytes_needed(layers, heads, limit)
