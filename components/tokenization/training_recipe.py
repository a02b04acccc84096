"""How to train a tokenizer: the settings as data, and what is possible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

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
