"""What a beam search keeps of itself: its candidates, its steps, the texts that ended, and the search as a whole."""

from __future__ import annotations

import math
from dataclasses import dataclass

from components.sampling.settings import Settings

# What the library uses for "no text": it starts with one text in num_beams places, so all but the first are barred.
BARRED = -1.0e9
KEPT, FINISHED, LATE, DROPPED, VOID = "kept", "finished", "late", "dropped", "void"


@dataclass(frozen=True)
class Candidate:
    """One continuation that a step looked at.

    Attributes:
        parent: the running text, 0 to num_beams - 1, that it continues.
        id: the token.
        raw: ln of the token's probability as the model gave it.
        log_p: what the library adds for it: the same after the chain.
        total: what its text has come to, the sum of `log_p`.
        fate: "kept" goes on, "finished" ended among the first num_beams, "late" ended behind them and so does not
            count, "dropped" is out, "void" fills a place where nothing could come.
        beam: the place among the running texts of the next step; None unless kept.
        score: total / length ** length_penalty where it finished.
    """

    parent: int
    id: int
    raw: float
    log_p: float
    total: float
    fate: str
    beam: int | None
    score: float | None


@dataclass(frozen=True)
class Hypothesis:
    """A text that has ended.

    Attributes:
        ids: its new tokens, the end token included.
        beams: for each of them the running text it came from (the library's `beam_indices`).
        total: sum of the tokens' log-probabilities after the chain; raw: the same as the model gave them.
        score: total / length ** length_penalty.
        step: where it ended, 0 for the first.
        ended: "end" at an end token, "length" where the search ends.
    """

    ids: tuple[int, ...]
    beams: tuple[int, ...]
    total: float
    raw: float
    score: float
    step: int
    ended: str

    @property
    def void(self) -> bool:
        """Whether it only fills a place: the chain left fewer continuations than there are beams."""
        return not math.isfinite(self.total) or self.total < BARRED / 2


@dataclass(frozen=True)
class BeamStep:
    """One step.

    Attributes:
        candidates: by falling total; under beam sampling in the order in which they were drawn.
        running: the new tokens of the texts that go on, best first.
        finished: how many texts have ended and hold a place by now.
        reachable: the score that the best running text can still reach, by the rule of `early_stopping`.
        worst: the lowest score among the finished, once there are num_beams of them.
    """

    candidates: tuple[Candidate, ...]
    running: tuple[tuple[int, ...], ...]
    finished: int
    reachable: float
    worst: float | None


@dataclass(frozen=True)
class BeamSearch:
    """A whole search.

    Attributes:
        hypotheses: the num_beams texts that the library returns, best first; fewer where it was stopped.
        every: all texts that finished on the way, in that order, those that lost their place again included.
        ended: "beaten" where no running text could reach the finished ones, "full" where early_stopping ended it,
            "length", "context" where the model reads no further, "stopped".
    """

    prompt_ids: tuple[int, ...]
    settings: Settings
    num_beams: int
    max_new_tokens: int
    length_penalty: float
    early_stopping: bool | str
    steps: tuple[BeamStep, ...]
    hypotheses: tuple[Hypothesis, ...]
    every: tuple[Hypothesis, ...]
    ended: str
