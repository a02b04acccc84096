"""Several continuations of one prompt, read together: one forward a step for all of them.

All of them are as long as each other, so nothing is padded and nothing masked. A text that several of them share is
read once, whoever writes it: at the beginning that is one row for everybody, and rows are told apart where the texts
part. A text that has ended leaves.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from components.sampling.prefixes import Prefix, prefixes
from components.sampling.reading import CHUNK, forward
from components.workshop import FORWARD

if TYPE_CHECKING:
    import torch

# Keys and values of all rows at their longest: 8 texts of 1,000 tokens for SmolLM2, 100 of 80.
BUDGET = 400_000_000


def rows_at_once(prefix: Prefix, new_tokens: int) -> int:
    """How many continuations of `new_tokens` each fit into `BUDGET`, one at least."""
    longest = prefix.nbytes / max(1, len(prefix.ids)) * (len(prefix.ids) + new_tokens)
    return max(1, int(BUDGET // max(1.0, longest)))


def read_prompt(
    model: Any, ids: Sequence[int], cancelled: Callable[[], bool] | None
) -> tuple[torch.Tensor | None, Prefix]:
    """The logits [vocab] after `ids` and the prefix that is now the caller's; what was read before is read no more.

    The logits are None where it was cancelled on the way.
    """
    prefix = prefixes.take(model, ids)
    logits = None
    for start in range(len(prefix.ids), len(ids), CHUNK):
        if cancelled is not None and cancelled():
            return None, prefix
        logits, prefix = forward(model, prefix, ids[start : start + CHUNK])
    return (None if logits is None else logits[-1]), prefix


class Together:
    """The cache of continuations that are written at the same pace; a row of it for each distinct text."""

    def __init__(self, model: Any, prefix: Prefix, *, own: bool) -> None:
        """
        Args:
            model: the transformers decoder.
            prefix: of the prompt.
            own: whether the prefix's cache may be written to. Otherwise it stays as it is and can be given away.
        """
        self._model = model
        self._cache = prefix.cache if own else _apart(prefix.cache)
        self._prompt = prefix.ids
        self.texts: list[tuple[int, ...]] = [()]

    @property
    def cache(self) -> Any:
        """Keys and values of all rows, in their order."""
        return self._cache

    @property
    def prefix(self) -> Prefix:
        """What the cache's first row holds; to be handed on only where there is one row and the cache is one's own."""
        return Prefix((*self._prompt, *self.texts[0]), self._cache)

    def advance(self, texts: Sequence[tuple[int, ...]]) -> torch.Tensor:
        """Read on: logits [row, vocab] float32, a row for each of `texts` afterwards.

        Args:
            texts: distinct, the new tokens' ids; each is one of the texts so far and one token more.
        """
        import torch

        places = {text: row for row, text in enumerate(self.texts)}
        parents = [places[text[:-1]] for text in texts]
        with FORWARD, torch.inference_mode():
            if parents != list(range(len(self.texts))):
                self._cache.batch_select_indices(torch.tensor(parents))
            output = self._model(
                input_ids=torch.tensor([text[-1:] for text in texts]), past_key_values=self._cache, use_cache=True
            )
        self._cache, self.texts = output.past_key_values, list(texts)
        logits: torch.Tensor = output.logits[:, -1].float()
        return logits


def _apart(cache: Any) -> Any:
    """A cache that can be written on without touching this one. The numbers are shared: a cache never writes into
    them, it puts new ones in their place."""
    made = copy.copy(cache)
    made.layers = [copy.copy(layer) for layer in cache.layers]
    return made
