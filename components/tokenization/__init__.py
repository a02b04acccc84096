"""Text -> tokens, byte by byte. No torch here."""

from __future__ import annotations

from components.tokenization.compare import differing_spans
from components.tokenization.languages import LanguageCost, language_costs, premium
from components.tokenization.roundtrip import Change, RoundTrip
from components.tokenization.trace import Kind, Token, TokenTrace, trace
from components.tokenization.vocabulary import Vocabulary, vocabulary

__all__ = ["Change", "Kind", "LanguageCost", "RoundTrip", "Token", "TokenTrace", "Vocabulary", "differing_spans",
           "language_costs", "premium", "trace", "vocabulary"]
