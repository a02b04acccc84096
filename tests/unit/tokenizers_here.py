"""The tokenizers that tests can open on this machine: those in the catalog that are here, and a folder of real ones."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from components.models import catalog, sources
from components.models.open import OpenTokenizer, open_tokenizer

VOCABULARIES = Path(__file__).resolve().parents[3] / "shared" / "vocab"

#: Their entries always spell the text.
LOSSLESS = ("storyteller", "storyteller-1k", "smollm2", "cl100k", "o200k", "p50k", "r50k", "qwen", "tekken",
            "mistral-v1", "mistral-v3")
#: They normalise, so that some text is changed.
LOSSY = ("bert", "t5", "claude", "storyteller-wordpiece", "storyteller-unigram")
EVERYONE = (*LOSSLESS, *LOSSY, "o200k_harmony")


@cache
def opened(name: str) -> OpenTokenizer | None:
    """The tokenizer, or None where neither the catalog nor the folder of vocabularies has it."""
    if name in catalog.ENTRIES and sources.state(name).here:
        return open_tokenizer(name)
    ranks = {"r50k": ("r50k_base", "0ea1e91bbb3a60f729a8dc8f777fd2fc07cd8df4"),
             "cl100k": ("cl100k_base", "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"),
             "o200k": ("o200k_base", "fb374d419588a4632f3f557e76b4b70aebbca790")}
    if name in ranks and (VOCABULARIES / "tiktoken" / ranks[name][1]).is_file():
        from components.models import vocabularies

        return OpenTokenizer(name, "tiktoken", vocabularies.openai(ranks[name][0],
                                                                   VOCABULARIES / "tiktoken" / ranks[name][1]))
    if name == "t5" and (VOCABULARIES / "t5-small" / "tokenizer.json").is_file():
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(VOCABULARIES / "t5-small" / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return OpenTokenizer("t5", "tokenizers", tokenizer)
    return None


def here(name: str) -> OpenTokenizer:
    """The tokenizer; the test is skipped, with a reason that a reader can act on, where there is none."""
    found = opened(name)
    if found is None:
        pytest.skip(f"{name} is not here; `python -m components.models fetch {name}` brings it")
    return found


#: What the small tokenizers below are trained on.
LINES = ["the tortoise under the stairs", "an unhappy hare in the rain", "rain on the stairs and rain on the sea"] * 30


def trained(kind: str, before: str) -> OpenTokenizer:
    """A small tokenizer as a reader trains or brings it, with the parts that published ones have."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    model, trainer = {
        "bpe": (models.BPE(unk_token="<unk>", fuse_unk=True), trainers.BpeTrainer),
        "fallback": (models.BPE(unk_token="<unk>", byte_fallback=True), trainers.BpeTrainer),
        "suffix": (models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"), trainers.BpeTrainer),
        "wordpiece": (models.WordPiece(unk_token="<unk>", max_input_chars_per_word=12), trainers.WordPieceTrainer),
        "unigram": (models.Unigram(), trainers.UnigramTrainer)}[kind]
    settings_of: dict[str, Any] = {"special_tokens": ["<unk>"], "vocab_size": 120, "show_progress": False}
    if kind == "fallback":
        settings_of["special_tokens"] += [f"<0x{byte:02X}>" for byte in range(256)]
        settings_of["vocab_size"] += 256
    if kind == "suffix":
        settings_of["end_of_word_suffix"] = "</w>"
    if kind == "unigram":
        settings_of["unk_token"] = "<unk>"
    tokenizer = Tokenizer(model)
    if before in ("metaspace", "llama"):
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    elif before == "across":  # entries reach across spaces
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    elif before == "words":
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.train_from_iterator(LINES, trainer(**settings_of))
    if before == "llama":  # trained on words; when it is used, a whole text is one word
        tokenizer.pre_tokenizer = None
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.add_tokens([AddedToken("stairs", lstrip=True), AddedToken("Tale", normalized=True, single_word=True)])
    tokenizer.add_special_tokens([AddedToken("<|end|>", rstrip=True)])
    return OpenTokenizer("own", "tokenizers", tokenizer)
