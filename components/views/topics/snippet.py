"""The map of the Topics page in plain Python: numpy, umap-learn, hdbscan, scikit-learn and bertopic."""

from __future__ import annotations

from components.corpora import Corpus
from components.topics import LETTERS, REMNANTS, Settings, curve
from components.views.topics.board import kind

_STORED = '''folder = "assets/corpora"  # of this app's source
import json
import os

os.environ["NUMBA_CPU_NAME"] = "generic"  # UMAP magnifies the last digit; so every processor computes the same one
import numpy as np
from bertopic.vectorizers import ClassTfidfTransformer
from hdbscan import HDBSCAN
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer
from umap import UMAP

documents = [json.loads(line)["text"] for line in open(f"{{folder}}/{name}.jsonl", encoding="utf-8")]
vectors = np.load(f"{{folder}}/{name}.minilm.npy").astype(np.float64)  # all-MiniLM-L6-v2, one row a document
vectors = np.float32(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
'''

_OWN = '''documents = open("documents.txt", encoding="utf-8").read().split("\\n\\n")  # yours, blank lines between them
import os

os.environ["NUMBA_CPU_NAME"] = "generic"  # UMAP magnifies the last digit; so every processor computes the same one
import numpy as np
from bertopic.vectorizers import ClassTfidfTransformer
from hdbscan import HDBSCAN
from scipy.sparse import csr_matrix
from sentence_transformers import SentenceTransformer
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer
from umap import UMAP

documents = [text.strip() for text in documents if text.strip()]
# The last digits of these vectors differ a little from the page's, and with them a few documents on the map.
vectors = SentenceTransformer("sentence-transformers/all-MiniLM-L6-v2").encode(documents, normalize_embeddings=True)
'''

_STAGES = '''
# Whole numbers, whose products and sums are exact: the nearest neighbours are the same on every machine.
vectors = vectors.astype(np.float64)
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
grid = np.rint(vectors * 2**14)
count, k = len(documents), min({n_neighbors}, len(documents) - 1)

similar = grid @ grid.T
rank = similar * 2**20 - np.arange(count)  # of two that are equally near, the earlier
np.fill_diagonal(rank, np.inf)
index = np.argsort(-rank, axis=1)[:, :k].astype(np.int32)
distance = np.maximum(0, 1 - np.take_along_axis(similar, index, 1) / 2**28).astype(np.float32)
distance[:, 0] = 0


def start(dimensions):
    """Principal components from -10 to 10, each document moved a little, so that equal ones can part."""
    centred = grid / 2**14 - (grid / 2**14).mean(axis=0)
    axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :dimensions]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(dimensions)] < 0, -1, 1)
    found = centred @ axes
    found = np.round(found * (10 / np.abs(found).max()), 4).astype(np.float32)
    jitter = np.random.RandomState({random_state}).random_sample((count, dimensions))
    return np.round(found + 0.01 * jitter, 4).astype(np.float32)


def reduce(dimensions, a, b):
    return UMAP(
        n_neighbors=k, n_components=dimensions, metric="cosine", a=a, b=b, init=start(dimensions), n_epochs={n_epochs},
        random_state={random_state}, n_jobs=1, precomputed_knn=(index, distance),
    ).fit_transform(vectors.astype(np.float32))


coordinates = reduce(2, a={map_a}, b={map_b})  # the map: min_dist={min_dist}
space = reduce({n_components}, a={a}, b={b})  # where groups are looked for: min_dist=0
labels = HDBSCAN(min_cluster_size={min_cluster_size}, approx_min_span_tree=False, core_dist_n_jobs=1).fit_predict(
    space.astype(np.float64)
)

remnants = {remnants}
words = CountVectorizer(
    ngram_range=(1, 2), min_df=2, token_pattern=r"{letters}", stop_words=sorted(ENGLISH_STOP_WORDS | set(remnants))
)
by_document = words.fit_transform(documents)
by_topic = np.stack([np.asarray(by_document[labels == topic].sum(axis=0))[0] for topic in range(-1, labels.max() + 1)])
weights = ClassTfidfTransformer().fit_transform(csr_matrix(by_topic, dtype=np.float64)).toarray()[1:]

terms = words.get_feature_names_out()
sizes = [int((labels == topic).sum()) for topic in range(labels.max() + 1)]
top = [[str(terms[i]) for i in np.argsort(-row, kind="stable")[:6]] for row in weights]
outliers = int((labels < 0).sum())
for topic in np.argsort(sizes)[::-1]:
    print(sizes[topic], ", ".join(top[topic]))
print(outliers, "outliers")
'''


def snippet(corpus: Corpus, settings: Settings) -> str:
    """Python source that draws the same map and finds the same topics.

    Its last lines bind `coordinates`, `labels`, `sizes`, `top` and `outliers`.
    """
    head = _OWN if kind(corpus) == "own" else _STORED.format(name=corpus.name)
    a, b = curve(0.0)
    map_a, map_b = curve(settings.min_dist)
    return head + _STAGES.format(
        n_neighbors=settings.n_neighbors,
        random_state=settings.random_state,
        n_epochs=settings.n_epochs,
        n_components=settings.n_components,
        min_cluster_size=settings.min_cluster_size,
        min_dist=settings.min_dist,
        a=a,
        b=b,
        map_a=map_a,
        map_b=map_b,
        letters=LETTERS,
        remnants=REMNANTS,
    )
