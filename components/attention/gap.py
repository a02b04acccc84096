"""`fill_gaps(filler, teller, text)`: each word hidden once, filled by an encoder, and told by a decoder.

The encoder reads the whole sentence with a mask in place of the word, so it sees both sides. The decoder reads what
stands before the word and nothing else. Both have one vocabulary, so that their answers can be set side by side.

A word of several tokens is hidden whole. What is compared first is its first token; then each model fills the rest one
token at a time, from the left, each time taking the likeliest. A word is right when all of its tokens are.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.attention.capture import library_model
from components.attention.sentence import marks_around, reading, spell
from components.models.open import OpenModel, OpenTokenizer
from components.workshop import FORWARD

TOP = 5
#: Names under which vocabularies keep the token that stands for a gap.
MASKS = ("[MASK]", "<mask>")
# Scores of a whole batch, [row, token, vocabulary] in float32.
SCORE_BYTES = 64_000_000

Rows = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Guesses:
    """What one model says about each hidden word.

    Attributes:
        top_ids: int32 [word, choice], the likeliest first tokens of the word, likeliest first.
        top_probabilities: float32 [word, choice], out of the full vocabulary.
        rank: int32 [word], the place of the true first token, counted from 1.
        probability: float32 [word], of the true first token.
        filled: [word], the ids that the model fills in, as many as the word has.
        right: bool [word], all of them as they stood.
    """

    top_ids: NDArray[np.int32]
    top_probabilities: NDArray[np.float32]
    rank: NDArray[np.int32]
    probability: NDArray[np.float32]
    filled: tuple[tuple[int, ...], ...]
    right: NDArray[np.bool_]


@dataclass(frozen=True)
class Gaps:
    """A sentence with each of its words hidden once.

    Attributes:
        ids: int32 [token], the text's own ids, without marks around it.
        segments: the text in order, cut into words and what stands between them; joined they are the text.
        gap_of: [segment], the number of the hidden word that a segment is, or -1 for what is never hidden.
        spans: [word], (first token, the one after the last).
        filler: the encoder's guesses, from both sides.
        teller: the decoder's, from the left.
    """

    ids: NDArray[np.int32]
    segments: tuple[str, ...]
    gap_of: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    filler: Guesses
    teller: Guesses

    def word(self, at: int) -> str:
        """A hidden word as it stood, without the space before it."""
        return self.segments[self.gap_of.index(at)].strip()

    def telling(self) -> int:
        """The word that shows best what the right side is worth: filled by the encoder, not told by the decoder."""
        gain = np.log(np.maximum(self.filler.probability, 1e-12)) - np.log(np.maximum(self.teller.probability, 1e-12))
        best = self.filler.right & ~self.teller.right
        return int(np.argmax(np.where(best, gain, -np.inf) if best.any() else gain))


def gap_limit(filler: OpenModel, teller: OpenModel) -> int:
    """The most tokens of a text that both can read, the encoder between its marks."""
    before, after = marks_around(filler.tokenizer)
    return min(filler.context - len(before) - len(after), teller.context)


def mask_of(tokenizer: OpenTokenizer) -> int:
    """The id that stands for a gap. Raises ValueError where a vocabulary has none."""
    if tokenizer.kind == "tokenizers":
        for name in MASKS:
            found = tokenizer.library_object.token_to_id(name)
            if found is not None:
                return int(found)
    raise ValueError(f"{tokenizer.name} has no token for a gap; choose an encoder trained to fill gaps.")


def fill_gaps(
    filler: OpenModel,
    teller: OpenModel,
    text: str,
    *,
    check: Callable[[], None] = lambda: None,
    report: Callable[[int, int], None] = lambda done, of: None,
) -> Gaps:
    """Hide each word of a text once and let both models say what stood there.

    Args:
        filler: an encoder with a masked-word head.
        teller: a decoder with the same ids for the same tokens; for the first word it reads its beginning mark alone.
        text: a sentence or a paragraph.
        check: called before each batch; raise in it to stop.
        report: told how many rows of how many are done.

    Returns:
        a frozen `Gaps`. Its probabilities are the softmax of the library's own logits for the same ids.

    Raises:
        ValueError: the text is empty, broken, too long or without a word, the vocabularies differ, or a model's
            weights are damaged.
    """
    mask = mask_of(filler.tokenizer)
    made = reading(filler.tokenizer, text)
    ids = [int(one) for one in made.ids]
    if mask in ids:
        raise ValueError("This text has a mask in it already; write the sentence whole, and a word of it is hidden.")
    if not np.array_equal(made.ids, reading(teller.tokenizer, text).ids):
        raise ValueError(f"{filler.name} and {teller.name} cut this text in two ways; choose models of one vocabulary.")
    limit = gap_limit(filler, teller)
    if len(ids) > limit:
        raise ValueError(f"This text has {len(ids):,} tokens, and gaps are filled in up to {limit}; shorten the text.")
    segments, gap_of, spans = _cut(filler.tokenizer, ids, made.words, made.special)
    if not spans:
        raise ValueError("There is no word to hide in this text; type a sentence, or press an example.")
    start = teller.bos_id if teller.bos_id is not None else next(iter(teller.eos_ids), None)
    if start is None:
        raise ValueError(f"{teller.name} has no mark for where a text begins; choose another decoder.")
    before, after = marks_around(filler.tokenizer)

    def hidden(word: int, known: Sequence[int]) -> tuple[list[int], int]:
        """The row that the encoder reads when the first tokens of a word are filled already, and where it looks."""
        first, last = spans[word]
        gap = [*known, *[mask] * (last - first - len(known))]
        return [*before, *ids[:first], *gap, *ids[last:], *after], len(before) + first + len(known)

    def left(word: int, known: Sequence[int]) -> tuple[list[int], int]:
        """What the decoder reads: what stands before, and what it has told already."""
        # Where nothing stands before, a decoder needs something to read. Elsewhere the mark would only lead it astray.
        row = [*(ids[: spans[word][0]] or [start]), *known]
        return row, len(row) - 1

    every = 2 * sum(last - first for first, last in spans)
    done = 0

    def asked(model: OpenModel, rows: Rows, places: Sequence[int]) -> NDArray[np.float32]:
        nonlocal done
        parts = []
        size = max(1, SCORE_BYTES // (4 * max(map(len, rows)) * model.vocab_size))
        for at in range(0, len(rows), size):
            check()
            parts.append(_chances(model, rows[at : at + size], places[at : at + size]))
            done += len(parts[-1])
            report(done, every)
        return np.concatenate(parts)

    found = [_guesses(model, row, ids, spans, asked) for model, row in ((filler, hidden), (teller, left))]
    return Gaps(np.array(ids, dtype=np.int32), segments, gap_of, spans, *found)


def _cut(
    tokenizer: OpenTokenizer, ids: list[int], words: NDArray[np.int32], special: NDArray[np.uint8]
) -> tuple[tuple[str, ...], tuple[int, ...], tuple[tuple[int, int], ...]]:
    edges = [*np.flatnonzero(np.r_[True, np.diff(words) != 0]).tolist(), len(ids)]
    segments: list[str] = []
    gap_of: list[int] = []
    spans: list[tuple[int, int]] = []
    for first, last in pairwise(edges):
        text = str(tokenizer.library_object.decode(ids[first:last], skip_special_tokens=False))
        word = any(sign.isalnum() for sign in text) and not special[first:last].any()
        gap_of.append(len(spans) if word else -1)
        segments.append(text)
        if word:
            spans.append((first, last))
    return tuple(segments), tuple(gap_of), tuple(spans)


def _guesses(
    model: OpenModel,
    row: Callable[[int, Sequence[int]], tuple[list[int], int]],
    ids: list[int],
    spans: tuple[tuple[int, int], ...],
    asked: Callable[[OpenModel, Rows, Sequence[int]], NDArray[np.float32]],
) -> Guesses:
    rows, places = zip(*(row(word, ()) for word in range(len(spans))), strict=True)
    chances = asked(model, rows, places)
    true = np.array([ids[first] for first, _ in spans])
    own = chances[np.arange(len(spans)), true]
    order = np.argsort(-chances, axis=1, kind="stable")[:, :TOP]
    filled = [[int(one)] for one in order[:, 0]]
    for step in range(1, max(last - first for first, last in spans)):
        longer = [word for word, (first, last) in enumerate(spans) if last - first > step]
        rows, places = zip(*(row(word, filled[word]) for word in longer), strict=True)
        for word, one in zip(longer, asked(model, rows, places).argmax(axis=1), strict=True):
            filled[word].append(int(one))
    right = [filled[word] == ids[first:last] for word, (first, last) in enumerate(spans)]
    return Guesses(
        top_ids=order.astype(np.int32),
        top_probabilities=np.take_along_axis(chances, order, axis=1),
        rank=(1 + (chances > own[:, None]).sum(axis=1)).astype(np.int32),
        probability=own,
        filled=tuple(map(tuple, filled)),
        right=np.array(right),
    )


def _chances(model: OpenModel, rows: Rows, places: Sequence[int]) -> NDArray[np.float32]:
    """The distribution [row, vocabulary] at one place of each row. Rows of a decoder may differ in length."""
    import torch

    library: Any = library_model(model)
    longest = max(map(len, rows))
    # What is put behind a decoder's row changes nothing before it; an encoder's rows are all of one length.
    batch = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
    extra = {"use_cache": False} if "use_cache" in inspect.signature(library.forward).parameters else {}
    with FORWARD, torch.inference_mode():
        scores = library(input_ids=batch, **extra).logits[torch.arange(len(rows)), torch.tensor(places)]
        chances: NDArray[np.float32] = scores.float().softmax(-1).numpy()
    if not np.isfinite(chances).all():
        raise ValueError(f"{model.name} gave values that are no numbers, so its files are damaged; fetch it again.")
    return chances


def spelled(tokenizer: OpenTokenizer, ids: NDArray[np.int32]) -> list[list[str]]:
    """The texts of the tokens in a table [word, choice]."""
    return [list(spell(tokenizer, [int(one) for one in row])) for row in ids]
