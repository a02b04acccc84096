"""What a reader sets: the knobs of the chain and of the draw, checked once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

MAX_NEW_TOKENS = 512


def _number(name: str, value: object, low: float, high: float, hint: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{name} has to be a number, not {value!r}; {hint}.")
    if not low <= value <= high:
        raise ValueError(f"{name} is {value:g} and has to lie between {low:g} and {high:g}; {hint}.")


def _whole(name: str, value: object, low: int, high: int, hint: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} has to be a whole number, not {value!r}; {hint}.")
    if not low <= value <= high:
        raise ValueError(f"{name} is {value} and has to lie between {low} and {high}; {hint}.")


@dataclass(frozen=True)
class Settings:
    """The knobs, under the names that transformers uses. Every default is neutral: the model's own distribution.

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

    def __post_init__(self) -> None:
        _number("temperature", self.temperature, 0, 100, "0 is greedy, 1 leaves the model as it is")
        # A temperature this small overflows float32 and the library's softmax gives NaN.
        if 0 < self.temperature < 0.01:
            raise ValueError(f"temperature is {self.temperature:g}; set 0 for greedy decoding, or at least 0.01.")
        _whole("top_k", self.top_k, 0, 10_000_000, "0 is off")
        _number("top_p", self.top_p, 0, 1, "1 is off")
        _number("min_p", self.min_p, 0, 1, "0 is off")
        _number("repetition_penalty", self.repetition_penalty, 0.1, 10, "1 is off")
        _whole("seed", self.seed, 0, 2**53 - 1, "any whole number will do")
        if not isinstance(self.do_sample, bool):
            raise ValueError(f"do_sample has to be True or False, not {self.do_sample!r}; False is greedy decoding.")
        _whole("max_new_tokens", self.max_new_tokens, 1, MAX_NEW_TOKENS, "shorten the request")

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
            sampling = {
                "do_sample": True,
                "temperature": float(self.temperature),
                "top_k": self.top_k,
                "top_p": float(self.top_p),
                "min_p": float(self.min_p) if self.min_p > 0 else None,
            }
        return {**sampling, "repetition_penalty": float(self.repetition_penalty)}
