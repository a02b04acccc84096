"""What a reader can take away: every token of every column as CSV, JSON or a page of its own."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from html import escape

from components.payload import pack
from components.tokenization import TokenTrace
from components.views.component import mount
from components.views.tokenizer import wording
from components.views.tokenizer.payload import KINDS, drawn_bytes

_FIELDS = ("tokenizer", "place", "id", "text", "bytes", "byte_start", "byte_end", "char_start", "char_end", "kind")


def as_csv(traces: Sequence[TokenTrace], titles: Mapping[str, str] | None = None) -> bytes:
    """One row a token. A cell that a spreadsheet would run as a formula has an apostrophe in front.

    `titles`, here as below: the shown names of the reader's own tokenizers, which stand in place of their digests.
    """
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(_FIELDS)
    for trace in traces:
        name = _cell((titles or {}).get(trace.name, trace.name))
        for place, token in enumerate(trace, start=1):
            rows.writerow((name, place, token.id, _cell(token.text), token.bytes.hex(" "), *token.byte_range,
                           *token.char_range, KINDS[token.kind]))
    return out.getvalue().encode("utf-8")


def _cell(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def as_json(traces: Sequence[TokenTrace], titles: Mapping[str, str] | None = None) -> bytes:
    """The text once, then for each tokenizer its figures and columns."""
    return json.dumps({
        "text": traces[0].text,
        "tokenizers": [{
            "name": (titles or {}).get(trace.name, trace.name),
            "tokens": len(trace), "bytes_per_token": trace.bytes_per_token,
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


def as_html(traces: Sequence[TokenTrace], titles: Mapping[str, str] | None = None) -> bytes:
    """The chips as one page without scripts; as much of a long text as the app itself draws."""
    cut = drawn_bytes(traces)
    parts = ["<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Tokens</title>",
             f"<style>{_STYLE}</style><body>"]
    for trace in traces:
        title = (titles or {}).get(trace.name) or wording.short(trace.name)
        parts.append(f"<h2>{escape(title)}: {len(trace):,} tokens, "
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


def png_button() -> None:
    """A button that saves the chips as a picture. The browser draws it, from what it has laid out on the page."""
    mount("tokenizer_png", pack({}), key="tokenizer_png")
