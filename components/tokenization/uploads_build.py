"""The bytes of a tokenizer file -> a tokenizer, by the library it belongs to. The same call tries a file in a process
of its own and opens it here afterwards.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from components.models.open import OpenTokenizer
from components.models.vocabularies import pattern_of

PATTERNS = {"r50k": "r50k_base", "cl100k": "cl100k_base", "o200k": "o200k_base"}
"""Split patterns for a rank file, and the encoding whose they are."""
CASES = ("cased", "uncased")
MOST_ENTRIES = 1_000_000
LONGEST_ENTRY = 2_000
"""Bytes of an entry; the longest of a published vocabulary has some hundred."""
_RANKS_OF = {"r50k": 50_256, "cl100k": 100_256, "o200k": 199_998}
_BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def build(kind: str, raw: bytes, read_as: str) -> OpenTokenizer:
    """Build it. `read_as` is a pattern of `PATTERNS` for "ranks", one of `CASES` for "words".

    Raises:
        ValueError: one sentence. The libraries raise what they like besides, for files that were not tried first.
    """
    if kind == "json":
        return OpenTokenizer("own", "tokenizers", _json(raw))
    if kind == "ranks":
        return OpenTokenizer("own", "tiktoken", _ranks(read_ranks(raw), read_as))
    if kind == "model":
        from sentencepiece import SentencePieceProcessor

        return OpenTokenizer("own", "sentencepiece", SentencePieceProcessor(model_proto=raw))
    return OpenTokenizer("own", "tokenizers", _word_pieces(read_words(raw), read_as))


def settle(kind: str, raw: bytes, read_as: str) -> str:
    """What "auto" comes to for this file."""
    if read_as != "auto":
        return read_as
    if kind == "ranks":
        count = len(read_ranks(raw))
        # Most others (Qwen's, Llama 3's) took cl100k's pattern, or one very like it.
        return next((name for name, usual in _RANKS_OF.items() if abs(usual - count) < usual / 20), "cl100k")
    plain = [word for word in read_words(raw) if not (word.startswith("[") and word.endswith("]"))]
    return "cased" if any(word != word.lower() for word in plain) else "uncased"


def _json(raw: bytes) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(raw.decode("utf-8-sig"))
    # Every token of the text is counted, and the same text is cut in the same way each time.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if getattr(tokenizer.model, "dropout", None):
        tokenizer.model.dropout = None
    return tokenizer


def read_ranks(raw: bytes) -> dict[bytes, int]:
    """The entries of a rank file. ValueError: a line that is none, an entry or a rank twice, a byte that is missing."""
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(raw.splitlines(), start=1):
        if not line.strip():
            continue
        if number > MOST_ENTRIES:
            raise ValueError(f"The file has more than {MOST_ENTRIES:,} entries, and no tokenizer has so many; check "
                             "where it comes from.")
        parts = line.split()
        try:
            piece, rank = base64.b64decode(parts[0], validate=True), int(parts[1])
        except (IndexError, ValueError, binascii.Error):
            raise ValueError(f"Line {number:,} of the rank file is not a token in base64 and a number; download the "
                             "file again.") from None
        if piece in ranks:
            raise ValueError(f"The rank file gives two ranks to one entry (line {number:,}), so its ids are not clear; "
                             "download the file again.")
        if not 0 <= rank < 2 * MOST_ENTRIES or len(piece) > LONGEST_ENTRY or not piece:
            raise ValueError(f"Line {number:,} of the rank file holds no usable entry (its rank or its length is out "
                             "of bounds); download the file again.")
        ranks[piece] = rank
    if len(set(ranks.values())) < len(ranks):
        raise ValueError("The rank file gives one rank to two entries, so its ids are not clear; download the file "
                         "again.")
    missing = [byte for byte in range(256) if bytes([byte]) not in ranks]
    if missing:
        raise ValueError(f"The rank file has no entry for {len(missing)} of the 256 single bytes (the first is "
                         f"{missing[0]:02X}), so it cannot write every text; download the whole file.")
    return ranks


def _ranks(ranks: dict[bytes, int], pattern: str) -> Any:
    import tiktoken

    return tiktoken.Encoding("own", pat_str=pattern_of(PATTERNS[pattern]), mergeable_ranks=ranks, special_tokens={})


def read_words(raw: bytes) -> list[str]:
    """The entries of a vocab.txt by id; an empty line is an id that no entry has.

    ValueError: no text, an entry twice, no unknown token, or lines too long to be entries.
    """
    try:
        words = raw.decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as problem:
        raise ValueError(f"The vocab.txt is not UTF-8 text (byte {problem.start:,}); save it as UTF-8.") from None
    while words and not words[-1]:
        words.pop()
    if len(words) > MOST_ENTRIES:
        raise ValueError(f"The vocab.txt has {len(words):,} lines, and no tokenizer has more than {MOST_ENTRIES:,} "
                         "entries; check where it comes from.")
    longest = max(range(len(words)), key=lambda place: len(words[place]), default=0)
    if words and len(words[longest]) > LONGEST_ENTRY // 4:
        raise ValueError(f"Line {longest + 1:,} has {len(words[longest]):,} characters, too many for an entry; a "
                         "vocab.txt has one entry a line.")
    if "[UNK]" not in words:
        raise ValueError("This text has no line [UNK], so as a WordPiece vocabulary it has nothing for an unknown "
                         "word; bring a vocab.txt of the BERT kind, one entry a line.")
    seen: dict[str, int] = {}
    for place, word in enumerate(words):
        if word and word in seen:
            raise ValueError(f"The entry {word[:40]!r} stands in line {seen[word] + 1:,} and in line {place + 1:,}, so "
                             "its id is not clear; remove one of them.")
        seen[word] = place
    return words


def _word_pieces(words: list[str], case: str) -> Any:
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    vocab = {word: place for place, word in enumerate(words) if word}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in _BERT if name in vocab])
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=case == "uncased")
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    if "[CLS]" in vocab and "[SEP]" in vocab:
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", vocab["[SEP]"]), ("[CLS]", vocab["[CLS]"]))
    return tokenizer
