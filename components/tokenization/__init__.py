"""Text -> tokens, byte by byte. No torch here."""

from __future__ import annotations

from components.tokenization.browse import (
    ENTRY_KINDS,
    EntriesFound,
    EntryQuery,
    VocabularyEntries,
    entries,
    look_up,
    spoken,
)
from components.tokenization.chat import Message, Rendered, conversation, render
from components.tokenization.compare import differing_spans
from components.tokenization.cutting import Cut, chunks, cut
from components.tokenization.decoding import Decoded, Part, decode_ids, encode_bytes, read_bytes, read_ids
from components.tokenization.embeddings import Learnt, Matrix, learnt, neighbours, open_matrix, vector_lengths
from components.tokenization.languages import LanguageCost, language_costs, premium
from components.tokenization.pipeline import PIPELINE_CHARACTERS, Mark, Pipeline, Step, pipeline
from components.tokenization.reachable import Reach, reach
from components.tokenization.replay import REPLAYED_CHARACTERS, Replay, Way, Word, replay
from components.tokenization.replay_bpe import Merge, Merging, Piece
from components.tokenization.replay_unigram import Edge, Lattice, Path
from components.tokenization.replay_wordpiece import Matching, Try
from components.tokenization.roundtrip import Change, RoundTrip
from components.tokenization.scripts import SCRIPTS
from components.tokenization.specials import Marked, Readings, Special, marked, readings, special_names
from components.tokenization.trace import Kind, Token, TokenTrace, trace
from components.tokenization.training import Recipe, Trained, train
from components.tokenization.training_curve import Point
from components.tokenization.training_process import train_apart
from components.tokenization.uploads import Brought, bring
from components.tokenization.vocabulary import Vocabulary, vocabulary

__all__ = ["ENTRY_KINDS", "PIPELINE_CHARACTERS", "REPLAYED_CHARACTERS", "SCRIPTS", "Brought", "Change", "Cut",
           "Decoded", "Edge", "EntriesFound", "EntryQuery", "Kind", "LanguageCost", "Lattice", "Learnt", "Mark",
           "Marked", "Matching", "Matrix", "Merge", "Merging", "Message", "Part", "Path", "Piece", "Pipeline", "Point",
           "Reach", "Readings", "Recipe", "Rendered", "Replay", "RoundTrip", "Special", "Step", "Token", "TokenTrace",
           "Trained", "Try", "Vocabulary", "VocabularyEntries", "Way", "Word", "bring", "chunks", "conversation",
           "cut", "decode_ids", "differing_spans", "encode_bytes", "entries", "language_costs", "learnt", "look_up",
           "marked", "neighbours", "open_matrix", "pipeline", "premium", "reach", "read_bytes", "read_ids", "readings",
           "render", "replay", "special_names", "spoken", "trace", "train", "train_apart", "vector_lengths",
           "vocabulary"]
