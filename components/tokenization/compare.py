"""Where two tokenizers cut the same text differently."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from components.tokenization.trace import TokenTrace


def differing_spans(left: TokenTrace, right: TokenTrace) -> NDArray[np.int32]:
    """The smallest stretches of the text that both traces begin and end together and cut differently in between.

    Where one of the two drops white space (BERT does), white space at the edge of a token is not held against it.

    Returns:
        int32 [stretch, 2], byte ranges in order, without overlap.

    Raises:
        ValueError: the traces are of different texts.
    """
    if left.utf8 != right.utf8:
        raise ValueError("The two traces are of different texts; trace the same text with both tokenizers.")
    exact = left.tiles and right.tiles
    one, two = (_cuts(trace, exact) for trace in (left, right))
    common = np.flatnonzero(one & two)
    begin, end = common[:-1], common[1:]
    cut = np.zeros(len(begin), bool)
    for cuts in (one, two):
        before = np.concatenate([[0], np.cumsum(cuts, dtype=np.int32)])  # cuts before each byte
        cut |= before[end] > before[begin + 1]
    return np.stack([begin, end], axis=1)[cut].astype(np.int32)


def _cuts(trace: TokenTrace, exact: bool) -> NDArray[np.bool_]:
    """bool [byte + 1]: a token begins or ends before this byte; always true at both ends of the text."""
    marks = np.zeros(len(trace.utf8) + 1, bool)
    marks[_cells(trace, exact).ravel()] = True
    marks[0] = marks[-1] = True
    return marks


def _cells(trace: TokenTrace, exact: bool) -> NDArray[np.int32]:
    """int32 [token, 2]: the ranges, without the white space at their edges where that does not count."""
    start, end = trace.byte_start.copy(), trace.byte_end.copy()
    if not exact:
        blank = np.isin(np.frombuffer(trace.utf8 + b"\0", np.uint8), list(b" \t\n\r\v\f"))
        while (moved := (start < end) & blank[start]).any():
            start[moved] += 1
        while (moved := (start < end) & blank[np.maximum(end - 1, 0)]).any():
            end[moved] -= 1
    return np.stack([start, end], axis=1)[start < end]
