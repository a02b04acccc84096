"""What a reader sets: the knobs of the chain and of the draw, checked once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from components.sampling.checks import MAX_NEW_TOKENS, biases, decay, ids, number, whole, words
from components.sampling.orders import check_order

# name -> (lowest, highest, hint); whole numbers and the rest apart.
_NUMBERS: dict[str, tuple[float, float, str]] = {
    "temperature": (0, 100, "0 is greedy, 1 leaves the model as it is"),
    "top_p": (0, 1, "1 is off"),
    "min_p": (0, 1, "0 is off"),
    "typical_p": (0, 1, "1 is off"),
    "epsilon_cutoff": (0, 0.999, "0 is off"),
    "eta_cutoff": (0, 0.999, "0 is off"),
    "top_h": (0, 1, "0 is off"),
    "repetition_penalty": (0.1, 10, "1 is off"),
    "encoder_repetition_penalty": (0.1, 10, "1 is off"),
    "guidance_scale": (-20, 20, "1 is off"),
    "watermark_bias": (-20, 20, "2 is usual"),
    "presence_penalty": (-10, 10, "0 is off"),
    "frequency_penalty": (-10, 10, "0 is off"),
    "dry_multiplier": (0, 100, "0 is off"),
    "dry_base": (1, 8, "1.75 is usual"),
    "xtc_probability": (0, 1, "0 is off"),
    "xtc_threshold": (0, 1, "0.1 is usual, above 0.5 nothing happens"),
    "mirostat_tau": (0, 30, "5 is usual"),
    "mirostat_eta": (0, 1, "0.1 is usual"),
    "top_n_sigma": (0, 100, "0 is off"),
    "top_a": (0, 1, "0 is off"),
    "tfs_z": (0, 1, "1 is off"),
    "dynatemp_range": (0, 10, "0 is off"),
    "dynatemp_exponent": (0.01, 10, "1 is usual"),
    "smoothing_factor": (0, 20, "0 is off"),
    "smoothing_curve": (1, 10, "1 is usual"),
}
_WHOLES: dict[str, tuple[int, int, str]] = {
    "top_k": (0, 10_000_000, "0 is off"),
    "seed": (0, 2**53 - 1, "any whole number will do"),
    "max_new_tokens": (1, MAX_NEW_TOKENS, "shorten the request"),
    "no_repeat_ngram_size": (0, 1_000, "0 is off"),
    "encoder_no_repeat_ngram_size": (0, 1_000, "0 is off"),
    "min_length": (0, 100_000, "0 is off"),
    "min_new_tokens": (0, MAX_NEW_TOKENS, "0 is off"),
    "penalty_last_n": (-1, 100_000, "0 counts the new tokens, -1 the whole text"),
    "dry_allowed_length": (1, 1_000, "2 is usual"),
    "dry_penalty_last_n": (-1, 100_000, "-1 looks at the whole text"),
    "mirostat": (0, 2, "0 is off"),
}
_SWITCHES = ("do_sample", "remove_invalid_values", "renormalize_logits")
_ONE_ID = ("forced_bos_token_id", "forced_eos_token_id")
_IDS = ("suppress_tokens", "begin_suppress_tokens", "negative_prompt_ids", "dry_breakers")
WATERMARKS = ("", "greenlist", "synthid")


@dataclass(frozen=True)
class Settings:
    """The knobs, under the names that transformers uses, or else the engine that brought them. Every default is
    neutral: the model's own distribution.

    Attributes:
        temperature: logits are divided by it; 1 changes nothing. 0 means greedy decoding, since nothing can be
            divided by it.
        top_k: at most so many tokens stay; 0 is off.
        top_p: the likeliest tokens stay until their probabilities add up to this; 1 is off.
        min_p: tokens with less than this share of the likeliest one's probability go; 0 is off.
        repetition_penalty: logits of tokens already in the text are divided by it where positive and multiplied
            where negative; 1 is off.
        seed: fixes the random numbers of the draw, see `draw.uniform`.
        do_sample: False takes the likeliest token at each step (greedy decoding).
        max_new_tokens: where a generation ends at the latest.
        order: stage names in the order in which they shall stand, see `orders`; empty for the library's own.
        typical_p, epsilon_cutoff, eta_cutoff, top_h: further truncations of transformers; 1, 0, 0 and 0 are off.
        encoder_repetition_penalty: above 1 favours the tokens of the prompt; 1 is off.
        no_repeat_ngram_size, encoder_no_repeat_ngram_size: no n-gram (of the prompt) comes twice; 0 is off.
        sequence_bias: ((ids, bias), ...), added to the score of the last id where the ones before it stand.
        bad_words_ids: ((id, ...), ...), sequences that may not come.
        suppress_tokens, begin_suppress_tokens: ids that may never, or not as the first new token, come.
        min_length, min_new_tokens: no end token before so many tokens, prompt included or not; 0 is off.
        forced_bos_token_id, forced_eos_token_id: the token that must follow a first one; that must come last.
        exponential_decay_length_penalty: (start, factor): from so many new tokens on the end grows likelier.
        remove_invalid_values, renormalize_logits: the library's two switches of those names.
        guidance_scale: classifier-free guidance against `negative_prompt_ids`; 1 is off.
        watermark: "" for none, "greenlist" (with `watermark_bias`) or "synthid".
        presence_penalty, frequency_penalty: taken off a score once, or for each time; `penalty_last_n` says where
            they count, see `samplers.window`.
        dry_multiplier, dry_base, dry_allowed_length, dry_penalty_last_n, dry_breakers: see `samplers.dry`.
        xtc_probability, xtc_threshold: see `samplers.xtc`.
        mirostat, mirostat_tau, mirostat_eta: version 0 (off), 1 or 2, see `samplers.mirostat`. It takes the place of
            every stage that removes tokens, as in llama.cpp.
        top_n_sigma, top_a, tfs_z: see `samplers.truncation`; 0, 0 and 1 are off.
        dynatemp_range, dynatemp_exponent: temperature plus and minus the range by entropy, in place of temperature.
        smoothing_factor, smoothing_curve: see `samplers.quadratic`; a factor of 0 is off.

    Raises:
        ValueError: a sentence naming the knob, its value and what may stand there.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int = 1
    do_sample: bool = True
    max_new_tokens: int = 60
    order: tuple[str, ...] = ()
    typical_p: float = 1.0
    epsilon_cutoff: float = 0.0
    eta_cutoff: float = 0.0
    top_h: float = 0.0
    encoder_repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    encoder_no_repeat_ngram_size: int = 0
    sequence_bias: tuple[tuple[tuple[int, ...], float], ...] = ()
    bad_words_ids: tuple[tuple[int, ...], ...] = ()
    suppress_tokens: tuple[int, ...] = ()
    begin_suppress_tokens: tuple[int, ...] = ()
    min_length: int = 0
    min_new_tokens: int = 0
    forced_bos_token_id: int | None = None
    forced_eos_token_id: int | None = None
    exponential_decay_length_penalty: tuple[int, float] | None = None
    remove_invalid_values: bool = False
    renormalize_logits: bool = False
    guidance_scale: float = 1.0
    negative_prompt_ids: tuple[int, ...] = ()
    watermark: str = ""
    watermark_bias: float = 2.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    penalty_last_n: int = 0
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_penalty_last_n: int = -1
    dry_breakers: tuple[int, ...] = ()
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    mirostat: int = 0
    mirostat_tau: float = 5.0
    mirostat_eta: float = 0.1
    top_n_sigma: float = 0.0
    top_a: float = 0.0
    tfs_z: float = 1.0
    dynatemp_range: float = 0.0
    dynatemp_exponent: float = 1.0
    smoothing_factor: float = 0.0
    smoothing_curve: float = 1.0

    def __post_init__(self) -> None:
        for name, (low, high, hint) in _NUMBERS.items():
            number(name, getattr(self, name), low, high, hint)
        # A temperature this small overflows float32 and the library's softmax gives NaN.
        if 0 < self.temperature < 0.01:
            raise ValueError(f"temperature is {self.temperature:g}; set 0 for greedy decoding, or at least 0.01.")
        for name, (least, most, hint) in _WHOLES.items():
            whole(name, getattr(self, name), least, most, hint)
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                what = "; False is greedy decoding" if name == "do_sample" else ""
                raise ValueError(f"{name} has to be True or False, not {getattr(self, name)!r}{what}.")
        for name in _ONE_ID:
            if getattr(self, name) is not None:
                ids(name, (getattr(self, name),))
        # Whatever holds ids is made of tuples, so that settings can be compared and kept under themselves.
        for name in _IDS:
            object.__setattr__(self, name, ids(name, getattr(self, name)))
        object.__setattr__(self, "bad_words_ids", words("bad_words_ids", self.bad_words_ids))
        object.__setattr__(self, "sequence_bias", biases(self.sequence_bias))
        object.__setattr__(self, "exponential_decay_length_penalty", decay(self.exponential_decay_length_penalty))
        if self.watermark not in WATERMARKS:
            raise ValueError(f"watermark is {self.watermark!r}; it can be empty, 'greenlist' or 'synthid'.")
        object.__setattr__(self, "order", check_order(self.order))

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Settings:
        """Settings from a mapping, such as one read from JSON.

        Raises:
            ValueError: for a name that is no knob, or a value that does not fit.
        """
        names = {field.name for field in fields(cls)}
        for name in values:
            if name not in names:
                raise ValueError(f"There is no knob named {name!r}; the knobs are {', '.join(sorted(names))}.")
        return cls(**dict(values))

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is taken without a draw."""
        return not self.do_sample or self.temperature == 0

    def generate_arguments(self) -> dict[str, Any]:
        """The same settings as keyword arguments of transformers' `generate`.

        Every knob is named, also where it is off: left out, `generate` would fill in its own default, and for
        top_k that is 50.
        """
        sampling: dict[str, Any] = {"do_sample": False, "temperature": 1.0, "top_k": 50, "top_p": 1.0, "min_p": None}
        if not self.greedy:
            truncates = not self.mirostat  # it takes the place of every stage that removes tokens
            sampling = {
                "do_sample": True,
                "temperature": 1.0 if self.dynatemp_range > 0 else float(self.temperature),
                "top_k": self.top_k if truncates else 0,
                "top_p": float(self.top_p) if truncates else 1.0,
                "min_p": float(self.min_p) if self.min_p > 0 and truncates else None,
            }
            if truncates:
                sampling |= self._further_truncations()
        return {**sampling, "repetition_penalty": float(self.repetition_penalty), **self._further_processors()}

    def _further_truncations(self) -> dict[str, Any]:
        """Only what is on: these the library leaves out by itself."""
        found: dict[str, Any] = {}
        if self.typical_p < 1:
            found["typical_p"] = float(self.typical_p)
        for name in ("epsilon_cutoff", "eta_cutoff", "top_h"):
            if getattr(self, name) > 0:
                found[name] = float(getattr(self, name))
        return found

    def _further_processors(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.encoder_repetition_penalty != 1:
            found["encoder_repetition_penalty"] = float(self.encoder_repetition_penalty)
        if self.guidance_scale != 1:
            found["guidance_scale"] = float(self.guidance_scale)
        for name in ("no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "min_length", "min_new_tokens",
                     "remove_invalid_values", "renormalize_logits"):
            if getattr(self, name):
                found[name] = getattr(self, name)
        for name in ("suppress_tokens", "begin_suppress_tokens"):
            if getattr(self, name):
                found[name] = list(getattr(self, name))
        for name in ("forced_bos_token_id", "forced_eos_token_id", "exponential_decay_length_penalty"):
            if getattr(self, name) is not None:
                found[name] = getattr(self, name)
        if self.bad_words_ids:
            found["bad_words_ids"] = [list(word) for word in self.bad_words_ids]
        if self.sequence_bias:
            found["sequence_bias"] = [[list(word), bias] for word, bias in self.sequence_bias]
        if self.watermark:
            found["watermarking_config"] = _watermark(self.watermark, self.watermark_bias)
        return found


# SynthID's keys are a secret of whoever marks a text. These serve to show the effect and mark nothing in earnest.
_KEYS = (654, 400, 836, 123, 340, 443, 597, 160, 57)


def _watermark(kind: str, bias: float) -> Any:
    from transformers import SynthIDTextWatermarkingConfig, WatermarkingConfig

    if kind == "synthid":
        return SynthIDTextWatermarkingConfig(ngram_len=5, keys=list(_KEYS))
    return WatermarkingConfig(bias=float(bias), seeding_scheme="lefthash", context_width=1)
