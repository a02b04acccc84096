"""The settings of a comparison as lines: `greedy`, `page` for the page's own knobs, or a line as `spell` writes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from components.sampling import COMPARED, Settings, spell, unspell
from components.views.sampling.picture import settings_of

GREEDY, PAGE = "greedy", "page"
LINE = 1_000


@dataclass(frozen=True)
class Prompted:
    """What is written on from."""

    model: str
    text: str
    chat: bool
    system: str

    @property
    def key(self) -> tuple[str, str, bool, str]:
        return self.model, self.text, self.chat, self.system


@dataclass(frozen=True)
class Asked:
    """One column's settings.

    Attributes:
        line: as it stands in the address.
        settings: with the seed and the length that count; None where the line cannot be used.
        spelled: the line with `page` and `greedy` written out, without seed and length.
        trouble: why the line cannot be used, as a sentence.
    """

    line: str
    settings: Settings | None
    spelled: str
    trouble: str


def read_lines(lines: Iterable[str]) -> list[str]:
    """At most eight lines, none longer than a setting can be."""
    return [line.strip()[:LINE] for line in lines][:COMPARED] or [PAGE]


def resolve(line: str, said: Mapping[str, Any]) -> Settings:
    """The settings behind a line; seed and length are the page's where the line does not name them.

    Raises:
        ValueError: a line that is none, in a sentence.
    """
    page = settings_of(said)
    if line == PAGE:
        return page
    found = Settings(temperature=0.0) if line == GREEDY else unspell(line)
    named = {part.partition("=")[0].strip() for part in line.split(",")}
    return found if "seed" in named else replace(found, seed=page.seed)


def asked(line: str, said: Mapping[str, Any], tokens: int) -> Asked:
    """One column's settings, with the length that all columns have; or why there are none."""
    try:
        found = replace(resolve(line, said), max_new_tokens=tokens)
    except ValueError as problem:
        return Asked(line, None, line, str(problem))
    seed = found.seed if "seed" in line else Settings().seed
    plain = spell(replace(found, seed=seed, max_new_tokens=Settings().max_new_tokens))
    return Asked(line, found, plain, "")
