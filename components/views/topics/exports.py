"""What a reader can take away from the Topics page."""

from __future__ import annotations

import csv
import io
import json

from components.corpora import Corpus
from components.topics import bertopic_folder
from components.views.topics.board import Board
from components.views.vectors import vectors_of


def as_csv(board: Board, corpus: Corpus) -> bytes:
    """One row a document: id, topic, the topic's name, closeness, x, y, text. With a byte order mark, for Excel."""
    found = board.map
    buffer = io.StringIO()
    write = csv.writer(buffer)
    write.writerow(["id", "topic", "name", "closeness", "x", "y", "text"])
    for i, text in enumerate(corpus.texts):
        topic = int(found.labels[i])
        name = found.topics[topic].name if topic >= 0 else "outlier"
        x, y = found.coordinates[i]
        write.writerow([corpus.ids[i], topic, name, f"{found.closeness[i]:.4f}", f"{x:.4f}", f"{y:.4f}", _inert(text)])
    return ("\ufeff" + buffer.getvalue()).encode("utf-8", "replace")


def _inert(text: str) -> str:
    """A cell that a spreadsheet does not run as a formula."""
    return "'" + text if text[:1] in "=+-@\t\r" else text


def as_json(board: Board, corpus: Corpus) -> bytes:
    """Settings, quality and topics with their words and documents."""
    found = board.map
    whole = {
        "settings": board.header["settings"],
        "quality": board.header["quality"],
        "topics": [
            {
                "id": topic.id,
                "name": topic.name,
                "size": topic.size,
                "words": {word.term: word.weight for word in topic.words},
                "documents": [corpus.ids[i] for i in found.members(topic.id)],
            }
            for topic in found.topics
        ],
        "outliers": [corpus.ids[i] for i in found.outliers],
    }
    return json.dumps(whole, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def as_bertopic(board: Board, corpus: Corpus) -> bytes:
    """A zip of the folder that `BERTopic.load` reads."""
    return bertopic_folder(board.map, corpus.texts, vectors_of(corpus))
