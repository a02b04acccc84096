"""The tokenizers that tests can open on this machine: those in the catalog that are here, and a folder of real ones."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from components.models import catalog, sources
from components.models.open import OpenTokenizer, open_tokenizer

VOCABULARIES = Path(__file__).resolve().parents[3] / "shared" / "vocab"

#: Their entries always spell the text.
LOSSLESS = ("storyteller", "storyteller-1k", "smollm2", "cl100k", "o200k", "p50k", "r50k", "qwen", "tekken",
            "mistral-v1", "mistral-v3")
#: They normalise, so that some text is changed.
LOSSY = ("bert", "t5", "claude", "storyteller-wordpiece", "storyteller-unigram")


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
