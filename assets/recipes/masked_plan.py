"""The numbers of the gapfiller recipe in one place: its size, its rows, its gaps, its schedule."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MaskedPlan:
    """What is trained and how. The defaults are the shipped model; tests use smaller ones."""

    #: Storyteller's ids, and one more behind them for a gap.
    tokens: int = 4096
    layers: int = 6
    width: int = 256
    heads: int = 8
    feed_forward: int = 688
    context: int = 256
    rope_theta: float = 10_000.0
    norm_epsilon: float = 1e-5
    #: Rows in one step. Every so many steps the rows are short instead, begin where a paragraph begins, and are more,
    #: so that a step has as many tokens: readers write a sentence, not a page.
    rows: int = 12
    short_every: int = 4
    short_context: int = 64
    #: Share of a row that is hidden in training, and in the measures. Half of the rows hide whole words.
    hidden: float = 0.3
    hidden_in_measures: float = 0.15
    matrix_rate: float = 0.015
    other_rate: float = 0.002
    matrix_decay: float = 0.01
    warm_up_steps: int = 100
    final_rate: float = 0.03
    clip: float = 1.0
    seed: int = 41
    #: Seconds of training between two rows of the log. Each row is an evaluation and a checkpoint.
    log_seconds: float = 120.0
    #: Windows of the held-out books that each row of the log scores, spread evenly.
    log_windows: int = 45

    @property
    def vocabulary(self) -> int:
        """Storyteller's ids and the gap's."""
        return self.tokens + 1

    @property
    def mask_id(self) -> int:
        """The id that stands for a gap."""
        return self.tokens

    @property
    def head_width(self) -> int:
        """Numbers in one head's query, key or value."""
        return self.width // self.heads
