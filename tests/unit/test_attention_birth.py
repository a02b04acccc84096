"""How a head is born: what is said about the log is what the log's rows hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from components.attention import BIRTH_CURVES, BIRTH_SCORES, lasting_step, read_birth, stripe_scores
from components.models.open import open_model
from components.payload import unpack
from components.views.attention import birth as panel
from tests.conftest import ROOT

FOLDER = ROOT / "assets" / "models" / "storyteller"


def test_the_log_is_read_row_by_row() -> None:
    birth = read_birth(FOLDER)
    rows = [json.loads(line) for line in (FOLDER / "training.jsonl").read_text("utf-8").splitlines()]
    heads = [json.loads(line) for line in (FOLDER / "head_scores.jsonl").read_text("utf-8").splitlines()]
    assert birth.tokens.tolist() == [row["tokens"] for row in rows]
    for name in BIRTH_CURVES:
        logged = [np.nan if row[name] is None else row[name] for row in rows]
        assert np.allclose(birth.curve(name), logged, equal_nan=True)
    for at, name in enumerate(BIRTH_SCORES):
        assert np.allclose(birth.scores[at], [row[name] for row in heads])
    told = json.loads((FOLDER / "evaluation.json").read_text("utf-8"))
    for score, key in (("previous", "previous_token_head"), ("induction", "induction_head")):
        assert birth.best(score) == (told[key]["layer"], told[key]["head"])


def test_a_step_lasts_and_a_spike_is_none() -> None:
    curve = np.array([0.1] * 10 + [0.9] + [0.1] * 10 + [0.6] * 10)
    step = lasting_step(curve)
    assert (step.row, step.before, step.after) == (20, pytest.approx(0.1), pytest.approx(0.6))
    down = lasting_step(-curve, falling=True)
    assert (down.row, down.after) == (20, pytest.approx(-0.6))
    holes = curve.copy()
    holes[[0, 19]] = np.nan
    assert lasting_step(holes).row == 20
    with pytest.raises(ValueError, match="two rows"):
        lasting_step(np.array([np.nan, 1.0]))


def test_the_steps_of_this_log_come_in_the_order_the_panel_says() -> None:
    birth = read_birth(FOLDER)
    marks = panel.moments(birth)
    assert [mark["kind"] for mark in marks] == ["previous", "induction", "copy"]
    previous = birth.of("previous", birth.best("previous"))
    induction = birth.of("induction", birth.best("induction"))
    row = {mark["kind"]: mark["row"] for mark in marks}
    # Where the first head has taken its step, the second has not, and copying is not learned.
    assert previous[row["previous"] + 2] > 0.9
    assert induction[row["previous"]] < 0.2
    assert birth.curve("second_copy_loss")[row["previous"] + 1] > 7
    assert birth.curve("second_copy_loss")[row["copy"] + 5] < 2.5
    assert "of 16.5 million tokens" in panel.headline(birth, marks)
    # The exception the panel tells of: an early high score without copying.
    before = birth.scores[BIRTH_SCORES.index("induction"), : row["previous"] + 1]
    assert before.max() > 0.7
    assert f"{before.max():.2f}" in panel.earlier(birth, marks)


def test_the_shipped_model_scores_as_its_last_row() -> None:
    shipped = stripe_scores(open_model("storyteller"))
    assert shipped.shape == (3, 6, 8)
    assert np.abs(shipped - read_birth(FOLDER).scores[:, -1]).max() <= 6e-4


def test_the_events_are_those_of_the_model_card() -> None:
    note = json.loads((FOLDER / "evaluation.json").read_text("utf-8"))["note"]
    for event in panel.copy()["events"]:
        assert f"from minute {event['from']} to {event['to']}" in note


def test_the_payload_is_small_and_whole() -> None:
    birth = read_birth(FOLDER)
    buffer = panel.payload(birth, birth.scores[:, -1], {"row": 3, "score": "induction"})
    assert len(buffer) < 80_000
    header, arrays = unpack(buffer)
    assert arrays["log"].shape == (3, 106, 6, 8)
    assert header["agrees"] == 0
    assert len(header["marks"]) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing", "was not logged"),
        ("broken", "cannot be read"),
        ("empty", "no rows"),
        ("apart", "different rows"),
        ("short", "lacks a value"),
    ],
)
def test_a_damaged_log_is_one_sentence(tmp_path: Path, change: str, message: str) -> None:
    for name in ("training.jsonl", "head_scores.jsonl"):
        lines = (FOLDER / name).read_text("utf-8").splitlines()[:4]
        (tmp_path / name).write_text("\n".join(lines), "utf-8")
    log = tmp_path / "training.jsonl"
    if change == "missing":
        (tmp_path / "head_scores.jsonl").unlink()
    elif change == "broken":
        log.write_text("{", "utf-8")
    elif change == "empty":
        log.write_text("", "utf-8")
    elif change == "apart":
        log.write_text(log.read_text("utf-8").rsplit("\n", 1)[0], "utf-8")
    else:
        log.write_text(log.read_text("utf-8").replace("bits_per_byte", "bits"), "utf-8")
    with pytest.raises(ValueError, match=message):
        read_birth(tmp_path)
