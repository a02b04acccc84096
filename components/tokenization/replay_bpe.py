"""BPE, merge by merge: of all pairs that stand side by side the one with the lowest rank becomes one piece, again and
again, until no pair is known.

Three libraries keep their merges in three ways. `tokenizers` lists pairs, and a pair's rank is its place in the list.
tiktoken lists pieces, and two neighbours may merge when together they are a piece, whose rank is its id. SentencePiece
lists pieces with scores, and the highest score goes first. Here all of them have a rank that counts merges from 0, so
that a tokenizer which stops after N merges makes exactly those with a rank under N.
"""

from __future__ import annotations

import heapq
import json
from array import array
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from components.models.open import OpenTokenizer
from components.tokenization.replay_words import reads_across
from components.tokenization.vocabulary import byte_characters, vocabulary


class Piece(NamedTuple):
    """A stretch of a word and the ids that it has in the end: one, or one a byte where the vocabulary falls back.

    `start` and `end` count bytes of the word for BPE, characters for the other algorithms.
    """

    start: int
    end: int
    ids: tuple[int, ...]


class Merge(NamedTuple):
    """Two neighbours, `start` to `middle` and `middle` to `end`, become one piece with this id.

    `rank` counts the merges of the tokenizer from 0, in the order in which they were learnt.
    """

    rank: int
    start: int
    middle: int
    end: int
    id: int


@dataclass(frozen=True)
class Merging:
    """How BPE cuts one word.

    Attributes:
        spelling: the word in bytes, as the model reads it.
        units: what it begins with: single bytes, or characters where the vocabulary has characters.
        merges: in the order in which they happen.
        pieces: what stands there in the end.
        whole: the rank from which on the whole word is taken as it stands, without merging, because it is an entry
            itself (tiktoken always, tokenizers with `ignore_merges`); None where it is no entry or is not taken so.
    """

    spelling: bytes
    units: tuple[Piece, ...]
    merges: tuple[Merge, ...]
    pieces: tuple[Piece, ...]
    whole: int | None

    @property
    def ids(self) -> tuple[int, ...]:
        """The word's ids in the end."""
        return tuple(token for piece in self.pieces for token in piece.ids)

    @cached_property
    def needed(self) -> tuple[int, ...]:
        """For every token fewer than at the beginning, how many merges a tokenizer must have to spare it; sorted.

        A tokenizer of fewer merges makes the first ones of this word and stops at the first that it has not.
        """
        most, found = 0, []
        for merge in self.merges:
            most = max(most, merge.rank + 1)
            found.append(most)
        if self.whole is not None:
            earlier = [count for count in found if count <= self.whole]
            found = earlier + [self.whole + 1] * (sum(len(unit.ids) for unit in self.units) - 1 - len(earlier))
        return tuple(found)


#: rank, id and key of what two keys become together; None where they do not merge.
Pair = Callable[[Any, Any], "tuple[int, int, Any] | None"]


def merge(units: list[Piece], keys: list[Any], pair: Pair) -> tuple[list[Merge], list[Piece]]:
    """Merge until no pair is left; of equal ranks the leftmost goes first, as in every library.

    >>> ranks = {"in": (0, 7, "in"), "un": (1, 8, "un")}
    >>> units = [Piece(0, 1, (1,)), Piece(1, 2, (2,)), Piece(2, 3, (3,))]
    >>> merge(units, ["u", "n", "i"], lambda left, right: ranks.get(left + right))[0]
    [Merge(rank=1, start=0, middle=1, end=2, id=8)]
    """
    count = len(units)
    end = [unit.end for unit in units]
    ids = [unit.ids for unit in units]
    after, before = list(range(1, count + 1)), list(range(-1, count - 1))
    keys = list(keys)
    alive = [True] * count
    waiting: list[tuple[int, int, int, int, int, Any]] = []

    def look(left: int) -> None:
        right = after[left]
        if left >= 0 and right < count and (found := pair(keys[left], keys[right])):
            heapq.heappush(waiting, (found[0], left, right, end[right], found[1], found[2]))

    for left in range(count - 1):
        look(left)
    done = []
    while waiting:
        rank, left, right, stop, made, key = heapq.heappop(waiting)
        if not alive[left] or after[left] != right or end[right] != stop:
            continue  # one of the two has become part of something else since
        done.append(Merge(rank, units[left].start, units[right].start, stop, made))
        end[left], ids[left], keys[left] = stop, (made,), key
        alive[right] = False
        after[left] = after[right]
        if after[right] < count:
            before[after[right]] = left
        look(left)
        if before[left] >= 0:
            look(before[left])
    return done, [Piece(units[i].start, end[i], ids[i]) for i in range(count) if alive[i]]


class TiktokenMerges:
    """Merges out of a table of pieces in bytes and their ids."""

    divide = False

    def __init__(self, tokenizer: OpenTokenizer) -> None:
        self._ranks: dict[bytes, int] = tokenizer.library_object._mergeable_ranks
        longer = np.sort(np.fromiter((token for piece, token in self._ranks.items() if len(piece) > 1), np.int32))
        self._order = array("i", longer.tobytes())
        self.total = len(self._order)
        self.base = len(self._ranks) - self.total

    def _pair(self, left: bytes, right: bytes) -> tuple[int, int, bytes] | None:
        joined = left + right
        token = self._ranks.get(joined)
        return None if token is None else (bisect_left(self._order, token), token, joined)

    def replay(self, spelling: str) -> Merging:
        word = spelling.encode("utf-8")
        keys = [word[place:place + 1] for place in range(len(word))]
        units = [Piece(place, place + 1, (self._ranks[key],)) for place, key in enumerate(keys)]
        merges, pieces = merge(units, keys, self._pair)
        token = self._ranks.get(word)
        if token is None:
            return Merging(word, tuple(units), tuple(merges), tuple(pieces), None)
        rank = bisect_left(self._order, token) if len(word) > 1 else None
        return Merging(word, tuple(units), tuple(merges), (Piece(0, len(word), (token,)),), rank)


class TokenizersMerges:
    """Merges out of a list of pairs. The table is three sorted arrays: a dictionary would take twenty times as much."""

    def __init__(self, tokenizer: OpenTokenizer) -> None:
        self._model = tokenizer.library_object.model
        state = json.loads(self._model.__getstate__())
        entries: dict[str, int] = state["vocab"]
        self._byte_level = vocabulary(tokenizer).algorithm == "byte-level BPE"
        self._prefix: str = state.get("continuing_subword_prefix") or ""
        self._suffix: str = state.get("end_of_word_suffix") or ""
        self._unknown = state.get("unk_token")
        self._fuse = bool(state.get("fuse_unk"))
        self._fallback = bool(state.get("byte_fallback"))
        self._take_whole = bool(state.get("ignore_merges"))
        self._bytes = byte_characters()
        table: dict[int, tuple[int, int]] = {}
        for rank, listed in enumerate(state["merges"]):
            left, right = listed if isinstance(listed, list) else listed.split(" ")
            table[entries[left] << 32 | entries[right]] = (rank, entries[left + right[len(self._prefix):]])
        keys = sorted(table)
        self._keys = array("q", keys)
        self._ranks = array("i", [table[key][0] for key in keys])
        self._made = array("i", [table[key][1] for key in keys])
        self.total = len(state["merges"])
        self.base = len(entries) - len(set(self._made))
        self.divide = not (self._byte_level or self._prefix or self._suffix or self._take_whole
                           or reads_across(entries))

    def _pair(self, left: int, right: int) -> tuple[int, int, int] | None:
        key = left << 32 | right
        place = bisect_left(self._keys, key)
        if place == len(self._keys) or self._keys[place] != key:
            return None
        return self._ranks[place], self._made[place], self._made[place]

    def replay(self, spelling: str) -> Merging:
        word, units = self._begin(spelling)
        merges, pieces = merge(units, [unit.ids[0] for unit in units], self._pair)
        token = self._model.token_to_id(spelling) if self._take_whole else None
        if token is None or len(units) < 2:
            return Merging(word, tuple(units), tuple(merges), tuple(pieces), None)
        ranks = [rank for rank, made in zip(self._ranks, self._made, strict=True) if made == token]
        return Merging(word, tuple(units), tuple(merges), (Piece(0, len(word), (token,)),),
                       min(ranks, default=self.total - 1))

    def _begin(self, spelling: str) -> tuple[bytes, list[Piece]]:
        word = bytearray()
        units: list[Piece] = []
        fused = False  # the last unit is an unknown one that further unknown characters join
        for place, character in enumerate(spelling):
            start = len(word)
            if self._byte_level and character in self._bytes:
                word.append(self._bytes[character])
            else:
                word += (" " if character == "▁" and not self._byte_level else character).encode("utf-8")
            name = (self._prefix if place else "") + character + (self._suffix if place == len(spelling) - 1 else "")
            token = self._model.token_to_id(name)
            if token is not None:
                units.append(Piece(start, len(word), (token,)))
                fused = False
                continue
            if self._fallback:
                raw = name.encode("utf-8")
                tokens = [self._model.token_to_id(f"<0x{byte:02X}>") for byte in raw]
                if None not in tokens:
                    word[start:] = raw  # all bytes of a "▁" too, which stands for itself here and for no space
                    units += [Piece(start + i, start + i + 1, (token,)) for i, token in enumerate(tokens)]
                    continue
            if self._unknown is None:
                continue  # the library drops a character that it has no entry for
            if fused:
                units[-1] = units[-1]._replace(end=len(word))
            else:
                units.append(Piece(start, len(word), (self._model.token_to_id(self._unknown),)))
                fused = self._fuse
        return bytes(word), units


class SentencePieceMerges:
    """Merges out of pieces with scores; the highest score first, so a rank counts the pieces with a higher one."""

    def __init__(self, tokenizer: OpenTokenizer) -> None:
        self._processor = processor = tokenizer.library_object
        size = processor.get_piece_size()
        own = [token for token in range(size)
               if not (processor.is_control(token) or processor.is_byte(token) or processor.is_unknown(token))]
        names = {token: processor.id_to_piece(token) for token in own}
        order = sorted(-processor.get_score(token) for token, name in names.items() if len(name) > 1)
        #: The rank of each entry that a merge can make, -1 for the others.
        self._ranks = array("i", [-1] * size)
        for token, name in names.items():
            if len(name) > 1:
                self._ranks[token] = bisect_left(order, -processor.get_score(token))
        self._fixed = sorted(user_defined(processor), key=len, reverse=True)
        self._fixed_begin = {name[0] for name in self._fixed}
        self.total = len(order)
        self.base = size - self.total
        self.divide = not reads_across(names.values())

    def _pair(self, left: str, right: str) -> tuple[int, int, str] | None:
        joined = left + right
        token = self._processor.piece_to_id(joined)
        rank = self._ranks[token]
        return None if rank < 0 or left in self._fixed or right in self._fixed else (rank, token, joined)

    def replay(self, spelling: str) -> Merging:
        keys, units, word = [], [], bytearray()
        place, unknown = 0, False
        while place < len(spelling):
            name = spelling[place]
            if name in self._fixed_begin:
                name = next((one for one in self._fixed if spelling.startswith(one, place)), name)
            place += len(name)
            raw = name.replace("▁", " ").encode("utf-8")
            ids = self._ids(name)
            lost = len(ids) == 1 and self._processor.is_unknown(ids[0])
            # A run of unknown characters is one unknown token; its id stands at the first of them.
            units.append(Piece(len(word), len(word) + len(raw), () if lost and unknown else ids))
            unknown = lost
            keys.append(name)
            word += raw
        merges, pieces = merge(units, keys, self._pair)
        return Merging(bytes(word), tuple(units), tuple(merges), tuple(pieces), None)

    def _ids(self, name: str) -> tuple[int, ...]:
        token = self._processor.piece_to_id(name)
        if self._processor.is_unknown(token):
            tokens = [self._processor.piece_to_id(f"<0x{byte:02X}>") for byte in name.encode("utf-8")]
            if all(self._processor.is_byte(one) for one in tokens):
                return tuple(tokens)
        return (token,)


def saved(processor: Any) -> Any:
    """A SentencePiece model as it was saved: pieces with their types, and how it was trained."""
    from sentencepiece import sentencepiece_model_pb2 as protocol

    model = vars(protocol)["ModelProto"]()  # the class is made at import; no type checker sees it
    model.ParseFromString(processor.serialized_model_proto())
    return model


def user_defined(processor: Any) -> list[str]:
    """The pieces that a SentencePiece model takes out of a text as they stand."""
    return [piece.piece for piece in saved(processor).pieces if piece.type == piece.USER_DEFINED]
