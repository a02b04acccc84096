"""One word in two sentences: how its two vectors part, layer by layer, and which other words pulled them apart.

At the start the word has the same vector in both sentences, since a token's embedding knows no neighbours. What a
neighbour does to it is measured by hiding that neighbour: nobody may look at it, in any layer, and the change in the
cosine between the two vectors is what it had done. That holds for every architecture, and is a measure of effect and
not of attention.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.attention.capture import check_finite, library_model
from components.attention.limits import check_ids
from components.attention.tap import Attended, Recorder, recording, twin
from components.models.open import OpenTokenizer
from components.workshop import FORWARD, check_text

if TYPE_CHECKING:
    import torch

# Each word of a sentence is hidden once, so the work grows with the square of the length.
TOKENS = 64
BATCH = 16


@dataclass(frozen=True)
class Place:
    """A word in a text.

    Attributes:
        ids: [token], special marks included where an encoder expects them.
        pieces: each token's text; a special mark's own name.
        at: the tokens that spell the word.
        fixed: tokens that are marks of the model and not the reader's words.
    """

    ids: tuple[int, ...]
    pieces: tuple[str, ...]
    at: tuple[int, ...]
    fixed: tuple[int, ...]


@dataclass(frozen=True)
class Parting:
    """How a word's two vectors part. Layer 0 is the embedding.

    Attributes:
        cosine: [layer + 1], between the word's vector in the first and in the second sentence.
        same: [layer + 1], between the word's vector in the first sentence and in a third one that uses it in the first
            one's sense: how far a vector moves for reasons of place and company alone. None without such a sentence.
        others: [layer + 1], the mean cosine between different words of the two sentences, for comparison.
        pull_first: [layer + 1, token], how much nearer the two vectors are when that token of the first sentence is
            hidden: what it had done to keep them apart. NaN for the word itself and for the model's own marks.
        pull_second: [layer + 1, token], the same for the second sentence.
        causal: True where a token sees only what came before it.
    """

    cosine: NDArray[np.float32]
    same: NDArray[np.float32] | None
    others: NDArray[np.float32]
    pull_first: NDArray[np.float32]
    pull_second: NDArray[np.float32]
    causal: bool


def find_word(tokenizer: OpenTokenizer, text: str, word: str, *, marks: bool) -> Place:
    """Where a word stands in a text: its first appearance as a whole word, upper and lower case alike.

    Args:
        marks: put the model's own marks around the text, as an encoder expects.

    Raises ValueError where the text or the word is empty, or the word is not in the text.
    """
    import re

    check_text(text, what="The sentence")
    wanted = word.strip()
    if not wanted:
        raise ValueError("No word to compare; type one that stands in both sentences.")
    found = re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", text, re.IGNORECASE)
    if found is None:
        raise ValueError(f"The word “{wanted}” is not in the sentence “{text[:80]}”; type one that stands in both.")
    encoded = tokenizer.library_object.encode(text, add_special_tokens=marks)
    fixed = tuple(at for at, mark in enumerate(encoded.special_tokens_mask) if mark)
    at = tuple(
        index
        for index, (start, end) in enumerate(encoded.offsets)
        if index not in fixed and start < found.end() and end > found.start() and text[start:end].strip()
    )
    pieces = tuple(
        encoded.tokens[index] if index in fixed else text[start:end]
        for index, (start, end) in enumerate(encoded.offsets)
    )
    return Place(tuple(encoded.ids), pieces, at, fixed)


class _Word(Recorder):
    """Keeps the word's vector of each row, and every token's of the first row, after every block."""

    def __init__(self, at: Sequence[int]) -> None:
        self.at = list(at)
        self.word: dict[int, torch.Tensor] = {}
        self.every: dict[int, torch.Tensor] = {}
        self.causal = True

    def attention(self, told: Attended) -> None:
        check_finite(told.weights, told.layer)
        self.causal = self.causal and not bool(told.weights[0].triu(1).any())

    def block(self, index: int, stream: torch.Tensor) -> None:
        # The last piece of a word has seen the others in a decoder; the mean is what encoders are read by.
        self.word[index] = stream[:, self.at].mean(1)
        self.every[index] = stream[0].clone()


def _vectors(
    library: Any, place: Place, check: Callable[[], None], *, hide: bool = True
) -> tuple[NDArray[np.float32], NDArray[np.float32], bool]:
    """The word's vector [layer + 1, 1 + token, width], first with nothing hidden and then with each token hidden in
    turn; and all tokens' vectors [layer + 1, token, width]."""
    import torch

    count = len(place.ids)
    ids = torch.from_numpy(check_ids(place.ids, library.config))
    masks = torch.ones((1 + count if hide else 1, count), dtype=torch.long)
    if hide:
        masks[1:].fill_diagonal_(0)
    tapped = twin(library)
    parts, every, causal = [], None, True
    for start in range(0, masks.shape[0], BATCH):
        check()
        mask = masks[start : start + BATCH]
        recorder = _Word(place.at)
        with FORWARD, torch.inference_mode(), recording(recorder):
            tapped(input_ids=ids.expand(mask.shape[0], -1), attention_mask=mask, **_without_cache(library))
        parts.append(torch.stack([recorder.word[layer] for layer in sorted(recorder.word)]))
        if every is None:
            every = torch.stack([recorder.every[layer] for layer in sorted(recorder.every)])
            causal = recorder.causal
    assert every is not None
    return torch.cat(parts, dim=1).float().numpy(), every.float().numpy(), causal


def _without_cache(library: Any) -> dict[str, Any]:
    import inspect

    return {"use_cache": False} if "use_cache" in inspect.signature(library.forward).parameters else {}


def _cosines(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """Between vectors along the last axis."""
    product = (left * right).sum(-1)
    length = np.linalg.norm(left, axis=-1) * np.linalg.norm(right, axis=-1)
    result: NDArray[np.float32] = (product / np.maximum(length, 1e-12)).astype(np.float32)
    return result


def part(
    model: Any, first: Place, second: Place, third: Place | None = None, *, check: Callable[[], None] = lambda: None
) -> Parting:
    """How the vectors of one word in two sentences part, and what each other word did to that.

    Args:
        model: what `open_model` returns, or a transformers decoder or encoder.
        first, second: the word in its two sentences, see `find_word`.
        third: the word in a sentence that uses it as the first one does, for comparison.
        check: called before each batch of forward passes; raise in it to stop.

    Raises:
        ValueError: a sentence of more than 64 tokens, or as `capture` raises.
    """
    library = library_model(model)
    for place in (first, second, *([third] if third else [])):
        if len(place.ids) > TOKENS:
            raise ValueError(
                f"A sentence of {len(place.ids)} tokens is too long here, since each word is hidden once; "
                f"keep each under {TOKENS} tokens."
            )
        if not place.at:
            raise ValueError("The word has no token of its own in a sentence; choose another word.")
    left, left_every, causal = _vectors(library, first, check)
    right, right_every, _ = _vectors(library, second, check)
    cosine = _cosines(left[:, 0], right[:, 0])
    same = None if third is None else _cosines(left[:, 0], _vectors(library, third, check, hide=False)[0][:, 0])
    pulls = []
    for moved, still, place in ((left, right, first), (right, left, second)):
        pull = _cosines(moved[:, 1:], still[:, :1]) - cosine[:, None]
        pull[:, list({*place.at, *place.fixed})] = np.nan
        pull.setflags(write=False)
        pulls.append(pull)
    return Parting(cosine, same, _between(left_every, right_every, first, second), pulls[0], pulls[1], causal)


def _between(
    left: NDArray[np.float32], right: NDArray[np.float32], first: Place, second: Place
) -> NDArray[np.float32]:
    """The mean cosine per layer over pairs of different tokens, one of each sentence, marks and the word left out."""
    pairs = [
        (a, b)
        for a in range(len(first.ids)) if a not in {*first.at, *first.fixed}
        for b in range(len(second.ids)) if b not in {*second.at, *second.fixed} and first.ids[a] != second.ids[b]
    ]
    if not pairs:
        return np.full(left.shape[0], np.nan, dtype=np.float32)
    rows, columns = (list(side) for side in zip(*pairs, strict=True))
    result: NDArray[np.float32] = _cosines(left[:, rows], right[:, columns]).mean(1)
    return result
