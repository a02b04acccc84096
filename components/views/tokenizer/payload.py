"""Traces -> the one buffer that a browser component draws from. No Streamlit here: a recipe uses it too.

A buffer holds what is drawn, never more: at most `LIMITS.chips_drawn` chips in all, both columns cut at the same place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.payload import pack
from components.tokenization import Kind, TokenTrace, differing_spans
from components.views.tokenizer import wording
from components.workshop import LIMITS


def columns(traces: Sequence[TokenTrace], others: Sequence[TokenTrace] = (),
            extra: Mapping[str, Any] | None = None, titles: Mapping[str, str] | None = None) -> bytes:
    """The main picture: one column a trace, and one line for each of the others. `titles` names the reader's own.

    Header: `columns` (name, title, about, tokens, per_token, exact, changes, drawn, pieces), `strip`, `total_bytes`,
    `characters`, `drawn_characters`. Arrays: `text` uint8, the drawn part in UTF-8; for column i `ids<i>`, `start<i>`,
    `end<i>` int32 (in bytes), `kind<i>` uint8; `rings` int32 [stretch, 2], where not all columns cut alike.
    """
    cut = drawn_bytes(traces)
    arrays: dict[str, NDArray[Any]] = {"text": np.frombuffer(traces[0].utf8[:cut], np.uint8)}
    described = []
    for index, trace in enumerate(traces):
        drawn = int(np.searchsorted(trace.byte_end, cut, side="right"))
        arrays |= {f"ids{index}": trace.ids[:drawn], f"start{index}": trace.byte_start[:drawn],
                   f"end{index}": trace.byte_end[:drawn], f"kind{index}": trace.kinds[:drawn]}
        described.append(facts(trace, titles) | {"drawn": drawn, "pieces": changed_pieces(trace, drawn)})
    rings = differing_spans(*traces) if len(traces) > 1 else np.zeros((0, 2), np.int32)
    arrays["rings"] = rings[rings[:, 1] <= cut]
    text = traces[0].utf8
    header = {"columns": described, "strip": [facts(trace, titles) for trace in others],
              "total_bytes": len(text), "characters": len(text.decode()), "drawn_characters": len(text[:cut].decode())}
    return pack(header | dict(extra or {}), arrays)


def facts(trace: TokenTrace, titles: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What is said of a trace beside its chips."""
    trip = trace.round_trip
    title = (titles or {}).get(trace.name) or wording.short(trace.name)
    return {"name": trace.name, "title": title, "about": wording.about(trace.vocabulary),
            "tokens": len(trace), "per_token": round(trace.bytes_per_token, 4), "exact": trip.exact,
            "changes": wording.summary(trip, len(trace.text))}


def drawn_bytes(traces: Sequence[TokenTrace]) -> int:
    """Where drawing stops: the last byte at which no column has drawn more than its share and no character is cut."""
    share = LIMITS.chips_drawn // len(traces)
    utf8 = traces[0].utf8
    cut = len(utf8)
    for trace in traces:
        if len(trace) > share:
            cut = min(cut, int(trace.byte_end[share - 1]))
    while 0 < cut < len(utf8) and utf8[cut] & 0xC0 == 0x80:
        cut -= 1
    return cut


def changed_pieces(trace: TokenTrace, drawn: int) -> dict[str, str]:
    """The entries, by place, that are not what stands in the text: lower-cased, folded, or with a space put in."""
    if trace.tiles:
        return {"0": trace[0].piece.decode("utf-8", errors="replace")} \
            if drawn and trace.kinds[0] == Kind.ADDED_SPACE else {}
    found = {}
    for place in range(drawn):
        token = trace[place]
        if token.piece != token.bytes:
            found[str(place)] = token.piece.decode("utf-8", errors="replace")
    return found


def empty() -> bytes:
    """The picture of no text."""
    return pack({"columns": [], "strip": []})


def bars(traces: Sequence[TokenTrace], chosen: Sequence[str], titles: Mapping[str, str] | None = None) -> bytes:
    """Every tokenizer here, fewest tokens first."""
    rows = [facts(trace, titles) | {"chosen": trace.name in chosen}
            for trace in sorted(traces, key=len)]
    return pack({"rows": rows, "bytes": len(traces[0].utf8) if traces else 0})


#: A word for each kind, by its number; the browser has the same list.
KINDS = {Kind.NORMAL: "ordinary", Kind.SPECIAL: "special", Kind.FRAGMENT: "part of a character",
         Kind.UNKNOWN: "unknown", Kind.ADDED_SPACE: "space added", Kind.BYTE: "bare byte"}
