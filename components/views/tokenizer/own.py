"""Tokenizers of the reader's own: trained on this page or brought as a file. They live and die with the session.

They stand in the pickers beside the catalog's. Their names begin with `own-` and a digest of their content, so a result
kept under such a name belongs to that very tokenizer.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

import streamlit as st

from components.models.open import OpenTokenizer

PREFIX = "own-"
MOST = 6
"""So many at once; the one that was added first goes when another comes."""


@dataclass(frozen=True)
class Own:
    """One tokenizer of the reader's own.

    Attributes:
        name: `own-` and ten hexadecimal digits of its content.
        title: as it stands in a picker; made unique among the reader's own.
        tokenizer: ready to use. Never changed after it was added.
        file: what it was read from or saved as, for a download.
        filename: the file's name.
    """

    name: str
    title: str
    tokenizer: OpenTokenizer
    file: bytes = field(repr=False)
    filename: str


def add(title: str, tokenizer: OpenTokenizer, file: bytes, filename: str, read_as: str = "") -> Own:
    """Keep one and return it under its final name and title. The same content twice is one tokenizer.

    `read_as` is how the file was read, where it can be read in several ways: then each is a tokenizer of its own.
    """
    kept = _kept()
    name = PREFIX + hashlib.sha256(file + read_as.encode()).hexdigest()[:10]
    taken = {one.title for one in kept.values() if one.name != name}
    unique, number = title.strip() or "My own", 2
    while unique in taken:
        unique, number = f"{title.strip() or 'My own'} ({number})", number + 1
    kept.pop(name, None)
    kept[name] = Own(name, unique, replace(tokenizer, name=name), file, filename)
    while len(kept) > MOST:
        kept.pop(next(iter(kept)))
    return kept[name]


def remove(name: str) -> None:
    """Forget one; nothing happens where there is none of that name."""
    _kept().pop(name, None)


def find(name: str) -> Own | None:
    """The reader's own tokenizer of this name, if it is still kept."""
    return _kept().get(name)


def names() -> list[str]:
    """The names of all that are kept, oldest first."""
    return list(_kept())


def _kept() -> dict[str, Own]:
    found: dict[str, Own] = st.session_state.setdefault("_own_tokenizers", {})
    return found
