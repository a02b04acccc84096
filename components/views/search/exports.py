"""Rankings as files."""

from __future__ import annotations

import csv
import io
import json

from components.corpora import Corpus
from components.views.search.board import TOP, Board


def as_csv(board: Board, corpus: Corpus) -> bytes:
    """Every passage in corpus order with rank and score by each method; an empty rank means not found."""
    methods = [method["id"] for method in board.header["methods"]]
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["id", "title", *(f"{m}_{what}" for m in methods for what in ("rank", "score")), "text"])
    for i, (identity, title, text) in enumerate(zip(corpus.ids, corpus.titles, corpus.texts, strict=True)):
        cells: list[object] = []
        for method in methods:
            cells += [board.rank(method, i) or "", f"{board.score(method, i):.6f}"]
        table.writerow([identity, title, *cells, text])
    return out.getvalue().encode("utf-8-sig")


def as_json(board: Board, corpus: Corpus) -> bytes:
    """The question, the knobs, and each method's first ten with the words behind every keyword score."""
    rankings = {}
    for method in board.header["methods"]:
        hits = []
        for rank, i in enumerate(board.top(method["id"], TOP), start=1):
            detail = board.header["passages"][str(i)]
            hit: dict[str, object] = {
                "rank": rank,
                "id": corpus.ids[i],
                "title": corpus.titles[i],
                "score": round(board.score(method["id"], i), 6),
            }
            if method["id"] == "bm25":
                told = ("word", "term", "score", "idf", "saturation")
                hit["terms"] = [{key: term[key] for key in told} for term in detail["terms"]]
            hits.append(hit)
        rankings[method["id"]] = {"name": method["name"], "found": board.header["found"][method["id"]], "hits": hits}
    whole = {
        "question": board.header["text"],
        "corpus": corpus.name,
        "passages": len(corpus),
        "settings": board.header["settings"],
        "rankings": rankings,
    }
    return json.dumps(whole, ensure_ascii=False, indent=1).encode("utf-8")


def passages(corpus: Corpus) -> bytes:
    """The passages as they were searched, one between blank lines."""
    return "\n\n".join(corpus.texts).encode("utf-8")
