"""The panels under the picture: what one head does, which head does what, and the tokens themselves."""

from __future__ import annotations

import math
from typing import Any

from components.attention import SCORES, HeadMap, ranked, strongest_pairs
from components.payload import pack
from components.views.component import mount

WORDS = {
    "previous": ("One token back", "What a token gives to the token before it, on average."),
    "induction": ("Induction", "Where a token stood earlier: what it gives to whatever came after that earlier copy."),
    "duplicate": ("Same token", "Where a token stood earlier: what it gives to that earlier copy itself."),
    "first": ("First token", "What a token gives to the first token of the text. Many heads rest there."),
    "far": (
        "Looks far back",
        "The largest weight three or more tokens back, less what that token gets from everybody, on average.",
    ),
}


def _table(key: str, sections: list[dict[str, Any]]) -> None:
    mount("attention_table", pack({"sections": sections}), key=key)


def one_head(heads: HeadMap, layer: int, head: int, *, hide_first: bool) -> None:
    """Its scores with their rank, and its strongest pairs."""
    rows = []
    for index, name in enumerate(SCORES):
        value = float(heads.scores[index, layer, head])
        order = ranked(heads.scores[index])
        title, means = WORDS[name]
        if math.isnan(value):
            rows.append([[title, means], None, "no repeats" if heads.tokens > 1 else "one token"])
            continue
        place = 1 + sum(1 for _, _, other in order if other > value)
        rows.append([[title, means], value, f"{place} of {len(order)}"])
    pairs = [
        [f"{heads.pieces[query]}", query, f"{heads.pieces[key]}", key, query - key, weight]
        for query, key, weight in strongest_pairs(heads.matrix(layer, head), 12, without=heads.sinks if hide_first else ())
    ]
    _table(
        "attention_one_head",
        [
            {
                "title": f"Layer {layer}, head {head}: what it does on this text",
                "columns": [["score", "term"], ["value", "bar"], ["rank", "text"]],
                "rows": rows,
            },
            {
                "title": "Its strongest pairs" + (", the first token left out" if hide_first else ""),
                "columns": [
                    ["token", "token"], ["at", "number extra"], ["looks at", "token"], ["at", "number extra"],
                    ["steps back", "number extra"], ["weight", "bar"],
                ],
                "rows": pairs,
            },
        ],
    )


def by_score(heads: HeadMap) -> None:
    """For each score the five heads that have most of it on this text."""
    sections = []
    for index, name in enumerate(SCORES):
        title, means = WORDS[name]
        best = ranked(heads.scores[index])[:5]
        sections.append(
            {
                "title": title,
                "note": means if best else f"{means} No token comes twice in this text, so no head has this score.",
                "columns": [["layer", "number"], ["head", "number"], ["score", "bar"]],
                "rows": [[layer, head, score] for layer, head, score in best],
            }
        )
    _table("attention_by_score", sections)


def tokens(heads: HeadMap) -> None:
    """What the model read, and what it expects next."""
    first: dict[int, int] = {}
    rows: list[list[Any]] = []
    for at, (piece, token) in enumerate(zip(heads.pieces, heads.ids.tolist(), strict=True)):
        rows.append([at, piece, token, f"as at {first[token]}" if token in first else ""])
        first.setdefault(token, at)
    expected = [
        [piece, token, float(probability)]
        for piece, token, probability in zip(
            heads.next_pieces, heads.next_ids.tolist(), heads.next_probabilities, strict=True
        )
    ]
    sections = [
        {
            "title": f"{heads.tokens} tokens",
            "columns": [["at", "number"], ["token", "token"], ["id", "number"], ["seen before", "text"]],
            "rows": rows,
        }
    ]
    if expected:
        sections.append(
            {
                "title": "What the model expects next",
                "columns": [["token", "token"], ["id", "number"], ["probability", "bar"]],
                "rows": expected,
            }
        )
    _table("attention_tokens", sections)
