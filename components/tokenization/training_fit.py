"""A recipe and a text -> a trained `tokenizers.Tokenizer`.

BPE and WordPiece give the same one each time. Unigram's trainer adds up in the order of a hash table: its entries come
out the same, a few of their scores differ from the third decimal on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from components.tokenization.training_recipe import MIN_FREQUENCY, SPECIAL, Recipe


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
        return tokenizer, len(special) + len(letters(words))
    aloud = "json" if speak else "silent"
    if recipe.algorithm == "bpe":
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        tokenizer.train_from_iterator(learn, trainers.BpeTrainer(
            vocab_size=recipe.vocab_size, min_frequency=MIN_FREQUENCY, special_tokens=special,
            initial_alphabet=alphabet, show_progress=speak, progress_format=aloud))
        return tokenizer, len(special) + len(alphabet)
    # The library's WordPieceTrainer is its BpeTrainer with a prefix, whose merges it throws away. Here the same is done
    # in the open, because the inner letters can then be given their ids in order: left to the library they come in
    # the order of a hash table, and another tokenizer comes out each time.
    inner = sorted({letter for word in words for letter in word[1:]})
    learner = Tokenizer(models.BPE(continuing_subword_prefix="##"))
    learner.normalizer, learner.pre_tokenizer = tokenizer.normalizer, tokenizer.pre_tokenizer
    learner.train_from_iterator(learn, trainers.BpeTrainer(
        vocab_size=recipe.vocab_size, min_frequency=MIN_FREQUENCY, continuing_subword_prefix="##",
        special_tokens=[*special, *("##" + letter for letter in inner)], show_progress=speak, progress_format=aloud))
    tokenizer.model = models.WordPiece(vocab=learner.get_vocab(), unk_token="[UNK]", max_input_chars_per_word=100)
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", tokenizer.token_to_id("[SEP]")), ("[CLS]", tokenizer.token_to_id("[CLS]")))
    return tokenizer, len(special) + len(letters(words)) + len(inner)


def letters(words: Counter[str]) -> set[str]:
    """Every character that the words are made of."""
    return set().union(*words)
