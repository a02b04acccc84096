"""Reading a text: the logits after its last token, and how surprising each token was on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.sampling.library import library_of
from components.sampling.prefixes import Prefix, prefixes
from components.workshop import FORWARD

# Positions in one forward: bounds the logits to 64 x 49,152 floats (13 MB), and lets a reader leave half-way.
CHUNK = 64


@dataclass(frozen=True, eq=False)
class Reading:
    """What a model makes of a text.

    Attributes:
        ids: the text's tokens.
        surprises: [n] float32, -ln of each token's probability after the tokens before it, in nats; NaN for the first.
        logits: [vocab] float32, what the model expects after the last token.
    """

    ids: tuple[int, ...]
    surprises: NDArray[np.float32]
    logits: NDArray[np.float32]


def context_of(model: Any) -> int:
    """How many tokens the model reads at most."""
    config = library_of(model).config.get_text_config()  # type: ignore[union-attr]
    return int(getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None) or 2048)


def check_ids(model: Any, ids: Sequence[int]) -> tuple[int, ...]:
    """The ids as a tuple of int.

    Raises:
        ValueError: none, too many for the model's context, or an id that the model does not know.
    """
    checked = tuple(int(token) for token in ids)
    if not checked:
        raise ValueError("There is no token to go on from; type a word.")
    context = context_of(model)
    if len(checked) > context:
        raise ValueError(
            f"The text has {len(checked):,} tokens and this model reads at most {context:,}; shorten the text."
        )
    vocabulary = library_of(model).get_output_embeddings().weight.shape[0]  # type: ignore[union-attr]
    for token in checked:
        if not 0 <= token < vocabulary:
            raise ValueError(f"Token {token} is not among this model's {vocabulary:,}; use the model's own tokenizer.")
    return checked


def forward(model: Any, prefix: Prefix, ids: Sequence[int]) -> tuple[Any, Prefix]:
    """One forward of `ids` behind `prefix`, whose cache it writes into.

    Returns:
        logits [position, vocab] as a float32 tensor, and the longer prefix.
    """
    import torch

    with FORWARD, torch.inference_mode():
        output = model(
            input_ids=torch.tensor([list(ids)]),
            past_key_values=prefix.cache,
            use_cache=True,
        )
    logits = output.logits[0].float()
    whole = (*prefix.ids, *ids)
    told = _surprises(prefix, ids, logits)
    return logits, Prefix(whole, output.past_key_values, told, (len(whole), logits[-1].clone()))


def _surprises(prefix: Prefix, ids: Sequence[int], logits: Any) -> tuple[float, ...]:
    """-ln of each token's probability, of the prefix and of `ids` after it; NaN where it is not known."""
    import torch

    length, rows = len(prefix.ids), logits[:-1]
    before = prefix.surprises[:length]
    before += (math.nan,) * (length - len(before))
    if prefix.next is not None and prefix.next[:2] == (length, ids[0]):
        before += (prefix.next[2],)
    elif prefix.logits is None:
        before += (math.nan,)
    else:
        rows = torch.cat([prefix.logits[None], rows])  # what was expected at the first of `ids`
    following = torch.tensor(list(ids[len(ids) - len(rows) :]), dtype=torch.long)
    picked = rows[torch.arange(len(rows)), following]
    return before + tuple((torch.logsumexp(rows, dim=-1) - picked).clamp(min=0).tolist())


def advance(model: Any, prefix: Prefix, ids: Sequence[int]) -> tuple[Any, Prefix]:
    """Read `ids` behind `prefix` in chunks; the logits [vocab] after the last one, and the longer prefix."""
    logits = None
    for start in range(0, len(ids), CHUNK):
        logits, prefix = forward(model, prefix, ids[start : start + CHUNK])
    if logits is None:
        raise ValueError("There is no token to read; pass at least one id.")
    return logits[-1], prefix


def read(
    model: Any,
    ids: Sequence[int],
    *,
    report: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Reading:
    """Read a text in chunks of 64 tokens, keeping its key-value cache for the steps that follow.

    The longest beginning that was read before is not read again, so a text edited at its end costs its end.

    Args:
        model: an `OpenModel`, or a transformers decoder in float32.
        ids: the text's tokens, as the model's own tokenizer gives them.
        report: called with the share read so far.
        cancelled: asked before each chunk; True ends the reading.

    Raises:
        ValueError: no ids, more than the model's context, ids out of range, or a cancelled reading.
    """
    library = library_of(model)
    checked = check_ids(model, ids)
    prefix = prefixes.take(library, checked, surprises=True)
    for start in range(len(prefix.ids), len(checked), CHUNK):
        if cancelled is not None and cancelled():
            raise ValueError("The reading was stopped; send the text again to go on.")
        _, prefix = forward(library, prefix, checked[start : start + CHUNK])
        if report is not None:
            report(len(prefix.ids) / len(checked))
    prefixes.put(library, prefix)
    surprises = np.array(prefix.surprises, dtype=np.float32)
    last = prefix.logits.numpy()  # type: ignore[union-attr]
    surprises.setflags(write=False)
    last.setflags(write=False)
    return Reading(checked, surprises, last)


def next_logits(model: Any, ids: Sequence[int]) -> NDArray[np.float32]:
    """The logits [vocab] float32 after `ids`, from the longest beginning that was read before.

    Raises:
        ValueError: as `read`.
    """
    library = library_of(model)
    checked = check_ids(model, ids)
    prefix = prefixes.take(library, checked)
    logits, prefix = advance(library, prefix, checked[len(prefix.ids) :])
    prefixes.put(library, prefix)
    last: NDArray[np.float32] = logits.numpy().copy()
    last.setflags(write=False)
    return last
