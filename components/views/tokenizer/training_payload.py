"""A finished training -> the buffer that its picture is drawn from. No Streamlit here."""

from __future__ import annotations

from collections.abc import Mapping

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
    unknown, pieces), `first`, `last`, `ends` (the headings of the two). `source` names the text."""
    def clip(text: str) -> str:
        return text if len(text) <= DRAWN else text[:DRAWN - 1] + "…"

    algorithm = found.recipe.algorithm
    one_by_one = algorithm != "unigram"
    return pack({
        "title": f"{ALGORITHMS[algorithm]} of {found.size:,} entries, learnt from {source}",
        "size": found.size, "base": found.base, "note": found.note, "sample": found.sample,
        "facts": _facts(found), "how": HOW[algorithm],
        "points": [{"size": point.size, "learnt": round(point.learnt, 4),
                    "held": None if point.held is None else round(point.held, 4),
                    "unknown": round(point.unknown, 4),
                    "pieces": [[wording.shown(clip(text)), kind] for text, kind in point.pieces]}
                   for point in found.points],
        "first": [wording.shown(clip(entry)) for entry in found.first],
        "last": [wording.shown(clip(entry)) for entry in found.last],
        "ends": ["The first it learnt", "The last it learnt"] if one_by_one
                else ["The most probable", "The least probable"],
    })


def _facts(found: Trained) -> list[str]:
    held = workshop.megabytes(found.held_bytes) if found.held_bytes else ""
    read = f"{workshop.megabytes(found.learnt_bytes)} read" + (f", {held} held out" if held else "")
    base = {"bpe": "256 bytes and 1 special entry to begin with",
            "wordpiece": f"{found.base:,} letters and special entries to begin with",
            "unigram": f"{found.base:,} characters and special entries that always stay"}[found.recipe.algorithm]
    took = f"learnt in {found.seconds:.2g} seconds" if found.seconds >= 0.1 else "learnt in under 0.1 seconds"
    nothing = [] if held else ["too short a text to hold a tenth of it out"]
    return [base, read, took, *nothing]
