"""The Topics page's first view: the map of the citizens' messages, with the first example placed on it."""

from __future__ import annotations

import json
import platform

import numpy as np

from components import corpora
from components.first_views import stamp
from components.payload import pack
from components.topics import Settings, fit, place
from components.views.topics import board as boards

MODELS = ("minilm",)
LIBRARIES = ("umap-learn", "hdbscan", "scikit-learn", "numpy", "numba")


def build(model: str) -> dict[str, bytes]:
    """`topics.minilm.bin`, from the stored vectors of messages and example (`assets/recipes/vectors.py`)."""
    text = json.loads((corpora.FOLDER / "examples.json").read_text(encoding="utf-8"))["topics"][0]["text"]
    corpus = corpora.bundled("messages")
    vectors = corpora.stored_vectors(corpus.name, corpus.texts)
    asked = corpora.stored_vectors("questions", [text])
    if vectors is None or asked is None:
        raise ValueError("Vectors are missing or older than their texts; run `python -m assets.recipes.vectors`.")
    topic_map = fit(corpus.texts, vectors, Settings())
    board = boards.build(corpus, topic_map, vectors)
    new = boards.new_document(text, place(topic_map, vectors, asked[0]), None)
    stored = json.loads((corpora.FOLDER / "messages.minilm.json").read_text(encoding="utf-8"))
    header = {**board.header, "text": text, "new": new, "full": None, "stamp": stamp(stored["model"], LIBRARIES)}
    return {f"topics.{model}.bin": pack(header, board.arrays)}


def compare(stored: bytes, fresh: bytes) -> None:
    """The same documents in the same groups, with the same neighbours near on the map. Never coordinates.

    On one kind of processor the groups come out the same. Another kind has another `pow`, and UMAP magnifies the
    difference; there the groups agree as well as those of two seeds do.
    """
    from sklearn.metrics import adjusted_rand_score

    old, new = boards.read(stored), boards.read(fresh)
    assert old.header["text"] == new.header["text"], "The stored view is of another text; make it again."
    assert old.header["corpus"]["hash"] == new.header["corpus"]["hash"], "A message has changed since; make it again."
    assert old.header["settings"] == new.header["settings"], "The defaults have changed since; make it again."
    agreement = adjusted_rand_score(old.arrays["labels"], new.arrays["labels"])
    least = 0.95 if platform.machine().lower() in ("x86_64", "amd64") else 0.6
    assert agreement >= least, f"The groups agree with the stored ones by an ARI of {agreement:.3f} only."
    for name in ("outlier_share", "kept", "silhouette"):
        difference = abs(old.header["quality"][name] - new.header["quality"][name])
        assert difference < 0.06, f"{name} is {new.header['quality'][name]} and was {old.header['quality'][name]}."
    same = kept_neighbours(old.arrays["xy"], new.arrays["xy"])
    assert same >= (0.85 if least == 0.95 else 0.5), f"Only {same:.0%} of the nearest on the map are the same."
    assert old.header["new"]["neighbours"] == new.header["new"]["neighbours"], "The example's neighbours are others."


def kept_neighbours(one: np.ndarray, other: np.ndarray, k: int = 15) -> float:
    """Share of each document's k nearest on one map that are among its k nearest on the other."""
    def nearest(xy: np.ndarray) -> np.ndarray:
        away = ((xy[:, None, :].astype(np.float64) - xy[None, :, :]) ** 2).sum(-1)
        np.fill_diagonal(away, np.inf)
        return np.argsort(away, axis=1)[:, :k]

    pairs = zip(nearest(one), nearest(other), strict=True)
    return float(np.mean([len(set(a) & set(b)) / k for a, b in pairs]))
