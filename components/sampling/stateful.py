"""Two processors of the library that remember: guidance keeps a cache, SynthID a history of contexts.

`generate` calls them once a step, in order. A reader goes back, draws again and changes knobs, so here each call is
made as if all the steps before had been made: continued where the last call was the step before, else begun anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from components.workshop import FORWARD

if TYPE_CHECKING:
    import torch


class Watermark:
    """SynthID's processor; begun anew it is shown the steps before, whose scores do not matter to what it keeps."""

    def __init__(self, config: Any, vocabulary: int, prompt_length: int) -> None:
        self._make = lambda: config.construct_processor(vocabulary, "cpu")
        self._prompt_length = prompt_length
        self._last: tuple[int, ...] | None = None
        self._processor: Any = None

    def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        now = tuple(ids[0].tolist())
        if self._last is None or now[:-1] != self._last:
            self._processor = self._make()
            for length in range(self._prompt_length, len(now)):
                self._processor(ids[:, :length], scores)
        self._last = now
        marked: torch.Tensor = self._processor(ids, scores)
        return marked


class Guidance:
    """Classifier-free guidance; begun anew it reads the negative prompt and what has been written in one forward."""

    def __init__(self, scale: float, model: Any, negative: Sequence[int], prompt_length: int) -> None:
        self._scale, self._model, self._negative = scale, model, tuple(negative)
        self._prompt_length = prompt_length
        self._last: tuple[int, ...] | None = None
        self._processor: Any = None

    def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        import torch
        from transformers import UnbatchedClassifierFreeGuidanceLogitsProcessor

        now = tuple(ids[0].tolist())
        if self._last is None or now[:-1] != self._last:
            # Without a negative prompt the library starts from the prompt's last token.
            start = self._negative or now[self._prompt_length - 1 : self._prompt_length]
            context = (*start, *now[self._prompt_length :])
            self._processor = UnbatchedClassifierFreeGuidanceLogitsProcessor(
                self._scale, self._model, unconditional_ids=torch.LongTensor([context])
            )
        self._last = now
        with FORWARD, torch.inference_mode():
            guided: torch.Tensor = self._processor(ids, scores)
        return guided
