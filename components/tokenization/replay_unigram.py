"""Unigram: every entry that fits anywhere in the word is an edge, every way from its beginning to its end a cut. The
way with the highest sum of scores is taken (Viterbi); a score is the natural logarithm of an entry's probability.

A character that no entry fits goes on with a penalty: the lowest score of all entries, less ten.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from components.models.open import OpenTokenizer
from components.tokenization.replay_bpe import Piece, user_defined
from components.tokenization.replay_words import reads_across

UNKNOWN_PENALTY = 10.0
#: A longer word is cut as any other, but its next best ways are not counted up.
WAYS_UP_TO = 200


class Edge(NamedTuple):
    """An entry that fits the characters `start` to `end`, with its score; `unknown` where it stands for no entry."""

    start: int
    end: int
    id: int
    score: float
    unknown: bool


class Path(NamedTuple):
    """One way through the word: places in `Lattice.edges`, and the sum of their scores."""

    edges: tuple[int, ...]
    score: float


@dataclass(frozen=True)
class Lattice:
    """How Unigram cuts one word.

    Attributes:
        spelling: the word as the model reads it.
        edges: every entry that fits, by where it begins and then by length.
        best: at each boundary between characters (the word's beginning first) the best score up to there.
        arrive: at each boundary the edge by which that best way arrives; -1 at the beginning.
        paths: the best way and the next best ones, best first, none twice.
        pieces: what the best way comes to: unknown characters side by side are one, or one a byte with byte fallback.
    """

    spelling: str
    edges: tuple[Edge, ...]
    best: tuple[float, ...]
    arrive: tuple[int, ...]
    paths: tuple[Path, ...]
    pieces: tuple[Piece, ...]

    @property
    def ids(self) -> tuple[int, ...]:
        """The word's ids in the end."""
        return tuple(token for piece in self.pieces for token in piece.ids)


class Lattices:
    """The lattice of any word, with the entries and scores of one tokenizer.

    `tokenizers` adds in double precision, SentencePiece keeps each sum in single precision: a tie in one may be none in
    the other, so each is followed to the letter.
    """

    total = 0

    def __init__(self, tokenizer: OpenTokenizer) -> None:
        self._keep: Callable[[float], float]
        if tokenizer.kind == "tokenizers":
            self._read_tokenizers(tokenizer.library_object)
        else:
            self._read_sentencepiece(tokenizer.library_object)

    def _read_tokenizers(self, library: Any) -> None:
        state = json.loads(library.model.__getstate__())
        entries: list[tuple[str, float]] = state["vocab"]
        scores = array("d", [score for _, score in entries])
        find = library.model.token_to_id

        def look(piece: str) -> tuple[int, float] | None:
            token = find(piece)
            return None if token is None else (token, scores[token])

        self._keep = float
        self._look, self._find = look, find
        self._unknown_id: int | None = state.get("unk_id")
        self._unknown_score = min(scores, default=0.0) - UNKNOWN_PENALTY
        self._fallback = bool(state.get("byte_fallback"))
        self._longest = max((len(piece) for piece, _ in entries), default=1)
        self.base = len(entries)
        self.divide = not reads_across(piece for piece, _ in entries)

    def _read_sentencepiece(self, processor: Any) -> None:
        fixed = set(user_defined(processor))
        size = processor.get_piece_size()
        out = {token for token in range(size) if processor.is_control(token) or processor.is_byte(token)
               or processor.is_unknown(token) or processor.is_unused(token)}
        entries = {processor.id_to_piece(token): token for token in range(size) if token not in out}
        normal = [processor.get_score(token) for piece, token in entries.items() if piece not in fixed]
        lowest, highest = min(normal, default=0.0), max(normal, default=0.0)

        def find(piece: str) -> int | None:
            token: int = processor.piece_to_id(piece)
            return None if processor.is_unknown(token) else token

        def look(piece: str) -> tuple[int, float] | None:
            token = find(piece)
            if token is None or token in out:
                return None
            if piece in fixed:  # always to be chosen
                return token, len(piece.encode("utf-8")) * highest - 0.1
            return token, processor.get_score(token)

        self._keep = lambda value: float(np.float32(value))
        self._look, self._find = look, find
        self._unknown_id = processor.unk_id()
        self._unknown_score = float(np.float32(lowest) - np.float32(UNKNOWN_PENALTY))
        self._fallback = any(processor.is_byte(token) for token in out)
        self._longest = max(map(len, entries), default=1)
        self.base = size
        self.divide = not reads_across(entries)

    def replay(self, spelling: str, ways: int = 1) -> Lattice:
        edges = tuple(self._edges(spelling))
        size = len(spelling)
        best: list[float | None] = [0.0] + [None] * size
        arrive = [-1] * (size + 1)
        for place, edge in enumerate(edges):
            so_far = best[edge.start]
            there = best[edge.end]
            assert so_far is not None, "a single character always goes on"
            if there is None or so_far + edge.score > there:
                best[edge.end], arrive[edge.end] = self._keep(so_far + edge.score), place
        first: list[int] = []
        end = size
        while end > 0:
            first.append(arrive[end])
            end = edges[arrive[end]].start
        path = tuple(reversed(first))
        paths = [Path(path, sum(edges[place].score for place in path))]
        if ways > 1 and size <= WAYS_UP_TO:
            # Of equal sums the library's own way stands first.
            paths += [one for one in best_ways(edges, size, ways) if one.edges != path][:ways - 1]
        return Lattice(spelling, edges, tuple(score or 0.0 for score in best), tuple(arrive), tuple(paths),
                       tuple(self._settle(spelling, [edges[place] for place in path])))

    def _edges(self, spelling: str) -> list[Edge]:
        edges = []
        for start in range(len(spelling)):
            alone = False
            for end in range(start + 1, min(len(spelling), start + self._longest) + 1):
                found = self._look(spelling[start:end])
                if found is not None:
                    edges.append(Edge(start, end, found[0], found[1], found[0] == self._unknown_id))
                    alone = alone or end == start + 1
            if not alone:
                token = -1 if self._unknown_id is None else self._unknown_id
                edges.append(Edge(start, start + 1, token, self._unknown_score, True))
        return edges

    def _settle(self, spelling: str, path: list[Edge]) -> list[Piece]:
        pieces: list[Piece] = []
        unknown_from: int | None = None

        def close(end: int) -> None:
            if unknown_from is not None:
                pieces.append(Piece(unknown_from, end, self._fall_back(spelling[unknown_from:end])))

        for edge in path:
            if edge.unknown:
                unknown_from = edge.start if unknown_from is None else unknown_from
            else:
                close(edge.start)
                unknown_from = None
                pieces.append(Piece(edge.start, edge.end, (edge.id,)))
        close(len(spelling))
        return pieces

    def _fall_back(self, unknown: str) -> tuple[int, ...]:
        token = self._find(unknown)  # unknown characters side by side may spell an entry: the library looks again
        if token is not None:
            return (token,)
        if self._fallback:
            tokens = [self._find(f"<0x{byte:02X}>") for byte in unknown.encode("utf-8")]
            if None not in tokens:
                return tuple(one for one in tokens if one is not None)
        return () if self._unknown_id is None else (self._unknown_id,)


def best_ways(edges: tuple[Edge, ...], size: int, ways: int) -> list[Path]:
    """The `ways` best ways through a lattice whose edges are in the order of their beginnings, best first.

    >>> edges = (Edge(0, 1, 0, -1.0, False), Edge(0, 2, 1, -1.5, False), Edge(1, 2, 2, -1.0, False))
    >>> [(path.edges, path.score) for path in best_ways(edges, 2, 5)]
    [((1,), -1.5), ((0, 2), -2.0)]
    """
    # At each boundary the best ways that arrive there: score, the edge, which of the ways at the edge's beginning.
    arriving: list[list[tuple[float, int, int]]] = [[(0.0, -1, 0)], *([] for _ in range(size))]
    ordered = [True] + [False] * size
    for place, edge in enumerate(edges):
        if not ordered[edge.start]:
            arriving[edge.start] = sorted(arriving[edge.start], key=lambda way: -way[0])[:ways]
            ordered[edge.start] = True
        for number, (score, _, _) in enumerate(arriving[edge.start]):
            arriving[edge.end].append((score + edge.score, place, number))
    found = []
    for last in sorted(arriving[size], key=lambda way: -way[0])[:ways]:
        path: list[int] = []
        score, place, number = last
        while place >= 0:
            path.append(place)
            _, place, number = arriving[edges[place].start][number]
        found.append(Path(tuple(reversed(path)), score))
    return found
