"""How a head is born: a training log read back, and the steps in it found by one plain rule.

A log has a row about every minute of training: losses, and how each head scores on random tokens that repeat. What is
found here is found in those rows and says no more than they do: two rows a minute apart tell nothing of between.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

#: The scores in `head_scores.jsonl`, in the order of `Birth.scores`.
BIRTH_SCORES: tuple[str, ...] = ("induction", "previous", "duplicate")
BIRTH_CURVES: tuple[str, ...] = (
    "loss", "bits_per_byte", "best_induction", "best_previous_token", "first_copy_loss", "second_copy_loss",
)
#: A step counts when it lasts: this many rows before it are compared with as many after it.
SPAN = 5
#: The test that the log's scores come from: sequences of random tokens, each followed by itself.
SEQUENCES, COPY, SEED = 8, 48, 7


@dataclass(frozen=True)
class LastingStep:
    """The steepest lasting change of a curve: between `row` and `row + 1`, from a level `before` to a level `after`.

    The levels are medians of the `SPAN` rows on each side, so that one high row is no step.
    """

    row: int
    before: float
    after: float


@dataclass(frozen=True)
class Birth:
    """A training log.

    Attributes:
        minutes: [row], training time used.
        steps: [row], optimizer steps taken.
        tokens: [row], tokens seen.
        curves: float32 [curve, row] in the order of `BIRTH_CURVES`; losses in nats; NaN where a row has no value.
        scores: float32 [score, row, layer, head] in the order of `BIRTH_SCORES`, shares of attention from 0 to 1.
    """

    minutes: Floats
    steps: NDArray[np.int32]
    tokens: NDArray[np.int32]
    curves: Floats
    scores: Floats

    def curve(self, name: str) -> Floats:
        """One curve of `BIRTH_CURVES`, [row]."""
        found: Floats = self.curves[BIRTH_CURVES.index(name)]
        return found

    def best(self, score: str) -> tuple[int, int]:
        """The head (layer, head) with most of a score in the last row."""
        last = self.scores[BIRTH_SCORES.index(score), -1]
        layer, head = divmod(int(last.argmax()), last.shape[1])
        return layer, head

    def of(self, score: str, head: tuple[int, int]) -> Floats:
        """One head's score over training, [row]."""
        found: Floats = self.scores[BIRTH_SCORES.index(score), :, head[0], head[1]]
        return found


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise ValueError(f"This model has no {path.name}; its training was not logged. Choose storyteller.")
    try:
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} cannot be read ({error}); take the file from the project again.") from error
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{path.name} has no rows; take the file from the project again.")
    return rows


def read_birth(folder: Path) -> Birth:
    """The log of a model's training, from `training.jsonl` and `head_scores.jsonl` in its folder.

    Raises:
        ValueError: a file is missing, damaged, or the two do not belong together.
    """
    log, heads = _rows(folder / "training.jsonl"), _rows(folder / "head_scores.jsonl")
    if [row.get("step") for row in log] != [row.get("step") for row in heads]:
        raise ValueError("training.jsonl and head_scores.jsonl have different rows; take both from the project again.")
    try:
        curves = np.array(
            [[np.nan if row[name] is None else row[name] for row in log] for name in BIRTH_CURVES], dtype=np.float32
        )
        scores = np.array([[row[name] for row in heads] for name in BIRTH_SCORES], dtype=np.float32)
        made = Birth(
            minutes=np.array([row["minutes"] for row in log], dtype=np.float32),
            steps=np.array([row["step"] for row in log], dtype=np.int32),
            tokens=np.array([row["tokens"] for row in log], dtype=np.int32),
            curves=curves,
            scores=scores,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"The training log lacks a value ({error}); take both files again.") from error
    if made.scores.ndim != 4:
        raise ValueError("head_scores.jsonl has no table of heads; take the file from the project again.")
    for array in (made.minutes, made.steps, made.tokens, made.curves, made.scores):
        array.setflags(write=False)
    return made


def lasting_step(values: NDArray[np.floating[Any]], *, falling: bool = False, span: int = SPAN) -> LastingStep:
    """Where a curve [row] rises (or falls) most steeply and stays.

    The change at a row is the median of the `span` rows after it less that of the `span` rows up to it: single high
    rows that fall back at once do not count. Of the rows whose change is at least nine tenths of the largest, the one
    with the steepest rise to its neighbour is taken. Rows without a value are left out.

    Raises:
        ValueError: fewer than two rows have a value.
    """
    known = np.flatnonzero(np.isfinite(values))
    if known.size < 2:
        raise ValueError("A step needs two rows of the log with a value; this log has fewer.")
    curve = np.asarray(values, dtype=np.float64)[known] * (-1 if falling else 1)
    before = np.array([np.median(curve[max(0, at - span + 1) : at + 1]) for at in range(curve.size - 1)])
    after = np.array([np.median(curve[at + 1 : at + 1 + span]) for at in range(curve.size - 1)])
    change = after - before
    lasting = change >= 0.9 * change.max() if change.max() > 0 else change == change.max()
    at = int(np.where(lasting, np.diff(curve), -np.inf).argmax())
    sign = -1 if falling else 1
    return LastingStep(int(known[at]), sign * float(before[at]), sign * float(after[at]))


def probe_rows(vocabulary: int) -> NDArray[np.int64]:
    """The sequences behind the log's scores: [8, 96], 48 random tokens followed by themselves."""
    copy = np.random.default_rng(SEED).integers(1, vocabulary, (SEQUENCES, COPY))
    return np.concatenate([copy, copy], axis=1)


def stripe_scores(model: Any) -> Floats:
    """The log's scores for a model as it stands now: float32 [score, layer, head] in the order of `BIRTH_SCORES`.

    Mean attention on a stripe of `probe_rows`: from each token to the one before it (previous); in the second copy,
    to the token that came after the earlier copy (induction), and to the earlier copy itself (duplicate).

    Raises:
        ValueError: as `capture` does.
    """
    from components.attention.capture import capture, library_model

    library = library_model(model)
    total: Floats | None = None
    rows = probe_rows(int(library.config.vocab_size))
    for row in rows:
        weights = capture(library, row).weights  # [layer, head, query, key]
        total = weights if total is None else total + weights
    assert total is not None
    mean = total / len(rows)

    def stripe(back: int, first: int) -> NDArray[np.float32]:
        query = np.arange(first, rows.shape[1])
        scores: Floats = mean[:, :, query, query - back].mean(axis=-1)
        return scores

    made: Floats = np.stack([stripe(COPY - 1, COPY), stripe(1, 1), stripe(COPY, COPY)]).astype(np.float32)
    made.setflags(write=False)
    return made
