"""Files to take away: one head's matrix as CSV, all scores as JSON, the arcs as SVG."""

from __future__ import annotations

import csv
import io
import json
import math
from xml.sax.saxutils import escape

from components.attention import SCORES, HeadMap


def matrix_csv(heads: HeadMap, layer: int, head: int) -> bytes:
    """One row a query token, one column a key token, weights with five digits; UTF-8 with a mark for spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["query", "token", *(f"{key}:{piece}" for key, piece in enumerate(heads.pieces))])
    matrix = heads.matrix(layer, head)
    for query, piece in enumerate(heads.pieces):
        # A leading apostrophe keeps a spreadsheet from reading a token such as "=" as a formula.
        shown = f"'{piece}" if piece[:1] in "=+-@" else piece
        writer.writerow([query, shown, *(f"{weight:.5f}" for weight in matrix[query])])
    return out.getvalue().encode("utf-8-sig")


def scores_json(heads: HeadMap, model: str, text: str) -> bytes:
    """Every head's scores on this text; null where the text cannot tell."""
    rows = [
        {
            "layer": layer,
            "head": head,
            **{
                name: None if math.isnan(float(value)) else round(float(value), 5)
                for name, value in zip(SCORES, heads.scores[:, layer, head], strict=True)
            },
        }
        for layer in range(heads.layers)
        for head in range(heads.heads)
    ]
    whole = {"model": model, "text": text, "tokens": list(heads.pieces), "ids": heads.ids.tolist(), "heads": rows}
    return json.dumps(whole, ensure_ascii=False, indent=1).encode("utf-8")


def arcs_svg(heads: HeadMap, layer: int, head: int, *, hide_first: bool) -> bytes:
    """The sentence with its arcs, as a drawing that scales."""
    shown = [piece.strip(" ").replace("\n", "↵").replace("\t", "⇥") or "·" for piece in heads.pieces]
    clean = ["".join(sign if sign.isprintable() else "\ufffd" for sign in piece) for piece in shown]
    widths = [max(2, len(piece)) * 9.6 + 14 for piece in clean]
    starts = [20 + sum(widths[:at]) for at in range(len(widths))]
    middle = [start + width / 2 for start, width in zip(starts, widths, strict=True)]
    wide = 40 + sum(widths)
    high = min(320.0, max(90.0, wide * 0.24))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high + 70:.0f}" '
        'font-family="monospace" font-size="16">',
        f"<title>{escape(f'Layer {layer}, head {head}')}</title>",
        f'<rect width="{wide:.0f}" height="{high + 70:.0f}" fill="#FCFBF8"/>',
    ]
    matrix = heads.matrix(layer, head)
    for query in range(heads.tokens):
        for key in range(heads.tokens):
            weight = float(matrix[query, key])
            if key == query or weight < 0.03 or (hide_first and key == 0):
                continue
            lift = min(high - 10, abs(middle[query] - middle[key]) * 0.5 + 8) * 1.33
            parts.append(
                f'<path d="M {middle[key]:.1f} {high + 20:.0f} C {middle[key]:.1f} {high + 20 - lift:.1f}, '
                f'{middle[query]:.1f} {high + 20 - lift:.1f}, {middle[query]:.1f} {high + 20:.0f}" fill="none" '
                f'stroke="#1F5FA8" stroke-width="{0.8 + 5 * weight:.2f}" stroke-opacity="{0.15 + 0.8 * weight:.2f}"/>'
            )
    for at, piece in zip(middle, clean, strict=True):
        place = f'x="{at:.1f}" y="{high + 44:.0f}" text-anchor="middle"'
        parts.append(f'<text {place} fill="#1D1C24">{escape(piece)}</text>')
    parts.append("</svg>")
    return "\n".join(parts).encode("utf-8")
