"""The panel "Inside, step by step" under AppTest: what the browser is given, for a decoder and for other shapes."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from components.attention import map_text, walk
from components.models.open import open_model
from components.views.attention import walk_stations as view
from tests.app.test_attention import buffers
from tests.conftest import ROOT, app_test
from tests.unit import architectures

TEXT = "The old miller had a cat. One day the cat said to the old"


def opened(**query: str) -> Any:
    return app_test("attention", attention_panel="Inside, step by step",
                    **{"attention_model": "storyteller", "text": TEXT, "attention_layer": "3", "attention_head": "1",
                       **query})


def sound(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Every sentence is filled, every picture has its numbers, every check agrees."""
    for station in header["stations"]:
        for words in (station["title"], station["short"], station["seen"], station["why"]):
            assert words
            assert not re.search(r"[{}]|nan|None", words), words
        for part in station["parts"]:
            for key in ("array", "before", "after", "angles", "speeds", "lengths"):
                assert part.get(key) is None or part[key] in arrays, (station["name"], part)
        if station["check"] and "note" not in station["check"]:
            assert station["check"]["good"] == "yes", station


def test_what_the_browser_is_given() -> None:
    test = opened()
    header, arrays = buffers(test, "attention_walk")[-1]
    sound(header, arrays)
    model = open_model("storyteller")
    heads = map_text(model, TEXT)
    walked = walk(model, heads.ids, None, 3, 1)
    assert (header["position"], header["layer"], header["head"]) == (heads.tokens - 1, 3, 1)
    assert [one["name"] for one in header["stations"]] == [one.name for one in walked.stations]
    for station in walked.stations:
        for name, array in station.arrays.items():
            if f"{station.name}.{name}" in arrays:
                assert np.allclose(arrays[f"{station.name}.{name}"], array, atol=1e-4, equal_nan=True)
    choices = header["stations"][-1]["parts"][-1]["items"]
    assert choices[0][0] == view.shown(heads.next_pieces[0])
    assert choices[0][1] == pytest.approx(float(heads.next_probabilities[0]), abs=1e-4)
    assert sum(array.nbytes for array in arrays.values()) < 300_000


def test_a_link_names_token_and_station() -> None:
    header, _ = buffers(opened(attention_walk_at="2", attention_walk_station="mask"), "attention_walk")[-1]
    assert (header["position"], header["station"]) == (2, "mask")
    mask = next(one for one in header["stations"] if one["name"] == "mask")
    assert "3 tokens" in mask["seen"]


@pytest.mark.parametrize(("at", "station"), [("-1", "../x"), ("9999", "1"), ("x" * 300, "y" * 300)])
def test_a_forged_link_is_harmless(at: str, station: str) -> None:
    header, _ = buffers(opened(attention_walk_at=at, attention_walk_station=station), "attention_walk")[-1]
    assert (header["position"], header["station"]) == (len(header["pieces"]) - 1, None)


def test_an_encoder_walks_too() -> None:
    header, arrays = buffers(opened(attention_model="gapfiller"), "attention_walk")[-1]
    sound(header, arrays)
    assert not header["causal"]
    assert header["position"] == header["home"]
    assert "nothing is hidden" in next(one for one in header["stations"] if one["name"] == "mask")["seen"].lower()


@pytest.mark.parametrize("name", architectures.MODELS)
def test_every_architecture_has_its_sentences(name: str) -> None:
    model = architectures.MODELS[name]()
    for position, layer in ((None, 0), (3, 1)):
        walked = walk(model, architectures.IDS, position, layer, 2)
        told, arrays = view.stations(walked, [f" t{one}" for one in architectures.IDS], lambda token: f" t{token}")
        sound({"stations": told}, arrays)


def test_every_form_in_the_copy_can_come_up() -> None:
    """No sentence is dead: each form that the copy holds is one that the domain makes, and the other way round."""
    copy = json.loads((ROOT / "assets" / "copy" / "attention_walk.json").read_text("utf-8"))
    source = "".join(path.read_text("utf-8") for path in (ROOT / "components" / "attention").glob("walk*.py"))
    for station, entry in copy.items():
        assert f'"{station}"' in source
        for form, words in entry.items():
            if isinstance(words, dict):
                assert set(words) == {"seen", "why"}
                assert f'"{form}"' in source, (station, form)


@pytest.mark.parametrize(("value", "told"), [
    (0.0, "0"), (0.17678, "0.177"), (-53.42, "−53.4"), (1081.2, "1,081"), (5.0, "5"), (8.2e-7, "8.2·10⁻⁷"),
    (float("nan"), "–"), (999.6, "1,000")])
def test_numbers_are_told_with_three_digits(value: float, told: str) -> None:
    assert view.number(value) == told
