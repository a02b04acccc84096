"""From logits to the next token: the library's own chain stage by stage, the draw, and writing on.

A ladder: `Settings` are the knobs, `fold` shows one step, `pick` draws from it, `decode` writes on. `read`,
`next_logits` and `prompt` give the logits that all of them start from.
"""

from __future__ import annotations

from components.sampling import tree
from components.sampling.ahead import Ahead, look_ahead, offers
from components.sampling.beam import beam_search
from components.sampling.beam_record import BeamSearch, BeamStep, Candidate, Hypothesis
from components.sampling.chain import KNOBS, Chain, Stage, fold
from components.sampling.choices import ChoiceOdds, choice_odds
from components.sampling.compare import (
    COMPARED,
    DRAWS,
    Measured,
    Outcome,
    Outcomes,
    draw_many,
    measure,
    parting,
    repeated,
)
from components.sampling.constrained import Constrained, ShapeStep, constrained
from components.sampling.conversation import ROLES, Answer, Turn, answer, check_turns, written
from components.sampling.decode import Generation, Step, decode, end_ids, take
from components.sampling.draw import GUMBEL_STREAM, Draw, by_probability, gumbel, loudest, pick, uniform
from components.sampling.explain import (
    Passage,
    Xtc,
    changed,
    dry_passages,
    mirostat_path,
    moved,
    penalty_counts,
    temperature_now,
    xtc_branches,
)
from components.sampling.functions import CALL_SCHEMA, Call, run_call
from components.sampling.grammar import MOST_CHOICES, Grammar, Shape, compile_shape
from components.sampling.likelihood import MOST_OPTIONS, Likelihoods, continuation, score_options
from components.sampling.orders import ORDERS, OWN, STAGES, arrange, check_order
from components.sampling.own import XTC_STREAM, Here, Own, own_samplers
from components.sampling.perplexity import (
    BANDS,
    READ_TOKENS,
    Scored,
    begin_id,
    score,
    score_text,
    windows,
)
from components.sampling.prefixes import prefixes
from components.sampling.prompt import PROMPT_TOKENS, Prompt, prompt, render
from components.sampling.reading import Reading, context_of, next_logits, read
from components.sampling.replay_remote import REPLAYED, RemoteStage, replay_remote
from components.sampling.settings import MAX_NEW_TOKENS, Settings
from components.sampling.speculate import Draft, Judged, Round, Speculation, judge, look_up, prompt_lookup
from components.sampling.spelling import spell, unspell
from components.sampling.stops import STOPS, StopWatch, check_stops, held_back
from components.sampling.stretches import Stretch, stretches

__all__ = [
    "BANDS", "CALL_SCHEMA", "COMPARED", "DRAWS", "GUMBEL_STREAM", "KNOBS", "MAX_NEW_TOKENS", "MOST_CHOICES",
    "MOST_OPTIONS", "ORDERS", "OWN", "PROMPT_TOKENS", "READ_TOKENS", "REPLAYED", "ROLES", "STAGES", "STOPS",
    "XTC_STREAM", "Ahead", "Answer", "BeamSearch", "BeamStep", "Call", "Candidate", "Chain", "ChoiceOdds",
    "Constrained", "Draft", "Draw", "Generation", "Grammar", "Here", "Hypothesis", "Judged", "Likelihoods", "Measured",
    "Outcome", "Outcomes", "Own", "Passage", "Prompt", "Reading", "RemoteStage", "Round", "Scored", "Settings", "Shape",
    "ShapeStep", "Speculation", "Stage", "Step", "StopWatch", "Stretch", "Turn", "Xtc", "answer", "arrange",
    "beam_search", "begin_id", "by_probability", "changed", "check_order", "check_stops", "check_turns", "choice_odds",
    "compile_shape", "constrained", "context_of", "continuation", "decode", "draw_many", "dry_passages", "end_ids",
    "fold", "gumbel", "held_back", "judge", "look_ahead", "look_up", "loudest", "measure", "mirostat_path", "moved",
    "next_logits", "offers", "own_samplers", "parting", "penalty_counts", "pick", "prefixes", "prompt", "prompt_lookup",
    "read", "render", "repeated", "replay_remote", "run_call", "score", "score_options", "score_text", "spell",
    "stretches", "take", "temperature_now", "tree", "uniform", "unspell", "windows", "written", "xtc_branches",
]
