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

from components.attention.anatomy import Anatomy, anatomy
from components.attention.capture import check_finite, library_model, observe, visible
from components.attention.limits import check_ids
from components.attention.scores import head_scores
from components.attention.tap import Attended, Recorder
from components.attention.thumbnails import block_edges, causal_half, thumbnail

NEXT = 5
ARRAYS = (
    "ids", "special", "words", "windows", "edges", "thumbs", "scores", "weights", "norms", "next_ids",
    "next_probabilities",
)


def resting_place(special: NDArray[np.integer[Any]], *, causal: bool) -> tuple[int, ...]:
    """The tokens on which heads rest, see `HeadMap.sinks`."""
    return (0,) if causal else tuple(int(at) for at in np.flatnonzero(special == 2))


@dataclass(frozen=True)
class HeadMap:
    """All heads of a model on one text, small enough to keep and to send.

    Attributes:
        ids: [token], the token ids.
        pieces: the tokens' texts.
        special: uint8 [token], 1 for a control token of the text, such as <|endoftext|> or [MASK], 2 for one that the
            model expects around every text, such as [CLS] and [SEP].
        words: int32 [token], the number of the word that a token belongs to; see `words_of`.
        kv_heads: how many key-value heads a layer has; query heads share them in equal groups.
        causal: True where no token looks ahead; then matrices are kept as lower triangles, row by row.
        windows: int32 [layer], how many tokens away a query may look at most.
        edges: [block + 1], which tokens a thumbnail's block spans.
        thumbs: uint8 [layer, head, cell], round(255 * sqrt(largest weight of the block)).
        scores: float32 [score, layer, head] in the order of `SCORES`.
        weights: float16 [layer, head, cell].
        norms: float32 [layer, head, token], the length of a token's value once the head's part of the output
            projection has turned it: a * norm is the length of what a key adds to the stream. No tokens where the
            model's output projection is not found.
        next_ids: [choice], the likeliest next tokens, empty where the model predicts none.
        next_pieces: their texts.
        next_probabilities: float32 [choice], out of the full vocabulary.
    """

    ids: NDArray[np.int32]
    pieces: tuple[str, ...]
    special: NDArray[np.uint8]
    words: NDArray[np.int32]
    kv_heads: int
    causal: bool
    windows: NDArray[np.int32]
    edges: NDArray[np.int32]
    thumbs: NDArray[np.uint8]
    scores: NDArray[np.float32]
    weights: NDArray[np.float16]
    norms: NDArray[np.float32]
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

    @property
    def sinks(self) -> tuple[int, ...]:
        """The tokens on which heads rest: a decoder's first, an encoder's special tokens around the text, if any."""
        return resting_place(self.special, causal=self.causal)

    def unfold(self, cells: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Cells as they are kept, as a matrix [query, key] in float32, zero where a token may not look."""
        n = self.tokens
        if not self.causal:
            return cells.reshape(n, n).astype(np.float32)
        full = np.zeros((n, n), dtype=np.float32)
        full[np.tril_indices(n)] = cells
        return full

    def fold(self, matrix: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """A matrix [query, key] as cells, the causal half where there is one."""
        return causal_half(matrix) if self.causal else matrix.reshape(-1)

    def matrix(self, layer: int, head: int) -> NDArray[np.float32]:
        """One head's weights [query, key] in float32, zero where a token may not look."""
        return self.unfold(self.weights[layer, head])

    def store(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """The map as a JSON header and arrays, for a file; `restore` reads it back."""
        header = {
            "pieces": list(self.pieces),
            "kv_heads": self.kv_heads,
            "causal": self.causal,
            "next_pieces": list(self.next_pieces),
        }
        return header, {name: getattr(self, name) for name in ARRAYS}

    @classmethod
    def restore(cls, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> HeadMap:
        """The map that `store` wrote."""
        return cls(
            pieces=tuple(header["pieces"]),
            kv_heads=int(header["kv_heads"]),
            causal=bool(header["causal"]),
            next_pieces=tuple(header["next_pieces"]),
            **{name: arrays[name] for name in ARRAYS},
        )


class _Reduce(Recorder):
    """A recorder that keeps what a picture needs of each layer and lets the rest go."""

    def __init__(self, model: Any, ids: NDArray[np.int64], special: NDArray[np.uint8], check: Callable[[], None]):
        self.anatomy = _parts(model)
        self.ids = ids
        self.special = special
        self.check = check
        self.causal = True
        self.sinks: tuple[int, ...] = (0,)
        self.kv_heads = 1
        self.windows: list[int] = []
        self.thumbs: list[NDArray[np.uint8]] = []
        self.scores: list[NDArray[np.float32]] = []
        self.weights: list[NDArray[np.float16]] = []
        self.norms: list[NDArray[np.float32]] = []

    @property
    def last_alone(self) -> bool:
        return len(self.ids) - 1 in self.sinks

    def attention(self, told: Attended) -> None:
        self.check()
        full = told.weights[0].float().cpu().numpy()
        check_finite(full, len(self.weights))
        seen = visible(told.mask, full.shape[-2], full.shape[-1])
        if not self.weights:
            self.causal = not np.triu(seen, 1).any()
            self.sinks = resting_place(self.special, causal=self.causal)
            self.kv_heads = int(told.key.shape[1])
        query, key = np.nonzero(seen)
        self.windows.append(int(np.abs(query - key).max()))
        self.thumbs.append(thumbnail(full, causal=self.causal, last_alone=self.last_alone))
        self.scores.append(
            head_scores(full, self.ids, causal=self.causal, sinks=self.sinks, window=self.windows[-1])
        )
        half = causal_half(full) if self.causal else full.reshape(full.shape[0], -1)
        self.weights.append(_half(half))
        self.norms.append(value_norms(told, self.anatomy))


def _half(array: NDArray[np.float32]) -> NDArray[np.float16]:
    """float16, by the processor's own instruction: NumPy's conversion takes as long as the forward pass itself."""
    import torch

    made: NDArray[np.float16] = torch.from_numpy(array).half().numpy()
    return made


def _parts(model: Any) -> Anatomy | None:
    try:
        return anatomy(model)
    except ValueError:  # the picture goes without value-weighted attention, and says so
        return None


def value_norms(told: Attended, parts: Anatomy | None) -> NDArray[np.float32]:
    """The length of v W_O of each head and token, [head, token]; no tokens where W_O is not found.

    Since ||a v W_O|| = a ||v W_O||, these and the weights give every key's contribution without a vector a pair
    (Kobayashi and others 2020, arXiv 2004.10102).
    """
    heads = told.weights.shape[1]
    if parts is None:
        return np.zeros((heads, 0), dtype=np.float32)
    try:
        turned = parts.projection(told.layer).weight
    except ValueError:
        return np.zeros((heads, 0), dtype=np.float32)
    value = told.value[0].repeat_interleave(heads // told.value.shape[1], dim=0)
    turned = turned.to(value.dtype)
    if value.shape[1] <= value.shape[2]:
        lengths = (value @ turned).norm(dim=-1)
    else:  # |v W| from W W^T, which is a few dimensions wide: a third of the work for a long text
        lengths = ((value @ (turned @ turned.mT)) * value).sum(dim=-1).clamp_min(0).sqrt()
    made: NDArray[np.float32] = lengths.float().cpu().numpy()
    return made


def map_heads(
    model: Any,
    ids: Sequence[int] | NDArray[np.integer[Any]],
    pieces: Sequence[str] = (),
    *,
    special: Sequence[int] | NDArray[np.integer[Any]] = (),
    words: Sequence[int] | NDArray[np.integer[Any]] = (),
    spell: Callable[[Sequence[int]], Sequence[str]] = lambda some: list(map(str, some)),
    check: Callable[[], None] = lambda: None,
) -> HeadMap:
    """One forward pass, reduced to what a picture of all heads needs.

    Args:
        model: what `open_model` returns, or a transformers decoder or encoder.
        ids: the token ids of one text, [token].
        pieces: the tokens' texts; spelled out where they are not given.
        special: see `HeadMap`; no token is special where it is not given.
        words: the word that each token belongs to; every token its own where it is not given.
        spell: gives the text of each id of a list, for the next tokens.
        check: called before each layer; raise in it to stop.

    Raises:
        ValueError: as `capture` does.
    """
    import torch

    library = library_model(model)
    checked = check_ids(ids, library.config)
    marks = np.asarray(special if len(special) else np.zeros(checked.size), dtype=np.uint8)
    recorder = _Reduce(library, checked, marks, check)
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
        special=marks,
        words=np.asarray(words if len(words) else np.arange(checked.size), dtype=np.int32),
        kv_heads=recorder.kv_heads,
        causal=recorder.causal,
        windows=np.array(recorder.windows, dtype=np.int32),
        edges=block_edges(int(checked.size), last_alone=recorder.last_alone),
        thumbs=np.stack(recorder.thumbs),
        scores=np.stack(recorder.scores, axis=1),
        weights=np.stack(recorder.weights),
        norms=np.stack(recorder.norms),
        next_ids=next_ids,
        next_pieces=tuple(spell(next_ids.tolist())) if next_ids.size else (),
        next_probabilities=next_probabilities,
    )
    for array in made.store()[1].values():
        array.setflags(write=False)
    return made
