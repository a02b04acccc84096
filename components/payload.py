"""One bytes buffer for a browser component: a JSON header, then aligned arrays.

A component that is given a dict or a string makes Streamlit import pandas (80 MB of server memory); given bytes it
does not. The same buffers are what `assets/first_view/` stores.

Layout: 4 bytes magic `LG01`, 4 bytes little-endian length of the header, the header as UTF-8 JSON, zero bytes up to
the next multiple of 8, then each array's little-endian bytes, each padded to a multiple of 8. The header's key
`arrays` says for each name its dtype, shape and offset (bytes from the start of the body).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"LG01"
DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64", "float16")


def _pad(size: int) -> int:
    return -size % 8


def pack(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> bytes:
    """Header (JSON types only) and arrays in one buffer.

    Raises ValueError for an array whose dtype no browser reads; cast it first.
    """
    if "arrays" in header:
        raise ValueError("The header's key 'arrays' is taken by the format; use another name.")
    table: dict[str, dict[str, Any]] = {}
    chunks: list[bytes] = []
    offset = 0
    for name, array in (arrays or {}).items():
        if array.dtype.name not in DTYPES:
            raise ValueError(f"Array '{name}' is {array.dtype.name}; cast it to one of {', '.join(DTYPES)}.")
        raw = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        table[name] = {"dtype": array.dtype.name, "shape": list(array.shape), "offset": offset}
        chunks += [raw, bytes(_pad(len(raw)))]
        offset += len(raw) + _pad(len(raw))
    head = json.dumps({**header, "arrays": table}, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    encoded = head.encode("utf-8")
    front = MAGIC + len(encoded).to_bytes(4, "little") + encoded
    return b"".join([front, bytes(_pad(len(front))), *chunks])


def unpack(buffer: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The header (without `arrays`) and the arrays, read-only views into the buffer."""
    if buffer[:4] != MAGIC:
        raise ValueError("This is no Looking Glass buffer; it has to begin with LG01.")
    length = int.from_bytes(buffer[4:8], "little")
    header = json.loads(buffer[8 : 8 + length].decode("utf-8"))
    body = 8 + length + _pad(8 + length)
    arrays = {
        name: np.frombuffer(
            buffer,
            dtype=np.dtype(entry["dtype"]).newbyteorder("<"),
            count=int(np.prod(entry["shape"])),
            offset=body + entry["offset"],
        ).reshape(entry["shape"])
        for name, entry in header.pop("arrays").items()
    }
    return header, arrays


def annotate(buffer: bytes, **extra: Any) -> bytes:
    """The same buffer with more in its header; the arrays are copied as they are, unread.

    For what a page adds at drawing time to a stored or cached picture, such as how it is laid out.
    """
    if buffer[:4] != MAGIC:
        raise ValueError("This is no Looking Glass buffer; it has to begin with LG01.")
    length = int.from_bytes(buffer[4:8], "little")
    header = json.loads(buffer[8 : 8 + length].decode("utf-8"))
    body = 8 + length + _pad(8 + length)
    encoded = json.dumps({**header, **extra}, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    front = MAGIC + len(encoded).to_bytes(4, "little") + encoded
    return b"".join([front, bytes(_pad(len(front))), buffer[body:]])
