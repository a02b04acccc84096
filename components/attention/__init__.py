"""Where attention heads look: one capture for every architecture, and what a reader's picture needs of it.

`capture(model, ids)` keeps everything of one forward pass for notebooks, tests and panels. `map_heads(model, ids)`, or
`map_text(model, text)`, keeps only what a picture of all heads needs, layer by layer, so that a long text stays light.
"""

from __future__ import annotations

from components.attention.anatomy import Anatomy, OutputProjection, anatomy
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
from components.attention.heads import HeadMap, map_heads
from components.attention.limits import bytes_needed, token_limit
from components.attention.scores import SCORES, head_scores, ranked, reach, strongest_pairs, telling_head
from components.attention.sentence import limits_of, map_text, read
from components.attention.thumbnails import block_edges, causal_half, max_pool, sqrt_bytes, thumbnail
from components.attention.writing import WRITTEN, Writing, write_on

__all__ = [
    "BIRTH_CURVES",
    "BIRTH_SCORES",
    "SCORES",
    "WRITTEN",
    "Anatomy",
    "Birth",
    "Capture",
    "HeadMap",
    "LastingStep",
    "LayerCapture",
    "OutputProjection",
    "Writing",
    "anatomy",
    "block_edges",
    "bytes_needed",
    "capture",
    "causal_half",
    "head_scores",
    "lasting_step",
    "limits_of",
    "map_heads",
    "map_text",
    "max_pool",
    "ranked",
    "reach",
    "read",
    "read_birth",
    "sqrt_bytes",
    "stripe_scores",
    "strongest_pairs",
    "telling_head",
    "thumbnail",
    "token_limit",
    "write_on",
]
