"""The last steps of a pipeline: from ids back to a text.

The library tells only the text in the end, so the pieces between a decoder's parts are worked out here. Each part is
then held against the library, which runs all parts up to it; where one differs, the decoder is shown as one step.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from components.models.open import OpenTokenizer
from components.tokenization.pipeline import Mark, Step, differ, step
from components.tokenization.trace import Kind
from components.tokenization.vocabulary import byte_characters, vocabulary
from components.tokenization.vocabulary import steps as parts_of


class _Made(NamedTuple):
    """One piece and the pieces before it that it was made of, half open."""

    text: str
    first: int
    last: int


def back_to_text(tokenizer: OpenTokenizer, tokens: Step) -> tuple[list[Step], str]:
    """The steps that make a text of ids again, and the library's own result."""
    return {"tiktoken": _tiktoken, "tokenizers": _tokenizers, "sentencepiece": _sentencepiece}[tokenizer.kind](
        tokenizer, tokens)


def _step(kind: str, settings: Mapping[str, Any], made: Sequence[_Made], before: Step,
          stood: Sequence[str] | None = None) -> Step:
    """One step back, with what it changed in each piece.

    `stood` is what each piece was before, where that is not what the row above shows of it.
    """
    pieces = before.pieces
    if stood is None:
        stood = ["".join(pieces[piece.first:piece.last]) for piece in made]
    origin, kinds, marks = [], [], []
    place = 0
    for piece, was in zip(made, stood, strict=True):
        of = before.origin[piece.first:piece.last]
        held = of[of[:, 0] < of[:, 1]]
        origin.append([held[:, 0].min(), held[:, 1].max()] if len(held) else of[0].tolist() if len(of) else [0, 0])
        kinds.append(int(before.kinds[piece.first]) if piece.last - piece.first == 1 else int(Kind.NORMAL))
        marks += _mark(was, piece.text, place)
        place += len(piece.text)
    return step("decoder", kind, settings, [piece.text for piece in made], origin=origin,
                sources=[(piece.first, piece.last) for piece in made], kinds=kinds, marks=marks, before=before)


def _mark(before: str, after: str, place: int) -> list[Mark]:
    shorter = min(len(before), len(after))
    rest = next((at for at in range(shorter) if before[-1 - at] != after[-1 - at]), shorter)
    start = next((at for at in range(shorter - rest) if before[at] != after[at]), shorter - rest)
    gone, end = before[start:len(before) - rest], len(after) - rest
    if start == end:
        return [Mark(place + start, place + start, "removed", gone)] if gone else []
    return [Mark(place + start, place + end, "changed" if gone else "added", gone)]


def _by_bytes(raw: Sequence[bytes]) -> list[_Made]:
    """Pieces of bytes joined into text: those that end inside a character stand together."""
    edges = {0: 0}  # bytes -> characters, where a character ends
    signs: list[str] = []
    whole = memoryview(b"".join(raw))
    at = 0
    while at < len(whole):
        try:
            good, bad = str(whole[at:], "utf-8"), 0
        except UnicodeDecodeError as error:
            good, bad = str(whole[at:at + error.start], "utf-8"), error.end - error.start
        for sign in good:
            at += len(sign.encode("utf-8"))
            signs.append(sign)
            edges[at] = len(signs)
        if bad:  # the library, too, writes one sign for a stretch that is no character
            at += bad
            signs.append("\ufffd")
            edges[at] = len(signs)
    found: list[_Made] = []
    first = begun = 0
    for index, end in enumerate(accumulate(map(len, raw))):
        if end in edges:
            found.append(_Made("".join(signs[begun:edges[end]]), first, index + 1))
            first, begun = index + 1, edges[end]
    return found


# ---------------------------------------------------------------------------------------------- tiktoken, SentencePiece


def _tiktoken(tokenizer: OpenTokenizer, tokens: Step) -> tuple[list[Step], str]:
    assert tokens.ids is not None
    table = vocabulary(tokenizer)
    decoded = tokenizer.library_object.decode(tokens.ids.tolist())
    raw = [table.piece(token) for token in tokens.ids.tolist()]
    made = _by_bytes(raw)
    if "".join(piece.text for piece in made) != decoded:
        raise differ()
    # Part of a character is shown as hexadecimal digits, to be read. Its tokens are bytes, and those stay as they are.
    stood = [b"".join(raw[piece.first:piece.last]).decode("utf-8", "replace") for piece in made]
    return [_step("tiktoken bytes", {}, made, tokens, stood)], decoded


def _sentencepiece(tokenizer: OpenTokenizer, tokens: Step) -> tuple[list[Step], str]:
    assert tokens.ids is not None
    library = tokenizer.library_object
    ids = tokens.ids.tolist()
    decoded = str(library.decode(ids))
    surfaces = [piece.surface for piece in library.decode(ids, return_type="proto").pieces] if ids else []
    made: list[_Made] = []
    first = 0
    names = tokens.pieces
    for index, surface in enumerate(surfaces):
        # Bytes of one character stand in the last of them; all of them made it.
        if surface or index == len(surfaces) - 1 or not names[index].startswith("<0x"):
            made.append(_Made(surface, first, index + 1))
            first = index + 1
    if "".join(surfaces) != decoded:
        made = [_Made(decoded, 0, len(ids))]
    return [_step("SentencePiece", {}, made, tokens)], decoded


# ---------------------------------------------------------------------------------------------------------- tokenizers


def _tokenizers(tokenizer: OpenTokenizer, tokens: Step) -> tuple[list[Step], str]:
    library = tokenizer.library_object
    assert tokens.ids is not None
    ids = tokens.ids.tolist()
    decoded = str(library.decode_batch([ids])[0])
    found = []
    special = {one.content for one in library.get_added_tokens_decoder().values() if one.special}
    known = [library.id_to_token(token) for token in ids]
    if any(name in special for name in known):
        kept = [_Made(name, place, place + 1) for place, name in enumerate(known) if name not in special]
        left_out = list(dict.fromkeys(name for name in known if name in special))
        found.append(_left_out(left_out, kept, tokens))
    before = found[-1] if found else tokens
    parts = parts_of(library.decoder)
    if not parts:
        made = [_Made(" " * (place > 0) + piece, place, place + 1) for place, piece in enumerate(before.pieces)]
        found.append(_step("none", {}, made, before))
    else:
        found += _parts(library, parts, before)
    if found[-1].text != decoded:
        raise differ()
    return found, decoded


def _left_out(names: list[str], kept: Sequence[_Made], before: Step) -> Step:
    """The special tokens go first, unless a program asks to keep them."""
    stayed = {piece.first for piece in kept}
    found = _step("skip_special_tokens", {"tokens": names}, kept, before)
    place, gone = 0, []
    for index, piece in enumerate(before.pieces):
        if index in stayed:
            place += len(piece)
        else:
            gone.append(Mark(place, place, "removed", piece))
    return step("decoder", found.type, found.settings, found.pieces, origin=found.origin, sources=found.sources,
                kinds=found.kinds, marks=gone, before=before)


def _parts(library: Any, parts: Sequence[Mapping[str, Any]], tokens: Step) -> list[Step]:
    from tokenizers import decoders

    from components.tokenization.pipeline_split import component

    built = [component("decoder", part) for part in parts]
    found: list[Step] = []
    pieces = tokens.pieces
    for count, part in enumerate(parts, 1):
        before = found[-1] if found else tokens
        work = _WORK.get(str(part["type"]))
        made = work(before.pieces, part) if work else None
        seen = decoders.Sequence(built[:count]).decode(pieces)
        if made is None or "".join(piece.text for piece in made) != seen:
            text = library.decoder.decode(pieces)
            return [_step("in one", {"parts": [str(one["type"]) for one in parts]},
                          [_Made(text, 0, len(pieces))] if pieces else [], tokens)]
        settings = {key: value for key, value in part.items() if key != "type"}
        found.append(_step(str(part["type"]), settings, made, before))
    return found


def _each(change: Callable[[int, str], str]) -> Callable[[Sequence[str]], list[_Made]]:
    return lambda pieces: [_Made(change(place, piece), place, place + 1) for place, piece in enumerate(pieces)]


def _replace(pieces: Sequence[str], part: Mapping[str, Any]) -> list[_Made] | None:
    pattern = part["pattern"].get("String")
    return _each(lambda _, piece: piece.replace(pattern, part["content"]))(pieces) if pattern else None


def _fuse(pieces: Sequence[str], part: Mapping[str, Any]) -> list[_Made]:
    """One piece from now on. The seams are kept, so that each stretch is still known by what it came from."""
    return _each(lambda _, piece: piece)(pieces)


def _strip(pieces: Sequence[str], part: Mapping[str, Any]) -> list[_Made]:
    def change(_: int, piece: str) -> str:
        sign, start, end = part["content"], 0, len(piece)
        while start < min(part["start"], len(piece)) and piece[start] == sign:
            start += 1
        while len(piece) - end < part["stop"] and end > 0 and piece[end - 1] == sign:
            end -= 1
        return piece[start:end]

    return _each(change)(pieces)


def _metaspace(pieces: Sequence[str], part: Mapping[str, Any]) -> list[_Made]:
    first = "" if part.get("prepend_scheme") != "never" else " "
    return _each(lambda place, piece: piece.replace(part["replacement"], " " if place else first))(pieces)


_CLEANED = ((" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
            (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"))


def _wordpiece(pieces: Sequence[str], part: Mapping[str, Any]) -> list[_Made]:
    def change(place: int, piece: str) -> str:
        if place:
            piece = piece.removeprefix(part["prefix"]) if piece.startswith(part["prefix"]) else " " + piece
        for old, new in _CLEANED if part["cleanup"] else ():
            piece = piece.replace(old, new)
        return piece

    return _each(change)(pieces)


def _bpe(pieces: Sequence[str], part: Mapping[str, Any]) -> list[_Made]:
    last = len(pieces) - 1
    return _each(lambda place, piece: piece.replace(part["suffix"], " " if place < last else ""))(pieces)


_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>\Z")


def _byte_fallback(pieces: Sequence[str], part: Mapping[str, Any]) -> list[_Made]:
    found: list[_Made] = []
    run: list[int] = []
    for place, piece in enumerate([*pieces, ""]):
        byte = _BYTE.match(piece)
        if byte:
            run.append(int(byte[1], 16))
            continue
        if run:
            begun = place - len(run)
            try:
                bytes(run).decode("utf-8")
                found += [_Made(made.text, begun + made.first, begun + made.last)
                          for made in _by_bytes([bytes([one]) for one in run])]
            except UnicodeDecodeError:  # the library gives up the whole run
                found += [_Made("\ufffd", begun + index, begun + index + 1) for index in range(len(run))]
            run = []
        if place < len(pieces):
            found.append(_Made(piece, place, place + 1))
    return found


def _byte_level(pieces: Sequence[str], part: Mapping[str, Any]) -> list[_Made]:
    spelling = byte_characters()
    raw = []
    for piece in pieces:
        codes = [spelling.get(sign) for sign in piece]
        # A piece with any other character stands for itself.
        raw.append(piece.encode("utf-8") if None in codes else bytes(code for code in codes if code is not None))
    return _by_bytes(raw)


_WORK: dict[str, Callable[[Sequence[str], Mapping[str, Any]], list[_Made] | None]] = {
    "Replace": _replace, "Fuse": _fuse, "Strip": _strip, "Metaspace": _metaspace, "WordPiece": _wordpiece,
    "BPEDecoder": _bpe, "ByteFallback": _byte_fallback, "ByteLevel": _byte_level}
