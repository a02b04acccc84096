"""Words for what a tokenizer does to a text. Plain strings; the browser sets them as text."""

from __future__ import annotations

import unicodedata

from components.models import catalog
from components.tokenization import Change, RoundTrip, Vocabulary

#: Names short enough for the head of a column.
SHORT = {
    "storyteller": "storyteller", "storyteller-wordpiece": "storyteller WordPiece",
    "storyteller-unigram": "storyteller Unigram", "storyteller-1k": "storyteller 1,000", "bert": "BERT",
    "mistral-v1": "Mistral v1", "mistral-v3": "Mistral v3", "tekken": "Mistral Tekken", "smollm2": "SmolLM2",
    "cl100k": "GPT-4", "o200k": "GPT-4o", "p50k": "Codex", "r50k": "GPT-3", "claude": "Claude (early)",
    "qwen": "Qwen", "llama3": "Llama 3", "llama4": "Llama 4", "o200k_harmony": "gpt-oss",
}
_LISTED = 4


def short(name: str) -> str:
    """A name for the head of a column."""
    return SHORT.get(name) or catalog.entry(name).title


def about(table: Vocabulary) -> str:
    """Size and algorithm of a vocabulary."""
    return f"{table.size:,} entries, {table.algorithm}"


def shown(text: str) -> str:
    """Text with its white space and control characters made visible, for a sentence."""
    marks = {" ": "·", "\n": "↵", "\t": "⇥", "\r": "␍", "\u00a0": "⍽"}
    marks |= {chr(code): chr(0x2400 + code) for code in range(32) if chr(code) not in marks} | {"\x7f": "␡"}
    return "".join(marks.get(sign, sign) for sign in text)


def summary(trip: RoundTrip, total: int) -> list[dict[str, str]]:
    """What became of the text, in a few short parts, each with its kind; empty where all of it comes back."""
    if trip.exact:
        return []
    by_kind: dict[str, list[Change]] = {}
    for change in trip.changes:
        by_kind.setdefault(change.kind, []).append(change)
    parts = [{"kind": kind, "text": _part(kind, by_kind[kind])}
             for kind in ("case", "accent", "changed", "unknown", "removed", "added", "space") if kind in by_kind]
    if trip.listed_to < total:
        parts.append({"kind": "limit", "text": f"compared in detail to character {trip.listed_to:,}"})
    return parts


def _part(kind: str, changes: list[Change]) -> str:
    if kind == "space":
        return _spaces(changes)
    pairs = list(dict.fromkeys((shown(change.original), shown(change.became)) for change in changes))
    if kind in ("case", "accent", "changed"):
        words = [_became(old, new) for old, new in pairs[:_LISTED]]
    elif kind == "unknown":
        words = [_cut(old) for old, _ in pairs[:_LISTED]]
        words[-1] += " unknown"
    elif kind == "removed":
        words = [_cut(old) for old, _ in pairs[:_LISTED]]
        words[-1] += " removed"
    else:
        words = [_cut(new) for _, new in pairs[:_LISTED]]
        words[-1] += " put in"
    more = f" and {len(pairs) - _LISTED:,} more" if len(pairs) > _LISTED else ""
    return ", ".join(words) + more


def _became(old: str, new: str) -> str:
    if not new:
        return f"{old} removed"
    if unicodedata.normalize("NFC", old) == unicodedata.normalize("NFC", new):
        # They look the same: `e` with a mark behind it, and the one character that means both.
        return f"{old} from {len(old)} characters to {len(new)}"
    return f"{old} became {new}"


def _cut(text: str) -> str:
    return text if len(text) <= 12 else text[:11] + "…"


def _spaces(changes: list[Change]) -> str:
    breaks = sum(max(0, change.original.count("\n") - change.became.count("\n")) for change in changes)
    lost = sum(max(0, len(change.original) - change.original.count("\n") - len(change.became)) for change in changes)
    added = sum(max(0, len(change.became) - len(change.original)) for change in changes)
    words = []
    if breaks:
        words.append(f"{breaks:,} line break{'s' if breaks > 1 else ''} lost")
    if lost:
        words.append(f"{lost:,} space{'s' if lost > 1 else ''} dropped")
    if added:
        words.append(f"{added:,} space{'s' if added > 1 else ''} put in")
    return ", ".join(words) or "white space changed"
