"""Where attention heads look: one capture for every architecture, and what a reader's picture needs of it.

`capture(model, ids)` keeps everything of one forward pass for notebooks, tests and panels. `map_heads(model, ids)`, or
`map_text(model, text)`, keeps only what a picture of all heads needs, layer by layer, so that a long text stays light.
"""

from __future__ import annotations

from components.attention.ablation import Ablation, Control, Effect, ablate, control, random_sets
from components.attention.anatomy import Anatomy, OutputProjection, anatomy
from components.attention.attribution import Attribution, attribute
from components.attention.birth import (
    BIRTH_CURVES,
    BIRTH_SCORES,
    Birth,
    LastingStep,
    lasting_step,
    read_birth,
    stripe_scores,
)
from components.attention.capture import Capture, LayerCapture, capture
from components.attention.cell import Cell, cell_of, strongest_cell
from components.attention.crossing import Rewriting, rewrite
from components.attention.families import FAMILIES, shape_of
from components.attention.gap import Gaps, Guesses, fill_gaps, gap_limit, spelled
from components.attention.grouping import Kept, kept_per_token
from components.attention.heads import HeadMap, map_heads
from components.attention.lens import Lens, logit_lens
from components.attention.likeness import nearest_heads
from components.attention.limits import bytes_needed, token_limit
from components.attention.lowrank import (
    Matrix,
    Spectrum,
    adapter_parameters,
    find_matrix,
    lora_parameters,
    matrices,
    spectrum,
)
from components.attention.parting import Parting, Place, find_word, part
from components.attention.reading import LayerReading, explain_cell, read_layer
from components.attention.replacing import LossCurve, loss_curve
from components.attention.rollout import average, rollout, rollout_null
from components.attention.rotary import pairing
from components.attention.scores import (
    SCORES,
    distance,
    entropy,
    head_scores,
    ranked,
    reach,
    strongest_pairs,
    telling_head,
)
from components.attention.sentence import (
    Reading,
    is_encoder,
    limits_of,
    map_text,
    marks_around,
    read,
    read_for,
    reading,
    remark,
    spell,
)
from components.attention.seq2seq import Seq2SeqCapture, Source, capture_seq2seq, read_source
from components.attention.shapes import (
    MOST,
    PARTS,
    PRECISIONS,
    Growth,
    Shape,
    cache_bytes,
    cached_tokens,
    checked_shape,
    crossing,
    growth,
    parameters,
    total_parameters,
    weight_bytes,
)
from components.attention.stored import stored_scores
from components.attention.sweep import Sweep, passes, sweep
from components.attention.thumbnails import block_edges, causal_half, max_pool, sqrt_bytes, thumbnail
from components.attention.walk import Walk, walk
from components.attention.walk_station import Check, Station
from components.attention.words import whole_words, words_of
from components.attention.writing import WRITTEN, Writing, write_on

__all__ = [
    "BIRTH_CURVES",
    "BIRTH_SCORES",
    "FAMILIES",
    "MOST",
    "PARTS",
    "PRECISIONS",
    "SCORES",
    "WRITTEN",
    "Ablation",
    "Anatomy",
    "Attribution",
    "Birth",
    "Capture",
    "Cell",
    "Check",
    "Control",
    "Effect",
    "Gaps",
    "Growth",
    "Guesses",
    "HeadMap",
    "Kept",
    "LastingStep",
    "LayerCapture",
    "LayerReading",
    "Lens",
    "LossCurve",
    "Matrix",
    "OutputProjection",
    "Parting",
    "Place",
    "Reading",
    "Rewriting",
    "Seq2SeqCapture",
    "Shape",
    "Source",
    "Spectrum",
    "Station",
    "Sweep",
    "Walk",
    "Writing",
    "ablate",
    "adapter_parameters",
    "anatomy",
    "attribute",
    "average",
    "block_edges",
    "bytes_needed",
    "cache_bytes",
    "cached_tokens",
    "capture",
    "capture_seq2seq",
    "causal_half",
    "cell_of",
    "checked_shape",
    "control",
    "crossing",
    "distance",
    "entropy",
    "explain_cell",
    "fill_gaps",
    "find_matrix",
    "find_word",
    "gap_limit",
    "growth",
    "head_scores",
    "is_encoder",
    "kept_per_token",
    "lasting_step",
    "limits_of",
    "logit_lens",
    "lora_parameters",
    "loss_curve",
    "map_heads",
    "map_text",
    "marks_around",
    "matrices",
    "max_pool",
    "nearest_heads",
    "pairing",
    "parameters",
    "part",
    "passes",
    "random_sets",
    "ranked",
    "reach",
    "read",
    "read_birth",
    "read_for",
    "read_layer",
    "read_source",
    "reading",
    "remark",
    "rewrite",
    "rollout",
    "rollout_null",
    "shape_of",
    "spectrum",
    "spell",
    "spelled",
    "sqrt_bytes",
    "stored_scores",
    "stripe_scores",
    "strongest_cell",
    "strongest_pairs",
    "sweep",
    "telling_head",
    "thumbnail",
    "token_limit",
    "total_parameters",
    "walk",
    "weight_bytes",
    "whole_words",
    "words_of",
    "write_on",
]
