"""The steps of a pipeline before the model: added tokens, normaliser, pre-tokeniser, each part by itself.

The library itself does them, in a tokenizer of its own without a vocabulary, since the shared one must not change. A
last part behind the real ones writes down the pieces, and behind it one more the single characters: so every
character of every step has its place in the original text, as the library keeps it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from components.models.open import OpenTokenizer
from components.tokenization.pipeline import Mark, Step, differ, missing, one_by_one, step
from components.tokenization.replay_words import read_words
from components.tokenization.trace import Kind
from components.tokenization.vocabulary import steps as parts_of

_NOBODY = "\x00nobody"


class _Piece(NamedTuple):
    """One piece: its text, its characters in the original, whether it is an added token, each character's place."""

    text: str
    start: int
    end: int
    control: bool
    places: list[tuple[int, int]]


def before_the_model(tokenizer: OpenTokenizer, text: str) -> list[Step]:
    """The text itself and each step up to the words that the model works on."""
    whole = [(place, place + 1) for place in range(len(text))]
    first = step("text", "text", {}, [text], origin=[(0, len(text))], sources=[(0, 0)], places=whole)
    return {"tiktoken": _tiktoken, "tokenizers": _tokenizers, "sentencepiece": _sentencepiece}[tokenizer.kind](
        tokenizer, text, first)


def component(part: str, settings: Mapping[str, Any]) -> Any:
    """One part of a tokenizer (`normalizer`, `pre_tokenizer`, `post_processor`, `decoder`) from its saved settings."""
    from tokenizers import Tokenizer

    empty = dict.fromkeys(("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder"))
    model = {"type": "WordLevel", "vocab": {_NOBODY: 0}, "unk_token": _NOBODY}
    return getattr(Tokenizer.from_str(json.dumps(
        {"version": "1.0", **empty, "added_tokens": [], "model": model, part: settings})), part)


# ---------------------------------------------------------------------------------------------------------- tokenizers


def _tokenizers(tokenizer: OpenTokenizer, text: str, first: Step) -> list[Step]:
    library = tokenizer.library_object
    found = [first]
    normalisers = [one for part in parts_of(library.normalizer) for one in _switches(part)]
    splitters = _flat(parts_of(library.pre_tokenizer))
    built = [component("normalizer", one) for one in normalisers]
    cutters = [component("pre_tokenizer", one) for one in splitters]
    added = [one for _, one in sorted(library.get_added_tokens_decoder().items())]
    as_written = [one for one in added if not one.normalized]

    def run(normaliser_count: int, splitter_count: int, tokens: Sequence[Any]) -> list[_Piece]:
        return _run(text, built[:normaliser_count], cutters[:splitter_count], tokens)

    def append(stage: str, settings: Mapping[str, Any], pieces: Sequence[_Piece]) -> None:
        rest = {key: value for key, value in settings.items() if key != "type"}
        kind = str(settings["type"])
        if kind == "BertNormalizer":
            kind, rest = next(key for key, value in rest.items() if value), {}
        found.append(_step(stage, kind, rest, pieces, found[-1], text))

    # Added tokens are looked for twice: in the text as it is written, and once more after the normaliser.
    taken = run(0, 0, as_written)
    if any(piece.control for piece in taken):
        append("added_tokens", {"type": "as written"}, taken)
    for count, one in enumerate(normalisers, 1):
        append("normalizer", one, run(count, 0, as_written))
    if not normalisers:
        found.append(missing("normalizer", found[-1]))
    if len(as_written) < len(added):
        later = run(len(built), 0, added)
        if sum(piece.control for piece in later) > sum(piece.control for piece in taken):
            append("added_tokens", {"type": "normalised"}, later)
    for count, one in enumerate(splitters, 1):
        append("pre_tokenizer", one, run(len(built), count, added))
    real = _run(text, [library.normalizer] if normalisers else [], [library.pre_tokenizer] if splitters else [], added)
    if [piece.text for piece in real] != found[-1].pieces:
        raise differ()
    if not splitters:
        found.append(missing("pre_tokenizer", found[-1]))
    return found


def _switches(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """BERT's normaliser is four in one, in this order; every other one stays as it is."""
    if part["type"] != "BertNormalizer":
        return [part]
    on = {name: bool(part[name]) for name in ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")}
    if part["strip_accents"] is None:  # then it goes with the lower case
        on["strip_accents"] = on["lowercase"]
    return [{"type": "BertNormalizer", **dict.fromkeys(on, False), name: True} for name in on if on[name]]


def _flat(parts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Sequences inside of sequences, opened."""
    return [one for part in parts
            for one in (_flat(part["pretokenizers"]) if part["type"] == "Sequence" else [part])]


def _run(text: str, normalisers: Sequence[Any], splitters: Sequence[Any], added: Sequence[Any]) -> list[_Piece]:
    """The pieces after some of the steps, as the library makes them."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    pieces: list[Any] = []
    characters: list[Any] = []

    class Notes:
        def __init__(self, page: list[Any]) -> None:
            self.page = page

        def pre_tokenize(self, words: Any) -> None:
            self.page.extend(words.get_splits("original", "char"))

    twin = Tokenizer(models.WordLevel({_NOBODY: 0}, unk_token=_NOBODY))
    if normalisers:
        twin.normalizer = normalizers.Sequence(list(normalisers))
    twin.pre_tokenizer = pre_tokenizers.Sequence([
        *splitters, pre_tokenizers.PreTokenizer.custom(Notes(pieces)),
        pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated"), pre_tokenizers.PreTokenizer.custom(Notes(characters))])
    for one in added:
        (twin.add_special_tokens if one.special else twin.add_tokens)([one])
    twin.encode(text, add_special_tokens=False)
    found = []
    at = 0
    for spelling, (start, end), tokens in pieces:
        if tokens:
            at += 1  # an added token is never split further
            exact = end - start == len(spelling)
            places = [(start + place, start + place + 1) if exact else (start, end) for place in range(len(spelling))]
        else:
            each = characters[at:at + len(spelling)]
            at += len(spelling)
            if "".join(character[0] for character in each) != spelling:
                raise differ()
            places = [character[1] for character in each]
        found.append(_Piece(spelling, start, end, bool(tokens), places))
    return found


def _step(stage: str, kind: str, settings: Mapping[str, Any], pieces: Sequence[_Piece], before: Step,
          text: str) -> Step:
    places = [place for piece in pieces for place in piece.places]
    joined = "".join(piece.text for piece in pieces)
    assert before.places is not None
    marks = changes(before.text, before.places.tolist(), joined, places, len(text))
    return step(stage, kind, settings, [piece.text for piece in pieces],
                origin=[(piece.start, piece.end) for piece in pieces],
                sources=_parents(before, [len(piece.places) for piece in pieces], places, len(text)),
                kinds=[Kind.SPECIAL if piece.control else Kind.NORMAL for piece in pieces],
                marks=marks, places=places, before=before)


def _by_place(places: Sequence[Sequence[int]], size: int) -> list[list[int]]:
    """For each character of the original (and its end) the characters of a step that stand for it."""
    found: list[list[int]] = [[] for _ in range(size + 1)]
    for index, place in enumerate(places):
        found[place[0]].append(index)
    return found


def _parents(before: Step, sizes: Sequence[int], places: Sequence[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    """The piece of the step before that each piece was cut from: the one that holds the same character."""
    assert before.places is not None
    old, new = _by_place(before.places.tolist(), size), _by_place(places, size)
    of = np.repeat(np.arange(len(before)), np.diff(before.cuts)).tolist()
    rank = [0] * len(places)
    for same in new:
        for order, index in enumerate(same):
            rank[index] = order
    found = []
    at = parent = 0
    for count in sizes:
        for index in range(at, at + count):
            stood = old[places[index][0]]
            if stood:  # of several characters with one place the one in the same order
                parent = of[stood[rank[index] * len(stood) // len(new[places[index][0]])]]
                break
        found.append((parent, parent + 1))
        at += count
    return found


def changes(old: str, old_places: Sequence[Sequence[int]], new: str, new_places: Sequence[Sequence[int]],
            size: int) -> list[Mark]:
    """What a step did to the characters, told apart by their places in the original of `size` characters."""
    if old == new:
        return []
    marks: list[Mark] = []
    was: list[int] = []
    now: list[int] = []
    reached = 0  # characters of the new text that stand for what is behind us
    for before, after in zip([*_by_place(old_places, size), []], [*_by_place(new_places, size), []], strict=True):
        a, b = "".join(old[index] for index in before), "".join(new[index] for index in after)
        kept = a == b or bool(a and b and (a in b or b in a))
        if not kept:  # neighbours that change may have changed together, as a letter and its accent do
            was, now = was + before, now + after
            continue
        marks += _change("".join(old[index] for index in was), new, now, reached)
        if a != b and a in b:  # something was put before it, behind it, or both
            begin = b.index(a)
            marks += [Mark(index, index + 1, "added", "") for index in (*after[:begin], *after[begin + len(a):])]
        elif a != b:
            begin = a.index(b)
            marks += [Mark(place, place, "removed", gone) for place, gone in
                      ((after[0], a[:begin]), (after[-1] + 1, a[begin + len(b):])) if gone]
        reached = max([reached, *(index + 1 for index in (*now[-1:], *after[-1:]))])
        was, now = [], []
    return sorted(marks)


def _change(before: str, new: str, now: list[int], reached: int) -> list[Mark]:
    """The marks for one stretch; what its beginning or end has in common with before was not changed."""
    after = "".join(new[index] for index in now)
    shorter = min(len(before), len(after))
    start = next((place for place in range(shorter) if before[place] != after[place]), shorter)
    rest = next((place for place in range(shorter - start) if before[-1 - place] != after[-1 - place]), shorter - start)
    gone, left = before[start:len(before) - rest], now[start:len(now) - rest]
    if not left:
        place = now[start - 1] + 1 if start else now[0] if now else reached
        return [Mark(place, place, "removed", gone)] if gone else []
    kind = "changed" if gone else "added"
    if left[-1] - left[0] == len(left) - 1:
        return [Mark(left[0], left[-1] + 1, kind, gone)]
    return [Mark(index, index + 1, kind, gone) for index in left]


# ---------------------------------------------------------------------------------------------- tiktoken, SentencePiece


def _tiktoken(tokenizer: OpenTokenizer, text: str, first: Step) -> list[Step]:
    nothing = missing("normalizer", first)
    words = read_words(tokenizer, text, divide=False)
    spans = [(word.start, word.end) for word in words]
    split = step("pre_tokenizer", "tiktoken split", {"pattern": {"Regex": tokenizer.library_object._pat_str}},
                 [text[start:end] for start, end in spans], origin=spans, sources=[(0, 1)] * len(spans),
                 places=first.places if first.places is not None and len(text) else [], before=nothing)
    if split.text != text:
        raise differ()
    return [first, nothing, split]


#: The parts of SentencePiece's normaliser in their order. Each is a switch of its own.
_SWITCHES = ("remove_extra_whitespaces", "add_dummy_prefix", "escape_whitespaces")


def _sentencepiece(tokenizer: OpenTokenizer, text: str, first: Step) -> list[Step]:
    import sentencepiece

    from components.tokenization.replay_bpe import saved

    library = tokenizer.library_object
    spec = saved(library).normalizer_spec
    proto = library.serialized_model_proto()
    found = [first]
    on = {name: bool(getattr(spec, name)) for name in _SWITCHES}
    names = ([spec.name or "own rules"] if spec.precompiled_charsmap else []) + [name for name in _SWITCHES if on[name]]
    so_far = dict.fromkeys(_SWITCHES, False)
    final, ends = library.normalize(text, with_offsets=True)
    rows = []
    for name in names:
        if name in so_far:
            so_far[name] = True
        normaliser = sentencepiece.SentencePieceNormalizer(
            model_proto=proto, add_dummy_prefix=so_far["add_dummy_prefix"],
            escape_whitespaces=so_far["escape_whitespaces"],
            remove_extra_whitespaces=so_far["remove_extra_whitespaces"])
        rows.append((name, *normaliser.Normalize(text, with_offsets=True)))
    if not rows or rows[-1][1] != final:
        rows = [("SentencePiece", final, ends)]
    for name, seen, edges in rows:
        places = [(edges[index], max(edges[index], edges[index + 1] if index + 1 < len(edges) else len(text)))
                  for index in range(len(seen))]
        before = found[-1]
        assert before.places is not None
        found.append(step("normalizer", name, {}, [seen], origin=[(0, len(text))], sources=one_by_one(1),
                          marks=changes(before.text, before.places.tolist(), seen, places, len(text)), places=places,
                          before=before))
    return [*found, missing("pre_tokenizer", found[-1])]
