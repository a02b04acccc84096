"""The Tokens page's first view: the first example in the two columns that the page opens on."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from components import corpora
from components.first_views import stamp
from components.models import sources
from components.models.open import open_tokenizer
from components.payload import annotate, unpack
from components.tokenization import trace
from components.views.tokenizer import payload, replay_payload, wording

#: The right column's name is the view's: GPT-4 beside SmolLM2, or BERT beside storyteller where nothing was fetched.
MODELS = ("smollm2", "storyteller")
LEFT = {"smollm2": "cl100k", "storyteller": "bert"}
#: The strip "The same text in".
OTHERS = {"smollm2": ("bert", "mistral-v1", "storyteller-unigram"),
          "storyteller": ("mistral-v1", "storyteller-unigram")}
LIBRARIES = ("tokenizers", "tiktoken", "sentencepiece")


def build(model: str) -> dict[str, bytes]:
    """`tokenizer.<model>.bin`, the payload of the picture as the page makes it, and `tokenizer_replay.<model>.bin`, the
    left column's algorithm step by step."""
    text = json.loads((corpora.FOLDER / "examples.json").read_text(encoding="utf-8"))["tokens"][0]["text"]
    left = LEFT[model]
    columns = [trace(open_tokenizer(name), text) for name in (left, model)]
    others = [trace(open_tokenizer(name), text) for name in OTHERS[model]]
    extra = {"text": text, "settings": {"left": left, "right": model},
             "stamp": stamp(_hash(left, model, *OTHERS[model]), LIBRARIES)}
    steps = annotate(replay_payload.payload(open_tokenizer(left), wording.short(left), text), settings={"of": left},
                     stamp=stamp(_hash(left), LIBRARIES))
    return {f"tokenizer.{model}.bin": payload.columns(columns, others, extra), f"tokenizer_replay.{model}.bin": steps}


def _hash(*names: str) -> str:
    """One hash over the files of these tokenizers."""
    whole = hashlib.sha256()
    for name in names:
        path = sources.locate(name)
        whole.update((path / "tokenizer.json" if path.is_dir() else path).read_bytes())
    return whole.hexdigest()


def compare(stored: bytes, fresh: bytes) -> None:
    """AssertionError with a sentence where two views do not say the same."""
    old_header, old_arrays = unpack(stored)
    new_header, new_arrays = unpack(fresh)
    assert old_header["text"] == new_header["text"], "the first example is another one"
    if "ways" in new_header:
        assert {**old_header, "stamp": None} == {**new_header, "stamp": None}, "the steps differ"
    else:
        _compare_columns(old_header, new_header)
    assert set(old_arrays) == set(new_arrays), "the views hold other arrays"
    for name, array in old_arrays.items():
        assert np.array_equal(array, new_arrays[name]), f"{name} differs"


def _compare_columns(old_header: dict[str, Any], new_header: dict[str, Any]) -> None:
    assert old_header["columns"] == new_header["columns"], "the columns' figures differ"
    assert old_header["strip"] == new_header["strip"], "the strip's figures differ"
