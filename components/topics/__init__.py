"""Topics: documents -> TopicMap. Neighbours, UMAP, HDBSCAN and c-TF-IDF, one stage after the other.

>>> import numpy as np
>>> from components.topics import Settings, fit
>>> fit(["one text", "another text"], np.eye(2), Settings()).notes
('2 documents are too few to find groups; they are only laid out. From 10 on, groups are looked for.',)
"""

from __future__ import annotations

from .clustering import cluster
from .export import bertopic_folder
from .fit import fit
from .placing import place
from .reduction import Coordinates, Neighbours, curve, lay_out, neighbours, reduce
from .results import Placement, Quality, Topic, TopicMap, Word
from .settings import MAX_DOCUMENTS, REDUCERS, Settings, check
from .stored import SHIPPED, pack_map, shipped, unpack_map
from .words import LETTERS, REMNANTS, count_words, ctfidf, top_words

__all__ = [
    "LETTERS",
    "MAX_DOCUMENTS",
    "REDUCERS",
    "REMNANTS",
    "SHIPPED",
    "Coordinates",
    "Neighbours",
    "Placement",
    "Quality",
    "Settings",
    "Topic",
    "TopicMap",
    "Word",
    "bertopic_folder",
    "check",
    "cluster",
    "count_words",
    "ctfidf",
    "curve",
    "fit",
    "lay_out",
    "neighbours",
    "pack_map",
    "place",
    "reduce",
    "shipped",
    "top_words",
    "unpack_map",
]
