"""The training as a few lines of Python on the `tokenizers` library alone."""

from __future__ import annotations

from components.tokenization import Recipe, Trained
from components.tokenization.training import MAX_BYTES, even_sample, share_that_fits
from components.tokenization.training_fit import gpt4_pattern
from components.tokenization.training_recipe import MIN_FREQUENCY, SPECIAL

_NORMALIZERS = {"nfc": "normalizers.NFC()", "nfkc": "normalizers.NFKC()", "lowercase": "normalizers.Lowercase()",
                "bert": "normalizers.BertNormalizer()"}


def snippet(found: Trained, source: str, texts: list[str]) -> str:
    """Code that trains the same and measures it on the lines held out: `size` and `bytes_per_token`.

    Args:
        found: the training.
        source: "encyclopedia", "messages", "parallel", or "own" for a text that the reader has in a file.
        texts: the texts of a bundled source, all of them.
    """
    recipe = found.recipe
    parts = [_imports(recipe, source), *_reading(recipe, source, texts), "",
             *_blank(recipe), "", *_training(recipe), "",
             "size = tokenizer.get_vocab_size()",
             "tokens = sum(len(one.ids) for one in tokenizer.encode_batch(held, add_special_tokens=False))",
             'bytes_per_token = sum(len(line.encode("utf-8")) for line in held) / max(1, tokens)',
             'print(f"{size:,} entries, {bytes_per_token:.3f} bytes a token on the lines held out")',
             'tokenizer.save("tokenizer.json")']
    return "\n".join(parts) + "\n"


def _imports(recipe: Recipe, source: str) -> str:
    names = ["Regex"] if recipe.pre_tokenizer == "gpt4" else []
    names += ["Tokenizer", "decoders", "models"] + (["normalizers"] if recipe.normalizer != "none" else [])
    return ("import json\n\n" if source != "own" else "") + \
        f"from tokenizers import {', '.join([*names, 'pre_tokenizers', 'trainers'])}\n"


def _reading(recipe: Recipe, source: str, texts: list[str]) -> list[str]:
    if source == "own":
        # The page cuts lines of over 2,000 characters, and texts of fewer than twenty lines, at spaces.
        lines = ['text = open("my_text.txt", encoding="utf-8", newline="").read()',
                 "lines = text.splitlines(keepends=True)"]
    else:
        lines = [f'path = "assets/corpora/{source}.jsonl"  # in the folder of Looking Glass',
                 'texts = [json.loads(line)["text"] for line in open(path, encoding="utf-8")]']
        most = MAX_BYTES[recipe.algorithm]
        if len(even_sample(texts, most)) < len(texts):
            share = share_that_fits(texts, most)
            lines += [f"share = {share!r}  # an even sample of at most {most:,} bytes",
                      "texts = [text for place, text in enumerate(texts)"
                      " if int((place + 1) * share) > int(place * share)]"]
        lines += [r'lines = "\n".join(texts).splitlines(keepends=True)']
    return [*lines, "learn = [line for place, line in enumerate(lines) if place % 10 != 9]", "held = lines[9::10]"]


def _blank(recipe: Recipe) -> list[str]:
    model = {"bpe": "models.BPE()", "unigram": "models.Unigram()",
             "wordpiece": 'models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100)'}[recipe.algorithm]
    lines = [f"tokenizer = Tokenizer({model})"]
    if recipe.normalizer != "none":
        lines.append(f"tokenizer.normalizer = {_NORMALIZERS[recipe.normalizer]}")
    cut = {
        "gpt2": "pre_tokenizers.ByteLevel(add_prefix_space=False)", "bert": "pre_tokenizers.BertPreTokenizer()",
        "spaces": "pre_tokenizers.WhitespaceSplit()", "metaspace": "pre_tokenizers.Metaspace()",
        "gpt4": "pre_tokenizers.Sequence([\n"
                f"    pre_tokenizers.Split(Regex({gpt4_pattern()!r}), \"isolated\"),\n"
                "    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])"
                if recipe.pre_tokenizer == "gpt4" else "",
        "none": "pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)" if recipe.algorithm == "bpe"
                else "pre_tokenizers.Metaspace(split=False)",
    }[recipe.pre_tokenizer]
    decoder = {"bpe": "ByteLevel()", "wordpiece": 'WordPiece(prefix="##")',
               "unigram": "Metaspace()"}[recipe.algorithm]
    return [*lines, f"tokenizer.pre_tokenizer = {cut}", f"tokenizer.decoder = decoders.{decoder}"]


def _training(recipe: Recipe) -> list[str]:
    name = {"bpe": "BpeTrainer", "wordpiece": "WordPieceTrainer", "unigram": "UnigramTrainer"}[recipe.algorithm]
    settings = [f"vocab_size={recipe.vocab_size}", f"special_tokens={list(SPECIAL[recipe.algorithm])!r}"]
    if recipe.algorithm == "unigram":
        settings.append('unk_token="<unk>"')
    else:
        settings.append(f"min_frequency={MIN_FREQUENCY}")
    if recipe.algorithm == "bpe":
        settings.append("initial_alphabet=pre_tokenizers.ByteLevel.alphabet()")
    lines = [f"trainer = trainers.{name}({', '.join(settings)})", "tokenizer.train_from_iterator(learn, trainer)"]
    if recipe.algorithm == "wordpiece":
        lines.insert(0, "# This trainer breaks ties at random, so a few entries differ each time; "
                        "the page breaks them in order.")
    return lines
