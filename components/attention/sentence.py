"""Text -> the ids a model reads and the pieces a reader sees, checked before a model is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.attention.heads import HeadMap, map_heads
from components.attention.words import words_of
from components.models import catalog
from components.models.open import OpenModel, OpenTokenizer
from components.tokenization import Kind, trace
from components.workshop import check_text

# A token of ordinary text has four or five letters. A text of this many characters is beyond every limit of this page,
# and saying so at once spares the tokenizer a megabyte.
CHARACTERS = 20_000


@dataclass(frozen=True)
class Reading:
    """A text as a model reads it.

    Attributes:
        ids: int32 [token].
        pieces: the tokens' texts; a special token that the model expects shows under its own name.
        special: uint8 [token], 1 for a control token of the text, 2 for one that the model expects around it.
        words: int32 [token], the word that a token belongs to.
    """

    ids: NDArray[np.int32]
    pieces: tuple[str, ...]
    special: NDArray[np.uint8]
    words: NDArray[np.int32]


def is_encoder(name: str) -> bool:
    """Whether a catalog id is an encoder, which reads between special tokens of its own."""
    entry = catalog.ENTRIES.get(name)
    return entry is not None and entry.kind == "encoder"


def marks_around(tokenizer: OpenTokenizer) -> tuple[list[int], list[int]]:
    """The special tokens that a model expects before and after a text, such as [CLS] and [SEP]."""
    library = tokenizer.library_object
    if tokenizer.kind != "tokenizers":
        return [], []
    made = library.encode("a")
    own = [at for at, special in enumerate(made.special_tokens_mask) if not special]
    return (made.ids[: own[0]], made.ids[own[-1] + 1 :]) if own else (made.ids, [])


def reading(tokenizer: OpenTokenizer, text: str, *, marks: bool = False) -> Reading:
    """A text cut into tokens; `marks` puts the special tokens around it that an encoder expects.

    Raises ValueError for a text that is empty, broken or far too long.
    """
    check_text(text)
    if len(text) > CHARACTERS:
        raise ValueError(
            f"This text has {len(text):,} characters, and every head is drawn for a few hundred tokens; "
            "choose a paragraph of it."
        )
    traced = trace(tokenizer, text)
    ranges = list(zip(traced.char_start.tolist(), traced.char_end.tolist(), strict=True))
    ids, words = traced.ids, words_of(text, ranges)
    pieces = tuple(token.text for token in traced)
    special = (traced.kinds == Kind.SPECIAL).astype(np.uint8)
    if not marks:
        return Reading(ids, pieces, special, words)
    before, after = marks_around(tokenizer)
    count = int(words[-1]) + 1 if len(words) else 0
    first, last = np.arange(len(before)), np.arange(len(after)) + len(before) + count
    return Reading(
        np.concatenate([np.array(before, dtype=np.int32), ids, np.array(after, dtype=np.int32)]),
        (*spell(tokenizer, before), *pieces, *spell(tokenizer, after)),
        np.concatenate([np.full(len(before), 2), special, np.full(len(after), 2)]).astype(np.uint8),
        np.concatenate([first, words + len(before), last]).astype(np.int32),
    )


def read(tokenizer: OpenTokenizer, text: str) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """The ids [token] of a text and each token's own text; no mark is put in front.

    Raises ValueError as `reading` does.
    """
    made = reading(tokenizer, text)
    return made.ids, made.pieces


def read_for(model: OpenModel, text: str) -> Reading:
    """A text as this very model reads it: an encoder between its special tokens, a decoder as it stands.

    Raises ValueError as `reading` does.
    """
    return reading(model.tokenizer, text, marks=is_encoder(model.name))


def spell(tokenizer: OpenTokenizer, ids: Sequence[int]) -> tuple[str, ...]:
    """What each of a model's own tokens spells by itself; a part of a character shows as U+FFFD."""
    return tuple(str(tokenizer.library_object.decode([int(one)], skip_special_tokens=False)) for one in ids)


def map_text(model: OpenModel, text: str, *, check: Callable[[], None] = lambda: None) -> HeadMap:
    """`map_heads` of a text, read by the model's own tokenizer.

    Raises:
        ValueError: the text is empty, broken or too long for the model or the memory; or as `capture` raises.
    """
    made = read_for(model, text)

    def shown(some: Sequence[int]) -> Sequence[str]:
        return spell(model.tokenizer, some)

    return map_heads(
        model, made.ids, made.pieces, special=made.special, words=made.words, spell=shown, check=check
    )


def remark(heads: HeadMap) -> str | None:
    """What a reader should know of a text that shows little, in one sentence; None for an ordinary one."""
    own = np.flatnonzero(heads.special != 2)
    if heads.special.all():
        return "This text holds special tokens alone, which mark places and say nothing; put a sentence between them."
    if len(own) == 1:
        return "A single token has nothing but itself to look at; add a word or two."
    return None


def limits_of(config: dict[str, Any]) -> tuple[int, int]:
    """The token limit, and the bytes of all weights at that limit, of a model's `config.json`."""
    from components.attention.limits import bytes_needed, token_limit

    layers, heads = int(config["num_hidden_layers"]), int(config["num_attention_heads"])
    context = config.get("max_position_embeddings") or config.get("n_positions")
    limit = token_limit(layers, heads, context)
    return limit, bytes_needed(layers, heads, limit)
