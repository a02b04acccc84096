"""What transformers itself builds for some settings: its processors in its order, and which knob each of them is.

`_get_logits_processor` is private to transformers; a test pins what comes of it against
`generate(output_scores=True)`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any

from components.sampling.settings import Settings
from components.sampling.stateful import Guidance, Watermark

# What transformers builds -> the knob that asked for it.
CLASSES = {
    "UnbatchedClassifierFreeGuidanceLogitsProcessor": "guidance_scale",
    "SequenceBiasLogitsProcessor": "sequence_bias",
    "EncoderRepetitionPenaltyLogitsProcessor": "encoder_repetition_penalty",
    "RepetitionPenaltyLogitsProcessor": "repetition_penalty",
    "NoRepeatNGramLogitsProcessor": "no_repeat_ngram_size",
    "EncoderNoRepeatNGramLogitsProcessor": "encoder_no_repeat_ngram_size",
    "NoBadWordsLogitsProcessor": "bad_words_ids",
    "MinLengthLogitsProcessor": "min_length",
    "MinNewTokensLengthLogitsProcessor": "min_new_tokens",
    "ForcedBOSTokenLogitsProcessor": "forced_bos_token_id",
    "ForcedEOSTokenLogitsProcessor": "forced_eos_token_id",
    "InfNanRemoveLogitsProcessor": "remove_invalid_values",
    "ExponentialDecayLengthPenalty": "exponential_decay_length_penalty",
    "SuppressTokensLogitsProcessor": "suppress_tokens",
    "SuppressTokensAtBeginLogitsProcessor": "begin_suppress_tokens",
    "TemperatureLogitsWarper": "temperature",
    "TopHLogitsWarper": "top_h",
    "TopKLogitsWarper": "top_k",
    "TopPLogitsWarper": "top_p",
    "MinPLogitsWarper": "min_p",
    "TypicalLogitsWarper": "typical_p",
    "EpsilonLogitsWarper": "epsilon_cutoff",
    "EtaLogitsWarper": "eta_cutoff",
    "WatermarkLogitsProcessor": "watermark",
    "SynthIDTextWatermarkLogitsProcessor": "watermark",
    "LogitNormalization": "renormalize_logits",
}
# Those that give back new scores and leave what they are given as it is; a test holds them to it. Any other is given a
# copy of its own.
READS_ONLY = frozenset({
    "TemperatureLogitsWarper", "TopHLogitsWarper", "TopKLogitsWarper", "TopPLogitsWarper", "MinPLogitsWarper",
    "TypicalLogitsWarper", "EpsilonLogitsWarper", "EtaLogitsWarper", "RepetitionPenaltyLogitsProcessor",
})


def library_of(model: Any | None) -> Any | None:
    """The transformers model inside an `OpenModel`, or the model itself."""
    return model if model is None or hasattr(model, "generate") else model.model


@functools.lru_cache(maxsize=8)
def bare_model(vocabulary: int) -> Any:
    """A model without a model: enough of one for transformers to build its processors from a plain config."""
    from transformers import GenerationConfig, PreTrainedConfig
    from transformers.generation.utils import GenerationMixin

    class Bare(GenerationMixin):
        config = PreTrainedConfig.from_dict({"vocab_size": vocabulary})
        generation_config = GenerationConfig()
        device = "cpu"

    return Bare()


def library_processors(
    settings: Settings, owner: Any, prompt_ids: Sequence[int], prompt_length: int, num_beams: int,
    ends: Sequence[int] | None,
) -> list[Any]:
    """What `generate` would fold for these settings, in its order."""
    import torch
    from transformers import LogitsProcessorList

    arguments = settings.generate_arguments()
    guidance = arguments.pop("guidance_scale", None)
    if num_beams > 1:
        arguments["num_beams"] = num_beams  # its truncations then leave a token more than there are end tokens
    if ends is not None:
        arguments["eos_token_id"] = list(ends)
    config, _ = owner._prepare_generation_config(None, **arguments)
    config.max_length = prompt_length + settings.max_new_tokens
    if config.min_new_tokens:
        config.min_length = 0  # `generate` lets min_new_tokens take its place; one processor for it is enough
    owner._prepare_special_tokens(config, True, device="cpu", batch_size=1)
    found = list(
        owner._get_logits_processor(
            generation_config=config,
            input_ids_seq_length=prompt_length,
            encoder_input_ids=torch.tensor([list(prompt_ids)], dtype=torch.long) if prompt_ids else None,
            device="cpu",
            model_kwargs={},
            logits_processor=LogitsProcessorList(),
        )
    )
    if settings.watermark == "synthid":
        vocabulary = owner.config.get_text_config().vocab_size
        marking = Watermark(config.watermarking_config, vocabulary, prompt_length)
        found = [marking if type(one).__name__ == "SynthIDTextWatermarkLogitsProcessor" else one for one in found]
    if guidance is not None:
        if not hasattr(owner, "forward"):
            raise ValueError("guidance_scale compares two prompts by the model itself; pass the model, or set it to 1.")
        found.insert(0, Guidance(guidance, owner, settings.negative_prompt_ids, prompt_length))
    return found


def knob_of(processor: Any) -> str:
    """The knob behind a processor; one that only a model's own config can ask for goes by its class."""
    if isinstance(processor, (Guidance, Watermark)):
        return "guidance_scale" if isinstance(processor, Guidance) else "watermark"
    kind = type(processor).__name__
    plain = re.sub(r"(LogitsProcessor|LogitsWarper|Penalty)$", "", kind)
    return CLASSES.get(kind) or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", plain).lower()
