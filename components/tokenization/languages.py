"""What the same sentence costs in different languages: tokens, bytes and what the vocabulary cannot say at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from components.corpora import Sentence
from components.models.open import OpenTokenizer
from components.tokenization.trace import Kind, trace


@dataclass(frozen=True)
class LanguageCost:
    """One language in one tokenizer. The tuples run over the sentences, in the order they were given.

    Attributes:
        language: BCP 47 tag.
        script: ISO 15924 code.
        tokens: tokens of each sentence, without those that a template adds.
        bytes: its length in UTF-8.
        lost: characters of it that the vocabulary has no token for. Where this is not 0 the count of tokens means
            little: one "unknown" may stand for a whole word.
    """

    language: str
    script: str
    tokens: tuple[int, ...]
    bytes: tuple[int, ...]
    lost: tuple[int, ...]


def language_costs(
    tokenizer: OpenTokenizer, sentences: Sequence[Sentence], report: Callable[[float], None] | None = None
) -> tuple[LanguageCost, ...]:
    """Count every sentence in every language, in the order of the languages.

    Args:
        tokenizer: from `components.models.open.open_tokenizer`.
        sentences: from `components.corpora.parallel`; every language has the same ones.
        report: called with the share that is done, after each language.

    Raises:
        ValueError: a language lacks a sentence that another has, or there is no sentence.

    Petrov and others (NeurIPS 2023) and Ahia and others (EMNLP 2023) made the comparison known: the same content
    costs several times the tokens in some languages.
    """
    if not sentences:
        raise ValueError("There is no sentence to count; give at least one.")
    kinds = list(dict.fromkeys(one.sentence for one in sentences))
    texts: dict[str, dict[str, Sentence]] = {}
    for one in sentences:
        texts.setdefault(one.language, {})[one.sentence] = one
    found = []
    for place, (language, by_kind) in enumerate(texts.items(), start=1):
        lacking = next((kind for kind in kinds if kind not in by_kind), None)
        if lacking is not None:
            raise ValueError(f"{language} has no sentence {lacking!r}; give every language the same sentences.")
        counted = [_counted(tokenizer, by_kind[kind].text) for kind in kinds]
        tokens, sizes, lost = (tuple(column) for column in zip(*counted, strict=True))
        found.append(LanguageCost(language, by_kind[kinds[0]].script, tokens, sizes, lost))
        if report:
            report(place / len(texts))
    return tuple(found)


def premium(costs: Sequence[LanguageCost], over: str = "en") -> dict[str, float]:
    """Language -> its tokens for all sentences together, over those of one language (English by default).

    Raises:
        ValueError: the language to compare with is not there.
    """
    totals = {cost.language: sum(cost.tokens) for cost in costs}
    if not totals.get(over):
        raise ValueError(f"There is no count for {over!r} to compare with; choose one of: {', '.join(totals)}.")
    return {language: total / totals[over] for language, total in totals.items()}


def _counted(tokenizer: OpenTokenizer, text: str) -> tuple[int, int, int]:
    """Tokens, bytes, and characters without a token of their own."""
    found = trace(tokenizer, text)
    unknown = found.kinds == Kind.UNKNOWN
    lost = int(np.sum(found.char_end[unknown] - found.char_start[unknown]))
    return len(found), len(found.utf8), lost
