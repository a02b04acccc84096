"""From logits to the next token: the library's own chain stage by stage, the draw, and writing on.

A ladder: `Settings` are the knobs, `fold` shows one step, `pick` draws from it, `decode` writes on. `read`,
`next_logits` and `prompt` give the logits that all of them start from.
"""

from __future__ import annotations

from components.sampling.chain import KNOBS, Chain, Stage, fold
from components.sampling.decode import Generation, Step, decode, end_ids, take
from components.sampling.draw import Draw, by_probability, pick, uniform
from components.sampling.prefixes import prefixes
from components.sampling.prompt import PROMPT_TOKENS, Prompt, prompt, render
from components.sampling.reading import Reading, context_of, next_logits, read
from components.sampling.settings import MAX_NEW_TOKENS, Settings

__all__ = [
    "KNOBS", "MAX_NEW_TOKENS", "PROMPT_TOKENS", "Chain", "Draw", "Generation", "Prompt", "Reading", "Settings",
    "Stage", "Step", "by_probability", "context_of", "decode", "end_ids", "fold", "next_logits", "pick", "prefixes",
    "prompt", "read", "render", "take", "uniform",
]
