"""The embedding read from its file: against torch's own reading, neighbours, candidates and bad files."""

from __future__ import annotations

import json
import lzma
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from components.models import sources
from components.models.open import open_tokenizer
from components.tokenization import entries, learnt, neighbours, open_matrix, vector_lengths
from components.views.tokenizer import vocabulary as panel
from tests.conftest import SHARED, needs, needs_shared

FOLDER = sources.locate("storyteller")


def write(path: Path, name: str, dtype: str, shape: list[int], raw: bytes, **other: object) -> Path:
    header = json.dumps({name: {"dtype": dtype, "shape": shape, "data_offsets": [0, len(raw)], **other}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + raw)
    return path


@pytest.mark.parametrize("dtype", ["F16", "BF16", "F32"])
def test_every_precision_is_read(tmp_path: Path, dtype: str) -> None:
    values = np.random.default_rng(7).standard_normal((5_000, 24)).astype(np.float32)
    if dtype == "F16":
        raw, expected = values.astype("<f2").tobytes(), values.astype(np.float16).astype(np.float32)
    elif dtype == "BF16":
        upper = (values.view(np.uint32) >> 16).astype("<u2")
        raw, expected = upper.tobytes(), (upper.astype(np.uint32) << 16).view(np.float32)
    else:
        raw, expected = values.tobytes(), values
    matrix = open_matrix(write(tmp_path / "model.safetensors", "model.embed_tokens.weight", dtype, [5_000, 24], raw))
    blocks = np.concatenate([block for _, block in matrix.blocks()])
    assert np.array_equal(blocks, expected.reshape(5_000, 24))
    assert np.array_equal(matrix.take(np.array([4_999, 0, 7], np.int32)), blocks[[4_999, 0, 7]])
    ids, cosines = neighbours(matrix, 17, vector_lengths(matrix), 6)
    unit = blocks / np.linalg.norm(blocks, axis=1, keepdims=True)
    plain = unit @ unit[17]
    plain[17] = -2
    assert ids.tolist() == np.argsort(-plain)[:6].tolist()
    assert cosines == pytest.approx(np.sort(plain)[::-1][:6], abs=1e-5)


def test_storytellers_matrix_is_the_librarys() -> None:
    from safetensors.numpy import load_file

    expected = load_file(FOLDER / "model.safetensors")["model.embed_tokens.weight"]
    matrix = open_matrix(FOLDER / "model.safetensors")
    assert np.array_equal(np.concatenate([block for _, block in matrix.blocks(1_000)]), expected.astype(np.float32))


@pytest.mark.parametrize(("name", "dtype", "shape", "size", "sentence"), [
    ("model.embed_tokens.weight", "F16", [4, 4], 30, "does not have the length"),
    ("model.embed_tokens.weight", "I8", [4, 4], 16, "stored as I8"),
    ("lm_head.weight", "F16", [4, 4], 32, "no token embedding"),
    ("model.embed_tokens.weight", "F16", [4], 8, "cannot be read"),
])
def test_a_bad_file_is_one_sentence(
    tmp_path: Path, name: str, dtype: str, shape: list[int], size: int, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        open_matrix(write(tmp_path / "model.safetensors", name, dtype, shape, bytes(size)))


@pytest.mark.parametrize("raw", [b"", b"\xff" * 40, b"\2\0\0\0\0\0\0\0[]", b"\x09\0\0\0\0\0\0\0{"])
def test_what_is_no_safetensors_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match="cannot be read"):
        open_matrix(path)


def test_bytes_that_no_text_has_are_the_reference() -> None:
    table = entries(open_tokenizer("storyteller"))
    found = learnt(open_matrix(FOLDER / "model.safetensors"), table)
    impossible = {bytes([one]) for one in (0xC0, 0xC1, *range(0xF5, 0x100))}
    assert {table.table.piece(token) for token in found.unused.tolist()} == impossible
    assert len(found.candidates) == 80
    assert not set(found.candidates.tolist()) & set(found.unused.tolist())
    assert np.all(np.diff(found.distances[found.candidates]) >= 0)
    assert float(found.distances[found.candidates[-1]]) <= found.limit < float(np.median(found.distances))


def test_training_gave_the_numbers_their_neighbours() -> None:
    """Before training no entry has a near one; after it " seven" stands among numbers."""
    table = entries(open_tokenizer("storyteller"))
    token = next(int(table.ids[row]) for row in range(len(table)) if table.text(row) == " seven")

    def around(file: str) -> tuple[set[str | None], float]:
        matrix = open_matrix(FOLDER / file)
        ids, cosines = neighbours(matrix, token, vector_lengths(matrix), 8)
        return {table.text(table.row(one) or 0) for one in ids.tolist()}, float(cosines[0])

    after, best = around("model.safetensors")
    before, chance = around("untrained_embedding.safetensors")
    assert {" eight", " nine", " five"} <= after
    assert best > 0.7
    assert chance < 0.35
    assert not {" eight", " nine", " five"} & before


@needs("smollm2")
def test_smollm2s_unused_tokens_and_what_lies_beside_them() -> None:
    """Its control tokens for code went unused and share one vector; names out of code lie at the same place."""
    table = entries(open_tokenizer("smollm2"))
    found = learnt(open_matrix(sources.locate("smollm2") / "model.safetensors"), table)
    unused = {table.text(table.row(token) or 0) for token in found.unused.tolist()}
    assert {"<gh_stars>", "<jupyter_code>", "<empty_output>"} <= unused
    assert "<|im_start|>" not in unused, "the chat uses it"
    first = {table.text(table.row(token) or 0) for token in found.candidates[:30].tolist()}
    assert {"ManagementPlaneProtection", " InstancePreprocess", "swigfaiss"} <= first
    assert " the" not in {table.text(table.row(token) or 0) for token in found.candidates.tolist()}


def test_without_unused_entries_there_are_no_candidates(tmp_path: Path) -> None:
    table = entries(open_tokenizer("storyteller-wordpiece"))
    top = int(table.ids[-1]) + 1
    raw = np.random.default_rng(1).standard_normal((top, 8)).astype("<f2").tobytes()
    path = write(tmp_path / "model.safetensors", "model.embed_tokens.weight", "F16", [top, 8], raw)
    found = learnt(open_matrix(path), table)
    assert not len(found.unused)
    assert not len(found.candidates)
    assert math.isnan(found.limit)
    assert np.isnan(found.distances).all()
    small = write(tmp_path / "small.safetensors", "model.embed_tokens.weight", "F16", [4, 8], raw[:64])
    with pytest.raises(ValueError, match="belongs to the model"):
        learnt(open_matrix(small), table)


@pytest.mark.slow
@needs_shared("corpus/tales.txt.xz")
def test_candidates_are_rare_in_the_training_text() -> None:
    """What the panel says of storyteller, counted again."""
    tokenizer = open_tokenizer("storyteller")
    table = entries(tokenizer)
    found = learnt(open_matrix(FOLDER / "model.safetensors"), table)
    counts = np.zeros(int(table.ids[-1]) + 1, np.int64)
    with lzma.open(SHARED / "corpus" / "tales.txt.xz", "rt", encoding="utf-8") as stream:
        while lines := stream.readlines(4_000_000):
            for one in tokenizer.library_object.encode_batch_fast(lines, add_special_tokens=False):
                counts += np.bincount(one.ids, minlength=len(counts))
    own = counts[found.candidates]
    assert f"{np.count_nonzero(own == 0)} of these {len(own)} never occur" in panel.TRUTHS["storyteller"]
    assert f"none more than {own.max()} times" in panel.TRUTHS["storyteller"]
    assert f"occur {int(np.median(counts)):,} times or more" in panel.TRUTHS["storyteller"]
    def ranks(values: NDArray[np.float32]) -> NDArray[np.int64]:
        return np.argsort(np.argsort(values))

    assert np.corrcoef(ranks(found.distances), ranks(counts))[0, 1] > 0.9
