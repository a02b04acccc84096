"""A tokenizer learnt from a text: BPE, WordPiece or Unigram by the `tokenizers` library, its settings as data.

Every tenth piece of the text is left out of the learning, so that the learning curve (`training_curve.py`) can be
measured on text that the tokenizer has not seen. Pages call `train_apart` (`training_process.py`), which does all of
this in a process of its own.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from components.models.open import OpenTokenizer
from components.tokenization import training_curve as curve
from components.tokenization.training_curve import Point, Shown
from components.tokenization.training_fit import blank, count_words, fit, letters
from components.tokenization.training_recipe import (
    ALGORITHMS,
    LEAST,
    MAX_BYTES,
    MOST,
    NORMALIZERS,
    PRE_TOKENIZERS,
    SPECIAL,
    USUAL,
    Recipe,
    check,
)

__all__ = ["ALGORITHMS", "LEAST", "MAX_BYTES", "MOST", "NORMALIZERS", "PRE_TOKENIZERS", "USUAL", "Recipe", "Report",
           "Trained", "check", "even_sample", "hold_out", "share_that_fits", "train"]

UNIT = 2_000
"""Longer lines are cut, at a space where there is one. A word without end would cost time that grows as its square."""
LISTED = 40

Report = Callable[[float | None, str], None]


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Attributes:
        recipe: its settings, the usual ones filled in.
        file: the tokenizer as `tokenizer.json`, which the `tokenizers` and `transformers` libraries read.
        size: entries that it has.
        base: how many of them were there before anything was learnt: special ones, and bytes or letters.
        note: why there are fewer or more entries than were asked for, or None.
        points: the learning curve, by size.
        first, last: the first and the last entries learnt, in order; for Unigram the most and the least probable.
        learnt_bytes, held_bytes: how much text was learnt from, and how much held out. 0 held out: too short a text.
        sample: a few words of the held-out text (or of the text, where nothing was held out).
        seconds: how long the training itself took, the curve not included.
    """

    recipe: Recipe
    file: bytes
    size: int
    base: int
    note: str | None
    points: tuple[Point, ...]
    first: tuple[Shown, ...]
    last: tuple[Shown, ...]
    learnt_bytes: int
    held_bytes: int
    sample: str
    seconds: float

    def opened(self, name: str) -> OpenTokenizer:
        """The tokenizer, ready to use under this name."""
        from tokenizers import Tokenizer

        return OpenTokenizer(name, "tokenizers", Tokenizer.from_buffer(self.file))

    def as_json(self) -> str:
        """For the way between two processes; `from_json` is the way back."""
        return json.dumps({**asdict(self), "file": self.file.decode("utf-8")})

    @staticmethod
    def from_json(text: str) -> Trained:
        """What `as_json` wrote."""
        fields = json.loads(text)
        points = tuple(Point(one["size"], one["learnt"], one["held"], one["unknown"], tuple(map(tuple, one["pieces"])))
                       for one in fields.pop("points"))
        return Trained(**{**fields, "points": points, "recipe": Recipe(**fields["recipe"]),
                          "file": fields["file"].encode("utf-8"), "first": tuple(map(tuple, fields["first"])),
                          "last": tuple(map(tuple, fields["last"]))})


def hold_out(text: str) -> tuple[list[str], list[str]]:
    """The pieces of a text to learn from, and every tenth, which is held out. Joined in order they are the text.

    Pieces are lines; where there are fewer than twenty of them, runs of words. A text of fewer than ten such pieces
    is learnt from whole.
    """
    pieces = _units(text, UNIT)
    if len(pieces) < 20:
        pieces = _units(text, max(8, len(text) // 20))
    if len(pieces) < 10:
        return pieces, []
    return [piece for place, piece in enumerate(pieces) if place % 10 != 9], pieces[9::10]


def _units(text: str, longest: int) -> list[str]:
    # Up to the last place before white space that still fits, so that a word keeps the space before it.
    cut = re.compile(rf".{{1,{longest}}}(?=\s|\Z)|.{{1,{longest}}}", re.DOTALL)
    found: list[str] = []
    for line in text.splitlines(keepends=True):
        found += [line] if len(line) <= longest else cut.findall(line)
    return found


def even_sample(texts: Sequence[str], most_bytes: int) -> list[str]:
    """As many of these texts as fit, in order, spread evenly over all of them. A text counts one byte more for its end.
    """
    share = share_that_fits(texts, most_bytes)
    return [text for place, text in enumerate(texts) if int((place + 1) * share) > int(place * share)]


def share_that_fits(texts: Sequence[str], most_bytes: int) -> float:
    """Which share of the texts `even_sample` takes."""
    sizes = [len(text.encode("utf-8")) + 1 for text in texts]
    share = min(1.0, most_bytes / max(1, sum(sizes)))
    while sum(size for place, size in enumerate(sizes) if int((place + 1) * share) > int(place * share)) > most_bytes:
        share *= 0.98  # the chosen ones were longer than the average
    return share


def train(recipe: Recipe, text: str, report: Report | None = None, *, speak: bool = False) -> Trained:
    """Train, and measure what the training was worth.

    Args:
        recipe: the settings.
        text: what to learn from; `MAX_BYTES` at most.
        report: told the share that is done and the stage; it may raise to stop between two stages.
        speak: let the library write its own progress to the standard error, one JSON object a line.

    Raises:
        ValueError: a setting that there is not; no text, too much of it, or nothing left of it once it is normalised;
            a vocabulary too small for Unigram, with the least that is possible.

    The same text and recipe give the same tokenizer, but for the last places of a few of Unigram's scores.
    """
    recipe = check(recipe, text)
    say = report or (lambda share, stage: None)
    learn, held = hold_out(text)
    shell = blank(recipe)
    words = count_words(shell, learn, lambda share: say(0.2 * share, "cutting the text into words"))
    held_words = count_words(shell, held, lambda share: None)
    if not words:
        raise ValueError("Nothing of this text is left after the normaliser and the pre-tokeniser; "
                         "choose another text, or no normaliser.")
    _check_size(recipe, words)
    say(0.2, "learning")
    began = time.monotonic()
    tokenizer, base = fit(recipe, learn, words, speak=speak)
    seconds = time.monotonic() - began
    # Each of Unigram's sizes is a training of its own.
    rest = 0.4 if recipe.algorithm == "unigram" else 0.6
    say(rest, "measuring the learning curve")
    sample = _sample(held or learn)
    measures = curve.Measures(words, held_words, sum(map(_size, learn)), sum(map(_size, held)), sample)
    points = curve.points(recipe, tokenizer, base, measures, lambda size: fit(
        Recipe(recipe.algorithm, size, recipe.pre_tokenizer, recipe.normalizer), learn, words)[0],
        lambda share: say(rest + (1 - rest) * share, "measuring the learning curve"))
    first, last = curve.ends(recipe.algorithm, tokenizer, base, LISTED)
    size = tokenizer.get_vocab_size()
    return Trained(recipe, tokenizer.to_str().encode("utf-8"), size, base, _note(recipe, size, base), points, first,
                   last, measures.learnt_bytes, measures.held_bytes, sample, seconds)


def _size(text: str) -> int:
    return len(text.encode("utf-8"))


def _sample(pieces: Sequence[str], most: int = 90) -> str:
    """A few words that can be read: the first piece that is long enough, up to a space."""
    text = next((piece for piece in pieces if len(piece.split()) > 7), max(pieces, key=len)).strip()
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    return text[:most].rsplit(" ", 1)[0] if " " in text[:most] else text[:most]


def _check_size(recipe: Recipe, words: Counter[str]) -> None:
    """Unigram keeps every character; the library says no more than that the vocabulary is too small for all of them."""
    least = len(letters(words))
    if recipe.algorithm == "unigram" and recipe.vocab_size < least:
        raise ValueError(f"Unigram keeps an entry for every character, and this text has {least:,} different ones, "
                         f"so {recipe.vocab_size:,} entries are too few; ask for {least:,} or more.")


def _note(recipe: Recipe, size: int, base: int) -> str | None:
    asked = recipe.vocab_size
    if size == asked:
        return None
    special = len(SPECIAL[recipe.algorithm])
    if size > asked:
        if recipe.algorithm == "bpe":
            return (f"{size:,} entries, more than the {asked:,} asked for: the 256 bytes and {special} special entry "
                    "are always there.")
        if recipe.algorithm == "wordpiece":
            return (f"{size:,} entries, more than the {asked:,} asked for: every letter of the text is kept, and once "
                    f"more with ## for the inside of a word. That and {special} special entries make {base:,}.")
        return f"{size:,} entries, more than the {asked:,} asked for: {special} special entries come on top."
    if recipe.algorithm == "unigram":
        return (f"{size:,} entries, not the {asked:,} asked for: the text has no more pieces that come up twice "
                "or more and are worth an entry. A longer text gives more.")
    return (f"{size:,} entries, not the {asked:,} asked for: no two neighbouring pieces are left that stand together "
            "twice. A longer text gives more.")
