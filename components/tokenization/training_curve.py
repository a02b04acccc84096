"""What each size of a vocabulary is worth: bytes a token, on the text that was learnt from and on text held out.

BPE and WordPiece learn one entry after the other, so the vocabulary of every smaller size stands inside the large one:
cutting the list of entries gives exactly what a training stopped there would have given. Unigram starts from too many
pieces and throws away the least useful, so each of its sizes is a training of its own, and a few sizes have to do.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from components.models.open import OpenTokenizer
from components.tokenization.trace import Kind, trace
from components.tokenization.vocabulary import vocabulary

#: Sizes on a curve: where they are cut out of one training, and where each is a training.
CUT, TRAINED = 16, 5
_AT_ONCE = 20_000
Shown = tuple[str, str]
"""A piece or an entry to be read, and what it is: "", "byte" (then the text is its bytes) or "unknown"."""


class Settings(Protocol):
    """What is read of a recipe here."""

    @property
    def algorithm(self) -> str: ...


@dataclass(frozen=True)
class Point:
    """One size of the vocabulary.

    Attributes:
        size: its entries.
        learnt: bytes a token on the text that was learnt from.
        held: bytes a token on the text held out; None where none was.
        unknown: share of the tokens of the text held out (of the other, where none was) that are the unknown entry. A
            single one may stand for a whole word, so where this is not 0 the bytes a token flatter.
        pieces: the sample as this vocabulary cuts it.
    """

    size: int
    learnt: float
    held: float | None
    unknown: float
    pieces: tuple[Shown, ...]


@dataclass(frozen=True)
class Measures:
    """What a vocabulary is measured with: words and how often each stands there, bytes of text, a sample."""

    words: Counter[str]
    held_words: Counter[str]
    learnt_bytes: int
    held_bytes: int
    sample: str


def points(recipe: Settings, tokenizer: Any, base: int, measures: Measures, train: Callable[[int], Any],
           report: Callable[[float], None]) -> tuple[Point, ...]:
    """The learning curve, smallest vocabulary first, the trained one last.

    Args:
        tokenizer: the trained `tokenizers.Tokenizer`.
        base: entries that it had before it learnt anything.
        train: trains the same for another size; called for Unigram only.
        report: told the share that is done.
    """
    full = tokenizer.get_vocab_size()
    found = []
    unigram = recipe.algorithm == "unigram"
    wanted = sizes(base, full, TRAINED if unigram else CUT)
    for place, size in enumerate(wanted):
        smaller = tokenizer if size == full else train(size) if unigram else cut(tokenizer, size)
        found.append(_point(smaller, measures))
        report((place + 1) / len(wanted))
    # Two of Unigram's sizes may come out the same.
    return tuple({point.size: point for point in found}.values())


def sizes(base: int, full: int, most: int) -> list[int]:
    """Up to `most` sizes from `base` to `full`, each about so many times the one before, round where they can be.

    >>> sizes(257, 1000, 5)
    [257, 360, 510, 710, 1000]
    """
    if full <= base or most < 2:
        return [full]
    found = []
    for place in range(most):
        exact = base * (full / base) ** (place / (most - 1))
        step = 10 ** max(0, len(str(int(exact))) - 2)
        found.append(min(full, max(base, round(exact / step) * step)))
    found[0], found[-1] = base, full
    return sorted(set(found))


def cut(tokenizer: Any, size: int) -> Any:
    """The tokenizer as it was when it had so many entries: BPE and WordPiece, whose ids are in the order of learning.

    Returns a new `tokenizers.Tokenizer`; the given one is left as it is.
    """
    from tokenizers import Tokenizer

    state = json.loads(tokenizer.to_str())
    model = state["model"]
    entries = model["vocab"]
    model["vocab"] = {piece: token for piece, token in entries.items() if token < size}
    if model["type"] == "BPE":
        kept = []
        for left, right in model["merges"]:
            if entries[left + right] >= size:
                break  # the merges stand in order; a later one may make an old entry again, but came after the end
            kept.append([left, right])
        model["merges"] = kept
    return Tokenizer.from_str(json.dumps(state))


def tokens(tokenizer: Any, words: Counter[str]) -> tuple[int, int]:
    """Tokens of all these words together, and how many of them are the unknown entry.

    Each different word is cut once: the model sees no further than a word.
    """
    from tokenizers import Tokenizer

    bare = Tokenizer(tokenizer.model)
    nobody = {"WordPiece": "[UNK]", "Unigram": "<unk>"}.get(type(tokenizer.model).__name__, "")
    unknown = tokenizer.token_to_id(nobody)
    every = list(words)
    total = lost = 0
    for start in range(0, len(every), _AT_ONCE):
        some = every[start:start + _AT_ONCE]
        found = bare.encode_batch_fast(some, add_special_tokens=False)
        for word, one in zip(some, found, strict=True):
            ids = one.ids
            total += len(ids) * words[word]
            if unknown is not None and unknown in ids:
                lost += ids.count(unknown) * words[word]
    return total, lost


def _point(tokenizer: Any, measures: Measures) -> Point:
    count, lost = tokens(tokenizer, measures.words)
    learnt, held = measures.learnt_bytes / max(1, count), None
    if measures.held_bytes:
        count, lost = tokens(tokenizer, measures.held_words)
        held = measures.held_bytes / max(1, count)
    pieces = []
    for token in trace(OpenTokenizer("sample", "tokenizers", tokenizer), measures.sample):
        if token.kind == Kind.FRAGMENT:
            pieces.append((token.bytes.hex(" ").upper(), "byte"))
        else:
            pieces.append((token.text, "unknown" if token.kind == Kind.UNKNOWN else ""))
    return Point(tokenizer.get_vocab_size(), learnt, held, lost / max(1, count), tuple(pieces))


def ends(algorithm: str, tokenizer: Any, base: int, most: int) -> tuple[tuple[Shown, ...], tuple[Shown, ...]]:
    """The first and the last entries learnt, up to `most` of each and none twice, in the order of learning.

    Unigram learns all of its entries at once: there the most and the least probable ones of two characters or more.
    """
    names = sorted(tokenizer.get_vocab().items(), key=lambda entry: entry[1])
    if algorithm == "unigram":
        learnt = [(name, token) for name, token in names[3:] if len(name) > 1]
    else:
        learnt = [(name, token) for name, token in names if token >= base]
    table = vocabulary(OpenTokenizer("entries", "tokenizers", tokenizer))
    some = learnt[:most], learnt[most:][-most:]
    first, last = ([(name, "") if algorithm == "wordpiece" else _readable(table.piece(token)) for name, token in end]
                   for end in some)
    return tuple(first), tuple(last)


def _readable(piece: bytes) -> Shown:
    """An entry's text; where it is no whole character, its bytes."""
    try:
        return piece.decode("utf-8"), ""
    except UnicodeDecodeError:
        return piece.hex(" ").upper(), "byte"
