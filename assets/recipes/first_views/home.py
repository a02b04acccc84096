"""Home's first view: the first example through all five stages."""

from __future__ import annotations

import hashlib
import json

import numpy as np

from components import corpora
from components.first_views import stamp
from components.models.open import open_encoder, open_model
from components.payload import unpack
from components.search import build_index
from components.topics import shipped
from components.views.home import stages

MODELS = ("smollm2", "storyteller")
LIBRARIES = ("torch", "transformers", "tokenizers", "numpy")


def build(model: str) -> dict[str, bytes]:
    """`home.<model>.bin`. The map of the topics has to be there first (`assets.recipes.first_view topics`)."""
    text = json.loads((corpora.FOLDER / "examples.json").read_text(encoding="utf-8"))["home"][0]["text"]
    opened = open_model(model)
    weights = hashlib.sha256((opened.path / "model.safetensors").read_bytes()).hexdigest()
    corpus = corpora.bundled("encyclopedia")
    vectors = corpora.stored_vectors(corpus.name, corpus.texts)
    topics = shipped()
    if vectors is None or topics is None:
        raise ValueError("The vectors or the map are missing; run `python -m assets.recipes.vectors` and "
                         "`python -m assets.recipes.first_view topics`.")
    index = build_index(corpus.texts, None, embeddings=vectors)
    made = stages.follow(text, opened, open_encoder(), corpus, index, topics, settings={},
                         stamp=stamp(weights, LIBRARIES))
    return {f"home.{model}.bin": made}


def compare(stored: bytes, fresh: bytes) -> None:
    """AssertionError with a sentence where two views do not say the same."""
    old, old_arrays = unpack(stored)
    new, new_arrays = unpack(fresh)
    assert old["text"] == new["text"], "the first example is another one"
    assert old["stamp"]["model"] == new["stamp"]["model"], "the view was made with other weights"
    assert old["tokens"] == new["tokens"], "the text is cut into other tokens"
    for part in ("layer", "head", "hub", "lookers", "words"):
        assert old["attention"][part] == new["attention"][part], f"attention: {part} is another one now"
    assert np.abs(old_arrays["weights"] - new_arrays["weights"]).max() <= 1e-3, "attention weights differ"
    chances = [(one["id"], one["p"]) for one in old["sampling"]["top"]]
    again = {one["id"]: one["p"] for one in new["sampling"]["top"]}
    for token, share in chances[:-1]:  # the last bar may change places with the first one left out
        assert abs(again.get(token, -1.0) - share) <= 1e-3, f"the chance of token {token} differs"
    assert abs(old["sampling"]["rest"] - new["sampling"]["rest"]) <= 1e-3, "the chance of all others differs"
    assert [hit["id"] for hit in old["search"]["hits"]] == [hit["id"] for hit in new["search"]["hits"]], (
        "the nearest passages are others")
    for one, other in zip(old["search"]["hits"], new["search"]["hits"], strict=True):
        assert abs(one["cosine"] - other["cosine"]) <= 1e-3, "a passage's cosine differs"
    distances = [np.linalg.norm(arrays["passages"], axis=1) for arrays in (old_arrays, new_arrays)]
    assert np.abs(distances[0] - distances[1]).max() <= 1e-3, "the passages lie at other distances"
    assert old["topics"]["names"] == new["topics"]["names"], "the topics have other names"
    assert old["topics"]["topic"] == new["topics"]["topic"], "the sentence falls among another topic"
    messages = [set(header["topics"]["neighbours"][:5]) for header in (old, new)]
    assert messages[0] == messages[1], "the nearest messages are others"
    assert abs(old["topics"]["share"] - new["topics"]["share"]) <= 1e-3, "the topic's share differs"
    captions = [{part: header[part]["caption"] for part in ("tokens", "attention", "search", "topics")}
                for header in (old, new)]
    assert captions[0] == captions[1], "a caption says something else now"
