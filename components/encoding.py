"""Texts -> vectors with MiniLM: tokens through BERT, the mean over real tokens, length one.

These are the steps that sentence-transformers takes for this model, written on plain transformers, which starts in a
fraction of the time and memory. A test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

MAX_TOKENS = 256  # longer texts are cut: the model was made for sentences and short paragraphs
BATCH = 32


def load_tokenizer(path: Path, max_tokens: int = MAX_TOKENS) -> Any:
    """A `tokenizers.Tokenizer` of its own that cuts at `max_tokens` and does not pad."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()  # the published file pads everything to 128, whatever the text
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def encode(model: Any, tokenizer: Any, texts: Sequence[str], batch: int = BATCH) -> np.ndarray:
    """One unit vector a text.

    Args:
        model: a BERT-type model that gives `last_hidden_state` [text, token, width].
        tokenizer: from `load_tokenizer`.
        texts: any number of strings; lone surrogates count as U+FFFD.
        batch: texts in one forward.

    Returns:
        float32 [text, width], rows of length 1 in the order of `texts`; [0, width] for no texts.

    Raises:
        ValueError: `texts` is one string, or holds something that is not a string.
    """
    import torch

    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise ValueError("The encoder takes a list of strings; put a single text into a list.")
    width = int(model.config.hidden_size)
    vectors = np.zeros((len(texts), width), dtype=np.float32)
    # encode_batch lets other threads run meanwhile; encode would hold them up.
    ids = [one.ids for one in tokenizer.encode_batch([_valid(text) for text in texts])]
    # Neighbours in length share a batch, so that little of it is padding.
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]), reverse=True)
    for start in range(0, len(order), batch):
        chosen = order[start:start + batch]
        longest = len(ids[chosen[0]])
        padded = torch.zeros(len(chosen), longest, dtype=torch.long)
        mask = torch.zeros(len(chosen), longest, dtype=torch.long)
        for row, i in enumerate(chosen):
            padded[row, :len(ids[i])] = torch.tensor(ids[i])
            mask[row, :len(ids[i])] = 1
        with torch.inference_mode():
            hidden = model(input_ids=padded, attention_mask=mask).last_hidden_state  # [text, token, width]
            real = mask.unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * real).sum(1) / real.sum(1).clamp(min=1e-9)
            unit = torch.nn.functional.normalize(mean, dim=1)
        vectors[chosen] = unit.numpy()
    return vectors


def _valid(text: str) -> str:
    """`text` with lone surrogates, which no UTF-8 can hold, as U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
