"""Whole words instead of pieces: which tokens make up a word, and attention between words.

A word's share is the *sum* over its tokens as keys, since a row hands out one whole, and the *mean* over its tokens as
queries, since each of them hands out a whole of its own. So a row of words still adds up to 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Letters and digits with their apostrophes, or a run of other signs. Scripts that write no spaces go sign by sign.
_ALONE = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_ALONE}]|(?:(?![{_ALONE}])\w)+(?:['’](?:(?![{_ALONE}])\w)+)*|[^\w\s]+")


def words_of(text: str, ranges: Sequence[tuple[int, int]]) -> NDArray[np.int32]:
    """The number of the word that each token belongs to, counted from 0: [token].

    Args:
        text: what was cut.
        ranges: each token's first character and the one after its last; an empty range is a word of its own.
    """
    number = np.full(len(text) + 1, -1, dtype=np.int64)
    for index, found in enumerate(_WORD.finditer(text)):
        number[found.start() : found.end()] = index
    result = np.zeros(len(ranges), dtype=np.int32)
    word, last = -1, -2
    for at, (start, end) in enumerate(ranges):
        inside = [int(one) for one in number[start:end] if one >= 0]
        if not inside or inside[0] != last:
            word += 1
        last = inside[-1] if inside else -2
        result[at] = word
    return result


def whole_words(matrix: NDArray[np.floating[Any]], words: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    """[query, key] -> [word, word]: summed over a word's keys, averaged over its queries.

    Args:
        matrix: attention between tokens.
        words: [token], see `words_of`.
    """
    starts = np.flatnonzero(np.r_[True, np.diff(words) != 0])
    sizes = np.diff(np.r_[starts, len(words)])
    summed = np.add.reduceat(np.add.reduceat(matrix.astype(np.float64), starts, axis=1), starts, axis=0)
    result: NDArray[np.float32] = (summed / sizes[:, None]).astype(np.float32)
    return result
