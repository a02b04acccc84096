"""The passages that have to be judged: for each question the first ten by keyword, by meaning and by both.

    python -m assets.recipes.pool [QUESTIONS.jsonl]

Prints one block a question: its id, kind and text, then every pooled passage that nobody has graded yet. They stand
in the order of their ids, without method or rank, so that whoever reads them grades the text and not its place. Below
stand the passages that some method has first although their grade is 0: those need a sentence that says why. Without
a file it reads `assets/corpora/queries.jsonl`.
"""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from components import corpora
from components.search import Index, build_index, encode_query, rank

METHODS = ("bm25", "dense", "rrf")
DEPTH = 10


@functools.lru_cache(maxsize=1)
def index() -> Index:
    """The encyclopedia as the Search page has it, from the stored vectors."""
    corpus = corpora.bundled("encyclopedia")
    vectors = corpora.stored_vectors(corpus.name, corpus.texts)
    if vectors is None:
        raise ValueError("Vectors are missing or older than their texts; run `python -m assets.recipes.vectors`.")
    return build_index(corpus.texts, None, embeddings=vectors)


def first_ten(question: str, vector: np.ndarray) -> dict[str, list[tuple[str, float]]]:
    """Method -> its first ten: (id of the passage, score), best first."""
    ids = corpora.bundled("encyclopedia").ids
    return {
        method: [(ids[hit.passage], hit.score)
                 for hit in rank(index(), question, method, DEPTH, query_vector=vector).hits]
        for method in METHODS
    }


def unjudged(record: dict[str, Any], vector: np.ndarray) -> list[str]:
    """Pooled passages of one question that have no grade."""
    judged = {entry["id"] for entry in record["judged"]}
    pool = {name for hits in first_ten(record["text"], vector).values() for name, _ in hits}
    return sorted(pool - judged)


def unexplained(record: dict[str, Any], vector: np.ndarray) -> list[str]:
    """Passages that some method has first, that are graded 0, and that nobody has said a word about."""
    silent = {entry["id"] for entry in record["judged"] if entry["grade"] == 0 and not entry["why"].strip()}
    return sorted({hits[0][0] for hits in first_ten(record["text"], vector).values() if hits} & silent)


def main(arguments: list[str]) -> None:
    from components.models.open import open_encoder

    path = Path(arguments[0]) if arguments else corpora.FOLDER / "queries.jsonl"
    questions = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    corpus = corpora.bundled("encyclopedia")
    at = {name: number for number, name in enumerate(corpus.ids)}
    encoder = open_encoder("minilm")
    left = 0
    for record in questions:
        vector = encode_query(encoder, record["text"])
        new, silent = unjudged(record, vector), unexplained(record, vector)
        left += len(new) + len(silent)
        if new or silent:
            print(f"\n=== {record.get('id', '')} [{record['kind']}] {record['text']}")
        for name in new:
            print(f"{name} {corpus.titles[at[name]]}\n    {corpus.texts[at[name]]}")
        for name in silent:
            print(f"first of a method, graded 0, no reason given: {name} {corpus.titles[at[name]]}")
    print(f"\n{left} left to do in {len(questions)} questions.")


if __name__ == "__main__":
    main(sys.argv[1:])
