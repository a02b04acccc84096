"""A TopicMap as a JSON header and arrays, and back: for the browser, and for the map that ships with the app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from components import first_views

from .results import Quality, Topic, TopicMap, Word
from .settings import Settings

SHIPPED = "topics.minilm"


def pack_map(topic_map: TopicMap) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header (JSON types) and arrays `xy`, `space`, `labels`, `nearest`, `closeness`."""
    quality = topic_map.quality
    header: dict[str, Any] = {
        "settings": asdict(topic_map.settings),
        "topics": [
            {
                "name": topic.name,
                "size": topic.size,
                "words": [[word.term, round(word.weight, 5)] for word in topic.words],
                "centre": [round(value, 4) for value in topic.centre],
                "typical": list(topic.representative),
            }
            for topic in topic_map.topics
        ],
        "quality": {
            name: None if value is None else round(value, 4) for name, value in asdict(quality).items()
        },
        "reducer": topic_map.reducer,
        "terms": topic_map.terms,
        "notes": list(topic_map.notes),
        "history": list(topic_map.history),
    }
    arrays: dict[str, np.ndarray] = {
        "xy": topic_map.coordinates.astype(np.float32),
        "space": topic_map.reduced.astype(np.float32),
        "labels": topic_map.labels.astype(np.int16),
        "nearest": topic_map.nearest.astype(np.int16),
        "closeness": topic_map.closeness.astype(np.float32),
    }
    return header, arrays


def unpack_map(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> TopicMap:
    """What `pack_map` packed; weights and quality to the digits that it keeps."""
    topics = tuple(
        Topic(
            number,
            int(item["size"]),
            tuple(Word(str(term), float(weight)) for term, weight in item["words"]),
            (float(item["centre"][0]), float(item["centre"][1])),
            tuple(int(i) for i in item["typical"]),
        )
        for number, item in enumerate(header["topics"])
    )
    return TopicMap(
        settings=Settings(**header["settings"]),
        coordinates=np.asarray(arrays["xy"], np.float32),
        reduced=np.asarray(arrays["space"], np.float32),
        labels=np.asarray(arrays["labels"], np.int32),
        topics=topics,
        nearest=np.asarray(arrays["nearest"], np.int32),
        closeness=np.asarray(arrays["closeness"], np.float32),
        quality=Quality(**header["quality"]),
        reducer=str(header["reducer"]),
        terms=int(header["terms"]),
        notes=tuple(header["notes"]),
        history=tuple(header["history"]),
    )


def shipped() -> TopicMap | None:
    """The map of the citizens' messages that ships with the app, without computing anything; None where it is not here.

    Its documents are `corpora.bundled("messages").texts`, their vectors `corpora.stored_vectors("messages", texts)`.
    """
    view = first_views.load(SHIPPED)
    return None if view is None else unpack_map(view.header, view.arrays)
