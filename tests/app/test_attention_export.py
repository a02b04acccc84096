"""What the Attention page gives away: a drawing, a page of its own, arrays. Each is read back and held to the map."""

from __future__ import annotations

import gzip
import io
import json
import re
from base64 import b64decode
from dataclasses import replace
from html import unescape
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from components.attention import SCORES, HeadMap, average, rollout, rollout_null, whole_words
from components.payload import unpack
from components.views.attention import export_arrays, export_html, export_svg, export_view
from components.views.attention.payload import View
from tests.app.test_attention import look, random_map, stored

SVG = "{http://www.w3.org/2000/svg}"


def shape(heads: HeadMap, **changes: Any) -> HeadMap:
    return replace(heads, **changes)


def words_in(svg: bytes) -> list[str]:
    return ["".join(node.itertext()) for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


# ------------------------------------------------------------------------------------------------------------------ SVG


def test_the_drawing_holds_the_words_the_pinned_number_and_the_matrix() -> None:
    heads = stored("storyteller")
    svg = export_svg.view_svg(heads, look(model="storyteller", exact=(1, 1), pinned=(9, 8)))
    words = words_in(svg)
    assert words[0] == "storyteller, layer 1, head 1"
    assert all(words.count(export_view.clean(piece)) >= 3 for piece in heads.pieces)  # sentence, row and column
    assert f"{heads.matrix(1, 1)[9, 8]:.3f}" in words
    assert b"<script" not in svg
    darkest = export_svg.colour(1.0)
    assert darkest == "#00224E"
    assert darkest in svg.decode()  # a head that looks one back has weights of nearly 1


def test_tokens_of_any_kind_stay_well_formed_text() -> None:
    heads = stored("storyteller")
    odd = ["<b onload=x>", "&", "\x00\x07", "\n", " ", "", "]]>", "שלום", "👩‍👩‍👧", "\ufffe"]
    odd += list(heads.pieces)[len(odd) :]
    words = words_in(export_svg.view_svg(shape(heads, pieces=tuple(odd)), look(exact=(0, 0))))
    assert "<b·onload=x>" in words
    assert "∅" in words


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (View(), lambda heads: heads.matrix(2, 3)),
        (View(value=True), lambda heads: heads.matrix(2, 3) * heads.norms[2, 3]),
        (View(words=True), lambda heads: whole_words(heads.matrix(2, 3), heads.words)),
        (View(whose="average"), lambda heads: average(heads, 2)),
        (View(whose="rollout"), lambda heads: rollout(heads, 2)),
        (View(whose="rollout", show="even"), lambda heads: rollout_null(heads, 2)),
        (View(whose="average", layout="columns"), lambda heads: average(heads, 2)),
    ],
)
def test_each_view_draws_its_own_numbers(view: View, expected: Any) -> None:
    heads = stored("storyteller")
    asked = look(exact=(2, 3), view=view, whose=view.whose)
    drawn = export_view.shown(heads, asked)
    assert np.allclose(drawn.values, expected(heads), atol=1e-6)
    assert drawn.hidden == {0}
    assert 0 <= drawn.strength.min() <= drawn.strength.max() <= 1
    words = words_in(export_svg.view_svg(heads, asked))
    assert ("at whom" in words) == (view.layout == "columns")
    assert export_view.shown(heads, replace(asked, hide_first=False)).hidden == frozenset()


def test_a_ratio_goes_both_ways() -> None:
    heads = stored("storyteller")
    asked = look(exact=(3, 0), view=View(whose="rollout", show="ratio"), whose="rollout")
    drawn = export_view.shown(heads, asked)
    seen = np.tril_indices(heads.tokens)
    assert np.allclose(drawn.values[seen] * rollout_null(heads, 3)[seen], rollout(heads, 3)[seen], atol=1e-5)
    assert drawn.strength.min() < 0 < drawn.strength.max()
    assert "× 8" in words_in(export_svg.view_svg(heads, asked))


# ------------------------------------------------------------------------------------------------------------ one file


def data_of(page: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    found = re.search(rb'id="numbers">([^<]*)<', page)
    assert found
    return unpack(gzip.decompress(b64decode(found[1])))


def test_the_file_of_a_sentence_has_every_head_exactly() -> None:
    heads = stored("storyteller")
    page = export_html.one_file(heads, look(exact=(4, 2), pinned=(5, 1)), "a </script> %%DATA%% <b>")
    header, arrays = data_of(page)
    assert header["chosen"] == [4, 2]
    assert header["pinned"] == [5, 1]
    assert np.array_equal(arrays["weights"], heads.weights.reshape(48, -1))
    text = unescape(page.decode())
    assert "a &lt;/script&gt; %%DATA%% &lt;b&gt;" in page.decode()
    assert "default-src 'none'" in text
    assert not re.search(r"(src|href)=|@import|url\(", text)
    assert page.count(b"</script>") == 2
    assert "every head are the model's own" in text
    assert len(page) < 400_000


def peaked(layers: int, heads: int, tokens: int) -> HeadMap:
    """A random map whose rows are as peaked as a model's, and add up to 1."""
    made = random_map(layers, heads, tokens)
    rows, columns = np.tril_indices(tokens)
    raw = np.full((layers, heads, tokens, tokens), -np.inf, dtype=np.float32)
    raw[:, :, rows, columns] = np.random.default_rng(1).gumbel(size=(layers, heads, rows.size)) * 2.2
    weights = np.exp(raw - raw.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return shape(made, weights=weights[:, :, rows, columns].astype(np.float16))


@pytest.mark.parametrize(("layers", "heads", "which"), [(6, 8, "bytes"), (12, 12, "layer")])
def test_the_file_of_a_long_text_stays_small_and_says_what_is_exact(layers: int, heads: int, which: str) -> None:
    made = peaked(layers, heads, 256)
    page = export_html.one_file(made, look(exact=(3, 1)), "long")
    assert len(page) < 1_500_000
    header, arrays = data_of(page)
    own = slice(3 * heads, 4 * heads)
    assert (header["first"], header["count"]) == (3 * heads, heads)
    assert np.array_equal(arrays["weights"], made.weights.reshape(layers * heads, -1)[own])
    assert ("one byte each" in page.decode()) == (which == "bytes")
    if which == "bytes":
        rest = (arrays["rest"] / 255.0) ** 2
        every = made.weights.reshape(layers * heads, -1).astype(float)
        others = np.r_[0 : own.start, own.stop : layers * heads]
        assert np.abs(rest[others] - every[others]).max() <= 0.004
    else:
        assert arrays["rest"].shape[1] == 0
        assert "as thumbnails" in page.decode()


# -------------------------------------------------------------------------------------------------------------- arrays


def test_safetensors_and_npz_load_back() -> None:
    from safetensors.numpy import load

    heads = stored("storyteller")
    raw = export_arrays.as_safetensors(heads, "storyteller", "The text.")
    npz = np.load(io.BytesIO(export_arrays.as_npz(heads, "storyteller", "The text.")))  # no pickle is needed
    for found in (load(raw), npz):
        assert found["weights"].shape == (6, 8, heads.tokens, heads.tokens)
        assert found["weights"].dtype == np.float16
        assert np.array_equal(found["weights"][4, 5].astype(np.float32), heads.matrix(4, 5))
        assert np.array_equal(found["ids"], heads.ids)
        assert np.array_equal(found["scores"], heads.scores, equal_nan=True)
    told = json.loads(str(npz["metadata"]))
    assert json.loads(told["pieces"]) == list(heads.pieces)
    assert json.loads(told["scores"]) == list(SCORES)
    assert told["text"] == "The text."
    assert str(npz["README"]) == told["README"]
    assert "[layer, head, query, key]" in told["README"]
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    assert header["__metadata__"] == told


def test_a_long_text_goes_as_lower_triangles_and_says_how_to_unfold_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_arrays, "FULL_BYTES", 1000)
    heads = stored("storyteller")
    npz = np.load(io.BytesIO(export_arrays.as_npz(heads, "storyteller", "t")))
    told = str(npz["README"])
    line = next(one.strip() for one in told.splitlines() if one.strip().startswith("full = "))
    names: dict[str, Any] = {
        "numpy": np, "tokens": heads.tokens, "weights_lower": npz["weights_lower"], "layer": 2, "head": 7,
    }
    exec(line, names)  # the README's own recipe
    assert np.array_equal(names["full"].astype(np.float32), heads.matrix(2, 7))


def test_an_encoder_gives_both_sides() -> None:
    tokens = 5
    weights = np.random.default_rng(0).random((6, 8, tokens * tokens)).astype(np.float16)
    heads = shape(random_map(6, 8, tokens), causal=False, weights=weights)
    found = export_arrays.arrays(heads)["weights"]
    assert np.array_equal(found[1, 2].astype(np.float32), heads.matrix(1, 2))
    svg = export_svg.view_svg(heads, look(exact=(1, 2)))
    assert ElementTree.fromstring(svg).tag == f"{SVG}svg"
