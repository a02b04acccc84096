"""The copy of the knobs speaks of every knob and every engine, and what it suggests is allowed."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from components.sampling import ORDERS, STAGES, Settings
from tests.conftest import ROOT

COPY = json.loads((ROOT / "assets" / "copy" / "sampling_knobs.json").read_text("utf-8"))
KNOBS = COPY["knobs"]
# Numbers of these are not the knob's own value but of a part of it.
PARTS = ("sequence_bias", "exponential_decay_length_penalty")


def test_every_knob_has_its_copy_and_a_group() -> None:
    assert set(KNOBS) == {field.name for field in fields(Settings)}
    assert {knob["group"] for knob in KNOBS.values()} == {group["id"] for group in COPY["groups"]}


@pytest.mark.parametrize("name", KNOBS)
def test_a_knob_s_copy_is_whole(name: str) -> None:
    knob = KNOBS[name]
    assert set(knob) - {"dispute"} == {"group", "plain", "help", "for", "source", "low", "high", "step", "usual"}
    assert 2 <= len(knob["plain"].split()) <= 5
    assert all(knob[part].endswith(".") for part in ("help", "for"))
    assert "!" not in knob["help"] + knob["for"]
    used = [text for other, one in KNOBS.items() if other != name for text in (one["help"], one["for"], one["plain"])]
    assert knob["help"] not in used
    assert knob["for"] not in used
    assert knob["plain"] not in used


@pytest.mark.parametrize("name", KNOBS)
def test_what_a_knob_s_copy_suggests_is_allowed(name: str) -> None:
    knob = KNOBS[name]
    Settings.of({name: tuple(knob["usual"]) if isinstance(knob["usual"], list) else knob["usual"]})
    if name not in PARTS and knob["low"] is not None:
        assert knob["low"] <= knob["usual"] <= knob["high"]
        for value in (knob["low"], knob["high"]):
            Settings.of({name: value})


@pytest.mark.parametrize("name", ORDERS)
def test_an_engine_s_copy_fits_its_order(name: str) -> None:
    engine = COPY["engines"][name]
    assert tuple(engine["samplers"]) == (ORDERS[name] or tuple(engine["samplers"]))
    assert set(engine["samplers"]) <= set(STAGES)
    Settings.of(engine["defaults"])
    assert engine["notes"].count(". ") >= 2
