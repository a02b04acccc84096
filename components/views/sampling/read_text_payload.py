"""From readings of a text to one header and small arrays, see assets/web/sampling_read.js."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components import sampling
from components.models import catalog, loaders
from components.payload import pack
from components.sampling import Scored
from components.tokenization import vocabulary
from components.views.sampling.labels import Labels

WORDS_TOLD = 6
# Below this the two readings say the same of a piece.
DIFFER_BITS = 1.0


@dataclass(frozen=True)
class Reader:
    """Who reads what, and how: `title` for the picture, `window` None for the whole context."""

    title: str
    model: str
    text: str
    window: int | None
    begins: bool

    @property
    def key(self) -> tuple[Any, ...]:
        """Under which its reading is kept for everybody."""
        return (self.model, self.text, self.window, self.begins)

    @property
    def tokens(self) -> int:
        """How many tokens the text has."""
        return len(loaders.tokenizer(self.model).library_object.encode(self.text, add_special_tokens=False).ids)

    @property
    def cost(self) -> int:
        """Tokens to read times megabytes of the model; windows read everything twice."""
        return self.tokens * (1 if self.window is None else 2) * catalog.entry(self.model).memory_mb


def payload(mode: str, readers: Sequence[Reader], found: Sequence[Scored], colour: str, state: str = "") -> bytes:
    """The picture's buffer.

    Args:
        mode: "one", "texts", "models" or "window"; in the last two both read the same text and are compared.
        readers, found: who read, and what came of it; the first is the one in question.
        colour: "surprise", "probability" or "rank".
        state: "growing" while the reading goes on, "stopped" where the rest was never read.
    """
    header: dict[str, Any] = {"mode": mode, "colour": colour, "state": state, "readings": []}
    arrays: dict[str, NDArray[Any]] = {}
    for place, (reader, scored) in enumerate(zip(readers, found, strict=True)):
        header["readings"].append(_reading(reader, scored))
        arrays |= {
            f"ids{place}": np.array(scored.ids, np.int32),
            f"surprise{place}": scored.surprises,
            f"rank{place}": scored.ranks,
            f"expected{place}": scored.expected,
            f"chance{place}": scored.chances,
            f"from{place}": scored.seen_from,
        }
    if mode in ("models", "window"):
        pieces = sampling.stretches(readers[0].text, found[0], found[1])
        header["pieces"] = [[one.text, round(one.bits, 3), round(one.other_bits, 3)] for one in pieces]
        differ = sorted(pieces, key=lambda one: one.bits - one.other_bits)
        header["more"] = [_told(one) for one in reversed(differ[-WORDS_TOLD:])
                          if one.bits - one.other_bits >= DIFFER_BITS]
        header["less"] = [_told(one) for one in differ[:WORDS_TOLD] if one.other_bits - one.bits >= DIFFER_BITS]
        size = sum(one.size for one in pieces)
        if size:
            header["same_bytes"] = {
                "bytes": size,
                "bits": [sum(one.bits for one in pieces) / size, sum(one.other_bits for one in pieces) / size],
            }
    return pack(header, arrays)


def _told(one: sampling.Stretch) -> list[Any]:
    return [one.text.strip() or one.text, round(one.bits, 2), round(one.other_bits, 2)]


def _reading(reader: Reader, scored: Scored) -> dict[str, Any]:
    labels = Labels(vocabulary(loaders.tokenizer(reader.model)))
    used = sorted(set(scored.ids) | {int(token) for token in np.unique(scored.expected) if token >= 0})
    context = loaders.model(reader.model).context
    count = scored.count
    # Where the newest token that was read could see to, for the mark that stands without a pointer over a token.
    last = int(np.flatnonzero(scored.scored)[-1]) if count else 0
    return {
        "title": reader.title,
        "model": catalog.entry(reader.model).title,
        "labels": {str(token): [label["t"], label["k"]] for token in used for label in [labels.label(token)]},
        "count": count,
        "nats": scored.nats,
        "perplexity": _finite(scored.perplexity),
        "bits_per_byte": _finite(scored.bits_per_byte),
        "bytes": scored.bytes,
        "bands": list(scored.bands),
        "window": scored.window,
        "context": context,
        "sliding": int(scored.seen_from.max(initial=0)) > 0,
        "begins": None if scored.begins is None else labels.label(scored.begins)["t"],
        "last": last,
    }


def _finite(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
