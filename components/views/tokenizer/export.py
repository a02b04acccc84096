"""What a reader can take away: every token of both columns as CSV, JSON or a page of its own."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from html import escape

from components.tokenization import TokenTrace
from components.views.tokenizer import wording
from components.views.tokenizer.payload import KINDS, drawn_bytes

_FIELDS = ("tokenizer", "place", "id", "text", "bytes", "byte_start", "byte_end", "char_start", "char_end", "kind")


def as_csv(traces: Sequence[TokenTrace]) -> bytes:
    """One row a token. A cell that a spreadsheet would run as a formula has an apostrophe in front."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(_FIELDS)
    for trace in traces:
        for place, token in enumerate(trace, start=1):
            text = f"'{token.text}" if token.text[:1] in ("=", "+", "-", "@", "\t", "\r") else token.text
            rows.writerow((trace.name, place, token.id, text, token.bytes.hex(" "), *token.byte_range,
                           *token.char_range, KINDS[token.kind]))
    return out.getvalue().encode("utf-8")


def as_json(traces: Sequence[TokenTrace]) -> bytes:
    """The text once, then for each tokenizer its figures and columns."""
    return json.dumps({
        "text": traces[0].text,
        "tokenizers": [{
            "name": trace.name, "tokens": len(trace), "bytes_per_token": trace.bytes_per_token,
            "round_trip_exact": trace.round_trip.exact, "ids": trace.ids.tolist(),
            "byte_start": trace.byte_start.tolist(), "byte_end": trace.byte_end.tolist(),
            "char_start": trace.char_start.tolist(), "char_end": trace.char_end.tolist(),
            "kinds": [KINDS[kind] for kind in trace.kinds.tolist()],
        } for trace in traces],
    }, ensure_ascii=False).encode("utf-8")


_STYLE = """body{font:16px/2.2 ui-monospace,monospace;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1D1C24;
background:#FCFBF8}h2{font:600 1rem system-ui,sans-serif}
span{border:1px solid #8a8780;border-radius:4px;padding:1px 4px;
margin:0 1px;white-space:pre-wrap}span.f{border-style:dashed;font-size:.85em}
.t0{background:#DCE8F7}.t1{background:#FBE8C2}.t2{background:#D3EEDF}.t3{background:#F6DFEA}.t4{background:#E4E0F5}
.t5{background:#FBDFD0}"""


def as_html(traces: Sequence[TokenTrace]) -> bytes:
    """The chips as one page without scripts; as much of a long text as the app itself draws."""
    cut = drawn_bytes(traces)
    parts = ["<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Tokens</title>",
             f"<style>{_STYLE}</style><body>"]
    for trace in traces:
        parts.append(f"<h2>{escape(wording.short(trace.name))}: {len(trace):,} tokens, "
                     f"{trace.bytes_per_token:.2f} bytes a token</h2><p>")
        for place, token in enumerate(trace):
            if token.byte_range[1] > cut:
                break
            broken = "\ufffd" in token.text and "\ufffd".encode() not in token.bytes
            says = token.bytes.hex(" ").upper() if broken else wording.shown(token.text)
            parts.append(f'<span class="t{place % 6}{" f" if broken else ""}" title="{token.id}">{escape(says)}</span>')
            if token.bytes.endswith(b"\n"):
                parts.append("<br>")
        parts.append("</p>")
    return "".join(parts).encode("utf-8")
