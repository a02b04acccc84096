"""From logits to the next token: the library's own chain stage by stage, the draw, and writing on.

A ladder: `Settings` are the knobs, `fold` shows one step, `pick` draws from it, `decode` writes on. `read`,
`next_logits` and `prompt` give the logits that all of them start from.
"""

from __future__ import annotations

from components.sampling.chain import KNOBS, Chain, Stage, fold
from components.sampling.decode import Generation, Step, decode, end_ids, take
from components.sampling.draw import Draw, by_probability, pick, uniform
from components.sampling.orders import ORDERS, OWN, STAGES, arrange, check_order
from components.sampling.own import XTC_STREAM, Here, Own, own_samplers
from components.sampling.prefixes import prefixes
from components.sampling.prompt import PROMPT_TOKENS, Prompt, prompt, render
from components.sampling.reading import Reading, context_of, next_logits, read
from components.sampling.settings import MAX_NEW_TOKENS, Settings

__all__ = [
    "KNOBS", "MAX_NEW_TOKENS", "ORDERS", "OWN", "PROMPT_TOKENS", "STAGES", "XTC_STREAM", "Chain", "Draw", "Generation",
    "Here", "Own", "Prompt", "Reading", "Settings", "Stage", "Step", "arrange", "by_probability", "check_order",
    "context_of", "decode", "end_ids", "fold", "next_logits", "own_samplers", "pick", "prefixes", "prompt", "read",
    "render", "take", "uniform",
]
