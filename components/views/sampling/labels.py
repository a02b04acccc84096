"""How a single token is shown: its text, and what kind of thing it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from components.tokenization import Vocabulary

SPECIAL_BIT = 1  # in `Vocabulary.flags`
ORDINARY, SPECIAL_TOKEN, FRAGMENT, NO_TEXT = 0, 1, 2, 3


class Labels:
    """Token ids -> labels, for one vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def label(self, token: int) -> dict[str, Any]:
        """`{"t": text, "k": kind, "i": id}`; a piece of a character shows its bytes, as `E2 80`."""
        piece = self._vocabulary.piece(token)
        if not piece:
            return {"t": f"#{token}", "k": NO_TEXT, "i": token}
        kind = SPECIAL_TOKEN if self._vocabulary.flags[token] & SPECIAL_BIT else ORDINARY
        try:
            return {"t": piece.decode("utf-8"), "k": kind, "i": token}
        except UnicodeDecodeError:
            return {"t": piece.hex(" ").upper(), "k": FRAGMENT, "i": token}

    def size(self, token: int) -> int:
        """Bytes of a token's text."""
        return len(self._vocabulary.piece(token))

    def quote(self, token: int) -> str:
        """The text alone, for a sentence."""
        shown = self.label(token)["t"]
        return shown.strip() or {"\n": "line break", " ": "space", "\t": "tab"}.get(shown, "white space")

    def text(self, tokens: Sequence[int]) -> str:
        """What several tokens in a row say."""
        return b"".join(self._vocabulary.piece(token) for token in tokens).decode("utf-8", "replace")
