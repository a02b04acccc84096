"""From a file of books to rows of token ids: reading, holding books out, the vocabulary, packing."""

from __future__ import annotations

import csv
import hashlib
import json
import lzma
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from assets.recipes.plan import Plan

#: Begins and ends a book. Its id is 0 in every tokenizer of the storyteller family.
END_OF_TEXT = "<|endoftext|>"
#: Words in a row that two books share only where one reprints or quotes the other.
PHRASE = 10


@dataclass(frozen=True)
class Book:
    """One book of the corpus: its place in the file, its title (known from a list beside the file) and its text."""

    place: int
    title: str
    text: str


def read_books(path: Path) -> list[Book]:
    """Every book of `path` (.txt or .txt.xz; a paragraph a line, an empty line ends a book), in the file's order."""
    if not path.is_file():
        raise ValueError(f"There is no corpus at {path}. Give its path with --corpus.")
    raw = path.read_bytes()
    text = (lzma.decompress(raw) if path.suffix == ".xz" else raw).decode("utf-8")
    texts = [part.strip("\n") + "\n" for part in text.split("\n\n") if part.strip()]
    sources = path.parent / "SOURCES.tsv"
    titles: list[str] = []
    if sources.is_file():
        with sources.open(encoding="utf-8", newline="") as lines:
            for row in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                titles.append(f"{row[-1].removesuffix('.txt')} ({row[0]})")
    if len(titles) != len(texts):  # then a title could be the wrong book's
        titles = [f"book {place}" for place in range(len(texts))]
    return [Book(place, titles[place], text) for place, text in enumerate(texts)]


def hold_out(books: list[Book], plan: Plan) -> tuple[list[Book], list[Book]]:
    """Books to train on and whole books held out, chosen by their place alone."""
    held = [book for book in books if book.place % plan.hold_out_every == plan.hold_out_remainder]
    kept = [book for book in books if book.place % plan.hold_out_every != plan.hold_out_remainder]
    if not held or not kept:
        raise ValueError(f"A corpus of {len(books)} books is too small: none could be held out. Give more books.")
    return kept, held


def _phrases(text: str) -> list[int]:
    """A hash of every ten words in a row, letters only, so that another edition's commas make no difference."""
    words = re.findall(r"[a-z]+", text.lower())
    return [hash(tuple(words[at : at + PHRASE])) for at in range(len(words) - PHRASE + 1)]


def reprinted(kept: list[Book], held: list[Book]) -> list[list[bool]]:
    """For each paragraph of each held-out book: is it in a training book too, in whatever edition?

    It is where ten words in a row are. A paragraph of fewer words goes with the one before it.
    """
    phrases = [[_phrases(line) for line in book.text.splitlines()] for book in held]
    wanted = {phrase for book in phrases for paragraph in book for phrase in paragraph}
    found = {phrase for book in kept for phrase in _phrases(book.text) if phrase in wanted}
    flags: list[list[bool]] = []
    for book in phrases:
        flags.append([])
        for paragraph in book:
            before = flags[-1][-1] if flags[-1] else False
            flags[-1].append(any(phrase in found for phrase in paragraph) if paragraph else before)
    return flags


def train_byte_bpe(books: list[Book], vocabulary: int) -> Tokenizer:
    """A byte-level BPE: digits one by one, then bytes, then the merges that these books make most often."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    paragraphs = (line + "\n" for book in books for line in book.text.splitlines())
    tokenizer.train_from_iterator(paragraphs, trainer)
    return tokenizer


@dataclass(frozen=True)
class Prepared:
    """The corpus as the training loop wants it."""

    tokenizer: Tokenizer
    #: Ids of all training books, each begun by END_OF_TEXT.
    stream: NDArray[np.uint16]
    #: Ids of each held-out book, begun by END_OF_TEXT.
    held: list[NDArray[np.uint16]]
    #: Title, place, bytes and tokens of each held-out book, and facts about the whole.
    facts: dict[str, object]


def encode(tokenizer: Tokenizer, book: Book) -> NDArray[np.uint16]:
    """Ids of a book, END_OF_TEXT first."""
    return np.array([0, *tokenizer.encode(book.text).ids], dtype=np.uint16)


def prepare(corpus: Path, work: Path, plan: Plan) -> Prepared:
    """Vocabulary and ids, made once and then read from `work`."""
    facts_path, stream_path, held_path = work / "corpus.json", work / "stream.npy", work / "held_out.npz"
    tokenizer_path = work / "tokenizer.json"
    print(f"Reading {corpus.name} ...", flush=True)
    books = read_books(corpus)
    digest = hashlib.sha256("\n\n".join(book.text for book in books).encode()).hexdigest()
    key = {
        "corpus_sha256": digest,
        "vocabulary": plan.vocabulary,
        "hold_out_every": plan.hold_out_every,
        "hold_out_remainder": plan.hold_out_remainder,
    }
    if facts_path.is_file():
        facts = json.loads(facts_path.read_text(encoding="utf-8"))
        if any(facts.get(name) != value for name, value in key.items()):
            raise ValueError(f"{work} holds another corpus or vocabulary. Give an empty folder with --work.")
        with np.load(held_path) as held:
            parts = [held[str(number)] for number in range(len(facts["held_out"]))]
        return Prepared(Tokenizer.from_file(str(tokenizer_path)), np.load(stream_path), parts, facts)
    kept, held_books = hold_out(books, plan)
    print(f"Training a vocabulary of {plan.vocabulary} on {len(kept)} books ...", flush=True)
    tokenizer = train_byte_bpe(kept, plan.vocabulary)
    if tokenizer.get_vocab_size() != plan.vocabulary:
        raise ValueError(f"The text yields {tokenizer.get_vocab_size()} tokens, not {plan.vocabulary}. Give more text.")
    print("Encoding ...", flush=True)
    stream = np.concatenate([encode(tokenizer, book) for book in kept])
    parts = [encode(tokenizer, book) for book in held_books]
    facts = {
        **key,
        "books": len(books),
        "training_books": len(kept),
        "training_bytes": sum(len(book.text.encode()) for book in kept),
        "training_tokens": len(stream) - len(kept),
        "held_out": [
            {"place": book.place, "title": book.title, "bytes": len(book.text.encode()), "tokens": len(ids) - 1}
            for book, ids in zip(held_books, parts, strict=True)
        ],
    }
    work.mkdir(parents=True, exist_ok=True)
    np.save(stream_path, stream)
    np.savez(held_path, **{str(number): ids for number, ids in enumerate(parts)})
    tokenizer.save(str(tokenizer_path))
    facts_path.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return Prepared(tokenizer, stream, parts, facts)


def batch(stream: NDArray[np.uint16], step: int, taken: int, repeated: int, plan: Plan) -> NDArray[np.int64]:
    """The ids of one step, [rows, context + 1]. They depend on the arguments alone, so a resumed run sees the same.

    Most rows are natural text: the stream cut into rows, in an order shuffled anew each epoch, of which `taken` were
    seen before. The last `repeated` are a short stretch repeated until the row is full. They teach the model to look
    back.
    """
    length = plan.context + 1
    natural = plan.rows - repeated
    row_count = (len(stream) - 1) // plan.context
    rows = np.empty((plan.rows, length), dtype=np.int64)
    for slot in range(natural):
        epoch, place = divmod(taken + slot, row_count)
        start = int(_order(row_count, plan.seed + epoch)[place]) * plan.context
        rows[slot] = stream[start : start + length]
    chance = np.random.default_rng([plan.seed, step])
    for slot in range(natural, plan.rows):
        size = int(chance.integers(plan.shortest_repeat, plan.longest_repeat + 1))
        if chance.random() < plan.natural_repeats:
            start = int(chance.integers(0, len(stream) - size))
            stretch = stream[start : start + size].astype(np.int64)
        else:
            stretch = chance.integers(1, plan.vocabulary, size)
        rows[slot] = np.resize(stretch, length)
    return rows


_ORDERS: dict[tuple[int, int], NDArray[np.int64]] = {}


def _order(count: int, seed: int) -> NDArray[np.int64]:
    """A shuffled order of the rows, kept for as long as its epoch lasts."""
    if (count, seed) not in _ORDERS:
        _ORDERS.clear()
        _ORDERS[(count, seed)] = np.random.default_rng(seed).permutation(count)
    return _ORDERS[(count, seed)]
