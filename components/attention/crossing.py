"""`rewrite(model, text)`: what an encoder-decoder writes for a text, with all its attention, short enough to draw."""

from __future__ import annotations

from dataclasses import dataclass

from components.attention.seq2seq import Seq2SeqCapture, Source, capture_seq2seq, read_source
from components.models.open import OpenModel

#: Tokens of a text whose lines can still be told apart, and how many are written at most: a date has eleven.
MOST_SOURCE = 64
MOST_TARGET = 24


@dataclass(frozen=True)
class Rewriting:
    """A text, what was written for it, and the attention in between.

    Attributes:
        source: the text as the model reads it.
        seen: the three kinds of attention.
        written: what it wrote, without special tokens.
        nothing_known: True where no token of the text stands in the vocabulary, the end mark aside.
    """

    source: Source
    seen: Seq2SeqCapture
    written: str
    nothing_known: bool


def rewrite(model: OpenModel, text: str) -> Rewriting:
    """Let an encoder-decoder write greedily and keep its attention; see `capture_seq2seq`.

    Raises:
        ValueError: the text is empty or has more than 64 tokens; or as `capture_seq2seq` raises.
    """
    source = read_source(model, text)
    count = len(source.ids)
    if count > MOST_SOURCE:
        raise ValueError(
            f"This text has {count} tokens, and {model.name} reads up to {MOST_SOURCE} here; "
            "keep the date and a few words around it."
        )
    seen = capture_seq2seq(model, source.ids, max_new_tokens=MOST_TARGET)
    written = str(model.tokenizer.library_object.decode([int(one) for one in seen.target_ids]))
    own = [known for known, (start, end) in zip(source.known, source.spans, strict=True) if end > start]
    return Rewriting(source, seen, written, not any(own))
