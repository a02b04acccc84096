"""The samplers of `samplers` as stages of a chain: which are on for these settings, each bound to its knobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.sampling import samplers
from components.sampling.draw import uniform
from components.sampling.settings import Settings

if TYPE_CHECKING:
    import torch

# XTC's random numbers come from a stream of their own, so that switching it on leaves the draw's alone.
XTC_STREAM = 1


@dataclass(frozen=True)
class Here:
    """Where in a text a step stands, for the stages that look at more than the scores.

    Attributes:
        history: ids of prompt and continuation.
        prompt_length: how many of them are the prompt.
        redraw: how often this step was drawn again.
        chances: probability after the chain of each token written so far; what mirostat learns from.
    """

    history: tuple[int, ...]
    prompt_length: int
    redraw: int = 0
    chances: tuple[float, ...] = ()

    @property
    def step(self) -> int:
        """How many tokens have been written before."""
        return max(0, len(self.history) - self.prompt_length)


Function = Callable[["torch.Tensor", Here], "torch.Tensor"]


@dataclass(frozen=True)
class Own:
    """One of our samplers in a chain: [1, vocab] scores and where the step stands, to [1, vocab] scores."""

    name: str
    function: Function

    def __call__(self, scores: torch.Tensor, here: Here) -> torch.Tensor:
        return self.function(scores[0], here)[None]

    def as_processor(self, prompt_length: int) -> Any:
        """The same as a `LogitsProcessor` for `generate(logits_processor=...)`, one row at a time.

        Mirostat cannot be one: it learns from what was drawn, and `generate` does not tell.
        """
        import torch
        from transformers import LogitsProcessor

        own = self

        class Custom(LogitsProcessor):  # type: ignore[misc]
            def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
                rows = zip(input_ids.tolist(), scores, strict=True)
                return torch.cat([own(row[None], Here(tuple(ids), prompt_length)) for ids, row in rows])

        return Custom()


def own_samplers(settings: Settings) -> list[Own]:
    """Our samplers that these settings switch on, in the order of `orders.STAGES`."""
    penalties = _penalties(settings)
    if settings.greedy:
        return penalties
    if settings.mirostat:
        return [*penalties, *_temperature(settings), Own("mirostat", _mirostat(settings))]
    return [*penalties, *_truncations(settings), *_temperature(settings)]


def _seen(settings: Settings, here: Here) -> Sequence[int]:
    return samplers.window(here.history, here.prompt_length, settings.penalty_last_n)


def _penalties(s: Settings) -> list[Own]:
    found = []
    if s.presence_penalty:
        found.append(Own("presence_penalty",
                         lambda scores, here: samplers.presence(scores, _seen(s, here), s.presence_penalty)))
    if s.frequency_penalty:
        found.append(Own("frequency_penalty",
                         lambda scores, here: samplers.frequency(scores, _seen(s, here), s.frequency_penalty)))
    if s.dry_multiplier and s.dry_penalty_last_n:
        breakers = frozenset(s.dry_breakers)

        def dry(scores: torch.Tensor, here: Here) -> torch.Tensor:
            past = samplers.window(here.history, here.prompt_length, s.dry_penalty_last_n)
            return samplers.dry(scores, past, s.dry_multiplier, s.dry_base, s.dry_allowed_length, breakers)

        found.append(Own("dry_multiplier", dry))
    return found


def _truncations(s: Settings) -> list[Own]:
    found = []
    if s.top_n_sigma:
        found.append(Own("top_n_sigma", lambda scores, here: samplers.top_n_sigma(scores, s.top_n_sigma)))
    if s.top_a:
        found.append(Own("top_a", lambda scores, here: samplers.top_a(scores, s.top_a)))
    if s.tfs_z < 1:
        found.append(Own("tfs_z", lambda scores, here: samplers.tail_free(scores, s.tfs_z)))
    if s.xtc_probability:
        found.append(Own("xtc_probability", lambda scores, here: samplers.xtc(
            scores, s.xtc_threshold, s.xtc_probability, uniform(s.seed, here.step, here.redraw, XTC_STREAM))))
    return found


def _temperature(s: Settings) -> list[Own]:
    found = []
    if s.smoothing_factor:
        found.append(Own("smoothing_factor",
                         lambda scores, here: samplers.quadratic(scores, s.smoothing_factor, s.smoothing_curve)))
    if s.dynatemp_range:
        low, high = max(0.0, s.temperature - s.dynatemp_range), s.temperature + s.dynatemp_range
        found.append(Own("dynatemp_range", lambda scores, here: samplers.dynamic_temperature(
            scores, low, high, s.dynatemp_exponent)))
    return found


def _mirostat(s: Settings) -> Function:
    control = samplers.Mirostat(s.mirostat_tau, s.mirostat_eta)
    truncate = samplers.mirostat_1 if s.mirostat == 1 else samplers.mirostat_2
    return lambda scores, here: truncate(scores, samplers.mu_after(control, here.chances)[-1])
