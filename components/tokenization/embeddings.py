"""A model's embedding, read straight from its safetensors file: nearest neighbours, and entries it hardly learnt.

The matrix is never held whole in float32: it is read, in the file's own precision, a few thousand rows at a time.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.tokenization.browse import FRAGMENT, SPECIAL, VocabularyEntries

#: What architectures call the matrix [token, width].
TENSORS = ("model.embed_tokens.weight", "transformer.wte.weight", "wte.weight", "gpt_neox.embed_in.weight",
           "embeddings.word_embeddings.weight", "bert.embeddings.word_embeddings.weight", "shared.weight")
#: Bytes that no UTF-8 text holds: an entry for one of them cannot have been trained.
IMPOSSIBLE = (0xC0, 0xC1, *range(0xF5, 0x100))
#: Special entries whose vectors are this alike never left the place where the whole unused group went.
ALIKE = 0.995
FEWEST = 3
#: Share of the entries that the paper puts to the test, nearest to the unused ones first.
SHARE = 0.02
_ROWS = 4_096
_SIZES = {"F16": 2, "BF16": 2, "F32": 4}


@dataclass(frozen=True)
class Matrix:
    """Where an embedding lies on disk.

    Attributes:
        path: a safetensors file.
        start: its first byte in the file.
        rows, width: its shape.
        dtype: "F16", "BF16" or "F32".
    """

    path: Path
    start: int
    rows: int
    width: int
    dtype: str

    def blocks(self, size: int = _ROWS) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """The matrix from top to bottom as (first row, float32 [some rows, width])."""
        with self.path.open("rb") as stream:
            stream.seek(self.start)
            for first in range(0, self.rows, size):
                yield first, self._block(stream.read(min(size, self.rows - first) * self.width * _SIZES[self.dtype]))

    def take(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """The rows of these ids: float32 [id, width]."""
        step = self.width * _SIZES[self.dtype]
        with self.path.open("rb") as stream:
            found = []
            for token in ids.tolist():
                stream.seek(self.start + token * step)
                found.append(self._block(stream.read(step)))
        return np.concatenate(found) if found else np.zeros((0, self.width), np.float32)

    def _block(self, raw: bytes) -> NDArray[np.float32]:
        if self.dtype == "BF16":  # NumPy has no such type: the upper half of a float32
            wide = np.frombuffer(raw, "<u2").astype(np.uint32) << np.uint32(16)
            return wide.view(np.float32).reshape(-1, self.width)
        kind = "<f2" if self.dtype == "F16" else "<f4"
        return np.frombuffer(raw, kind).astype(np.float32).reshape(-1, self.width)


@dataclass(frozen=True)
class Learnt:
    """How far each entry has moved from those that were never used.

    Attributes:
        norms: float32 [row], the length of each vector.
        distances: float32 [row], 1 - cosine with the mean vector of the unused entries; nan where there are none.
        unused: int32, the ids that the mean was taken from: bytes that no UTF-8 text has, rows without an entry, or
            special entries that lie in one place.
        candidates: int32, ids of the nearest 2 % of all other entries that are text, nearest first.
        limit: the distance at which they end; nan where there are none.
    """

    norms: NDArray[np.float32]
    distances: NDArray[np.float32]
    unused: NDArray[np.int32]
    candidates: NDArray[np.int32]
    limit: float


def open_matrix(path: Path) -> Matrix:
    """Find the embedding in a safetensors file; only its header is read.

    Raises:
        ValueError: the file cannot be read as safetensors, or holds no embedding that is known here.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 2 <= length <= min(size - 8, 100_000_000):
                raise ValueError("its header is longer than the file")
            header = json.loads(stream.read(length))
        name = next((name for name in TENSORS if name in header), None)
        if name is None:
            raise ValueError("it holds no token embedding")
        entry = header[name]
        rows, width = (int(side) for side in entry["shape"])
        first, last = (int(place) for place in entry["data_offsets"])
        dtype = str(entry["dtype"])
        if dtype not in _SIZES:
            raise ValueError(f"its embedding is stored as {dtype}")
        if rows < 1 or width < 1 or first < 0 or last - first != rows * width * _SIZES[dtype] \
                or 8 + length + last > size:
            raise ValueError("its embedding does not have the length that its header says")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise ValueError(f"The embedding cannot be read from {path.name} ({problem}); "
                         "fetch or install the model again.") from problem
    return Matrix(path, 8 + length + first, rows, width, dtype)


def learnt(matrix: Matrix, seen: VocabularyEntries) -> Learnt:
    """Norms, and distances from the entries that cannot have been used.

    The measure is that of Land and Bartolo, "Fishing for Magikarp" (EMNLP 2024), for models whose embedding is also
    their output matrix: the cosine distance to the mean unused vector. It finds candidates; the authors then prompt
    the model with each, which is not done here.

    Raises:
        ValueError: the matrix has fewer rows than the vocabulary has ids.
    """
    top = int(seen.ids[-1]) + 1
    if matrix.rows < top:
        raise ValueError(f"The embedding has {matrix.rows:,} rows and the vocabulary {top:,} ids; "
                         "choose the tokenizer that belongs to the model.")
    unused = _unused(matrix, seen)
    norms = np.empty(matrix.rows, np.float32)
    near = np.full(matrix.rows, np.nan, np.float32)
    mean = matrix.take(unused).mean(axis=0) if len(unused) else None
    for first, block in matrix.blocks():
        own = np.linalg.norm(block, axis=1)
        norms[first:first + len(block)] = own
        if mean is not None:
            near[first:first + len(block)] = block @ mean / np.maximum(own * np.linalg.norm(mean), 1e-6)
    distances = np.maximum(1 - near, 0)
    text = seen.ids[(seen.traits & (SPECIAL | FRAGMENT)) == 0]
    text = text[~np.isin(text, unused)]
    if mean is None or not len(text):
        return Learnt(norms, distances, unused, np.zeros(0, np.int32), math.nan)
    limit = float(np.quantile(distances[text], SHARE))
    order = text[np.argsort(distances[text], kind="stable")]
    return Learnt(norms, distances, unused, order[distances[order] <= limit].astype(np.int32), limit)


def _unused(matrix: Matrix, seen: VocabularyEntries) -> NDArray[np.int32]:
    """Ids that cannot have been trained, surest kind first; empty where nothing of the sort is known."""
    bytes_of = {seen.table.piece(token): token for token in seen.ids[seen.lengths == 1].tolist()}
    never = [bytes_of[bytes([one])] for one in IMPOSSIBLE if bytes([one]) in bytes_of]
    padding = np.setdiff1d(np.arange(matrix.rows, dtype=np.int32), seen.ids)
    found = np.concatenate([np.array(never, np.int32), padding])
    if len(found) >= FEWEST:
        return np.sort(found).astype(np.int32)
    special = seen.ids[seen.traits & SPECIAL > 0]
    if len(special) < FEWEST:
        return np.zeros(0, np.int32)
    vectors = matrix.take(special)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    alike = vectors @ vectors.T >= ALIKE
    middle = int(np.argmax(alike.sum(axis=1)))
    group = special[alike[middle]]
    return group.astype(np.int32) if len(group) >= FEWEST else np.zeros(0, np.int32)


def neighbours(
    matrix: Matrix, token: int, norms: NDArray[np.float32], count: int = 10
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The ids whose vectors point most nearly the same way, nearest first, and their cosines.

    Raises:
        ValueError: the matrix has no such row.
    """
    if not 0 <= token < matrix.rows:
        raise ValueError(f"The embedding has no row {token}; choose an id below {matrix.rows:,}.")
    own = matrix.take(np.array([token], np.int32))[0]
    cosines = np.empty(matrix.rows, np.float32)
    for first, block in matrix.blocks():
        cosines[first:first + len(block)] = block @ own
    cosines /= np.maximum(norms * norms[token], 1e-6)
    cosines[token] = -np.inf
    best = np.argpartition(-cosines, min(count, matrix.rows - 1))[:count]
    best = best[np.argsort(-cosines[best], kind="stable")]
    return best[np.isfinite(cosines[best])].astype(np.int32), np.clip(cosines[best], -1, 1)[np.isfinite(cosines[best])]


def vector_lengths(matrix: Matrix) -> NDArray[np.float32]:
    """The length of every row's vector: float32 [row]."""
    return np.concatenate([np.linalg.norm(block, axis=1) for _, block in matrix.blocks()]).astype(np.float32)
