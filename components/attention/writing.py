"""`write_on(model, ids, settings)`: a text written on token by token, with the attention row behind each new token.

A token is written from the token before it: the row that led to new token s is the row of the query at position
prompt - 1 + s, over all tokens so far. With a key-value cache each step computes that one row, so that watching a
model write costs no more than letting it write.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.attention.capture import check_finite, library_model
from components.attention.limits import check_ids
from components.attention.tap import Attended, Recorder, recording, twin
from components.sampling import Chain, Settings, Step, context_of, end_ids, take
from components.workshop import FORWARD

WRITTEN = 40


@dataclass(frozen=True)
class Writing:
    """A text and how its end was written.

    Attributes:
        ids: [token], the prompt and what was written.
        prompt: how many of the tokens were there before.
        rows: [layer, head, cell], the rows of all steps one after another; see `row`.
        probability: [step], of the written token as the model gave it, before temperature.
        rank: [step], 1 where the written token was the likeliest.
        ended: "end" at the model's own end token, "length" after as many tokens as asked for, "context" where the model
            reads no further.
    """

    ids: NDArray[np.int32]
    prompt: int
    rows: NDArray[np.float32]
    probability: NDArray[np.float32]
    rank: NDArray[np.int32]
    ended: str

    @property
    def steps(self) -> int:
        """How many tokens were written."""
        return int(self.ids.size) - self.prompt

    def start(self, step: int) -> int:
        """Where a step's row begins among the cells: step s has prompt + s of them."""
        return step * self.prompt + step * (step - 1) // 2

    def row(self, layer: int, head: int, step: int) -> NDArray[np.float32]:
        """The weights [key] from which token `prompt + step` was written, by the query `prompt + step - 1`."""
        at = self.start(step)
        return self.rows[layer, head, at : at + self.prompt + step]

    def looks(self, *, skip_first: bool) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Where each head looks first: key and weight, both [layer, head, step].

        `skip_first` passes over the first token, on which many heads rest; a text of one token has no other.
        """
        layers, heads = self.rows.shape[:2]
        keys = np.zeros((layers, heads, self.steps), dtype=np.int32)
        most = np.zeros((layers, heads, self.steps), dtype=np.float32)
        for step in range(self.steps):
            at, long = self.start(step), self.prompt + step
            behind = 1 if skip_first and long > 1 else 0
            part = self.rows[:, :, at + behind : at + long]
            keys[:, :, step] = part.argmax(-1) + behind
            most[:, :, step] = part.max(-1)
        return keys, most

    def sink(self) -> NDArray[np.float32]:
        """How much rests on the first token, [layer, head, step]."""
        return self.rows[:, :, [self.start(step) for step in range(self.steps)]]


class _LastRow(Recorder):
    """A recorder that keeps the last query's row of each layer."""

    def __init__(self) -> None:
        self.layers: list[NDArray[np.float32]] = []

    def attention(self, told: Attended) -> None:
        row: NDArray[np.float32] = told.weights[0, :, -1].float().cpu().numpy()
        check_finite(row, told.layer)
        self.layers.append(row)


def check_writes(library: Any) -> None:
    """ValueError for a model that writes nothing on: an encoder, or one without a language-model head."""
    if getattr(library.config, "is_encoder_decoder", False):
        raise ValueError("An encoder-decoder writes a text of its own beside yours; choose a decoder to go on from it.")
    if not library.can_generate():
        raise ValueError(
            f"{type(library).__name__} is an encoder: it reads the whole text at once and writes nothing on; "
            "choose a decoder to watch it write."
        )


def write_on(
    model: Any,
    ids: Sequence[int] | NDArray[np.integer[Any]],
    settings: Settings,
    *,
    report: Callable[[int, int], None] = lambda done, of: None,
) -> Writing:
    """Write a text on and keep the attention rows from which each token came.

    Args:
        model: what `open_model` returns, or a transformers decoder in float32.
        ids: the tokens to go on from, [token].
        settings: the sampling chain's knobs; `max_new_tokens` at most 40. Temperature 0 is greedy decoding. The same
            seed gives the same tokens as `components.sampling.decode`.
        report: called before each token with how many are written and how many were asked for; raise in it to stop.

    Returns:
        a frozen `Writing`. Its rows equal those of one forward pass over the finished text, to rounding.

    Raises:
        ValueError: an encoder, no ids, ids of another vocabulary, a text that fills the context, damaged weights.
    """
    import torch
    from transformers import DynamicCache

    library = library_model(model)
    check_writes(library)
    prompt = check_ids(ids, library.config)
    if not 1 <= settings.max_new_tokens <= WRITTEN:
        raise ValueError(f"{settings.max_new_tokens} new tokens were asked for; choose between 1 and {WRITTEN}.")
    context, ends = context_of(library), end_ids(library)
    if prompt.size >= context:
        raise ValueError(
            f"This text fills the {context:,} tokens that the model can read, so nothing can follow; shorten the text."
        )
    tapped = twin(library)
    last = {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(tapped.forward).parameters else {}
    device = next(tapped.parameters()).device
    chain = Chain(settings, model=library, prompt_length=int(prompt.size))
    # Without a configuration the cache keeps every key, also behind a sliding window, so that rows have full length.
    cache = DynamicCache()
    text: list[int] = prompt.tolist()
    unread = list(text)
    kept: list[list[NDArray[np.float32]]] = []
    steps: list[Step] = []
    ended = "length"
    while len(steps) < settings.max_new_tokens:
        report(len(steps), settings.max_new_tokens)
        recorder = _LastRow()
        with FORWARD, torch.inference_mode(), recording(recorder):
            output = tapped(
                input_ids=torch.tensor([unread], device=device), past_key_values=cache, use_cache=True, **last
            )
        if not recorder.layers:
            raise ValueError(f"{type(library).__name__} showed no attention; choose another model.")
        kept.append(recorder.layers)
        step = take(output.logits[0, -1].float().cpu(), text, chain, len(steps))
        steps.append(step)
        text.append(step.id)
        unread = [step.id]
        if step.id in ends:
            ended = "end"
            break
        if len(text) >= context:
            ended = "context"
            break
    made = Writing(
        ids=np.array(text, dtype=np.int32),
        prompt=int(prompt.size),
        rows=np.stack([np.concatenate([rows[layer] for rows in kept], axis=-1) for layer in range(len(kept[0]))]),
        probability=np.array([step.raw for step in steps], dtype=np.float32),
        rank=np.array([step.rank for step in steps], dtype=np.int32),
        ended=ended,
    )
    for array in (made.ids, made.rows, made.probability, made.rank):
        array.setflags(write=False)
    return made
