"""`map_heads(model, ids)`: what a picture of all heads needs, taken layer by layer while the model runs.

A capture of 512 tokens of a model with 270 heads holds 283 MB of weights. This keeps thumbnails, scores and the weights
as float16 (three digits), the causal half only, and never holds more than one layer in full.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.attention.capture import check_finite, library_model, observe, visible
from components.attention.limits import check_ids
from components.attention.scores import head_scores
from components.attention.tap import Attended, Recorder
from components.attention.thumbnails import block_edges, causal_half, thumbnail

NEXT = 5


@dataclass(frozen=True)
class HeadMap:
    """All heads of a model on one text, small enough to keep and to send.

    Attributes:
        ids: [token], the token ids.
        pieces: the tokens' texts.
        kv_heads: how many key-value heads a layer has; query heads share them in equal groups.
        causal: True where no token looks ahead; then matrices are kept as lower triangles, row by row.
        edges: [block + 1], which tokens a thumbnail's block spans.
        thumbs: uint8 [layer, head, cell], round(255 * sqrt(largest weight of the block)).
        scores: float32 [score, layer, head] in the order of `SCORES`.
        weights: float16 [layer, head, cell].
        next_ids: [choice], the likeliest next tokens, empty where the model predicts none.
        next_pieces: their texts.
        next_probabilities: float32 [choice], out of the full vocabulary.
    """

    ids: NDArray[np.int32]
    pieces: tuple[str, ...]
    kv_heads: int
    causal: bool
    edges: NDArray[np.int32]
    thumbs: NDArray[np.uint8]
    scores: NDArray[np.float32]
    weights: NDArray[np.float16]
    next_ids: NDArray[np.int32]
    next_pieces: tuple[str, ...]
    next_probabilities: NDArray[np.float32]

    @property
    def layers(self) -> int:
        return int(self.thumbs.shape[0])

    @property
    def heads(self) -> int:
        return int(self.thumbs.shape[1])

    @property
    def tokens(self) -> int:
        return int(self.ids.shape[0])

    def matrix(self, layer: int, head: int) -> NDArray[np.float32]:
        """One head's weights [query, key] in float32, zero where a token may not look."""
        n = self.tokens
        cells: NDArray[np.float32] = self.weights[layer, head].astype(np.float32)
        if not self.causal:
            return cells.reshape(n, n)
        full = np.zeros((n, n), dtype=np.float32)
        full[np.tril_indices(n)] = cells
        return full

    def store(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """The map as a JSON header and arrays, for a file; `restore` reads it back."""
        header = {
            "pieces": list(self.pieces),
            "kv_heads": self.kv_heads,
            "causal": self.causal,
            "next_pieces": list(self.next_pieces),
        }
        names = ("ids", "edges", "thumbs", "scores", "weights", "next_ids", "next_probabilities")
        return header, {name: getattr(self, name) for name in names}

    @classmethod
    def restore(cls, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> HeadMap:
        """The map that `store` wrote."""
        return cls(
            pieces=tuple(header["pieces"]),
            kv_heads=int(header["kv_heads"]),
            causal=bool(header["causal"]),
            next_pieces=tuple(header["next_pieces"]),
            **{name: arrays[name] for name in ("ids", "edges", "thumbs", "scores", "weights", "next_ids")},
            next_probabilities=arrays["next_probabilities"],
        )


class _Reduce(Recorder):
    """A recorder that keeps what a picture needs of each layer and lets the rest go."""

    def __init__(self, ids: NDArray[np.int64], check: Callable[[], None]) -> None:
        self.ids = ids
        self.check = check
        self.causal = True
        self.kv_heads = 1
        self.thumbs: list[NDArray[np.uint8]] = []
        self.scores: list[NDArray[np.float32]] = []
        self.weights: list[NDArray[np.float16]] = []

    def attention(self, told: Attended) -> None:
        self.check()
        full = told.weights[0].float().cpu().numpy()
        check_finite(full, len(self.weights))
        if not self.weights:
            self.causal = not np.triu(visible(told.mask, full.shape[-2], full.shape[-1]), 1).any()
            self.kv_heads = int(told.key.shape[1])
        self.thumbs.append(thumbnail(full, causal=self.causal))
        self.scores.append(head_scores(full, self.ids))
        half = causal_half(full) if self.causal else full.reshape(full.shape[0], -1)
        self.weights.append(half.astype(np.float16))


def map_heads(
    model: Any,
    ids: Sequence[int] | NDArray[np.integer[Any]],
    pieces: Sequence[str] = (),
    *,
    spell: Callable[[Sequence[int]], Sequence[str]] = lambda some: list(map(str, some)),
    check: Callable[[], None] = lambda: None,
) -> HeadMap:
    """One forward pass, reduced to what a picture of all heads needs.

    Args:
        model: what `open_model` returns, or a transformers decoder or encoder.
        ids: the token ids of one text, [token].
        pieces: the tokens' texts; spelled out where they are not given.
        spell: gives the text of each id of a list, for the next tokens.
        check: called before each layer; raise in it to stop.

    Raises:
        ValueError: as `capture` does.
    """
    import torch

    library = library_model(model)
    checked = check_ids(ids, library.config)
    recorder = _Reduce(checked, check)
    output = observe(library, checked, recorder, last_logits_only=True)
    if not recorder.weights:
        raise ValueError(f"{type(library).__name__} showed no attention; choose another model.")
    logits = getattr(output, "logits", None)
    next_ids = np.zeros(0, dtype=np.int32)
    next_probabilities = np.zeros(0, dtype=np.float32)
    if logits is not None and recorder.causal:
        top = torch.topk(torch.softmax(logits[0, -1].float(), dim=-1), min(NEXT, logits.shape[-1]))
        next_ids = top.indices.cpu().numpy().astype(np.int32)
        next_probabilities = top.values.cpu().numpy().astype(np.float32)
    made = HeadMap(
        ids=checked.astype(np.int32),
        pieces=tuple(pieces) or tuple(spell(checked.tolist())),
        kv_heads=recorder.kv_heads,
        causal=recorder.causal,
        edges=block_edges(int(checked.size)),
        thumbs=np.stack(recorder.thumbs),
        scores=np.stack(recorder.scores, axis=1),
        weights=np.stack(recorder.weights),
        next_ids=next_ids,
        next_pieces=tuple(spell(next_ids.tolist())) if next_ids.size else (),
        next_probabilities=next_probabilities,
    )
    for array in made.store()[1].values():
        array.setflags(write=False)
    return made
