"""`pipeline(tokenizer, text)`: what a text becomes at each step from its characters to its ids and back.

Every step is the tokenizer's own and is done by its own library. What comes out of the model, of the post-processor
and of the decoder is compared with the library's one call for all of it; where they differ nothing is shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.models.open import OpenTokenizer
from components.tokenization.trace import Kind, TokenTrace, trace
from components.workshop import check_text

#: A longer text is refused: all its pieces are kept for every step.
PIPELINE_CHARACTERS = 20_000
#: Parts of a pipeline in their order. "added_tokens" is the library's look for its added tokens in the text.
STAGES = ("text", "added_tokens", "normalizer", "pre_tokenizer", "model", "post_processor", "decoder")


class Mark(NamedTuple):
    """A place that a step changed.

    Attributes:
        start, end: characters of the step's text; empty where something was removed.
        kind: "changed", "added" or "removed".
        before: what stood there before the step; empty where something was added.
    """

    start: int
    end: int
    kind: str
    before: str


@dataclass(frozen=True)
class Step:
    """What the text is after one step.

    Attributes:
        stage: one of `STAGES`.
        type: the library's name for the step, such as "NFC" or "ByteLevel"; "none" where a part is missing.
        settings: the step's settings, by the names that the tokenizer's file uses.
        text: all pieces, one after the other.
        cuts: int32 [piece + 1], where the pieces begin and end in `text`, in characters.
        origin: int32 [piece, 2], the characters of the original that each piece stands for; empty for a piece that
            stands for none, such as [CLS].
        sources: int32 [piece, 2], the pieces of the step before that it was made of; empty where there are none.
        kinds: uint8 [piece], see `Kind`.
        marks: what changed, in order.
        places: int32 [character of `text`, 2], the characters of the original that it stands for; None from the model
            on, where only whole pieces have a place.
        ids: int32 [piece], or None where the pieces have none.
        changed: whether the pieces are other than before.
    """

    stage: str
    type: str
    settings: Mapping[str, Any]
    text: str
    cuts: NDArray[np.int32]
    origin: NDArray[np.int32]
    sources: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    marks: tuple[Mark, ...] = ()
    places: NDArray[np.int32] | None = None
    ids: NDArray[np.int32] | None = None
    changed: bool = True

    def __len__(self) -> int:
        return len(self.origin)

    @property
    def pieces(self) -> list[str]:
        """The text of each piece."""
        return [self.text[start:end] for start, end in pairwise(self.cuts.tolist())]


@dataclass(frozen=True)
class Pipeline:
    """A text on its way through a tokenizer.

    Attributes:
        name: the tokenizer's.
        text: the original.
        steps: from the text itself to what decoding gives back.
        decoded: the library's own decoding, in one call.
        trace: the tokens with their exact bytes.
    """

    name: str
    text: str
    steps: tuple[Step, ...]
    decoded: str
    trace: TokenTrace = field(repr=False)

    def of(self, stage: str) -> list[Step]:
        """The steps of one stage, in order."""
        return [step for step in self.steps if step.stage == stage]


def pipeline(tokenizer: OpenTokenizer, text: str) -> Pipeline:
    """Take a text through every step of a tokenizer and back.

    Args:
        tokenizer: from `components.models.open.open_tokenizer`, or read from a file.
        text: at most 20,000 characters; may be empty. What looks like a control token is read as the library does.

    Raises:
        ValueError: no usable text, too long, or steps that do not end in the library's own result.
    """
    from components.tokenization import pipeline_decode, pipeline_split

    check_text(text, allow_empty=True)
    if len(text) > PIPELINE_CHARACTERS:
        raise ValueError(f"The text has {len(text):,} characters, and every step is kept for at most "
                         f"{PIPELINE_CHARACTERS:,}; shorten it.")
    steps = pipeline_split.before_the_model(tokenizer, text)
    traced = trace(tokenizer, text)
    steps.append(_model(tokenizer, text, traced, steps[-1]))
    steps.extend(_post_processor(tokenizer, text, steps[-1]))
    back, decoded = pipeline_decode.back_to_text(tokenizer, steps[-1])
    return Pipeline(tokenizer.name, text, (*steps, *back), decoded, traced)


def step(stage: str, kind: str, settings: Mapping[str, Any], pieces: Sequence[str], *, origin: Any, sources: Any,
         kinds: Any = None, marks: Sequence[Mark] = (), places: Any = None, ids: Any = None,
         before: Step | None = None) -> Step:
    """A Step from plain lists. `before` tells whether anything changed."""
    cuts = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces], dtype=np.int64)]).astype(np.int32)
    text = "".join(pieces)
    changed = before is None or before.text != text or not np.array_equal(before.cuts, cuts)
    return Step(
        stage, kind, settings, text, cuts, np.array(origin, np.int32).reshape(-1, 2),
        np.array(sources, np.int32).reshape(-1, 2),
        np.zeros(len(pieces), np.uint8) if kinds is None else np.array(kinds, np.uint8), tuple(marks),
        None if places is None else np.array(places, np.int32).reshape(-1, 2),
        None if ids is None else np.array(ids, np.int32), changed)


def missing(stage: str, before: Step) -> Step:
    """The step of a part that this tokenizer has not: everything stays as it is."""
    return Step(stage, "none", {}, before.text, before.cuts, before.origin, one_by_one(len(before)), before.kinds, (),
                before.places, before.ids, False)


def one_by_one(count: int) -> NDArray[np.int32]:
    """Sources of pieces that each come from the piece in the same place."""
    places = np.arange(count, dtype=np.int32)
    return np.stack([places, places + 1], axis=1)


def differ() -> ValueError:
    """The error where a step does not end in what the library gives."""
    return ValueError("For this text the steps worked out here do not end in the library's own result, so they are "
                      "not shown; change the text or choose another tokenizer.")


# --------------------------------------------------------------------------------------------------------------- model


def _model(tokenizer: OpenTokenizer, text: str, traced: TokenTrace, words: Step) -> Step:
    """The tokens, each with the word that it was cut from."""
    library = tokenizer.library_object
    ids = traced.ids
    settings: dict[str, Any] = {}
    if tokenizer.kind == "tokenizers":
        found = library.encode_batch([text], add_special_tokens=False)[0]
        if found.ids != ids.tolist():
            raise differ()
        # The library's `tokens` show an unknown word as it stands in the text; the model sees the entry of its id.
        pieces, of = [library.id_to_token(token) for token in found.ids], found.word_ids
        kind = type(library.model).__name__
        settings = {name: value for name in ("continuing_subword_prefix", "end_of_word_suffix", "unk_token",
                                             "byte_fallback", "ignore_merges")
                    if (value := getattr(library.model, name, None)) not in (None, False)}
    elif tokenizer.kind == "sentencepiece":
        pieces, of = [library.id_to_piece(token) for token in ids.tolist()], [0] * len(ids)
        from components.tokenization.replay_bpe import saved

        kind = {1: "Unigram", 2: "BPE", 3: "Word", 4: "Char"}[saved(library).trainer_spec.model_type]
        if traced.vocabulary.algorithm == "BPE with byte fallback":
            settings["byte_fallback"] = True
    else:
        raw = [traced.vocabulary.piece(token) for token in ids.tolist()]
        pieces, of, kind = [_spelt(piece) for piece in raw], _words_of(raw, words), "tiktoken BPE"
    marks, place = [], 0
    prefix = settings.get("continuing_subword_prefix") or ""
    last = None
    starts, ends = traced.char_start.tolist(), traced.char_end.tolist()
    for index, piece in enumerate(pieces):
        token = int(traced.kinds[index])
        if token == Kind.UNKNOWN or (piece.startswith("<0x") and piece.endswith(">") and len(piece) == 6):
            marks.append(Mark(place, place + len(piece), "changed", text[starts[index]:ends[index]]))
        elif prefix and of[index] == last and piece.startswith(prefix) and token != Kind.SPECIAL:
            marks.append(Mark(place, place + len(prefix), "added", ""))
        last = of[index]
        place += len(piece)
    sources = [(0, 0) if word is None else (word, word + 1) for word in of]
    return step("model", kind, settings, pieces, origin=list(zip(starts, ends, strict=True)), sources=sources,
                kinds=traced.kinds, marks=marks, ids=ids)


def _spelt(piece: bytes) -> str:
    """The bytes of an entry for a reader: as text where they are whole characters, else in hexadecimal."""
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError:
        return piece.hex(" ").upper().replace(" ", "\u202f")  # no space of the text looks like it


def _words_of(pieces: Sequence[bytes], words: Step) -> list[int]:
    """The word that each token of a byte-level tokenizer was cut from: no token reaches across a word's end."""
    ends = np.cumsum([len(word.encode("utf-8")) for word in words.pieces])
    reached = np.cumsum([len(piece) for piece in pieces])
    of = np.searchsorted(ends, reached, side="left")
    begun = np.searchsorted(ends, reached - [len(piece) for piece in pieces], side="right")
    if not np.array_equal(of, begun):
        raise differ()
    return of.tolist()  # type: ignore[no-any-return]


# ------------------------------------------------------------------------------------------------------ post-processor


def _post_processor(tokenizer: OpenTokenizer, text: str, before: Step) -> list[Step]:
    from components.tokenization import pipeline_split

    library = tokenizer.library_object
    parts = flat_processors(library.post_processor) if tokenizer.kind == "tokenizers" else []
    if not parts:
        return [missing("post_processor", before)]
    from tokenizers import processors

    bare = library.encode_batch([text], add_special_tokens=False)[0]
    whole = library.encode_batch([text], add_special_tokens=True)[0]
    found: list[Step] = []
    built = [pipeline_split.component("post_processor", part) for part in parts]
    for count, part in enumerate(parts, 1):
        encoding = processors.Sequence(built[:count]).process(bare, None, True)
        if count == len(parts) and encoding.ids != whole.ids:
            raise differ()
        names = [library.id_to_token(token) for token in encoding.ids]
        found.append(_processed(part, encoding, names, found[-1] if found else before, first=not found))
    return found


def flat_processors(processor: Any) -> list[dict[str, Any]]:
    """A post-processor as a flat list of its settings, in order."""
    if processor is None:
        return []
    found = json.loads(processor.__getstate__())
    return list(found["processors"]) if found["type"] == "Sequence" else [found]


def _processed(part: Mapping[str, Any], encoding: Any, names: Sequence[str], before: Step, first: bool) -> Step:
    """One processor's tokens: those of the step before, in their order, and the ones that it put in."""
    assert before.ids is not None
    known = before.ids.tolist()
    origin, sources, kinds, marks = [], [], [], []
    at = place = 0
    for token, piece, sequence in zip(encoding.ids, names, encoding.sequence_ids, strict=True):
        kept = at < len(known) and known[at] == token and (sequence is not None or not first)
        if kept:
            origin.append(before.origin[at].tolist())
            kinds.append(int(before.kinds[at]))
            sources.append((at, at + 1))
            at += 1
        else:
            here = origin[-1][1] if origin else 0
            origin.append([here, here])
            kinds.append(int(Kind.SPECIAL))
            sources.append((at, at))
            marks.append(Mark(place, place + len(piece), "added", ""))
        place += len(piece)
    if at != len(known):
        raise differ()
    settings = {key: value for key, value in part.items() if key != "type"}
    return step("post_processor", str(part["type"]), settings, names, origin=origin, sources=sources,
                kinds=kinds, marks=marks, ids=encoding.ids, before=before)
