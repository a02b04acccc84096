"""Asking by likelihood: answers are not generated but scored, many of them behind one prompt in one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.sampling.grammar import vocabulary_of
from components.sampling.library import library_of
from components.sampling.prefixes import Prefix, prefixes, share
from components.sampling.reading import advance, check_ids, context_of
from components.workshop import FORWARD

if TYPE_CHECKING:
    import torch

ROWS = 16  # rows of one batch at most
LOGITS = 40_000_000  # and so many logits: 160 MB
MOST_OPTIONS = 20
Path = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Likelihoods:
    """Answers, scored.

    Attributes:
        log_p: [option] ln P(option | prompt).
        log_p_empty: [option] ln P(option | empty question): how likely the option is whatever was asked.
        tokens: [option] how many tokens each option has.
    """

    log_p: NDArray[np.float64]
    log_p_empty: NDArray[np.float64]
    tokens: NDArray[np.int64]

    @property
    def calibrated(self) -> NDArray[np.float64]:
        """[option] ln P(option | prompt) - ln P(option | empty question): what the question adds."""
        return self.log_p - self.log_p_empty

    @property
    def mean(self) -> NDArray[np.float64]:
        """[option] ln P(option | prompt) per token, so that long options are not held back by their length."""
        return self.log_p / self.tokens


def continuation(model: Any, prompt: str, text: str, prompt_ids: Sequence[int]) -> Path:
    """The tokens of `text` behind `prompt`, cut as the tokenizer cuts the two together where that is possible.

    Raises:
        ValueError: the tokenizer makes nothing of it.
    """
    library = model.tokenizer.library_object
    whole = tuple(library.encode(prompt + text, add_special_tokens=False).ids)
    bare = tuple(library.encode(prompt, add_special_tokens=False).ids)
    fits = bare and tuple(prompt_ids[-len(bare) :]) == bare == whole[: len(bare)]
    found = whole[len(bare) :] if fits else tuple(library.encode(text, add_special_tokens=False).ids)
    if not found:
        raise ValueError(f"The tokenizer makes no token of “{text}”; write another option.")
    return found


def score_options(
    model: Any, prompt_ids: Sequence[int], options: Sequence[Sequence[int]], empty_prompt_ids: Sequence[int],
    *, cancelled: Callable[[], bool] | None = None,
) -> Likelihoods:
    """Score answers by their likelihood, next to their likelihood behind an empty question.

    Args:
        model: an `OpenModel`, or a transformers decoder in float32.
        prompt_ids: the question.
        options: the tokens of each answer, see `continuation`.
        empty_prompt_ids: the same prompt with nothing in the question's place.
        cancelled: asked before each batch; True ends the work.

    Raises:
        ValueError: no options or too many, an empty one, more tokens than the context holds, ids out of range, a
            cancelled scoring.

    Source: contextual calibration, Zhao et al. 2021 (arXiv 2102.09690), by difference of logarithms.
    """
    if not options:
        raise ValueError("There is no option to score; write at least two, one on each line.")
    if len(options) > MOST_OPTIONS:
        raise ValueError(f"There are {len(options)} options and this page takes {MOST_OPTIONS}; leave some out.")
    if any(not option for option in options):
        raise ValueError("One option has no token; write a text for it, or take it out.")
    rows = [tuple(int(token) for token in option) for option in options]
    sums = []
    for asked in (prompt_ids, empty_prompt_ids):
        found = np.zeros(len(rows))
        for place, scores in behind(model, asked, rows, cancelled):
            found[place] = sum(float(scores[i, token]) for i, token in enumerate(rows[place]))
        sums.append(found)
    return Likelihoods(sums[0], sums[1], np.array([len(row) for row in rows], dtype=np.int64))


def behind(
    model: Any, prompt_ids: Sequence[int], rows: Sequence[Path], cancelled: Callable[[], bool] | None = None
) -> Iterator[tuple[int, torch.Tensor]]:
    """For each row its place and ln P [position, vocab] float64: entry i is for the token after `row[:i]`.

    The prompt is read once; the rows stand behind it in batches, padded on the right and masked there.
    """
    import torch

    library = library_of(model)
    prompt = check_ids(model, prompt_ids)
    for row in rows:
        if row:
            check_ids(model, row)
        if len(prompt) + len(row) > context_of(model):
            raise ValueError(f"Question and option have {len(prompt) + len(row):,} tokens and this model reads "
                             f"{context_of(model):,}; shorten them.")
    prefix = prefixes.take(library, prompt)
    if len(prefix.ids) < len(prompt) - 1:
        _, prefix = advance(library, prefix, prompt[len(prefix.ids) : -1])
    order = sorted(range(len(rows)), key=lambda place: len(rows[place]))  # little padding
    widest = 1 + max((len(row) for row in rows), default=0)
    size = max(1, min(ROWS, LOGITS // (widest * vocabulary_of(library))))
    try:
        for start in range(0, len(order), size):
            if cancelled is not None and cancelled():
                raise ValueError("The scoring was stopped; start it again.")
            places = order[start : start + size]
            logits = _batch(library, prefix, prompt[-1], [rows[place] for place in places])
            for number, place in enumerate(places):
                used = logits[number, : len(rows[place]) + 1]
                yield place, torch.log_softmax(used.double(), dim=-1)
    finally:
        prefixes.put(library, prefix)


def _batch(library: Any, prefix: Prefix, last: int, rows: Sequence[Path]) -> torch.Tensor:
    """Logits [row, position, vocab] of `(last, *row)` behind `prefix`, whose own cache stays as it is."""
    import torch

    width = 1 + max(map(len, rows))
    ids = torch.tensor([[last, *row, *[last] * (width - 1 - len(row))] for row in rows])
    real = torch.tensor([[1] * (len(prefix.ids) + 1 + len(row)) + [0] * (width - 1 - len(row)) for row in rows])
    with FORWARD, torch.inference_mode():
        cache = share(prefix.cache)
        if prefix.ids:
            cache.batch_repeat_interleave(len(rows))
        output = library(input_ids=ids, attention_mask=real, past_key_values=cache, use_cache=True)
    found: torch.Tensor = output.logits.float()
    return found
