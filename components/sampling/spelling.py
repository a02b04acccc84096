"""Settings as one short line, for an address and for a reader's own hands: `temperature=0.7,top_p=0.9`.

Only what differs from neutral is written. Lists are joined by `+`, lists of lists by `/`, a bias follows its tokens
after `:`. An empty line is the model's own distribution.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from components.sampling.settings import Settings

LINE = 1_000
_DEFAULTS = Settings()
_NAMES = tuple(field.name for field in fields(Settings))
_WORDS = {"bad_words_ids"}
_LISTS = {"suppress_tokens", "begin_suppress_tokens", "negative_prompt_ids", "dry_breakers"}


def spell(settings: Settings) -> str:
    """The settings as one line; `unspell` reads it back."""
    parts = []
    for name in _NAMES:
        value = getattr(settings, name)
        if value != getattr(_DEFAULTS, name):
            parts.append(f"{name}={_written(name, value)}")
    return ",".join(parts)


def unspell(line: str) -> Settings:
    """Settings from a line as `spell` writes it, spaces allowed.

    Raises:
        ValueError: a name that is no knob, a value that does not fit, or a part without `=`.
    """
    if len(line) > LINE:
        raise ValueError(f"These settings are {len(line):,} characters long; {LINE:,} are enough for every knob.")
    values: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in line.split(","))):
        name, equals, text = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise ValueError(f"{part!r} is no setting; write a knob's name, = and its value.")
        if name in values:
            raise ValueError(f"{name} stands twice in one setting; name every knob once.")
        if name not in _NAMES:
            near = difflib.get_close_matches(name, _NAMES, 1)
            raise ValueError(f"There is no knob named {name!r}; " + (
                f"the nearest name is {near[0]}." if near else "the names are those of transformers, such as top_p."))
        values[name] = _read(name, text)
    return Settings.of(values)


def _number(value: float) -> str:
    return repr(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)


def _written(name: str, value: Any) -> str:
    if name == "sequence_bias":
        return "/".join("+".join(map(str, word)) + f":{_number(bias)}" for word, bias in value)
    if name in _WORDS:
        return "/".join("+".join(map(str, word)) for word in value)
    if isinstance(value, tuple):
        return "+".join(one if isinstance(one, str) else _number(one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else _number(value)


def _of(name: str, text: str, make: Callable[[str], Any]) -> Any:
    try:
        return make(text)
    except ValueError:
        raise ValueError(f"{name} is {text!r}, which is no number; write one, such as {name}=1.") from None


def _read(name: str, text: str) -> Any:
    before = getattr(_DEFAULTS, name)
    if name == "order":
        return tuple(filter(None, text.split("+")))
    if name == "watermark":
        return text
    if name == "sequence_bias":
        pairs = [word.partition(":") for word in text.split("/")]
        return tuple((_of(name, word, _ids), _of(name, bias, float)) for word, _, bias in pairs)
    if name in _WORDS:
        return tuple(_of(name, word, _ids) for word in text.split("/"))
    if name in _LISTS:
        return _of(name, text, _ids)
    if name == "exponential_decay_length_penalty":
        start, _, factor = text.partition("+")
        return _of(name, start, int), _of(name, factor, float)
    if isinstance(before, bool):
        if text not in ("yes", "no"):
            raise ValueError(f"{name} is {text!r}; write yes or no.")
        return text == "yes"
    return _of(name, text, int if isinstance(before, int) or before is None else float)


def _ids(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in text.split("+"))
