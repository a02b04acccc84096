"""WordPiece: of the rest of the word the longest beginning that is an entry, then the same with what is left.

The beginning of a word and its middle are different entries: `##ing` goes on, `ing` begins. Where no beginning fits,
the whole word is unknown, even what fitted before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from components.models.open import OpenTokenizer
from components.tokenization.replay_bpe import Piece


class Try(NamedTuple):
    """One look into the vocabulary: for the characters `start` to `end`. `id` is None where there is no such entry."""

    start: int
    end: int
    id: int | None


@dataclass(frozen=True)
class Matching:
    """How WordPiece cuts one word.

    Attributes:
        spelling: the word as the model reads it.
        prefix: what stands before an entry that goes on, such as `##`.
        found: the entries that fitted, in order.
        stuck: the character at which nothing fitted, or None.
        too_long: whether the word has more characters than the tokenizer looks at; then nothing is tried.
        pieces: `found`, or the whole word as one unknown piece.
    """

    spelling: str
    prefix: str
    found: tuple[Piece, ...]
    stuck: int | None
    too_long: bool
    pieces: tuple[Piece, ...]

    @property
    def ids(self) -> tuple[int, ...]:
        """The word's ids in the end."""
        return tuple(token for piece in self.pieces for token in piece.ids)

    def tries(self) -> Iterator[Try]:
        """Every look into the vocabulary, in order: the whole rest first, then one character less, and so on."""
        for piece in self.found:
            for end in range(len(self.spelling), piece.end, -1):
                yield Try(piece.start, end, None)
            yield Try(piece.start, piece.end, piece.ids[0])
        if self.stuck is not None:
            for end in range(len(self.spelling), self.stuck, -1):
                yield Try(self.stuck, end, None)


class Matches:
    """Longest match first, with the entries of one tokenizer."""

    divide = False
    total = 0

    def __init__(self, tokenizer: OpenTokenizer) -> None:
        self._model = tokenizer.library_object.model
        self._prefix: str = self._model.continuing_subword_prefix
        self._longest: int = self._model.max_input_chars_per_word
        self._unknown: int | None = self._model.token_to_id(self._model.unk_token)
        self.base = tokenizer.library_object.get_vocab_size(with_added_tokens=False)

    def replay(self, spelling: str) -> Matching:
        whole = Piece(0, len(spelling), () if self._unknown is None else (self._unknown,))
        if len(spelling) > self._longest:
            return Matching(spelling, self._prefix, (), None, True, (whole,))
        found: list[Piece] = []
        start = 0
        while start < len(spelling):
            for end in range(len(spelling), start, -1):
                token = self._model.token_to_id((self._prefix if start else "") + spelling[start:end])
                if token is not None:
                    found.append(Piece(start, end, (token,)))
                    start = end
                    break
            else:
                return Matching(spelling, self._prefix, tuple(found), start, False, (whole,))
        return Matching(spelling, self._prefix, tuple(found), None, False, tuple(found))


class Words:
    """A plain list of words: one look, and unknown where the word is not in it."""

    divide = False
    total = 0

    def __init__(self, tokenizer: OpenTokenizer) -> None:
        self._model = tokenizer.library_object.model
        self._unknown: int | None = self._model.token_to_id(self._model.unk_token)
        self.base = tokenizer.library_object.get_vocab_size(with_added_tokens=False)

    def replay(self, spelling: str) -> Matching:
        token = self._model.token_to_id(spelling)
        if token is not None:
            piece = Piece(0, len(spelling), (token,))
            return Matching(spelling, "", (piece,), None, False, (piece,))
        whole = Piece(0, len(spelling), () if self._unknown is None else (self._unknown,))
        # One look and no more: as a word that is too long to be cut.
        return Matching(spelling, "", (), None, True, (whole,))
