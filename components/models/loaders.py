"""Models and tokenizers in memory, one copy a process, for the pages.

Each loader wraps `components.models.open` in Streamlit's resource cache. Every heavy load ends in
`gc.collect(); gc.freeze()`: Streamlit collects garbage after each rerun while it holds the interpreter lock, and with
a million objects of torch and transformers in the young generations that alone takes a second. Frozen objects are
passed over, so a loaded app answers as fast as an empty one.
"""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from components.models.open import OpenEncoder, OpenModel, OpenTokenizer

_loaded: set[str] = set()
# Two models loaded at once need twice the memory for a moment and are no faster on two cores.
_loading = threading.Lock()


def _settle(name: str) -> None:
    _loaded.add(name)
    gc.collect()
    gc.freeze()


@st.cache_resource(show_spinner=False, max_entries=24)
def tokenizer(name: str) -> OpenTokenizer:
    """The tokenizer of a catalog entry; ValueError with a sentence where it is not here."""
    from components.models.open import open_tokenizer

    opened = open_tokenizer(name)
    _settle(f"tokenizer:{name}")
    return opened


@st.cache_resource(show_spinner=False, max_entries=3)
def model(name: str) -> OpenModel:
    """A decoder or encoder of the catalog in float32; ValueError with a sentence where it is not here."""
    from components.models.open import open_model

    with _loading:
        opened = open_model(name)
        _settle(f"model:{name}")
    return opened


@st.cache_resource(show_spinner=False, max_entries=2)
def encoder(name: str = "minilm") -> OpenEncoder:
    """The sentence encoder."""
    from components.models.open import open_encoder

    with _loading:
        opened = open_encoder(name)
        _settle(f"encoder:{name}")
    return opened


def loaded(name: str) -> bool:
    """Whether this model or encoder has been loaded since the server started."""
    return f"model:{name}" in _loaded or f"encoder:{name}" in _loaded
