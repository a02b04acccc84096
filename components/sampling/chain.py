"""The library's own chain of logits processors, seen stage by stage.

Nothing is re-implemented here: the list of processors comes out of transformers itself, in transformers' order, and
is folded over the logits while the distribution after each of them is recorded. The order in transformers 5.23:

1. repetition_penalty (with the other processors that a model's own generation config may switch on)
2. temperature
3. top_k
4. top_p
5. min_p

`_get_logits_processor` is private to transformers; a test pins it against `generate(output_scores=True)`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from components.sampling.settings import Settings

if TYPE_CHECKING:
    import torch

# The knobs that always have a row, in the library's order, with the class that transformers gives each.
KNOBS = {
    "repetition_penalty": "RepetitionPenaltyLogitsProcessor",
    "temperature": "TemperatureLogitsWarper",
    "top_k": "TopKLogitsWarper",
    "top_p": "TopPLogitsWarper",
    "min_p": "MinPLogitsWarper",
}
_NAMES = {kind: name for name, kind in KNOBS.items()}


@dataclass(frozen=True, eq=False)
class Stage:
    """The distribution after one processor.

    Attributes:
        name: "logits" for the model's own distribution, else the knob's name in transformers.
        value: what the knob is set to; None for the logits.
        on: False where the knob is neutral or unused; the numbers are then those of the stage before.
        survivors: tokens whose probability is above 0.
        removed: probability, by the stage before, of the tokens that this stage took away (0 to 1).
        entropy: of the distribution, in nats.
        effective: e to the entropy: among how many equally likely tokens the choice would be as open.
        probabilities: [vocab] float32, sum 1.
        scores: [vocab] float32, what the library's processor returned; -inf for a removed token.
    """

    name: str
    value: float | int | None
    on: bool
    survivors: int
    removed: float
    entropy: float
    effective: float
    probabilities: NDArray[np.float32]
    scores: NDArray[np.float32]


@dataclass(frozen=True)
class _Row:
    name: str
    value: float | int | None
    processor: Any | None


@functools.cache
def _bare() -> Any:
    """A model without a model: enough of one for transformers to build its processors from a plain config."""
    from transformers import GenerationConfig, PreTrainedConfig
    from transformers.generation.utils import GenerationMixin

    class Bare(GenerationMixin):
        config = PreTrainedConfig()
        generation_config = GenerationConfig()
        device = "cpu"

    return Bare()


def _processors(settings: Settings, model: Any | None, prompt_length: int) -> list[Any]:
    """What `generate` would fold for these settings, in its order."""
    from transformers import LogitsProcessorList

    owner = _bare() if model is None else model
    config, _ = owner._prepare_generation_config(None, **settings.generate_arguments())
    owner._prepare_special_tokens(config, True, device="cpu", batch_size=1)
    return list(
        owner._get_logits_processor(
            generation_config=config,
            input_ids_seq_length=prompt_length,
            encoder_input_ids=None,
            device="cpu",
            model_kwargs={},
            logits_processor=LogitsProcessorList(),
        )
    )


def _snake(processor: Any) -> str:
    """The plain name of a processor that a model's own generation config has switched on."""
    name = re.sub(r"(LogitsProcessor|LogitsWarper|Penalty)$", "", type(processor).__name__)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _rows(settings: Settings, processors: Sequence[Any]) -> list[_Row]:
    """One row a processor, and an off row, in its place, for each knob that brought none."""
    order = list(KNOBS)
    by_kind = {type(processor).__name__ for processor in processors}
    rows: list[_Row] = []
    at = 0

    def off_rows(until: int) -> None:
        nonlocal at
        while at < until:
            if KNOBS[order[at]] not in by_kind:
                rows.append(_Row(order[at], getattr(settings, order[at]), None))
            at += 1

    for processor in processors:
        name = _NAMES.get(type(processor).__name__)
        if name is None:
            rows.append(_Row(_snake(processor), None, processor))
        else:
            off_rows(order.index(name))
            rows.append(_Row(name, getattr(settings, name), processor))
            at += 1
    off_rows(len(order))
    return rows


class Chain:
    """The processors of one generation, built once and used at every step."""

    def __init__(self, settings: Settings, *, model: Any | None = None, prompt_length: int = 1) -> None:
        """
        Args:
            settings: the knobs.
            model: the transformers model whose generation config counts; None for a plain one.
            prompt_length: tokens of the prompt, as `generate` knows it.
        """
        self.settings = settings
        self._rows = _rows(settings, _processors(settings, model, prompt_length))

    def scores(self, logits: ArrayLike | torch.Tensor, history: Sequence[int]) -> torch.Tensor:
        """The last processor's scores [vocab] float32, nothing recorded in between."""
        ids, scores = _ids(history), _check(logits)
        for row in self._rows:
            if row.processor is not None:
                scores = row.processor(ids, scores)
        return scores[0]

    def fold(self, logits: ArrayLike | torch.Tensor, history: Sequence[int]) -> list[Stage]:
        """The distribution after every stage, the model's own first. See `fold` below."""
        ids, scores = _ids(history), _check(logits)
        stages = [_stage(_Row("logits", None, None), scores, None)]
        for row in self._rows:
            if row.processor is not None:
                # Some processors write into what they are given (temperature divides, others scatter).
                scores = row.processor(ids, scores.clone())
            stages.append(_stage(row, scores, stages[-1]))
        return stages


def fold(
    logits: ArrayLike | torch.Tensor, history: Sequence[int], settings: Settings, *, model: Any | None = None
) -> list[Stage]:
    """Fold one step's logits through the library's chain, recording the distribution after every stage.

    Args:
        logits: [vocab], float; -inf marks a token that cannot come.
        history: ids of the text so far, prompt and continuation; the repetition penalty looks at all of them.
        settings: the knobs.
        model: the transformers model whose own generation config counts as it does in `generate`; None for none.

    Returns:
        The model's own distribution, then a stage for each knob in the library's order, the off ones included.

    Raises:
        ValueError: NaN or +inf among the logits, no token left, the wrong shape.

    Source: transformers' `GenerationMixin._get_logits_processor`, and the softmax that its sampling loop takes.
    """
    return Chain(settings, model=_library(model), prompt_length=max(1, len(history))).fold(logits, history)


def _library(model: Any | None) -> Any | None:
    """The transformers model inside an `OpenModel`, or the model itself."""
    return model if model is None or hasattr(model, "generate") else model.model


def _ids(history: Sequence[int]) -> torch.Tensor:
    import torch

    return torch.tensor([list(map(int, history))], dtype=torch.long)


def _check(logits: ArrayLike | torch.Tensor) -> torch.Tensor:
    """[1, vocab] float32, a copy of the caller's."""
    import torch

    source = logits if isinstance(logits, torch.Tensor) else torch.from_numpy(np.array(logits, dtype=np.float32))
    scores = source.detach().to("cpu", torch.float32, copy=True)
    if scores.dim() != 1 or not len(scores):
        raise ValueError(f"One step's logits are one row of numbers, [vocab]; this has the shape {list(scores.shape)}.")
    if torch.isnan(scores).any() or torch.isposinf(scores).any():
        raise ValueError("The model gave values that are no numbers (NaN or infinite); take another text or model.")
    if torch.isneginf(scores).all():
        raise ValueError("Every token is banned, so nothing can come next; allow at least one.")
    return scores[None]


def _stage(row: _Row, scores: torch.Tensor, before: Stage | None) -> Stage:
    import torch

    if before is not None and row.processor is None:
        return Stage(row.name, row.value, False, before.survivors, 0.0, before.entropy, before.effective,
                     before.probabilities, before.scores)
    tensor = torch.softmax(scores[0], dim=-1)
    if torch.isnan(tensor).any():
        raise ValueError(f"After {row.name} no token is left, so nothing can come next; turn that knob back.")
    probabilities = tensor.numpy()
    alive = probabilities > 0
    p = probabilities[alive].astype(np.float64)
    entropy = max(0.0, float(-(p * np.log(p)).sum()))
    removed = 0.0
    if before is not None:
        removed = float(before.probabilities[~alive].astype(np.float64).sum())
    plain = scores[0].numpy()
    for array in (probabilities, plain):
        array.setflags(write=False)
    return Stage(row.name, row.value, True, int(alive.sum()), removed, entropy, float(np.exp(entropy)),
                 probabilities, plain)
