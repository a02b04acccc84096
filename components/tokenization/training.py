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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from components.models.open import OpenTokenizer
from components.tokenization import training_curve as curve
from components.tokenization.training_curve import Point
from components.tokenization.vocabulary import steps
from components.workshop import check_text, megabytes

ALGORITHMS = ("bpe", "wordpiece", "unigram")
#: How a text is cut before the algorithm sees it. An entry never crosses such a cut. The first is the usual one.
PRE_TOKENIZERS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "bpe": ("gpt2", "gpt4", "none"), "wordpiece": ("bert", "spaces"), "unigram": ("metaspace", "none")})
#: What is done to the text first. The usual one of each algorithm is in `USUAL`.
NORMALIZERS = ("none", "nfc", "nfkc", "lowercase", "bert")
USUAL: Mapping[str, str] = MappingProxyType({"bpe": "none", "wordpiece": "bert", "unigram": "nfkc"})
#: Entries that stand for no text, first in every vocabulary: those of GPT-2, BERT and SentencePiece.
SPECIAL: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "bpe": ("<|endoftext|>",), "wordpiece": ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    "unigram": ("<unk>", "<s>", "</s>")})
LEAST, MOST = 2, 50_000
MAX_BYTES: Mapping[str, int] = MappingProxyType({"bpe": 5_000_000, "wordpiece": 5_000_000, "unigram": 200_000})
"""The longest text, in bytes of UTF-8: Unigram's time grows much faster with it."""
MIN_FREQUENCY = 2
"""A pair that stands in the text only once is never joined: that would be learning one place by heart."""
UNIT = 2_000
"""Longer lines are cut, at a space where there is one. A word without end would cost time that grows as its square."""
LISTED = 40

Report = Callable[[float | None, str], None]


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        algorithm: "bpe" (over bytes, as GPT-2), "wordpiece" (as BERT) or "unigram" (as SentencePiece).
        vocab_size: entries asked for, special ones and letters included; 2 to 50,000.
        pre_tokenizer: one of `PRE_TOKENIZERS` for this algorithm; empty for the usual one.
        normalizer: one of `NORMALIZERS`; empty for the usual one.
    """

    algorithm: str = "bpe"
    vocab_size: int = 1_000
    pre_tokenizer: str = ""
    normalizer: str = ""

    def checked(self) -> Recipe:
        """The same with the usual choices filled in. Raises ValueError for a setting that there is not."""
        if self.algorithm not in ALGORITHMS:
            raise ValueError(f"{self.algorithm!r} is no algorithm known here; choose one of {', '.join(ALGORITHMS)}.")
        if not isinstance(self.vocab_size, int) or not LEAST <= self.vocab_size <= MOST:
            raise ValueError(f"A vocabulary of {self.vocab_size} entries cannot be trained here; "
                             f"ask for {LEAST} to {MOST:,}.")
        cut, change = self.pre_tokenizer or PRE_TOKENIZERS[self.algorithm][0], self.normalizer or USUAL[self.algorithm]
        if cut not in PRE_TOKENIZERS[self.algorithm]:
            raise ValueError(f"{cut!r} is no pre-tokeniser for {self.algorithm}; choose one of "
                             f"{', '.join(PRE_TOKENIZERS[self.algorithm])}.")
        if change not in NORMALIZERS:
            raise ValueError(f"{change!r} is no normaliser known here; choose one of {', '.join(NORMALIZERS)}.")
        return Recipe(self.algorithm, self.vocab_size, cut, change)


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
    first: tuple[str, ...]
    last: tuple[str, ...]
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
        points = tuple(Point(one["size"], one["learnt"], one["held"], tuple(map(tuple, one["pieces"])))
                       for one in fields.pop("points"))
        return Trained(**{**fields, "points": points, "recipe": Recipe(**fields["recipe"]),
                          "file": fields["file"].encode("utf-8"), "first": tuple(fields["first"]),
                          "last": tuple(fields["last"])})


def check(recipe: Recipe, text: str) -> Recipe:
    """The recipe with the usual choices filled in, if it can be followed with this text.

    Raises:
        ValueError: a setting that there is not, no text, or too much of it.
    """
    recipe = recipe.checked()
    limit = MAX_BYTES[recipe.algorithm]
    size = len(text.encode("utf-8", "surrogatepass")) if isinstance(text, str) else 0
    if size > limit and recipe.algorithm == "unigram":
        raise ValueError(f"The text to learn from has {megabytes(size)}, and Unigram learns so slowly that it gets at "
                         f"most {megabytes(limit)} here; shorten the text, or train BPE or WordPiece.")
    check_text(text, what="The text to learn from", max_bytes=limit)
    return recipe


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
    """As many of these texts as fit, spread evenly over all of them, in order. A text takes one byte more for its end."""
    total = sum(len(text.encode("utf-8")) + 1 for text in texts)
    share = min(1.0, most_bytes / max(1, total))
    while True:
        chosen = [text for place, text in enumerate(texts) if int((place + 1) * share) > int(place * share)]
        if sum(len(text.encode("utf-8")) + 1 for text in chosen) <= most_bytes:
            return chosen
        share *= 0.98  # the chosen ones were longer than the average


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

    The same text and recipe give the same tokenizer.
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
    say(None, "learning")
    began = time.monotonic()
    tokenizer, base = fit(recipe, learn, words, speak=speak)
    seconds = time.monotonic() - began
    say(0.6, "measuring the learning curve")
    sample = _sample(held or learn)
    measures = curve.Measures(words, held_words, sum(map(_size, learn)), sum(map(_size, held)), sample)
    points = curve.points(recipe, tokenizer, base, measures, lambda size: fit(
        Recipe(recipe.algorithm, size, recipe.pre_tokenizer, recipe.normalizer), learn, words)[0],
        lambda share: say(0.6 + 0.4 * share, "measuring the learning curve"))
    first, last = curve.ends(recipe.algorithm, tokenizer, base, LISTED)
    size = tokenizer.get_vocab_size()
    return Trained(recipe, tokenizer.to_str().encode("utf-8"), size, base, _note(recipe, size, base), points, first,
                   last, measures.learnt_bytes, measures.held_bytes, sample, seconds)


def blank(recipe: Recipe) -> Any:
    """A `tokenizers.Tokenizer` of this recipe that has learnt nothing yet."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    def model() -> Any:
        if recipe.algorithm == "wordpiece":
            return models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100)
        return models.BPE() if recipe.algorithm == "bpe" else models.Unigram()

    tokenizer = Tokenizer(model())
    cut = recipe.pre_tokenizer
    if recipe.algorithm == "bpe":
        if cut == "gpt4":
            tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
                pre_tokenizers.Split(Regex(gpt4_pattern()), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
        else:
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=cut == "gpt2")
        tokenizer.decoder = decoders.ByteLevel()
    elif recipe.algorithm == "wordpiece":
        tokenizer.pre_tokenizer = (
            pre_tokenizers.BertPreTokenizer() if cut == "bert" else pre_tokenizers.WhitespaceSplit())
        tokenizer.decoder = decoders.WordPiece(prefix="##")
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(split=cut == "metaspace")
        tokenizer.decoder = decoders.Metaspace()
    change = {"nfc": normalizers.NFC, "nfkc": normalizers.NFKC, "lowercase": normalizers.Lowercase,
              "bert": normalizers.BertNormalizer}.get(recipe.normalizer)
    if change is not None:
        tokenizer.normalizer = change()
    return tokenizer


def gpt4_pattern() -> str:
    """cl100k's split pattern as tiktoken states it, in the dialect of the tokenizers library (Oniguruma).

    There `{1,3}+` would mean "one to three, many times over"; as a group that never gives back, it means what it
    means to tiktoken.
    """
    from components.models import vocabularies

    return re.sub(r"(\\p\{N\}\{1,3\})\+", r"(?>\1)", vocabularies.pattern_of("cl100k_base"))


def count_words(tokenizer: Any, pieces: Sequence[str], report: Callable[[float], None]) -> Counter[str]:
    """What the model is given, word by word, and how often: the text normalised and cut, as the library does it."""
    found: Counter[str] = Counter()
    for place, piece in enumerate(pieces):
        if tokenizer.normalizer is not None:
            piece = tokenizer.normalizer.normalize_str(piece)
        found.update(word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(piece))
        if place % 500 == 499:
            report((place + 1) / len(pieces))
    found.pop("", None)
    return found


def fit(recipe: Recipe, learn: Sequence[str], words: Counter[str], *, speak: bool = False) -> tuple[Any, int]:
    """The trained `tokenizers.Tokenizer`, and how many entries it had before it learnt anything."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors, trainers

    special: list[Any] = [AddedToken(name, special=True, normalized=False) for name in SPECIAL[recipe.algorithm]]
    tokenizer = blank(recipe)
    if recipe.algorithm == "unigram":
        tokenizer.train_from_iterator(learn, trainers.UnigramTrainer(
            vocab_size=recipe.vocab_size, special_tokens=special, unk_token="<unk>", show_progress=False))
        return _settled(tokenizer), len(special) + len(_letters(words))
    aloud = {"show_progress": speak, "progress_format": "json" if speak else "silent"}
    if recipe.algorithm == "bpe":
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        tokenizer.train_from_iterator(learn, trainers.BpeTrainer(
            vocab_size=recipe.vocab_size, min_frequency=MIN_FREQUENCY, special_tokens=special,
            initial_alphabet=alphabet, **aloud))
        return tokenizer, len(special) + len(alphabet)
    # The library's WordPieceTrainer is its BpeTrainer with a prefix, whose merges it throws away. Here the same is done
    # in the open, because the inner letters can then be given their ids in order: left to the library they come in
    # the order of a hash table, and another tokenizer comes out each time.
    inner = sorted({letter for word in words for letter in word[1:]})
    learner = Tokenizer(models.BPE(continuing_subword_prefix="##"))
    learner.normalizer, learner.pre_tokenizer = tokenizer.normalizer, tokenizer.pre_tokenizer
    learner.train_from_iterator(learn, trainers.BpeTrainer(
        vocab_size=recipe.vocab_size, min_frequency=MIN_FREQUENCY, continuing_subword_prefix="##",
        special_tokens=[*special, *("##" + letter for letter in inner)], **aloud))
    tokenizer.model = models.WordPiece(vocab=learner.get_vocab(), unk_token="[UNK]", max_input_chars_per_word=100)
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", tokenizer.token_to_id("[SEP]")), ("[CLS]", tokenizer.token_to_id("[CLS]")))
    return tokenizer, len(special) + len(_letters(words)) + len(inner)


def _settled(tokenizer: Any) -> Any:
    """A Unigram with its entries in one order and its scores to six places.

    Its trainer adds up numbers in the order of a hash table, so that the last places of a score, and with them the
    order of equal ones, differ from one training to the next.
    """
    from tokenizers import Tokenizer

    state = json.loads(tokenizer.to_str())
    special = set(SPECIAL["unigram"])
    entries = [(piece, 0.0 if piece in special else round(score, 6)) for piece, score in state["model"]["vocab"]]
    entries.sort(key=lambda entry: (entry[0] not in special, -entry[1], entry[0]))
    by_name = {name: place for place, name in enumerate(SPECIAL["unigram"])}
    entries[:len(special)] = sorted(entries[:len(special)], key=lambda entry: by_name[entry[0]])
    state["model"] |= {"vocab": entries, "unk_id": 0}
    for token in state["added_tokens"]:
        token["id"] = by_name[token["content"]]
    return Tokenizer.from_str(json.dumps(state))


def _letters(words: Counter[str]) -> set[str]:
    return set().union(*words)


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
    letters = len(_letters(words))
    if recipe.algorithm == "unigram" and recipe.vocab_size < letters:
        raise ValueError(f"Unigram keeps an entry for every character, and this text has {letters:,} different ones, "
                         f"so {recipe.vocab_size:,} entries are too few; ask for {letters:,} or more.")


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
        return (f"{size:,} entries, not the {asked:,} asked for: the text has no more pieces that come up twice or more "
                "and that are worth an entry. A longer text gives more.")
    return (f"{size:,} entries, not the {asked:,} asked for: no two neighbouring pieces are left that stand together "
            "twice. A longer text gives more.")


def describe(file: bytes) -> list[str]:
    """The steps of a tokenizer's file by their names in the library, normaliser first."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_buffer(file)
    return [step["type"] for part in (tokenizer.normalizer, tokenizer.pre_tokenizer) for step in steps(part)]
