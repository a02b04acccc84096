"""Where two tokenizers cut the same text differently."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from components.tokenization.trace import TokenTrace


def differing_spans(*traces: TokenTrace) -> NDArray[np.int32]:
    """The smallest stretches of a text that all traces begin and end together and not all cut alike in between.

    Where one of them drops white space (BERT does), white space at the edge of a token is not held against it.

    Args:
        traces: two or more, of the same text.

    Returns:
        int32 [stretch, 2], byte ranges in order, without overlap.

    Raises:
        ValueError: fewer than two traces, or traces of different texts.
    """
    if len(traces) < 2:
        raise ValueError("There is nothing to compare with; give two traces or more.")
    if any(trace.utf8 != traces[0].utf8 for trace in traces):
        raise ValueError("The traces are of different texts; trace the same text with every tokenizer.")
    exact = all(trace.tiles for trace in traces)
    every = np.stack([_cuts(trace, exact) for trace in traces])
    common = np.flatnonzero(every.all(axis=0))
    begin, end = common[:-1], common[1:]
    cut = np.zeros(len(begin), bool)
    for cuts in every:
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
