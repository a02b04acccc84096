"""MiniLM: the published vectors, the same as sentence-transformers gives, whatever the company a text is in."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from components.models import catalog
from components.models.open import OpenEncoder, open_encoder

TEXTS = ["king", "queen", "A car drove past the house.", "", "İstanbul'da 😀 yağmur", "word " * 400,
         "The lighthouse keeper polished the lens every evening before the fog came in.", "?"]

PEER = """
import json, sys
from sentence_transformers import SentenceTransformer
folder, texts = sys.argv[1], json.loads(sys.argv[2])
model = SentenceTransformer(folder, device="cpu", local_files_only=True)
model.max_seq_length = 256
print(json.dumps(model.encode(texts, normalize_embeddings=True).tolist()))
"""


@pytest.fixture(scope="module")
def encoder() -> OpenEncoder:
    return open_encoder("minilm")


def test_published_similarities(encoder: OpenEncoder) -> None:
    king, queen, car, cat, guitar = encoder.encode(
        ["king", "queen", "car", "The cat sleeps on the sofa.", "He is playing the guitar on a stage."])
    assert king @ queen == pytest.approx(0.681, abs=0.002)
    assert king @ car == pytest.approx(0.288, abs=0.002)
    assert abs(cat @ guitar) < 0.2


def test_agrees_with_sentence_transformers(encoder: OpenEncoder) -> None:
    from components.models import sources

    answer = subprocess.run([sys.executable, "-c", PEER, str(sources.locate("minilm")), json.dumps(TEXTS)],
                            capture_output=True, text=True, timeout=300, check=True)
    theirs = np.array(json.loads(answer.stdout.splitlines()[-1]), dtype=np.float32)
    ours = encoder.encode(TEXTS)
    assert (ours * theirs).sum(axis=1).min() >= 0.9999


def test_shape_and_length(encoder: OpenEncoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert encoder.encode([]).shape == (0, 384)
    assert (encoder.max_tokens, encoder.dimensions) == (256, 384)


def test_a_text_is_the_same_alone_and_in_company(encoder: OpenEncoder) -> None:
    together = encoder.encode(TEXTS * 5)  # more than one batch, sorted by length and put back
    for i in (0, 3, 5, 6):
        np.testing.assert_allclose(together[i], encoder.encode([TEXTS[i]])[0], atol=1e-5)
        np.testing.assert_allclose(together[i], together[i + len(TEXTS)], atol=1e-5)


def test_only_the_first_256_tokens_count(encoder: OpenEncoder) -> None:
    long = "word " * 254
    same, cut = encoder.encode([long, long + "elephant " * 50])
    np.testing.assert_allclose(same, cut, atol=1e-5)
    other = encoder.encode(["elephant " + long])[0]
    assert same @ other < 0.9999


def test_lone_surrogates_are_replacement_characters(encoder: OpenEncoder) -> None:
    broken, replaced, pair = encoder.encode(["a \ud83d b", "a \ufffd b", "\ud83d\ude00"])
    np.testing.assert_allclose(broken, replaced, atol=1e-5)
    np.testing.assert_allclose(pair, encoder.encode(["😀"])[0], atol=1e-5)


@pytest.mark.parametrize("wrong", ["one text", [1, 2], [None]])
def test_wrong_input_is_a_sentence(encoder: OpenEncoder, wrong: object) -> None:
    with pytest.raises(ValueError, match="list of strings"):
        encoder.encode(wrong)  # type: ignore[arg-type]


def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = catalog.entry("minilm")
    package = entry.sources[0]
    files = tuple(catalog.File(file.path, file.size, "0" * 64) if file.name == "model.safetensors" else file
                  for file in package.files)
    other = catalog.Package(package.distribution, package.version, files)
    monkeypatch.setitem(catalog.ENTRIES, "minilm", catalog.Entry(**{**vars(entry), "sources": (other,)}))
    with pytest.raises(ValueError, match=r"model.safetensors of minilm is not the file.*reinstall"):
        open_encoder("minilm")


def test_only_encoders_encode() -> None:
    with pytest.raises(ValueError, match="gives no sentence vectors"):
        open_encoder("storyteller")
    with pytest.raises(ValueError, match="no model or vocabulary named"):
        open_encoder("word2vec")
