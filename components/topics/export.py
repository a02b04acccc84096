"""A TopicMap as a BERTopic model, for everything that BERTopic can do with one."""

from __future__ import annotations

import io
import tempfile
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from components import workshop

from .reduction import prepare_numba
from .results import TopicMap
from .settings import check

ENCODER = "sentence-transformers/all-MiniLM-L6-v2"


def bertopic_folder(topic_map: TopicMap, documents: Sequence[str], embeddings: np.ndarray) -> bytes:
    """A zip of the folder that `BERTopic.load` reads (safetensors): our labels and BERTopic's own c-TF-IDF of them.

    Args:
        topic_map: with at least one topic.
        documents: its documents.
        embeddings: their vectors, `[document, dimension]`.

    Raises:
        ValueError: there is no topic to save.
    """
    texts, rows = check(documents, embeddings)
    if not topic_map.topics:
        raise ValueError("This map has no topic yet, so there is nothing to save; lower min_cluster_size first.")
    prepare_numba()
    with workshop.NUMBA_LOCK, warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        from bertopic import BERTopic
        from bertopic.cluster import BaseCluster
        from bertopic.dimensionality import BaseDimensionalityReduction
        from bertopic.vectorizers import ClassTfidfTransformer
        from sklearn.feature_extraction.text import CountVectorizer

        model = BERTopic(
            umap_model=BaseDimensionalityReduction(),
            hdbscan_model=BaseCluster(),
            vectorizer_model=CountVectorizer(stop_words="english", ngram_range=(1, 2)),
            ctfidf_model=ClassTfidfTransformer(),
        )
        model.fit(texts, embeddings=rows.astype(np.float32), y=topic_map.labels.tolist())
        target = Path(folder) / "bertopic"
        model.save(str(target), serialization="safetensors", save_ctfidf=True, save_embedding_model=ENCODER)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(target.rglob("*")):
                archive.write(path, path.relative_to(folder))
    return buffer.getvalue()
