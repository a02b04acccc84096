"""`replay(tokenizer, text)`: how a tokenizer's own algorithm comes to its ids, step by step, for each word of a text.

The steps are worked out here from the real vocabulary, and the ids in which they end are compared with the library's:
where they differ nothing is shown.
"""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.models.open import OpenTokenizer
from components.tokenization.encode import encode
from components.tokenization.replay_bpe import (
    Merging,
    SentencePieceMerges,
    TiktokenMerges,
    TokenizersMerges,
    saved,
)
from components.tokenization.replay_unigram import Lattice, Lattices
from components.tokenization.replay_wordpiece import Matches, Matching, Words
from components.tokenization.replay_words import read_words
from components.workshop import check_text

#: A longer text is refused: every step of it would have to be kept.
REPLAYED_CHARACTERS = 20_000

Way = Merging | Matching | Lattice


class Word(NamedTuple):
    """One word of the text.

    Attributes:
        text: as the model reads it, with plain spaces.
        start, end: its characters in the original text.
        way: which of `Replay.ways` it takes; -1 for a control token, which no algorithm sees.
        control: that token's id, else None.
    """

    text: str
    start: int
    end: int
    way: int
    control: int | None


@dataclass(frozen=True)
class Replay:
    """The words of a text and how each is cut.

    Attributes:
        name: the tokenizer's.
        text: the original.
        algorithm: "BPE", "WordPiece", "Unigram" or "word list".
        words: in the order of the text.
        ways: one for every different word, in the order of their first place.
        ids: int32 [token], of the whole text: the library's own.
        base: entries of the vocabulary that no merge made.
        merges: how many merges the tokenizer has learnt; 0 for algorithms without any.
    """

    name: str
    text: str
    algorithm: str
    words: tuple[Word, ...]
    ways: tuple[Way, ...]
    ids: NDArray[np.int32] = field(repr=False)
    base: int
    merges: int

    @cached_property
    def needed(self) -> NDArray[np.int32]:
        """How many merges each token that is spared in the whole text needs; int32, sorted. See `pieces_after`."""
        counts = np.bincount([word.way for word in self.words if word.way >= 0], minlength=len(self.ways))
        each = [np.repeat(np.array(way.needed, np.int32), count)
                for way, count in zip(self.ways, counts, strict=True) if isinstance(way, Merging)]
        return np.sort(np.concatenate(each)) if each else np.zeros(0, np.int32)

    def pieces_after(self, merges: int) -> int:
        """How many tokens the whole text would have in a tokenizer that had stopped after so many merges."""
        return len(self.ids) + len(self.needed) - int(np.searchsorted(self.needed, merges, side="right"))


def replay(tokenizer: OpenTokenizer, text: str, ways: int = 5) -> Replay:
    """Replay the algorithm on a text.

    Args:
        tokenizer: from `components.models.open.open_tokenizer`, or read from a file.
        text: at most 20,000 characters; may be empty. What looks like a control token is read as the library does.
        ways: how many ways through a Unigram lattice to list, the best one included.

    Raises:
        ValueError: no usable text, too long, an algorithm that is not known here, or steps that do not end in the
            library's own ids.
    """
    check_text(text, allow_empty=True)
    if len(text) > REPLAYED_CHARACTERS:
        raise ValueError(f"The text has {len(text):,} characters, and every step is kept for at most "
                         f"{REPLAYED_CHARACTERS:,}; shorten it.")
    algorithm, model = _model(tokenizer)
    numbers: dict[str, int] = {}
    found: list[Way] = []
    words = []
    for read in read_words(tokenizer, text, model.divide):
        way = -1
        if read.control is None:
            way = numbers.setdefault(read.spelling, len(found))
            if way == len(found):
                found.append(model.replay(read.spelling, ways) if algorithm == "Unigram"
                             else model.replay(read.spelling))
        shown = read.spelling if read.control is not None else _text(found[way])
        words.append(Word(shown, read.start, read.end, way, read.control))
    ids = [token for word in words
           for token in (found[word.way].ids if word.control is None else (word.control,))]
    library = encode(tokenizer, text, "auto", offsets=False).ids
    if library.tolist() != ids:
        raise ValueError("For this text the steps worked out here do not end in the library's own ids, so they are "
                         "not shown; change the text or choose another tokenizer.")
    return Replay(tokenizer.name, text, algorithm, tuple(words), tuple(found), library, model.base, model.total)


def _text(way: Way) -> str:
    """A word as a person would write it: a space for the library's sign of one."""
    if isinstance(way, Merging):
        return way.spelling.decode("utf-8", errors="replace")
    return way.spelling.replace("▁", " ") if isinstance(way, Lattice) else way.spelling


_models: dict[int, tuple[str, Any]] = {}
_making = threading.Lock()


def _model(tokenizer: OpenTokenizer) -> tuple[str, Any]:
    """The algorithm's name and its tables, made at the first call and kept as long as the tokenizer lives."""
    found = _models.get(id(tokenizer))
    if found is None:
        with _making:
            if id(tokenizer) not in _models:
                _models[id(tokenizer)] = _read(tokenizer)
                weakref.finalize(tokenizer, _models.pop, id(tokenizer), None)
            found = _models[id(tokenizer)]
    return found


def _read(tokenizer: OpenTokenizer) -> tuple[str, Any]:
    if tokenizer.kind == "tiktoken":
        return "BPE", TiktokenMerges(tokenizer)
    if tokenizer.kind == "sentencepiece":
        kind = {1: "Unigram", 2: "BPE", 3: "Word", 4: "Char"}[saved(tokenizer.library_object).trainer_spec.model_type]
        known: dict[str, Any] = {"BPE": SentencePieceMerges, "Unigram": Lattices}
    else:
        kind = type(tokenizer.library_object.model).__name__
        known = {"BPE": TokenizersMerges, "WordPiece": Matches, "Unigram": Lattices, "WordLevel": Words}
    if kind not in known:
        raise ValueError(f"Its algorithm ({kind}) has no steps to show; choose another tokenizer.")
    return {"WordLevel": "word list"}.get(kind, kind), known[kind](tokenizer)
