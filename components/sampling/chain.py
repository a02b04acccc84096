"""The library's own chain of logits processors, seen stage by stage.

What transformers has is not re-implemented here: the list of processors comes out of transformers itself (`library`),
in its order (`orders.STAGES`), and is folded over the logits while the distribution after each of them is recorded.
What it lacks stands in `samplers` and joins the list where `generate` puts custom processors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from components.sampling.library import READS_ONLY, bare_model, knob_of, library_of, library_processors
from components.sampling.orders import STAGES, arrange
from components.sampling.own import Here, Own, own_samplers
from components.sampling.settings import Settings

if TYPE_CHECKING:
    import torch

# The knobs that always have a row, in the library's order.
KNOBS = ("repetition_penalty", "temperature", "top_k", "top_p", "min_p")
Constraint = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]
_DEFAULTS = Settings()


@dataclass(frozen=True, eq=False)
class Stage:
    """The distribution after one processor.

    Attributes:
        name: "logits" for the model's own distribution, else the knob's name in transformers.
        value: what the knob is set to; None for the logits, and where the model's own generation config set it.
        on: False where the knob is neutral or unused; the numbers are then those of the stage before.
        survivors: tokens whose probability is above 0.
        removed: probability, by the stage before, of the tokens that this stage took away (0 to 1).
        entropy: of the distribution, in nats.
        effective: e to the entropy: among how many equally likely tokens the choice would be as open.
        probabilities: [vocab] float32, sum 1.
        scores: [vocab] float32, what the library's processor returned; -inf for a removed token.
    """

    name: str
    value: Any
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
    value: Any
    processor: Any | None

    def __call__(self, ids: torch.Tensor, scores: torch.Tensor, here: Here) -> torch.Tensor:
        assert self.processor is not None
        if isinstance(self.processor, Own):
            changed = self.processor(scores, here)
        else:
            changed = self.processor(ids, scores if type(self.processor).__name__ in READS_ONLY else scores.clone())
        return changed


def _rank(name: str) -> int:
    return STAGES.index(name) if name in STAGES else STAGES.index(_CUSTOM)


# Where `generate` puts processors of the caller's: before this stage of ours.
_CUSTOM = "presence_penalty"


class Chain:
    """The processors of one generation, built once and used at every step."""

    def __init__(
        self,
        settings: Settings,
        *,
        model: Any | None = None,
        prompt_length: int = 1,
        prompt_ids: Sequence[int] = (),
        vocabulary: int = 0,
        constraint: Constraint | None = None,
        num_beams: int = 1,
        ends: Sequence[int] | None = None,
    ) -> None:
        """
        Args:
            settings: the knobs.
            model: the transformers model whose generation config counts; None for a plain one.
            prompt_length: tokens of the prompt, as `generate` knows it; not needed where `prompt_ids` are given.
            prompt_ids: the prompt itself, for the two processors that look at it alone (`encoder_...`).
            vocabulary: number of tokens; needed only without a model, and only for a watermark.
            constraint: (ids [1, n], scores [1, vocab]) -> scores, such as a grammar's; it has a row of its own.
            num_beams: how many texts a beam search follows, which the library's truncations ask for.
            ends: the tokens that end a text, as `generate(eos_token_id=...)`; None for the model's own.

        Raises:
            ValueError: settings that the library itself refuses, in its words.
        """
        self.settings = settings
        self.prompt_length = len(prompt_ids) or prompt_length
        owner = bare_model(vocabulary) if model is None else library_of(model)
        made: list[_Row] = []
        for processor in library_processors(settings, owner, prompt_ids, self.prompt_length, num_beams, ends):
            name = knob_of(processor)
            value = getattr(settings, name, None)
            made.append(_Row(name, None if value == getattr(_DEFAULTS, name, None) else value, processor))
        made += [_Row(own.name, getattr(settings, own.name), own) for own in own_samplers(settings)]
        if constraint is not None:
            made.append(_Row("constraint", None, constraint))
        here = {row.name for row in made}
        made += [_Row(name, getattr(settings, name), None) for name in KNOBS if name not in here]
        made.sort(key=lambda row: _rank(row.name))
        self._rows = [made[i] for i in arrange([row.name for row in made], settings.order)]

    @property
    def names(self) -> tuple[str, ...]:
        """The stages that have a row, in their order; the switched-off ones among `KNOBS` included."""
        return tuple(row.name for row in self._rows)

    def _here(self, history: Sequence[int], redraw: int, chances: Sequence[float]) -> Here:
        return Here(tuple(map(int, history)), self.prompt_length, redraw, tuple(chances))

    def scores(
        self, logits: ArrayLike | torch.Tensor, history: Sequence[int], *, redraw: int = 0,
        chances: Sequence[float] = (),
    ) -> torch.Tensor:
        """The last stage's scores [vocab] float32, nothing recorded in between. Arguments as `fold`."""
        ids, scores = _ids(history), _check(logits)
        here = self._here(history, redraw, chances)
        for row in self._rows:
            if row.processor is not None:
                scores = row(ids, scores, here)
        return scores[0]

    def fold(
        self, logits: ArrayLike | torch.Tensor, history: Sequence[int], *, redraw: int = 0,
        chances: Sequence[float] = (),
    ) -> list[Stage]:
        """The distribution after every stage, the model's own first. See `fold` below.

        Args:
            logits: [vocab].
            history: ids of the text so far.
            redraw: how often this step was drawn again; XTC's random number depends on it.
            chances: probability after the chain of each token written so far; mirostat learns from them.
        """
        ids, scores = _ids(history), _check(logits)
        here = self._here(history, redraw, chances)
        stages = [_stage(_Row("logits", None, None), scores, None)]
        for row in self._rows:
            if row.processor is not None:
                scores = row(ids, scores, here)
            stages.append(_stage(row, scores, stages[-1]))
        return stages


def fold(
    logits: ArrayLike | torch.Tensor,
    history: Sequence[int],
    settings: Settings,
    *,
    model: Any | None = None,
    prompt_length: int | None = None,
) -> list[Stage]:
    """Fold one step's logits through the chain, recording the distribution after every stage.

    Args:
        logits: [vocab], float; -inf marks a token that cannot come.
        history: ids of the text so far, prompt and continuation; the repetition penalty looks at all of them.
        settings: the knobs.
        model: the transformers model whose own generation config counts as it does in `generate`; None for none.
        prompt_length: how many tokens of `history` are the prompt; None for all of them.

    Returns:
        The model's own distribution, then a stage for every processor in its order, the main knobs (`KNOBS`) also
        where they are off.

    Raises:
        ValueError: NaN or +inf among the logits, no token left, the wrong shape.

    Source: transformers' `GenerationMixin._get_logits_processor`, and the softmax that its sampling loop takes.
    """
    prompt = tuple(history)[: len(history) if prompt_length is None else prompt_length]
    vocabulary = int(np.shape(logits)[-1]) if np.ndim(logits) else 0  # type: ignore[arg-type]
    chain = Chain(settings, model=model, prompt_length=max(1, len(prompt)), prompt_ids=prompt, vocabulary=vocabulary)
    return chain.fold(logits, history)


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
    if torch.isnan(tensor[0]):  # one NaN makes all of them NaN
        raise ValueError(f"After {row.name} no token is left, so nothing can come next; turn that knob back.")
    survivors = int(torch.count_nonzero(tensor))
    # A token at 0 adds nothing; where few are left, only they are gone through.
    alive = tensor[tensor > 0] if survivors < len(tensor) // 8 else tensor
    entropy = max(0.0, float(torch.special.entr(alive).numpy().sum(dtype=np.float64)))
    removed = 0.0
    if before is not None and survivors < before.survivors:
        removed = float(before.probabilities[tensor.numpy() == 0].sum(dtype=np.float64))
    probabilities, plain = tensor.numpy(), scores[0].numpy()
    for array in (probabilities, plain):
        array.setflags(write=False)
    return Stage(row.name, row.value, True, survivors, removed, entropy, float(np.exp(entropy)), probabilities, plain)
