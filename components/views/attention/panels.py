"""The panels under the picture: what one head does, which head does what, and the tokens themselves."""

from __future__ import annotations

import math
from typing import Any

from components.attention import HeadMap, ranked, strongest_pairs
from components.payload import pack
from components.views.attention.scoreboard import Column, columns, effect_of
from components.views.component import mount


def _table(key: str, sections: list[dict[str, Any]]) -> None:
    mount("attention_table", pack({"sections": sections}), key=key)


def _board(heads: HeadMap, name: str, text: str) -> list[Column]:
    return columns(heads, name, effect_of(name, text))


def _amount(column: Column, value: float) -> list[Any]:
    """What a bar shows: its length against 1 or against the highest head, and the number with its unit."""
    if math.isnan(value):
        return [None, "–"]
    if column.unit == "share":
        return [value, f"{value:.3f}"]
    highest = max((one for _, _, one in ranked(column.values)), default=0.0)
    return [value / highest if highest > 0 else 0.0, f"{value:.3g} {column.unit}"]


def _named(column: Column) -> str:
    return f"{column.title}, {column.source}" if column.source else column.title


def one_head(heads: HeadMap, layer: int, head: int, name: str, text: str, *, hide_first: bool) -> None:
    """Its scores with their rank, and its strongest pairs."""
    rows: list[list[Any]] = []
    for column in _board(heads, name, text):
        value = float(column.values[layer, head])
        if math.isnan(value):
            rows.append([[_named(column), column.means], [None, "–"], column.missing or "nothing to average"])
            continue
        order = ranked(column.values)
        place = 1 + sum(1 for _, _, other in order if other > value)
        rows.append([[_named(column), column.means], _amount(column, value), f"{place} of {len(order)}"])
    pairs = [
        [f"{heads.pieces[query]}", query, f"{heads.pieces[key]}", key, query - key, [weight, f"{weight:.3f}"]]
        for query, key, weight in strongest_pairs(
            heads.matrix(layer, head), 12, without=heads.sinks if hide_first else ()
        )
    ]
    rest = "the first token" if heads.causal else "the special tokens"
    _table(
        "attention_one_head",
        [
            {
                "title": f"Layer {layer}, head {head}: what it does on this text",
                "columns": [["score", "term"], ["value", "bar"], ["rank", "remark"]],
                "rows": rows,
            },
            {
                "title": "Its strongest pairs" + (f", {rest} left out" if hide_first else ""),
                "columns": [
                    ["token", "token"], ["at", "number extra"], ["looks at", "token"], ["at", "number extra"],
                    ["steps back", "number extra"], ["weight", "bar"],
                ],
                "rows": pairs,
            },
        ],
    )


def by_score(heads: HeadMap, name: str, text: str) -> None:
    """For each score the five heads that have most of it on this text."""
    sections = []
    for column in _board(heads, name, text):
        best = ranked(column.values)[:5]
        sections.append(
            {
                "title": _named(column),
                "note": column.means if best else f"{column.means} {column.missing}",
                "columns": [["layer", "number"], ["head", "number"], ["score", "bar"]],
                "rows": [[layer, head, _amount(column, score)] for layer, head, score in best],
            }
        )
    _table("attention_by_score", sections)


def tokens(heads: HeadMap) -> None:
    """What the model read, and what it expects next."""
    first: dict[int, int] = {}
    rows: list[list[Any]] = []
    for at, (piece, token) in enumerate(zip(heads.pieces, heads.ids.tolist(), strict=True)):
        notes = ["special"] if heads.special[at] else []
        if token in first:
            notes.append(f"as at {first[token]}")
        rows.append([at, piece, token, int(heads.words[at]), ", ".join(notes)])
        first.setdefault(token, at)
    expected = [
        [piece, token, [float(probability), f"{probability:.3f}"]]
        for piece, token, probability in zip(
            heads.next_pieces, heads.next_ids.tolist(), heads.next_probabilities, strict=True
        )
    ]
    sections = [
        {
            "title": f"{heads.tokens} tokens",
            "columns": [
                ["at", "number"], ["token", "token"], ["id", "number"], ["word", "number extra"],
                ["seen before", "text"],
            ],
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
