"""The recipe of storyteller's sibling tokenizers: the same books, three other ways to cut them.

    python -m assets.recipes.tokenizers --corpus ../shared/corpus/tales.txt.xz

WordPiece as BERT has it, Unigram as SentencePiece and T5 have it, and a byte-level BPE of only 1,000 tokens. They learn
from the books that storyteller learns from; the held-out books are left out here too, and measured.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from assets.recipes import corpus
from assets.recipes.corpus import Book
from assets.recipes.export import tokenizer_config, write_json
from assets.recipes.plan import Plan

HOME = Path(__file__).resolve().parents[1] / "models"
#: Unigram learns slowly and needs much memory, so it reads an even sample of paragraphs of about this many bytes.
UNIGRAM_BYTES = 6_000_000
PROBE = 'Once, in 1905, Zoë paid 2½ francs;\n\tshe said: "naïve" 👩‍👩‍👧 日本  <b>x</b>'


@dataclass(frozen=True)
class Sibling:
    """A finished tokenizer, its special tokens by role, and what its card says about it."""

    name: str
    tokenizer: Tokenizer
    roles: dict[str, str]
    title: str
    how: str
    loses: str
    extra: dict[str, Any]


def paragraphs(books: list[Book]) -> Iterator[str]:
    """Every paragraph with its line end."""
    return (line + "\n" for book in books for line in book.text.splitlines())


def sample(books: list[Book], size: int) -> list[str]:
    """About `size` bytes of whole paragraphs, spread evenly over all books."""
    total = sum(len(book.text) for book in books)
    every = max(1, round(total / size))
    return [paragraph for number, paragraph in enumerate(paragraphs(books)) if number % every == 0]


def small_bpe(books: list[Book], vocabulary: int = 1000) -> Sibling:
    """Storyteller's own algorithm stopped after far fewer merges."""
    return Sibling(
        name="storyteller-1k",
        tokenizer=corpus.train_byte_bpe(books, vocabulary),
        roles={f"{role}_token": corpus.END_OF_TEXT for role in ("bos", "eos", "pad", "unk")},
        title="byte-level BPE of 1,000",
        how="storyteller's own algorithm, stopped after 743 merges: 256 bytes, one special token, and the merges",
        loses="Nothing: every text comes back byte for byte.",
        extra={},
    )


def wordpiece(books: list[Book], vocabulary: int = 4096) -> Sibling:
    """BERT's tokenizer: lower case, accents off, words and punctuation apart, longest piece first."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary, special_tokens=special, limit_alphabet=200, show_progress=False
    )
    tokenizer.train_from_iterator(paragraphs(books), trainer)
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", tokenizer.token_to_id("[SEP]")), ("[CLS]", tokenizer.token_to_id("[CLS]"))
    )
    return Sibling(
        name="storyteller-wordpiece",
        tokenizer=tokenizer,
        roles={
            "pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]",
            "mask_token": "[MASK]",
        },
        title="WordPiece of 4,096",
        how=(
            "as BERT's: lower case, accents removed, split at spaces and punctuation, then the longest known piece "
            "first. A piece inside a word begins with `##`. `[CLS]` and `[SEP]` are put around a text"
        ),
        loses=(
            "Capitals, accents, the kind and number of spaces and line ends, and every word with a character that it "
            "does not know, which becomes `[UNK]`."
        ),
        extra={},
    )


def unigram(books: list[Book], vocabulary: int = 4096, size: int = UNIGRAM_BYTES) -> Sibling:
    """SentencePiece's Unigram: from many candidates keep those that make the text most probable; bytes for the rest."""
    tokenizer = Tokenizer(models.Unigram())
    special = [corpus.END_OF_TEXT, "<unk>", *[f"<0x{byte:02X}>" for byte in range(256)]]
    pieces = pre_tokenizers.Sequence(
        [
            # A line end stays apart, so that no piece reaches across paragraphs.
            pre_tokenizers.Split(Regex(r"[\r\n\t]"), "isolated"),
            pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="never", split=True),
            pre_tokenizers.Digits(individual_digits=True),
        ]
    )
    tokenizer.pre_tokenizer = pieces
    trainer = trainers.UnigramTrainer(
        vocab_size=vocabulary,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in special],
        unk_token="<unk>",
        max_piece_length=16,
        show_progress=False,
    )
    text = sample(books, size)
    tokenizer.train_from_iterator(text, trainer)
    tokenizer = _with_bytes(tokenizer)
    read = sum(len(paragraph.encode()) for paragraph in text)
    return Sibling(
        name="storyteller-unigram",
        tokenizer=tokenizer,
        roles={"bos_token": corpus.END_OF_TEXT, "eos_token": corpus.END_OF_TEXT, "pad_token": corpus.END_OF_TEXT,
               "unk_token": "<unk>"},
        title="Unigram of 4,096",
        how=(
            f"as SentencePiece's: each space becomes `▁`, and of all ways to cut a word the most probable is taken. "
            f"It learned from an even sample of {read:,} bytes, since this algorithm learns slowly. A character that "
            "it does not know is written as its bytes, `<0x..>`"
        ),
        loses="Nothing but the difference between a space and the character `▁` itself.",
        extra={},
    )


def _with_bytes(trained: Tokenizer) -> Tokenizer:
    """The same vocabulary with bytes for unknown characters, and the byte tokens no longer special.

    The trainer keeps special tokens out of the learned pieces, which gives the bytes their places; as special tokens
    they would also match the text `<0x41>` itself.
    """
    import json

    state = json.loads(trained.to_str())
    state["model"]["byte_fallback"] = True
    state["added_tokens"] = [token for token in state["added_tokens"] if not token["content"].startswith("<0x")]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return tokenizer


def card(sibling: Sibling, books: int, held: list[Book]) -> str:
    """The model card, with what was measured on the held-out books."""
    text = "".join(book.text for book in held)
    ids = [number for book in held for number in sibling.tokenizer.encode(book.text, add_special_tokens=False).ids]
    unknown = sibling.tokenizer.token_to_id(sibling.roles["unk_token"])
    is_byte_level = sibling.name == "storyteller-1k"
    lost = 0 if is_byte_level else sum(number == unknown for number in ids)
    exact = sibling.tokenizer.decode(sibling.tokenizer.encode(text, add_special_tokens=False).ids) == text
    roles = ", ".join(sorted(f"`{token}`" for token in set(sibling.roles.values())))
    return f"""---
license: apache-2.0
language: en
library_name: tokenizers
---

# {sibling.name}

A {sibling.title} tokens, to set beside storyteller's own tokenizer: the same books, cut another way.
It is a tokenizer alone; no model goes with it.

- How it cuts: {sibling.how}.
- Learned from the {books} public-domain books that storyteller learned from; its nine held-out books were left out.
- Special tokens: {roles}.
- What it loses: {sibling.loses}
- On the held-out books: {len(text.encode()) / len(ids):.2f} bytes a token, {lost:,} unknown tokens among {len(ids):,};
  decoding gives the text back {"exactly" if exact else "changed"}.
- Licence: Apache-2.0.

To make it again:

    python -m assets.recipes.tokenizers --corpus ../shared/corpus/tales.txt.xz
"""


def write(sibling: Sibling, out: Path, books: int, held: list[Book], context: int) -> None:
    """The three files of one tokenizer."""
    folder = out / sibling.name
    folder.mkdir(parents=True, exist_ok=True)
    sibling.tokenizer.save(str(folder / "tokenizer.json"))
    write_json(folder / "tokenizer_config.json", {**tokenizer_config(context, sibling.roles), **sibling.extra})
    (folder / "README.md").write_text(card(sibling, books, held), encoding="utf-8")
    ids = sibling.tokenizer.encode(PROBE, add_special_tokens=False).ids
    exact = sibling.tokenizer.decode(ids) == PROBE
    size = sibling.tokenizer.get_vocab_size()
    print(f"{sibling.name}: {size} tokens; {len(ids)} for the probe, round trip {exact}", flush=True)


def main(words: list[str] | None = None, plan: Plan | None = None) -> int:
    """Run the recipe."""
    parser = argparse.ArgumentParser(prog="python -m assets.recipes.tokenizers", description="Train the siblings.")
    parser.add_argument("--corpus", type=Path, required=True, help="the file that storyteller was trained on")
    parser.add_argument("--out", type=Path, default=HOME, help="folder that holds the models")
    parser.add_argument("--only", choices=["1k", "wordpiece", "unigram"], help="make one of the three")
    options, plan = parser.parse_args(words), plan or Plan()
    kept, held = corpus.hold_out(corpus.read_books(options.corpus), plan)
    makers = {"1k": small_bpe, "wordpiece": wordpiece, "unigram": unigram}
    for name, make in makers.items():
        if options.only in (None, name):
            write(make(kept), options.out, len(kept), held, plan.context)
    return 0


if __name__ == "__main__":
    sys.exit(main())
