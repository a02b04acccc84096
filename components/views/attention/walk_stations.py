"""What a station of the walk shows: its sentences, filled with its numbers, and its pictures as data."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from numpy.typing import NDArray

from components.attention import Check, Station, Walk
from components.views import frame

Part = dict[str, Any]
Arrays = dict[str, NDArray[Any]]


@cache
def _copy() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((frame.ASSETS / "copy" / "attention_walk.json").read_text("utf-8"))
    return found


def number(value: float | None) -> str:
    """Three significant digits, thousands with commas, a true minus."""
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value)
    if size >= 999.5 or (float(value).is_integer() and size >= 1):
        text = f"{value:,.0f}"
    elif size and size < 0.001:
        mantissa, power = f"{value:.1e}".split("e")
        return f"{mantissa}·10{_power(int(power))}".replace("-", "−")
    else:
        text = f"{value:.{max(0, 2 - math.floor(math.log10(size)))}f}" if size else "0"
    return text.replace("-", "−")


def _power(exponent: int) -> str:
    return str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def percent(share: float) -> str:
    return f"{number(100 * share)} %"


def shown(piece: str) -> str:
    """A token as it can be read in a sentence."""
    bare = piece[1:] if piece.startswith(" ") and piece.strip() else piece
    return "".join("↵" if sign == "\n" else "␣" if sign == " " else sign if sign.isprintable() else "\ufffd"
                   for sign in bare) or "∅"


def _tokens(count: int) -> str:
    return "1 token" if count == 1 else f"{count:,} tokens"


def _layers(count: int) -> str:
    return "One layer" if count == 1 else f"{count} layers"


def _words(station: Station, walk: Walk, pieces: Sequence[str], names: Callable[[int], str]) -> dict[str, str]:
    """The station's facts as words, for its sentences."""
    facts, arrays = station.facts, station.arrays
    words = {name: (f"{value:,}" if isinstance(value, int) else number(value)) for name, value in facts.items()
             if isinstance(value, (int, float)) and not isinstance(value, bool)}
    words |= {"token": shown(pieces[walk.position]), "layer": str(walk.layer), "head": str(walk.head)}
    if "id" in facts:
        words["id"] = str(facts["id"])
    if "length" in arrays:
        words |= {"length_first": number(arrays["length"][0]), "length_last": number(arrays["length"][-1]),
                  "passed": _layers(facts["layers"])}
    if station.name == "qkv":
        group = facts["group"]
        served = f"heads {facts['from']} to {facts['to']}" if group > 2 else f"heads {facts['from']} and {facts['to']}"
        words["sharing"] = (f"Key and value come from key-value head {facts['kv_head']} of {facts['kv_heads']}, "
                            f"which serves {served}." if group > 1 else "Every head has a key and a value of its own.")
        words["why_sharing"] = ("With grouped queries several heads ask the same keys, so that fewer keys and values "
                                "have to be kept while the model writes." if group > 1 else "")
    if station.name == "rotary":
        words |= {"turned": str(2 * facts["pairs"]), "still": str(facts["dim"] - 2 * facts["pairs"])}
    if "best" in facts:
        words["best_token"] = shown(pieces[facts["best"]])
    if station.name == "scale":
        plain = abs(facts["scale"] * math.sqrt(facts["dim"]) - 1) < 1e-6
        words["root"] = f", which is 1/√{facts['dim']}" if plain else ""
    if station.name == "mask":
        words["seen"] = _tokens(facts["seen"])
        hidden = facts["hidden"]
        words["hidden"] = (f"The other {hidden} get no score at all." if hidden > 1 else
                           "The other one gets no score at all." if hidden else
                           "It is the last one, so that nothing has to be hidden.")
    if station.name == "softmax":
        words |= {"peak_token": shown(pieces[facts["peak"]]), "most": percent(facts["most"]),
                  "rest": percent(facts["rest"])}
    if station.name == "feed":
        words["norm"] = "" if facts.get("norm") is None else "The vector is normalised once more. "
        words["open"] = percent(facts.get("open", 0.0))
    if station.name == "logits":
        words["norm"] = "" if facts["norm"] is None else "The vector is normalised one last time. "
        words["tied"] = ("Those rows are the embedding table again, so that going in and coming out use one table. "
                         if facts.get("tied") else "")
        if "top" in arrays:
            words |= {"top_token": shown(names(int(arrays["top"][0]))),
                      "top_share": percent(float(arrays["probabilities"][0]))}
    return words


def strip(array: str, label: str, axes: str, size: int, *, op: str = "", group: str = "a", **more: Any) -> Part:
    """A row of numbers as a strip of cells."""
    return {"kind": "strip", "array": array, "label": label, "shape": f"[{axes}] = [{size:,}]", "op": op,
            "group": group, **more}


def _pictures(station: Station, walk: Walk, pieces: Sequence[str], names: Callable[[int], str]) -> list[Part]:
    facts, arrays, name, form = station.facts, station.arrays, station.name, station.form
    at, head, tokens = walk.position, walk.head, len(pieces)

    def line(key: str, label: str, axes: str = "width", **more: Any) -> Part:
        return strip(key, label, axes, int(arrays[key].shape[-1]), **more)

    def bars(key: str, label: str, **more: Any) -> Part:
        return {"kind": "bars", "array": key, "label": label, "shape": f"[key] = [{tokens}]", **more}

    def addition(first: str, second: str, total: str) -> list[Part]:
        parts = [line("stream", first), line("adds", second, op="+"), line("sum", total, op="=")]
        if "normed" in arrays:
            parts.append(line("normed", "normalised", op="→", group="b"))
        return parts

    if name == "embedding":
        start = facts["from"]
        count = int(arrays["rows"].shape[0])
        some = f"tokens {start} to {start + count - 1}" if count < tokens else "all tokens"
        made = [line("row", f"row {facts['id']} of the table"),
                {"kind": "heat", "array": "rows", "label": f"the same for {some}, a row each", "group": "a",
                 "shape": f"[token, width] = [{tokens}, {facts['width']}]", "mark": at - start,
                 "rows": [shown(piece) for piece in pieces[start : start + count]]}]
        return [made[0], line("normed", "normalised", op="→", group="b"), made[1]] if form == "normed" else made
    if name == "position":
        made = [line("token", "embedding"), line("place", f"place {at}", op="+")]
        if "kind" in arrays:
            made.append(line("kind", "kind of text", op="+"))
        made.append(line("sum", "sum", op="="))
        if "normed" in arrays:
            made.append(line("normed", "normalised", op="→", group="b"))
        table = {"kind": "heat", "array": "table", "label": "this model’s table of places, learnt", "rows": [],
                 "mark": at if at < arrays["table"].shape[0] else -1, "group": "c",
                 "shape": f"[place, width] = [{facts['places']}, {facts['width']}], the first {len(arrays['table'])}"}
        return [*made, table, {"kind": "waves", "at": at, "label": "the original Transformer’s waves"}]
    if name in ("before", "after"):
        labels = [("embedding" if facts["first"] + row == 0 else f"layer {facts['first'] + row - 1}")
                  for row in range(facts["layers"] + 1)]
        return [{"kind": "heat", "array": "stream", "label": f"the vector of “{shown(pieces[at])}” after each layer",
                 "shape": f"[layer, width] = [{facts['layers'] + 1}, {facts['width']}]", "rows": labels, "mark": -1,
                 "group": "rows", "lengths": "length"}]
    if name == "norm":
        made = [line("before", "before")]
        return made if form == "none" else [*made, line("after", "after", op="→", group="b")]
    if name == "qkv":
        dim = facts["dim"]
        return [line("given", "what enters", group="x"),
                strip("q", f"query, head {head}", "dim", dim, op="→"),
                strip("k", f"key, key-value head {facts['kv_head']}", "dim", dim, op="→", group="k"),
                strip("v", f"value, key-value head {facts['kv_head']}", "dim", dim, op="→", group="v"),
                {"kind": "groups", "heads": facts["heads"], "kv_heads": facts["kv_heads"], "head": head,
                 "label": "who asks whom", "shape": f"q [token, head, dim] = [{tokens}, {facts['heads']}, {dim}]; "
                 f"k and v [token, key-value head, dim] = [{tokens}, {facts['kv_heads']}, {dim}]"}]
    if name == "rotary":
        dim = facts["dim"]
        return [{"kind": "dials", "before": "q", "after": "q_turned", "angles": "angles", "speeds": "speeds",
                 "label": f"the query’s {facts['pairs']} pairs, turned at place {at}",
                 "shape": f"[pair, 2] = [{facts['pairs']}, 2]"},
                strip("q", "query before", "dim", dim), strip("q_turned", "query after", "dim", dim, op="→"),
                {"kind": "waves", "at": at, "label": "the original Transformer’s waves, for comparison"}]
    if name == "scores":
        return [strip("q", f"query of “{shown(pieces[at])}”", "dim", facts["dim"]),
                strip("key", f"key of “{shown(pieces[facts['best']])}”", "dim", facts["dim"], op="×", group="k"),
                bars("dots", "the sum of products for every token", peak=facts["best"])]
    if name == "scale":
        return [bars("dots", "before", peak=facts["best"]), bars("scaled", "after", peak=facts["best"], same=True)]
    if name == "mask":
        return [{"kind": "mask", "array": "spans", "label": "who may look at whom",
                 "shape": f"[query, key] = [{tokens}, {tokens}]"},
                bars("masked", f"what is left for “{shown(pieces[at])}”", peak=-1)]
    if name == "softmax":
        return [bars("masked", "scores", peak=facts["peak"]),
                bars("weights", "shares", peak=facts["peak"], share=True)]
    if name == "values":
        top = [int(one) for one in arrays["keys"]]
        rows = [f"{number(float(share))} × “{shown(pieces[key])}”"
                for key, share in zip(top, arrays["shares"], strict=True)]
        made = [{"kind": "strip", "array": "parts", "row": row, "label": label, "op": "+" if row else "", "group": "a",
                 "shape": f"[dim] = [{facts['dim']}]"} for row, label in enumerate(rows)]
        if facts["others"]:
            made.append(line("rest", f"the other {_tokens(facts['others'])}", axes="dim", op="+"))
        return [*made, line("sum", f"what head {head} brings", axes="dim", op="=")]
    if name == "joined":
        dim = facts["dim"]
        return [{"kind": "strip", "array": "heads", "label": "all heads, side by side", "group": "x", "op": "",
                 "shape": f"[head × dim] = [{facts['joined']}]", "mark": [head * dim, (head + 1) * dim]},
                {"kind": "lengths", "array": "lengths", "label": "length of what each head adds", "mark": head,
                 "shape": f"[head] = [{facts['count']}]"},
                line("out", "what all of them add", op="→")]
    if name == "added":
        return addition("the vector", "what attention adds", "sum")
    if name == "feed":
        if form == "experts":
            return [line("out", "what the experts add")]
        return [line("given", "what goes in", group="x"),
                strip("inner", f"{facts['hidden']:,} units", "hidden", facts["hidden"], op="→", group="h"),
                line("out", "what comes out", op="→")]
    if name == "leaves":
        return addition("the vector", "what the feed-forward network adds", "sum")
    made = [line("before", "after the last layer", group="a")]
    if facts["norm"] is not None:
        made.append(line("after", "normalised", op="→", group="b"))
    if "top" in arrays:
        made.append({"kind": "choices", "label": f"the likeliest of {facts['vocabulary']:,}",
                     "shape": f"[vocabulary] = [{facts['vocabulary']:,}]", "items": [
                         [shown(names(int(token))), float(share), number(float(score))] for token, share, score in
                         zip(arrays["top"], arrays["probabilities"], arrays["scores"], strict=True)]})
    return made


def _told(check: Check | None, station: Station) -> dict[str, str] | None:
    if check is None:
        if station.name not in ("scores", "scale", "mask"):
            return None
        return {"note": "The library does not hand out these numbers. They are checked at the softmax, which is "
                        "worked out from them."}
    count = f"All {check.count:,} numbers agree" if check.count > 1 else "They agree"
    exact = f"{count} to the last digit." if check.difference == 0 else f"{count} to {number(check.difference)}."
    return {"here": _digits(check.here), "model": _digits(check.model), "agree": exact,
            "good": "yes" if check.difference <= 1e-4 else ""}


def _digits(value: float) -> str:
    return f"{value:.6g}".replace("-", "−")


def stations(walk: Walk, pieces: Sequence[str], names: Callable[[int], str]) -> tuple[list[dict[str, Any]], Arrays]:
    """Every station as the browser draws it, and the numbers it draws, under "station.array".

    `names` gives the text of a token id.
    """
    made: list[dict[str, Any]] = []
    arrays: Arrays = {}
    for station in walk.stations:
        copy = _copy()[station.name]
        words = _words(station, walk, pieces, names)
        parts = _pictures(station, walk, pieces, names)
        for part in parts:
            for key in ("array", "before", "after", "angles", "speeds", "lengths"):
                if isinstance(part.get(key), str):
                    arrays[f"{station.name}.{part[key]}"] = station.arrays[part[key]]
                    part[key] = f"{station.name}.{part[key]}"
        made.append({
            "name": station.name,
            "title": copy.get(f"title_{station.form}", copy["title"]),
            "short": copy.get(f"short_{station.form}", copy["short"]).format(**words),
            "group": copy["group"] + (f", layer {walk.layer}" if copy["group"] not in ("In", "Out") else ""),
            "seen": copy[station.form]["seen"].format(**words).strip(),
            "why": copy[station.form]["why"].format(**words).strip(),
            "parts": parts,
            "check": _told(station.check, station),
        })
    return made, arrays
