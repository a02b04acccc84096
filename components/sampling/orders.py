"""In which order the stages stand: the library's own, and the orders of other engines.

An order is a list of stage names. The named stages take each other's places in the library's list; stages that it
does not name stay where they are. So `("top_p", "temperature")` lets these two change places and nothing else, and an
engine's order speaks only of the samplers that the engine has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# transformers 5.23, `GenerationMixin._get_logits_processor`. Its custom processors stand where our own do.
OWN = ("presence_penalty", "frequency_penalty", "dry_multiplier", "top_n_sigma", "top_a", "tfs_z", "xtc_probability",
       "smoothing_factor", "dynatemp_range")
STAGES = (
    "guidance_scale", "sequence_bias", "encoder_repetition_penalty", "repetition_penalty", "no_repeat_ngram_size",
    "encoder_no_repeat_ngram_size", "bad_words_ids", "min_length", "min_new_tokens", "constraint",
    "forced_bos_token_id", "forced_eos_token_id", "remove_invalid_values", "exponential_decay_length_penalty",
    "suppress_tokens", "begin_suppress_tokens", *OWN, "temperature", "top_h", "top_k", "top_p", "min_p", "typical_p",
    "epsilon_cutoff", "eta_cutoff", "watermark", "renormalize_logits", "mirostat",
)

# Engine -> the samplers that it has, in its order. Where one of its samplers does two stages' work, both are named.
# Read in: llama.cpp's common/common.h and common/sampling.cpp; the list in vLLM's vllm/v1/sample/sampler.py; mlx-lm's
# sample_utils.py; sampler_priority in text-generation-webui's modules/presets.py. Tests hold two of them against the
# engines themselves. With mirostat, llama.cpp has bias, temperature and mirostat alone.
ORDERS: dict[str, tuple[str, ...]] = {
    "transformers": (),
    "llama.cpp": ("constraint", "sequence_bias", "repetition_penalty", "frequency_penalty", "presence_penalty",
                  "dry_multiplier", "top_n_sigma", "top_k", "typical_p", "top_p", "min_p", "xtc_probability",
                  "dynatemp_range", "temperature", "mirostat"),
    "vLLM": ("constraint", "bad_words_ids", "min_new_tokens", "sequence_bias", "repetition_penalty",
             "frequency_penalty", "presence_penalty", "temperature", "min_p", "top_k", "top_p"),
    "mlx-lm": ("sequence_bias", "repetition_penalty", "presence_penalty", "frequency_penalty", "top_p", "min_p",
               "xtc_probability", "top_k", "temperature"),
    "text-generation-webui": ("repetition_penalty", "presence_penalty", "frequency_penalty", "dry_multiplier",
                              "top_n_sigma", "temperature", "dynatemp_range", "smoothing_factor", "top_k", "top_p",
                              "typical_p", "epsilon_cutoff", "eta_cutoff", "tfs_z", "top_a", "min_p", "mirostat",
                              "xtc_probability", "encoder_repetition_penalty", "no_repeat_ngram_size"),
}


def check_order(order: Iterable[str]) -> tuple[str, ...]:
    """The order as a tuple.

    Raises:
        ValueError: an unknown stage, or one named twice.
    """
    found = tuple(order)
    for name in found:
        if name not in STAGES:
            raise ValueError(f"There is no stage named {name!r} to put in order; the stages are {', '.join(STAGES)}.")
    twice = next((name for name in found if found.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} stands twice in the order; name every stage once.")
    return found


def arrange(names: Sequence[str], order: Sequence[str]) -> list[int]:
    """Where the items called `names`, given in the library's order, go: their indices in the new order.

    Items whose name is in `order` take the places of such items among themselves; all others keep theirs.
    """
    place = {name: rank for rank, name in enumerate(order)}
    slots = [i for i, name in enumerate(names) if name in place]
    arranged = list(range(len(names)))
    for slot, item in zip(slots, sorted(slots, key=lambda i: place[names[i]]), strict=True):
        arranged[slot] = item
    return arranged
