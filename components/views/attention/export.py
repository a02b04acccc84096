"""Files to take away: the view as SVG, PNG or one page, every number as safetensors, npz, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable

from components.attention import SCORES, HeadMap
from components.models import catalog
from components.payload import pack
from components.views.attention.export_arrays import as_npz, as_safetensors
from components.views.attention.export_html import one_file
from components.views.attention.export_svg import view_svg
from components.views.attention.payload import Look
from components.views.attention.scoreboard import Column
from components.views.component import mount
from components.views.footer import Export


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


def png_button() -> None:
    """A button that saves the main picture. The browser draws it, from what it has laid out on the page."""
    mount("attention_png", pack({}), key="attention_png")


def files(heads: HeadMap, name: str, text: str, look: Look, scores: Callable[[], list[Column]]) -> list[Export]:
    """Everything to take away; each file is made when it is asked for.

    `look` is how the picture stands, `scores` gives its table of scores.
    """
    title = catalog.entry(name).title
    layer, head = look.exact
    at = f"{name}-layer{layer}-head{head}"
    return [
        Export("", "", "", lambda: b"", button=png_button),
        Export("One head, to scale (SVG)", f"{at}.svg", "image/svg+xml", lambda: view_svg(heads, look)),
        Export(
            "All of it in one page that opens offline (HTML)", f"{name}-attention.html", "text/html",
            lambda: one_file(heads, look, text, scores()),
        ),
        Export(
            "All weights and scores (safetensors)", f"{name}-attention.safetensors", "application/octet-stream",
            lambda: as_safetensors(heads, title, text),
        ),
        Export(
            "All weights and scores (npz)", f"{name}-attention.npz", "application/octet-stream",
            lambda: as_npz(heads, title, text),
        ),
        Export("This head's matrix (CSV)", f"{at}.csv", "text/csv", lambda: matrix_csv(heads, layer, head)),
        Export(
            "All heads' scores (JSON)", f"{name}-heads.json", "application/json",
            lambda: scores_json(heads, title, text),
        ),
    ]
