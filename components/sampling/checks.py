"""Values of knobs checked at the door: a number, a whole number, token ids; a sentence for what is none."""

from __future__ import annotations

import math

MAX_NEW_TOKENS = 512


def number(name: str, value: object, low: float, high: float, hint: str) -> None:
    """A finite number from `low` to `high`, else a ValueError that ends with the hint."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{name} has to be a number, not {value!r}; {hint}.")
    if not low <= value <= high:
        raise ValueError(f"{name} is {value:g} and has to lie between {low:g} and {high:g}; {hint}.")


def whole(name: str, value: object, low: int, high: int, hint: str) -> None:
    """A whole number from `low` to `high`, else a ValueError that ends with the hint."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} has to be a whole number, not {value!r}; {hint}.")
    if not low <= value <= high:
        raise ValueError(f"{name} is {value} and has to lie between {low} and {high}; {hint}.")


def ids(name: str, value: object) -> tuple[int, ...]:
    """A list of token ids as a tuple."""
    if isinstance(value, (str, bytes)) or not isinstance(value, (tuple, list)):
        raise ValueError(f"{name} has to be a list of token ids, not {value!r}; pass whole numbers.")
    for token in value:
        if isinstance(token, bool) or not isinstance(token, int) or token < 0:
            raise ValueError(f"{name} holds {token!r}, which is no token id; pass whole numbers from 0 on.")
    return tuple(value)


def words(name: str, value: object) -> tuple[tuple[int, ...], ...]:
    """A list of sequences of token ids, none of them empty, as tuples."""
    if isinstance(value, (str, bytes)) or not isinstance(value, (tuple, list)):
        raise ValueError(f"{name} has to be a list of lists of token ids, not {value!r}; pass whole numbers.")
    words = tuple(ids(name, word) for word in value)
    if any(not word for word in words):
        raise ValueError(f"{name} holds an empty sequence; give each at least one token.")
    return words


def biases(value: object) -> tuple[tuple[tuple[int, ...], float], ...]:
    """A list of pairs (token ids, bias from -1,000 to 1,000), no sequence twice, as tuples."""
    if isinstance(value, (str, bytes)) or not isinstance(value, (tuple, list)):
        raise ValueError(f"sequence_bias has to be a list of (token ids, bias), not {value!r}; pass pairs.")
    found = []
    for pair in value:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError(f"sequence_bias holds {pair!r}; each entry has to be a pair (token ids, bias).")
        (word,), bias = words("sequence_bias", (pair[0],)), pair[1]
        number("sequence_bias", bias, -1_000, 1_000, "0 changes nothing")
        found.append((word, float(bias)))
    if len({word for word, _ in found}) < len(found):
        raise ValueError("sequence_bias names the same tokens twice; give each sequence one bias.")
    return tuple(found)


def decay(value: object) -> tuple[int, float] | None:
    """None, or (new tokens before it begins, factor by token)."""
    if value is None:
        return None
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(f"exponential_decay_length_penalty has to be (start, factor), not {value!r}.")
    whole("exponential_decay_length_penalty", value[0], 0, MAX_NEW_TOKENS, "it counts new tokens")
    number("exponential_decay_length_penalty", value[1], 0.5, 10, "1 changes nothing")
    return int(value[0]), float(value[1])
