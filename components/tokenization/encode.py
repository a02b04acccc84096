"""A text -> ids, by the library that owns the tokenizer, and, where asked, the library's own character offsets.

`tokenizers` holds Python's global lock in `encode` and gives it up in `encode_batch`, so a batch of one is what is
called. A very long text goes in pieces, so that its memory stays bounded; a piece ends only where no token can reach
across, so the ids are those of the whole text.
"""

from __future__ import annotations

import copy
import re
import threading
import unicodedata
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from components.models.open import OpenTokenizer
from components.tokenization.vocabulary import steps

Specials = Literal["auto", "text", "tokens"]
SPECIALS: tuple[str, ...] = ("auto", "text", "tokens")

#: Characters of one piece of a very long text.
PIECE = 400_000

# Between a letter and one space before a letter every split pattern in use begins a new word; the pattern never
# looks further. A line break with letters on both sides is such a place too.
_CUT = re.compile(r"(?<=[a-zA-Z])(?= [a-zA-Z])")
_SAFE_NORMALISERS = {"NFC", "NFD", "NFKC", "NFKD", "BertNormalizer", "Lowercase", "StripAccents", "Precompiled"}
_WORD_SPLITS = {"BertPreTokenizer", "Whitespace", "WhitespaceSplit"}


@dataclass(frozen=True)
class Encoded:
    """Ids of a text or of one piece of it, and offsets where the library was asked for them.

    Attributes:
        ids: int32 [token].
        spans: int32 [token, 2], begin and end in characters of the original text, or None.
        in_bytes: whether `spans` counts bytes instead (SentencePiece does).
    """

    ids: NDArray[np.int32]
    spans: NDArray[np.int32] | None = None
    in_bytes: bool = False


def pieces(tokenizer: OpenTokenizer, text: str, size: int | None = None) -> list[str]:
    """The text as consecutive pieces that encode to the same ids as the whole; often one."""
    size = size or PIECE
    if len(text) <= size or tokenizer.kind != "tokenizers" or not cuts_at_spaces(tokenizer.library_object):
        return [text]
    found: list[str] = []
    start = 0
    while len(text) - start > size:
        cut = None
        for match in _CUT.finditer(text, max(start + 1, start + size - 2_000), start + size):
            cut = match.start()
        if cut is None:
            later = _CUT.search(text, start + size)
            cut = later.start() if later else len(text)
        found.append(text[start:cut])
        start = cut
    return [*found, text[start:]] if start < len(text) else found


def cuts_at_spaces(library: Any) -> bool:
    """Whether a word that follows a space is always encoded on its own, whatever stands before it."""
    if any(step["type"] not in _SAFE_NORMALISERS for step in steps(library.normalizer)):
        return False
    return any(step["type"] in _WORD_SPLITS or (step["type"] == "ByteLevel" and step.get("use_regex", True))
               for step in steps(library.pre_tokenizer))


def leaves_alone(tokenizer: OpenTokenizer, text: str) -> bool:
    """False where the tokenizer will plainly change the text before it cuts it, such as NFKC with a ligature."""
    if tokenizer.kind != "tokenizers":
        return True
    forms = (step["type"] for step in steps(tokenizer.library_object.normalizer))
    return all(unicodedata.is_normalized(form, text) for form in forms if form in ("NFC", "NFD", "NFKC", "NFKD"))


def encode(tokenizer: OpenTokenizer, text: str, specials: Specials, offsets: bool) -> Encoded:
    """The library's ids of a text, without the tokens that a template would put around it.

    Raises:
        ValueError: the vocabulary cannot read control tokens out of text, and that was asked for.
    """
    work = {"tiktoken": _tiktoken, "tokenizers": _tokenizers, "sentencepiece": _sentencepiece}[tokenizer.kind]
    try:
        return work(tokenizer, text, specials, offsets)
    except BaseException as problem:
        # A panic of the library is no Exception in Python's sense, and nobody above would catch it.
        if type(problem).__name__ != "PanicException":
            raise
        raise ValueError(f"The library of {tokenizer.name} gave up on this text, perhaps because its split pattern "
                         "takes too long; shorten the text or choose another tokenizer.") from None


def _tiktoken(tokenizer: OpenTokenizer, text: str, specials: Specials, offsets: bool) -> Encoded:
    encoding = tokenizer.library_object
    allowed: Any = "all" if specials == "tokens" else set()
    ids = encoding.encode_to_numpy(text, allowed_special=allowed, disallowed_special=())
    return Encoded(ids.astype(np.int32))


def _tokenizers(tokenizer: OpenTokenizer, text: str, specials: Specials, offsets: bool) -> Encoded:
    library = tokenizer.library_object if specials != "text" else _plain(tokenizer)
    if not offsets:
        return Encoded(np.array(library.encode_batch_fast([text], add_special_tokens=False)[0].ids, np.int32))
    found = library.encode_batch([text], add_special_tokens=False)[0]
    spans = np.array(found.offsets, np.int32).reshape(-1, 2)
    return Encoded(np.array(found.ids, np.int32), spans)


def _sentencepiece(tokenizer: OpenTokenizer, text: str, specials: Specials, offsets: bool) -> Encoded:
    if specials == "tokens":
        raise ValueError(f"{tokenizer.name} is a SentencePiece vocabulary: it never reads control tokens out of "
                         "text; choose the plain reading.")
    processor = tokenizer.library_object
    if not offsets:
        return Encoded(np.asarray(processor.encode(text, return_type="numpy"), np.int32))
    found = processor.encode(text, return_type="proto").pieces
    spans = np.array([(piece.begin, piece.end) for piece in found], np.int32).reshape(-1, 2)
    return Encoded(np.array([piece.id for piece in found], np.int32), spans, in_bytes=True)


_plain_copies: dict[int, tuple[Any, Any]] = {}
_copying = threading.Lock()


def _plain(tokenizer: OpenTokenizer) -> Any:
    """A copy that reads control tokens as text. The shared tokenizer must not change while others encode with it."""
    original = tokenizer.library_object
    with _copying:
        if id(original) not in _plain_copies:
            twin = copy.deepcopy(original)
            twin.encode_special_tokens = True
            if len(_plain_copies) >= 4:  # oldest first: a copy costs as much as the tokenizer
                _plain_copies.pop(next(iter(_plain_copies)))
            _plain_copies[id(original)] = (original, twin)  # the original is kept too, so that its id stays its own
        return _plain_copies[id(original)][1]


def decode(tokenizer: OpenTokenizer, ids: NDArray[np.int32]) -> str:
    """What the library itself makes of these ids again, special tokens included."""
    numbers = ids.tolist()
    if tokenizer.kind == "tiktoken":
        return str(tokenizer.library_object.decode_bytes(numbers).decode("utf-8", errors="replace"))
    if tokenizer.kind == "sentencepiece":
        return str(tokenizer.library_object.decode(numbers))
    # A batch of one, as above: `decode` alone would hold the lock.
    return str(tokenizer.library_object.decode_batch([numbers], skip_special_tokens=False)[0])
