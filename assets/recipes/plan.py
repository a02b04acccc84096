"""The numbers of the storyteller recipe in one place: its size, its rows, its schedule."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """What is trained and how. The defaults are the shipped model; tests use smaller ones."""

    vocabulary: int = 4096
    layers: int = 6
    width: int = 256
    heads: int = 8
    kv_heads: int = 4
    feed_forward: int = 688
    context: int = 256
    rope_theta: float = 10_000.0
    norm_epsilon: float = 1e-5
    #: Rows in one step, and how many of them are a short stretch repeated until the row is full.
    rows: int = 8
    repeated_rows: int = 2
    #: Once the loss on a second copy is this share of the loss on the first, fewer repeated rows are enough.
    copies_learned: float = 0.25
    repeated_rows_once_learned: int = 1
    #: When this share of the minutes is used and copying is not learned yet, there are more until it is.
    late: float = 0.6
    repeated_rows_when_late: int = 4
    #: Share of the repeated rows that repeat natural text; the others repeat random tokens.
    natural_repeats: float = 0.3
    shortest_repeat: int = 6
    longest_repeat: int = 64
    matrix_rate: float = 0.02
    embedding_rate: float = 0.003
    matrix_decay: float = 0.01
    warm_up_steps: int = 100
    final_rate: float = 0.05
    clip: float = 1.0
    seed: int = 20
    #: Seconds of training between two rows of the log. Each row is an evaluation and a checkpoint.
    log_seconds: float = 60.0
    #: Every book whose place in the corpus leaves this remainder is held out: nine of 340.
    hold_out_every: int = 38
    hold_out_remainder: int = 19
    #: Windows of the held-out books that each row of the log scores, spread evenly.
    log_windows: int = 72

    def repeated(self, copy_ratio: float, used: float) -> int:
        """Repeated rows in the next steps, from second-copy loss over first-copy loss and the share of minutes used."""
        if copy_ratio <= self.copies_learned:
            return self.repeated_rows_once_learned
        return self.repeated_rows_when_late if used >= self.late else self.repeated_rows

    @property
    def head_width(self) -> int:
        """Numbers in one head's query, key or value."""
        return self.width // self.heads
