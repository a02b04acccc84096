"""The stored vectors beside the corpora: complete, of unit length, and what MiniLM says today on a sample."""

from __future__ import annotations

import json

import numpy as np
import pytest

from assets.recipes import vectors
from components import corpora
from components.models.open import open_encoder


@pytest.mark.parametrize("name", vectors.NAMES)
def test_every_text_has_its_vector(name: str) -> None:
    texts = vectors.texts_of(name)
    assert texts
    stored = corpora.stored_vectors(name, texts)
    assert stored is not None, f"no vectors of {name}, or older than a text; run `python -m assets.recipes.vectors`"
    assert stored.shape == (len(texts), 384)
    np.testing.assert_allclose(np.linalg.norm(stored, axis=1), 1.0, atol=1e-5)
    stamp = json.loads((corpora.FOLDER / f"{name}.minilm.json").read_text("utf-8"))
    assert stamp["model"] == vectors.model_hash()
    assert len(stamp["texts"]) == len(texts), "vectors of texts that are gone; run the recipe again"


@pytest.mark.parametrize("name", vectors.NAMES)
def test_a_sample_recomputed(name: str) -> None:
    texts = vectors.texts_of(name)
    sample = [texts[i] for i in sorted({0, len(texts) - 1, *range(7, len(texts), max(1, len(texts) // 8))})]
    stored = corpora.stored_vectors(name, sample)
    fresh = open_encoder("minilm").encode(sample)
    assert stored is not None
    assert float((stored * fresh).sum(1).min()) > 0.9999
    np.testing.assert_allclose(stored, fresh, atol=5e-4)
