"""The Attention page's first view: every head of the model on the first example."""

from __future__ import annotations

import hashlib
import json

import numpy as np

from components import corpora
from components.attention import HeadMap, map_text, telling_head
from components.first_views import stamp
from components.models.open import open_model
from components.payload import pack, unpack

MODELS = ("smollm2", "storyteller")
LIBRARIES = ("torch", "transformers", "tokenizers")


def build(model: str) -> dict[str, bytes]:
    """`attention.<model>.bin`: a stored `HeadMap`. The knobs change how it is drawn, never what it holds."""
    text = json.loads((corpora.FOLDER / "examples.json").read_text(encoding="utf-8"))["attention"][0]["text"]
    opened = open_model(model)
    weights = hashlib.sha256((opened.path / "model.safetensors").read_bytes()).hexdigest()
    header, arrays = map_text(opened, text).store()
    whole = {"text": text, "settings": {}, "stamp": stamp(weights, LIBRARIES), **header}
    return {f"attention.{model}.bin": pack(whole, arrays)}


def compare(stored: bytes, fresh: bytes) -> None:
    """AssertionError with a sentence where two views do not say the same."""
    old_header, old_arrays = unpack(stored)
    new_header, new_arrays = unpack(fresh)
    assert old_header["stamp"]["model"] == new_header["stamp"]["model"], "the view was made with other weights"
    old, new = HeadMap.restore(old_header, old_arrays), HeadMap.restore(new_header, new_arrays)
    assert old_header["text"] == new_header["text"], "the first example is another one"
    assert old.pieces == new.pieces, "the text is cut into other tokens"
    assert np.array_equal(old.ids, new.ids), "the tokens have other ids"
    assert np.abs(old.weights.astype(np.float32) - new.weights.astype(np.float32)).max() <= 1e-3, "weights differ"
    assert np.allclose(old.scores, new.scores, atol=1e-3, equal_nan=True), "scores differ"
    assert np.abs(old.thumbs.astype(int) - new.thumbs.astype(int)).max() <= 2, "thumbnails differ"
    assert np.abs(old.next_probabilities - new.next_probabilities).max() <= 1e-3, "next tokens' probabilities differ"
    assert old.next_pieces == new.next_pieces, "the next tokens come in another order"
    assert telling_head(old.scores) == telling_head(new.scores), "the page would open on another head"
