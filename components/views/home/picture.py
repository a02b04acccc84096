"""Finished results -> the one buffer that Home's picture draws from. Pure: no Streamlit, no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.payload import pack, unpack
from components.tokenization import Kind, TokenTrace
from components.views.home.heads import View

#: Bars of next tokens, hits and chips that a small picture holds.
BARS = 9
HITS = 3
CHIPS = 80
#: Dots next to the ring that say whether it lies in its topic's cloud.
AROUND = 10
#: Characters of a passage shown under its title.
EXCERPT = 80


def tokens(whole: TokenTrace, read: TokenTrace) -> dict[str, Any]:
    """The chips: `read` is what the pictures are made of, `whole` the reader's full text."""
    shown = [token for token, _ in zip(read, range(CHIPS), strict=False)]
    return {
        "total": len(whole),
        "read": len(read),
        "bytes": len(whole.utf8),
        "chips": [{"text": label(token), "id": token.id, "kind": KINDS[token.kind]} for token in shown],
    }


KINDS = {
    Kind.NORMAL: "ordinary", Kind.SPECIAL: "special", Kind.FRAGMENT: "fragment", Kind.UNKNOWN: "special",
    Kind.ADDED_SPACE: "added", Kind.BYTE: "fragment",
}


def label(token: Any) -> str:
    """What stands on a chip: the token's own text, or its bytes where they are no whole character."""
    if token.kind == Kind.FRAGMENT:
        return str(token.bytes[:8].hex(" ").upper())
    return str(token.text)


def attention(view: View, labels: Sequence[str], layers: int, heads: int) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """One head over the drawn stretch of the text, and its weights [query, key] there."""
    facts = {
        "layer": view.layer,
        "head": view.head,
        "layers": layers,
        "heads": heads,
        "start": view.start,
        "words": list(labels[view.start : view.stop]),
        "hub": None if view.hub is None else view.hub - view.start,
        "lookers": [one - view.start for one in view.lookers],
    }
    return facts, view.weights


def sampling(probabilities: NDArray[np.float32], spell: Any, tail: str) -> dict[str, Any]:
    """The likeliest next tokens and all the others together. `spell` gives an id's text, `tail` how the text ends."""
    order = np.argsort(-probabilities, kind="stable")[:BARS]
    top = [{"id": int(one), "text": str(spell(int(one))), "p": float(probabilities[one])} for one in order]
    rest = max(0.0, 1.0 - float(probabilities[order].astype(np.float64).sum()))
    return {"top": top, "others": int(len(probabilities) - len(order)), "rest": rest, "tail": tail}


def search(
    cosines: NDArray[np.float32],
    vectors: NDArray[np.float32],
    query: NDArray[np.float32],
    hits: Sequence[dict[str, Any]],
) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """The nearest passages, and a map [passage, (x, y)] with the sentence in the middle.

    A passage's distance from the middle is 1 - cosine, exactly. Its direction is where the passage lies in the plane
    in which the passages differ most from each other, seen from the sentence (the first two principal components of
    what remains of their vectors at right angles to the sentence's).
    """
    rest = vectors - cosines[:, None] * query[None, :]
    rest = rest - rest.mean(axis=0)
    _, _, axes = np.linalg.svd(rest, full_matrices=False)
    plane = axes[:2]
    # The sign of a component is arbitrary; fixed here, so that two machines draw the same map.
    plane = plane * np.sign(plane[np.arange(2), np.abs(plane).argmax(axis=1)])[:, None]
    flat = rest @ plane.T
    angle = np.arctan2(flat[:, 1], flat[:, 0])
    distance = 1.0 - cosines
    map_ = np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=1).astype(np.float32)
    return {"count": len(cosines), "hits": list(hits)}, map_


def excerpt(text: str, spans: Sequence[tuple[int, int]], limit: int = EXCERPT) -> tuple[str, list[list[int]]]:
    """A stretch of a passage around its first shared word, and where shared words stand in it, in UTF-16 units."""
    start = 0
    if spans and spans[0][1] > limit // 2:
        start = text.rfind(" ", 0, max(0, spans[0][0] - 8)) + 1
    cut = text[start : start + limit]
    if start + limit < len(text):
        cut = cut[: cut.rfind(" ")] if " " in cut[limit // 2 :] else cut
        cut = cut.rstrip(" ,;:.-–—") + " …"
    front = "… " if start else ""
    shown = front + cut
    marks = []
    for begin, end in spans:
        begin, end = begin - start + len(front), end - start + len(front)
        if len(front) <= begin and end <= len(shown) - (2 if shown.endswith("…") else 0):
            marks.append([utf16(shown, begin), utf16(shown, end)])
    return shown, marks


def utf16(text: str, at: int) -> int:
    """A place in a text as JavaScript counts it."""
    return len(text[:at].encode("utf-16-le", "surrogatepass")) // 2


def build(
    text: str,
    settings: Mapping[str, Any],
    model: Mapping[str, Any],
    parts: Mapping[str, Mapping[str, Any]],
    arrays: Mapping[str, NDArray[Any]],
    *,
    notes: Sequence[str] = (),
    stamp: Mapping[str, str] | None = None,
) -> bytes:
    """The buffer: `text`, `settings`, `model`, one part a stage with its caption, `notes`, and the arrays.

    Arrays: `weights` float32 [query, key], `passages` float32 [passage, 2], `documents` float32 [document, 2],
    `document_topics` int16 [document] (-1 outlier).
    """
    captions = captions_of(parts, arrays)
    header = {
        "text": text,
        "settings": dict(settings),
        "stamp": dict(stamp or {}),
        "model": dict(model),
        "notes": list(notes),
        **{name: {**part, "caption": captions[name]} for name, part in parts.items()},
    }
    return pack(header, arrays)


def mounted(payload: bytes, extra: Mapping[str, Any]) -> bytes:
    """The buffer with what belongs to the page and not to the sentence: links, models, whether it is an old one."""
    header, arrays = unpack(payload)
    return pack({**header, **extra}, arrays)


# ------------------------------------------------------------------------------------------------------------ captions


def captions_of(parts: Mapping[str, Mapping[str, Any]], arrays: Mapping[str, NDArray[Any]]) -> dict[str, str]:
    """One caption a stage, out of the numbers that the picture shows."""
    return {
        "tokens": _tokens(parts["tokens"]),
        "attention": _attention(parts["attention"], arrays["weights"]),
        "sampling": "The next token, over the whole vocabulary, in per cent. Press one to add it.",
        "search": f"The nearest of {parts['search']['count']:,} passages. The ring is your sentence; "
        "nearer to it is a higher cosine.",
        "topics": _topics(parts["topics"], arrays["documents"], arrays["document_topics"]),
    }


def _tokens(part: Mapping[str, Any]) -> str:
    start = f"{part['total']:,} tokens, each with its number." if part["total"] > 1 else "One token, with its number."
    if any(chip["kind"] == "fragment" for chip in part["chips"]):
        return start + " A dashed one is a piece of a character."
    if any(chip["text"].startswith(" ") for chip in part["chips"]):
        return start + " The space belongs to the word."
    return start


def _attention(part: Mapping[str, Any], weights: NDArray[np.float32]) -> str:
    head = f"One head of {part['layers'] * part['heads']} (layer {part['layer']}, head {part['head']})"
    if part["hub"] is None:
        return head + ". A longer sentence gives it more to look at."
    looks = [part["words"][one].strip() for one in part["lookers"]]
    quoted = [f"“{one}”" for one in looks]
    names = quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " and " + quoted[-1]
    verb = "looks" if len(quoted) == 1 else "look"
    firm = "" if float(weights[part["lookers"], part["hub"]].max()) >= 0.3 else " a little"
    return f"{head}: {names} {verb}{firm} back at “{part['words'][part['hub']].strip()}”."


def _topics(part: Mapping[str, Any], documents: NDArray[np.float32], topics: NDArray[np.int16]) -> str:
    start = f"{part['count']:,} messages, {len(part['names'])} topics."
    near = f"; nearest cosine {part['nearest']:.2f}."
    if part["topic"] < 0:
        return start + " It belongs to none of them" + near
    # The ring is a mean of ten places, and the mean of two clouds lies between them: "among" is for what the eye sees.
    far = np.linalg.norm(documents - np.asarray(part["place"], np.float32), axis=1)
    around = topics[np.argsort(far, kind="stable")[:AROUND]]
    verb = "falls among" if 2 * int((around == part["topic"]).sum()) > len(around) else "leans towards"
    return f"{start} It {verb} “{part['names'][part['topic']]}”{near}"
