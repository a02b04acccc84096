"""The picture in one file: it opens from a folder or a mail, asks nothing of any network, and still answers to hover.

The file holds the very component that the page draws (`bundle("attention")`), a buffer, and a small host
(`assets/web/attention_file.html`) in the place of Streamlit.
"""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64encode
from dataclasses import replace
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.attention import HeadMap, sqrt_bytes
from components.payload import pack, unpack
from components.views.attention.payload import Look, payload
from components.views.attention.scoreboard import Column
from components.views.component import WEB, bundle

# Bytes of the whole file that are aimed at; where the other layers do not fit in, they come as thumbnails.
MOST = 1_500_000
ENTRY = "export default function (component)"


def buffer(heads: HeadMap, look: Look, scores: list[Column] | None = None, room: int = 1_000_000) -> tuple[bytes, str]:
    """The compressed buffer of a picture without a server, and how exact it is: "all", "layer" or "bytes".

    A sentence has every head's float16 weights along. A longer text has those of the chosen layer, and every other
    head as bytes ("bytes", each weight within 0.004) where that fits into `room` compressed bytes, else as thumbnails
    ("layer").
    """
    header, arrays = unpack(payload(heads, replace(look, chosen=look.exact), scores))
    every, layer = heads.layers * heads.heads, look.exact[0]
    cells = heads.weights.reshape(every, -1)
    none = np.zeros((every, 0), dtype=np.uint8)
    arrays.pop("rough", None)
    header |= {"alone": True, "rough": -1, "turn": 1}
    if header["count"] < every:
        first = layer * heads.heads
        header |= {"first": first, "count": heads.heads}
        arrays["weights"] = cells[first : first + heads.heads]
        arrays["norms"] = heads.norms.reshape(every, -1)[first : first + heads.heads].astype(np.float32)
    arrays |= {
        "rest": none,
        "windows": heads.windows,
        "every_norms": heads.norms.reshape(every, -1).astype(np.float16),
    }
    exact = "all" if header["count"] == every else "layer"
    # Six bytes of such cells come to about one when they are packed; more than that is not worth the trying.
    if exact == "layer" and cells.size <= 8 * room:
        rest: NDArray[Any] = np.stack([sqrt_bytes(one.astype(np.float32)) for one in cells])
        rest[header["first"] : header["first"] + header["count"]] = 0  # these are along as they are
        packed = gzip.compress(pack(header, {**arrays, "rest": rest}), 6, mtime=0)
        if len(packed) <= room:
            return packed, "bytes"
    return gzip.compress(pack(header, arrays), 6, mtime=0), exact


def exactness(heads: HeadMap, look: Look, which: str) -> str:
    """The sentence of the file that says which of its numbers are the model's own."""
    layer = look.exact[0]
    if which == "all":
        return "The numbers of every head are the model's own, kept to three digits (float16)."
    own = f"The numbers of layer {layer} are the model's own, kept to three digits (float16). "
    if which == "bytes":
        return own + "Those of other layers are kept in one byte each and marked ≈: within 0.004 of the model's own."
    return own + "The other layers are here as thumbnails: each cell is the largest weight of the block it spans."


def one_file(heads: HeadMap, look: Look, text: str, scores: list[Column] | None = None) -> bytes:
    """The page, UTF-8. Nothing in it is asked from elsewhere, and its own policy forbids it to ask."""
    js, css = bundle("attention")
    if js.count(ENTRY) != 1:
        raise ValueError("The picture's file has no single entry any more; the export has to follow it.")
    page = (WEB / "attention_file.html").read_text("utf-8")
    # What is left for the numbers once base64 has made four letters of three bytes.
    room = (MOST - len(js) - len(css) - len(page)) * 3 // 4
    packed, which = buffer(heads, look, scores, room)
    title = f"{look.model}, layer {look.exact[0]}, head {look.exact[1]}"
    parts = {
        "TITLE": escape(title),
        "TEXT": escape(text),
        "MODEL": escape(look.model),
        "EXACT": escape(exactness(heads, look, which)),
        # Inside a script element only these two would end it or change how it is read.
        "SCRIPT": js.replace(ENTRY, "function lgPicture(component)").replace("</", "<\\/").replace("<!--", "<\\!--"),
        "CSS": json.dumps(css, ensure_ascii=False).replace("</", "<\\/"),
        "DATA": b64encode(packed).decode("ascii"),
    }
    # In one pass, so that a reader's text that looks like one of these marks stays text.
    return re.sub(r"%%([A-Z]+)%%", lambda found: parts[found[1]], page).encode("utf-8")
