"""A shape that the output must have -> which tokens may come next. The grammars are llguidance's.

A shape is a list of choices, a regular expression or a JSON schema. `compile_shape` checks it at the door, with limits
that keep every step short; a `Matcher` then follows one output token by token.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.sampling.decode import end_ids
from components.sampling.grammar_words import door_trouble, line, never, step_trouble
from components.sampling.library import library_of

if TYPE_CHECKING:
    from components.models.open import OpenModel

KINDS = ("choices", "regex", "json")
MOST_CHOICES, CHOICE_CHARACTERS = 20, 120
REGEX_CHARACTERS, SCHEMA_CHARACTERS = 1_000, 20_000
# JSON on one line, as `json.dumps` writes it. Left free, a small model may fill its whole budget with line breaks.
JSON_OPTIONS: Any = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


@dataclass(frozen=True)
class Shape:
    """What the output shall look like.

    Attributes:
        kind: "choices", "regex" or "json".
        text: the regular expression, or the JSON schema as text ("{}" is any JSON); unused for choices.
        choices: the texts of which one has to come; unused otherwise.
    """

    kind: str
    text: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Grammar:
    """A shape, compiled for one model.

    Attributes:
        shape: what was asked for.
        source: llguidance's own notation of it, as `LLMatcher` takes it.
        vocabulary: number of the model's logits; masks have this length.
        ends: ids at which the model ends a text; a mask holds them only where the shape is complete.
    """

    shape: Shape
    source: str
    vocabulary: int
    ends: frozenset[int]
    _tokenizer: Any = field(repr=False)

    def matcher(self) -> Matcher:
        """A fresh follower, at the beginning of the output."""
        return Matcher(self)


class Matcher:
    """Follows one output through a grammar."""

    def __init__(self, grammar: Grammar, _copy: Any = None) -> None:
        from llguidance import LLMatcher

        self.grammar = grammar
        self._inner = _copy or LLMatcher(grammar._tokenizer, grammar.source, log_level=0, limits=_limits())

    def copy(self) -> Matcher:
        """Another follower at the same place."""
        return Matcher(self.grammar, self._inner.deep_copy())

    def allowed(self) -> NDArray[np.bool_]:
        """Which tokens may come next, [vocab].

        Raises:
            ValueError: the shape has grown beyond the limits of a step, or nothing can follow.
        """
        bits = np.frombuffer(self._inner.compute_bitmask(), dtype=np.uint8)
        if self._inner.is_error():
            raise ValueError(step_trouble(self._inner.get_error()))
        found = np.unpackbits(bits, bitorder="little").astype(bool)
        mask = np.zeros(self.grammar.vocabulary, dtype=bool)  # logits beyond the tokenizer's own stand for no text
        size = min(len(mask), len(found), self.grammar._tokenizer.vocab_size)
        mask[:size] = found[:size]
        if not mask.any():
            raise ValueError("No token of this model can go on in this shape; loosen the shape.")
        return mask

    def take(self, token: int) -> None:
        """Go on with `token`, which has to be allowed. Raises ValueError where it is not."""
        if not self._inner.consume_token(int(token)):
            raise ValueError(step_trouble(self._inner.get_error()))

    @property
    def accepting(self) -> bool:
        """Whether the output so far has the whole shape."""
        return bool(self._inner.is_accepting())


def _limits() -> Any:
    """Bounds of a step: about 20 ms of lexing, and 20,000 lexer states (40 MB) in all."""
    from llguidance import LLParserLimits

    return LLParserLimits(
        max_items_in_row=2_000, initial_lexer_fuel=1_000_000, step_lexer_fuel=200_000, step_max_items=50_000,
        max_lexer_states=20_000, max_grammar_size=100_000, verbose_errors=False,
    )


_tokenizers: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def vocabulary_of(model: Any) -> int:
    """How many logits a model gives; a tokenizer may have fewer tokens."""
    return int(library_of(model).get_output_embeddings().weight.shape[0])  # type: ignore[union-attr]


def _tokenizer(model: OpenModel) -> Any:
    """llguidance's table of the model's tokens, kept as long as the model."""
    library = library_of(model)
    found = _tokenizers.get(library)
    if found is None:
        from llguidance import LLTokenizer
        from tokenizers import Tokenizer

        plain: Any = model.tokenizer.library_object
        if not isinstance(plain, Tokenizer):
            raise ValueError("A shape needs a tokenizer.json, and this model has another kind; choose another model.")
        ends = sorted(end_ids(model)) or list(model.eos_ids)
        if not ends:
            raise ValueError("This model has no token that ends a text, so no shape can be closed; choose another.")
        try:
            found = LLTokenizer(plain.to_str(), n_vocab=max(plain.get_vocab_size(), vocabulary_of(model)),
                                eos_token=ends)
        except ValueError as problem:
            raise ValueError(f"llguidance cannot read this model's tokenizer ({line(problem)}); "
                             "choose another model.") from problem
        _tokenizers[library] = found
    return found


def compile_shape(model: OpenModel, shape: Shape) -> Grammar:
    """Check a shape and compile it for a model's tokens.

    Args:
        model: an open decoder; its own tokenizer and end tokens count.
        shape: what the output shall look like.

    Raises:
        ValueError: no choices, a regular expression or a schema that is invalid, unsupported, too large, or that no
            text can meet.

    Source: llguidance 1.9.1, `LLMatcher.grammar_from_json_schema`, `grammar_from_regex`, Lark notation for choices.
    """
    if shape.kind not in KINDS:
        raise ValueError(f"There is no shape called {shape.kind!r}; the shapes are {', '.join(KINDS)}.")
    source = {"choices": _choices, "regex": _regex, "json": _json}[shape.kind](shape)
    tokenizer = _tokenizer(model)
    from llguidance import LLMatcher

    wrong, says = LLMatcher.validate_grammar_with_warnings(source, tokenizer, limits=_limits())
    if wrong:
        raise ValueError(door_trouble(shape.kind, says[0]))
    grammar = Grammar(shape, source, vocabulary_of(model), end_ids(model) or frozenset(model.eos_ids), tokenizer)
    first = grammar.matcher()
    try:
        mask = first.allowed()
    except ValueError as problem:
        if "NoExtension" in first._inner.get_error():
            raise ValueError(never(shape.kind)) from problem
        raise
    if not set(np.flatnonzero(mask).tolist()) - grammar.ends:
        raise ValueError("This shape allows only an empty output, so there is nothing to write; let it hold a sign.")
    return grammar


# ------------------------------------------------------------------------------------------------------- the notations


def check_choices(choices: Sequence[str]) -> tuple[str, ...]:
    """The choices as they were given, or a ValueError that says what is wrong."""
    if isinstance(choices, str) or not all(isinstance(one, str) for one in choices):
        raise ValueError("Choices are a list of texts; write one on each line.")
    if not choices:
        raise ValueError("There is no choice to choose from; write at least two, one on each line.")
    if len(choices) > MOST_CHOICES:
        raise ValueError(f"There are {len(choices)} choices and this page takes {MOST_CHOICES}; leave some out.")
    for one in choices:
        if not one:
            raise ValueError("One choice is empty; write a text for it, or take it out.")
        if len(one) > CHOICE_CHARACTERS:
            raise ValueError(f"The choice “{one[:20]}…” has {len(one)} signs, the limit is {CHOICE_CHARACTERS}; "
                             "shorten it.")
        _unicode(one, "A choice")
    twice = next((one for one in choices if list(choices).count(one) > 1), None)
    if twice is not None:
        raise ValueError(f"The choice “{twice[:40]}” stands there twice; keep one of them.")
    return tuple(choices)


def _choices(shape: Shape) -> str:
    from llguidance import LLMatcher

    # Lark's strings are written like JSON's, and name no special token: `<|im_end|>` is spelled sign by sign.
    quoted = (json.dumps(one, ensure_ascii=False) for one in check_choices(shape.choices))
    return str(LLMatcher.grammar_from_lark("start: " + " | ".join(quoted)))


def _regex(shape: Shape) -> str:
    from llguidance import LLMatcher

    if not shape.text:
        raise ValueError("The regular expression is empty; write one, such as [0-9]+.")
    if len(shape.text) > REGEX_CHARACTERS:
        raise ValueError(f"The regular expression has {len(shape.text):,} signs and the limit is "
                         f"{REGEX_CHARACTERS:,}; shorten it.")
    _unicode(shape.text, "The regular expression")
    return str(LLMatcher.grammar_from_regex(shape.text))


def _json(shape: Shape) -> str:
    from llguidance import LLMatcher

    if len(shape.text) > SCHEMA_CHARACTERS:
        raise ValueError(f"The schema has {len(shape.text):,} signs and the limit is {SCHEMA_CHARACTERS:,}; "
                         "shorten it.")
    _unicode(shape.text, "The schema")
    if not shape.text.strip():
        raise ValueError("The schema is empty; write {} for any JSON, or press an example.")
    try:
        schema = json.loads(shape.text)
    except json.JSONDecodeError as problem:
        raise ValueError(f"The schema is no JSON: {problem.msg} in line {problem.lineno}, sign {problem.colno}; "
                         "mend it there.") from problem
    except RecursionError as problem:
        raise ValueError("The schema is nested too deeply; flatten it.") from problem
    if schema is False:
        raise ValueError("The schema false allows nothing at all; write {} for any JSON.")
    if schema is True:
        schema = {}
    if not isinstance(schema, dict):
        raise ValueError("A schema is a JSON object such as {\"type\": \"string\"}; this is another kind of JSON.")
    try:
        return str(LLMatcher.grammar_from_json_schema(json.dumps(schema), defaults=JSON_OPTIONS))
    except ValueError as problem:
        raise ValueError(f"llguidance cannot use this schema ({line(problem)}); change that part.") from problem


def _unicode(text: str, what: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as problem:
        raise ValueError(f"{what} holds half of a broken character (a lone surrogate); remove it.") from problem
