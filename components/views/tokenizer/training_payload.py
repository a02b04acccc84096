"""A finished training -> the buffer that its picture is drawn from. No Streamlit here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from components import workshop
from components.payload import pack
from components.tokenization import Trained
from components.views.tokenizer import wording

ALGORITHMS = {"bpe": "BPE", "wordpiece": "WordPiece", "unigram": "Unigram"}
DRAWN = 40
"""Characters of an entry or a piece that are drawn."""
HOW: Mapping[str, str] = {
    "bpe": "One training gives the whole curve: with the later merges cut off, it is the tokenizer that would have come"
           " of stopping there.",
    "wordpiece": "One training gives the whole curve: with the later entries cut off, it is the tokenizer that would"
                 " have come of stopping there.",
    "unigram": "Each point is a training of its own: Unigram starts from too many pieces and throws away the least"
               " useful, so no size stands inside another.",
}


def payload(found: Trained, source: str) -> bytes:
    """All in the header: `title`, `facts`, `note`, `how`, `sample`, `base`, `size`, `points` (size, learnt, held,
    unknown, pieces), `first`, `last`, `ends` (the headings of the two). A piece or an entry is its text and its kind.
    `source` names the text."""
    def show(some: Iterable[tuple[str, str]]) -> list[list[str]]:
        short = ((text if len(text) <= DRAWN else text[:DRAWN - 1] + "…", kind) for text, kind in some)
        return [[text if kind == "byte" else wording.shown(text), kind] for text, kind in short]

    algorithm = found.recipe.algorithm
    one_by_one = algorithm != "unigram"
    return pack({
        "title": f"{ALGORITHMS[algorithm]} of {found.size:,} entries, learnt from {source}",
        "size": found.size, "base": found.base, "note": found.note, "sample": found.sample,
        "facts": _facts(found), "how": HOW[algorithm],
        "points": [{"size": point.size, "learnt": round(point.learnt, 4),
                    "held": None if point.held is None else round(point.held, 4),
                    "unknown": round(point.unknown, 4),
                    "pieces": show(point.pieces)}
                   for point in found.points],
        "first": show(found.first), "last": show(found.last),
        "ends": ["The first it learnt", "The last it learnt"] if one_by_one
                else ["The most probable", "The least probable"],
    })


def _facts(found: Trained) -> list[str]:
    held = amount(found.held_bytes) if found.held_bytes else ""
    read = f"{amount(found.learnt_bytes)} read" + (f", {held} held out" if held else "")
    base = {"bpe": "256 bytes and 1 special entry to begin with",
            "wordpiece": f"{found.base:,} letters and special entries to begin with",
            "unigram": f"{found.base:,} characters and special entries that always stay"}[found.recipe.algorithm]
    took = f"learnt in {found.seconds:.2g} seconds" if found.seconds >= 0.1 else "learnt in under 0.1 seconds"
    nothing = [] if held else ["too short a text to hold a tenth of it out"]
    return [base, read, took, *nothing]


def amount(count: int) -> str:
    """So much text, as people say it."""
    return workshop.megabytes(count) if count >= 10_000 else f"{count:,} byte{'' if count == 1 else 's'}"
