"""Samplers that transformers 5.23 lacks, each a small pure function from scores to scores.

Scores are one row [vocab] of float32; -inf marks a token that cannot come. Nothing here writes into what it is given.
Every function names the paper or the engine that it follows; a neutral value never reaches it, since what is switched
off is not in the chain at all.
"""

from __future__ import annotations

from components.sampling.samplers.mirostat import Mirostat, mirostat_1, mirostat_2, mu_after
from components.sampling.samplers.penalties import dry, dry_matches, frequency, presence, window
from components.sampling.samplers.truncation import tail_free, top_a, top_n_sigma, xtc, xtc_targets
from components.sampling.samplers.warping import dynamic_temperature, quadratic, temperature_by_entropy

__all__ = [
    "Mirostat", "dry", "dry_matches", "dynamic_temperature", "frequency", "mirostat_1", "mirostat_2", "mu_after",
    "presence", "quadratic", "tail_free", "temperature_by_entropy", "top_a", "top_n_sigma", "window", "xtc",
    "xtc_targets",
]
