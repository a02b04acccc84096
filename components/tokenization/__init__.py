"""Text -> tokens, byte by byte. No torch here."""

from __future__ import annotations

from components.tokenization.compare import differing_spans
from components.tokenization.cutting import Cut, chunks, cut
from components.tokenization.languages import LanguageCost, language_costs, premium
from components.tokenization.replay import REPLAYED_CHARACTERS, Replay, Way, Word, replay
from components.tokenization.replay_bpe import Merge, Merging, Piece
from components.tokenization.replay_unigram import Edge, Lattice, Path
from components.tokenization.replay_wordpiece import Matching, Try
from components.tokenization.roundtrip import Change, RoundTrip
from components.tokenization.trace import Kind, Token, TokenTrace, trace
from components.tokenization.vocabulary import Vocabulary, vocabulary

__all__ = ["REPLAYED_CHARACTERS", "Change", "Cut", "Edge", "Kind", "LanguageCost", "Lattice", "Matching", "Merge", "Merging",
           "Path", "Piece", "Replay", "RoundTrip", "Token", "TokenTrace", "Try", "Vocabulary", "Way",
           "Word", "chunks", "cut", "differing_spans", "language_costs", "premium", "replay", "trace", "vocabulary"]
