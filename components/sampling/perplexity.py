"""A given text read by a model: how surprising each token was, what was expected instead, and perplexity.

A text longer than the window is read as the guide to perplexity in the documentation of transformers reads it: the
window moves on by half its length, and only the tokens that are new in it are scored. So each token has at least half
a window before it, but for those at the beginning of the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.sampling.library import library_of
from components.sampling.prefixes import Prefix, prefixes
from components.sampling.reading import CHUNK, context_of, forward
from components.workshop import FORWARD, LIMITS, check_text

if TYPE_CHECKING:
    from components.models.open import OpenModel

# The page draws every token that it reads, so the two limits are one.
READ_TOKENS = LIMITS.chips_drawn
EXPECTED = 5
LEAST_WINDOW = 2
# The rank bands of GLTR (Gehrmann, Strobelt, Rush 2019): up to 10, up to 100, up to 1,000, beyond.
BANDS = (10, 100, 1_000)


@dataclass(frozen=True, eq=False)
class Scored:
    """What a model makes of every token of a text. Tokens not scored (yet) have NaN, rank 0 and expected id -1.

    Attributes:
        ids: the text's tokens, without what was put in front.
        begins: the id that was put in front, or None; without one the first token is not scored, since nothing could
            announce it.
        surprises: [token] float32, -ln of its probability after the tokens seen before it, in nats.
        ranks: [token] int32, 1 for the token held likeliest.
        expected: [token, 5] int32, the ids held likeliest at its place, likeliest first.
        chances: [token, 5] float32, their probabilities.
        seen_from: [token] int32, the first token that the model saw when it scored this one.
        window: tokens read at once, at most.
        edges: [token + 1] int32, where each token begins in the UTF-8 bytes of the text, and its end.
    """

    ids: tuple[int, ...]
    begins: int | None
    surprises: NDArray[np.float32]
    ranks: NDArray[np.int32]
    expected: NDArray[np.int32]
    chances: NDArray[np.float32]
    seen_from: NDArray[np.int32]
    window: int
    edges: NDArray[np.int32]

    @property
    def scored(self) -> NDArray[np.bool_]:
        """[token] whether it has a surprise."""
        return ~np.isnan(self.surprises)

    @property
    def count(self) -> int:
        """Tokens scored."""
        return int(self.scored.sum())

    @property
    def nats(self) -> float:
        """The surprises of all scored tokens together."""
        return float(np.nansum(self.surprises, dtype=np.float64))

    @property
    def perplexity(self) -> float:
        """e to the mean surprise: among so many equally likely tokens the model was as lost as it was here."""
        return float(np.exp(self.nats / self.count)) if self.count else float("nan")

    @property
    def bytes(self) -> int:
        """UTF-8 bytes of the scored tokens."""
        return int(np.diff(self.edges)[self.scored].sum())

    @property
    def bits_per_byte(self) -> float:
        """Surprise in bits by byte of text: the same measure for every tokenizer."""
        return self.nats / float(np.log(2)) / self.bytes if self.bytes else float("nan")

    @property
    def bands(self) -> tuple[int, int, int, int]:
        """How many scored tokens had rank 1-10, 11-100, 101-1,000, beyond."""
        ranks = self.ranks[self.scored]
        above = [int((ranks > edge).sum()) for edge in BANDS]
        return len(ranks) - above[0], above[0] - above[1], above[1] - above[2], above[2]


def windows(count: int, window: int) -> Iterator[tuple[int, int, int]]:
    """The stretches to read: (first position, end, first position whose token is new), see the module's head.

    >>> list(windows(7, 4))
    [(0, 4, 0), (2, 6, 4), (4, 7, 6)]
    """
    stride = max(1, window // 2)
    done = 0
    for begin in range(0, max(1, count), stride):
        end = min(begin + window, count)
        yield begin, end, done
        done = end
        if end == count:
            return


def _tokens(model: OpenModel, text: str) -> tuple[tuple[int, ...], NDArray[np.int32]]:
    """Ids of a text and the byte edges between them."""
    from components.tokenization import trace

    traced = trace(model.tokenizer, text)
    # A token that owns no byte, or shares its character's with another, begins where the one before it ended.
    edges = np.maximum.accumulate(np.concatenate([[0], traced.byte_end])).astype(np.int32)
    return tuple(traced.ids.tolist()), edges


def begin_id(model: OpenModel) -> int | None:
    """The token that may stand in front of a text, so that its first token can be scored too; None without one."""
    return model.bos_id


def score_text(
    model: OpenModel,
    text: str,
    *,
    window: int | None = None,
    with_begin: bool = False,
    on_part: Callable[[Scored, float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Scored:
    """Let a model read a text and note the surprise of every token.

    Args:
        model: an open decoder; its own tokenizer makes the tokens.
        text: at most `READ_TOKENS` tokens of it.
        window: tokens seen at once, at most; None, or more than the model's context, for the whole context.
        with_begin: put the model's beginning-of-text token in front, so that the first token is scored too.
        on_part: called now and then with what is read so far and the share (0 to 1) that it is.
        cancelled: asked before each forward; True ends the reading.

    Raises:
        ValueError: empty or unusable text, one token alone, too many tokens, a window too small, numbers of the model
            that are none, or a cancelled reading.

    Source: transformers' documentation, "Perplexity of fixed-length models".
    """
    check_text(text)
    ids, edges = _tokens(model, text)
    begins = begin_id(model) if with_begin else None
    if with_begin and begins is None:
        raise ValueError("This model has no token for the beginning of a text; switch that off.")
    return score(model, ids, begins=begins, edges=edges, window=window, on_part=on_part, cancelled=cancelled)


def score(
    model: Any,
    ids: Sequence[int],
    *,
    begins: int | None = None,
    edges: NDArray[np.int32] | None = None,
    window: int | None = None,
    on_part: Callable[[Scored, float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Scored:
    """As `score_text`, for tokens: of an `OpenModel` or of a transformers decoder in float32."""
    library = library_of(model)
    whole = ((begins,) if begins is not None else ()) + tuple(int(token) for token in ids)
    ahead = len(whole) - len(ids)
    if len(ids) > READ_TOKENS:
        raise ValueError(f"The text has {len(ids):,} tokens and this page reads {READ_TOKENS:,}; shorten it.")
    if len(whole) < 2:
        raise ValueError("The text is one token alone, and nothing stands before it that could announce it; "
                         "type more.")
    vocabulary = library.get_output_embeddings().weight.shape[0]  # type: ignore[union-attr]
    if not all(0 <= token < vocabulary for token in whole):
        raise ValueError(f"A token is not among this model's {vocabulary:,}; use the model's own tokenizer.")
    size = min(context_of(library), len(whole) if window is None else window)
    if size < LEAST_WINDOW:
        raise ValueError(f"A window of {size} shows the model nothing before a token; take {LEAST_WINDOW} or more.")
    count = len(ids)
    found = Scored(
        tuple(whole[ahead:]), begins, np.full(count, np.nan, np.float32), np.zeros(count, np.int32),
        np.full((count, EXPECTED), -1, np.int32), np.zeros((count, EXPECTED), np.float32),
        np.zeros(count, np.int32), size if window is not None or len(whole) > size else context_of(library),
        np.arange(count + 1, dtype=np.int32) if edges is None else edges,
    )
    every = list(windows(len(whole), size))
    parts = _one_window(library, whole) if len(every) == 1 else _many_windows(library, whole, every)
    done = 1
    for rows, firsts, seen in _checked(parts, cancelled):
        if not firsts:
            continue  # a stretch that is only there to be seen
        _note(found, rows, firsts, seen, whole, ahead)
        done += len(firsts)
        if on_part is not None:
            on_part(_copy(found), min(1.0, done / len(whole)))
    return _copy(found)


# rows [position, vocab] of logits, the position whose token each row foretells, and the first position it saw
_Part = tuple[Any, list[int], list[int]]


def _one_window(library: Any, ids: Sequence[int], begin: int = 0, new: int = 1) -> Iterator[_Part]:
    """One window in chunks behind each other, each reading the cache of those before.

    Args:
        ids: the window's tokens.
        begin: the position of the first of them.
        new: the first position that is to be foretold.
    """
    prefix = Prefix((), prefixes.take(library, ids[:1]).cache)
    for start in range(0, len(ids) - 1, CHUNK):
        chunk = ids[start : min(start + CHUNK, len(ids) - 1)]
        rows, prefix = forward(library, prefix, chunk)
        firsts = [place for place in range(begin + start + 1, begin + start + 1 + len(chunk)) if place >= new]
        yield rows[len(chunk) - len(firsts) :], firsts, [begin] * len(firsts)


def _many_windows(library: Any, whole: Sequence[int], every: Sequence[tuple[int, int, int]]) -> Iterator[_Part]:
    """Windows that are read apart, several in one forward where they are small."""
    import torch

    at = 0
    while at < len(every):
        begin, end, new = every[at]
        if end - begin > CHUNK:
            yield from _one_window(library, whole[begin:end], begin, max(1, new))
            at += 1
            continue
        batch = [one for one in every[at : at + CHUNK // (end - begin)] if one[1] - one[0] == end - begin]
        at += len(batch)
        with FORWARD, torch.inference_mode():
            logits = library(
                input_ids=torch.tensor([list(whole[begin:end]) for begin, end, _ in batch]), use_cache=False
            ).logits.float()
        for row, (begin, end, new) in enumerate(batch):
            firsts = list(range(max(new, 1), end))
            yield logits[row, firsts[0] - 1 - begin : end - 1 - begin], firsts, [begin] * len(firsts)


def _checked(parts: Iterator[_Part], cancelled: Callable[[], bool] | None) -> Iterator[_Part]:
    while True:
        if cancelled is not None and cancelled():
            raise ValueError("The reading was stopped; start it again for the rest.")
        part = next(parts, None)
        if part is None:
            return
        yield part


def _note(found: Scored, rows: Any, firsts: list[int], seen: list[int], whole: Sequence[int], ahead: int) -> None:
    """Write what the rows say of their tokens into the arrays, which nobody else has seen yet."""
    import torch

    if bool(torch.isnan(rows).any()) or bool(torch.isposinf(rows).any()):
        raise ValueError("The model answered with numbers that are none (NaN or infinite), so nothing can be scored; "
                         "fetch the model again.")
    chances = torch.log_softmax(rows, dim=-1)
    wanted = torch.tensor([whole[first] for first in firsts])
    own = chances[torch.arange(len(firsts)), wanted]
    places = np.array(firsts) - ahead
    found.surprises[places] = np.maximum(0, -own.numpy())
    found.ranks[places] = ((rows > rows[torch.arange(len(firsts)), wanted][:, None]).sum(dim=-1) + 1).numpy()
    best = torch.topk(chances, min(EXPECTED, chances.shape[-1]), dim=-1)
    found.expected[places, : best.indices.shape[-1]] = best.indices.numpy()
    found.chances[places, : best.values.shape[-1]] = best.values.exp().numpy()
    found.seen_from[places] = np.maximum(0, np.array(seen) - ahead)


def _copy(found: Scored) -> Scored:
    """The same in arrays of its own that nobody writes to any more."""
    arrays = {name: getattr(found, name).copy()
              for name in ("surprises", "ranks", "expected", "chances", "seen_from", "edges")}
    for array in arrays.values():
        array.setflags(write=False)
    return replace(found, **arrays)
