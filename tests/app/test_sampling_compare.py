"""The panel "Compare settings" under AppTest: what the browser is given, edits, links, forged settings, many draws."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from components import sampling
from components.models.open import open_model
from components.payload import unpack
from components.sampling import Settings
from components.views.sampling import compare
from tests.app.test_sampling import walk
from tests.conftest import app_test

TEXT = "The old miller had a cat. One day"


def opened(**query: str) -> Any:
    return app_test("sampling", sampling_panel="Compare settings",
                    **{"sampling_model": "storyteller", "text": TEXT, "sampling_compare_tokens": "6", **query})


def mounted(test: Any, kind: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What the panel's two pictures were given: "columns" or "draws"."""
    found = [node for node in walk(test.main) if getattr(node, "type", "") == "bidi_component"
             and node.proto.id.endswith({"columns": "sampling_compare_columns", "draws": "draws_picture"}[kind])]
    return unpack(found[-1].proto.bytes)


def edit(test: Any, lines: list[str]) -> None:
    """The columns' lines, as the browser sends them."""
    test.session_state[compare.LINES] = lines
    test.run()
    assert not test.exception, [item.value for item in test.exception]


def texts(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> list[list[int]]:
    """Ids of every column's tokens."""
    ids = [header["tokens"][place]["i"] for place in arrays["ids"].tolist()]
    ends = np.cumsum([0, *(setting["count"] for setting in header["settings"])])
    return [ids[start:stop] for start, stop in pairwise(ends)]


def test_the_first_texts_are_there_and_are_the_decoders_own() -> None:
    test = opened()
    header, arrays = mounted(test, "columns")
    assert [setting["title"] for setting in header["settings"]] == ["greedy", "the page's knobs", "temperature 1.5"]
    model = open_model("storyteller")
    page = Settings(temperature=0.8, top_k=50, top_p=0.9, min_p=0.05, max_new_tokens=6)
    wanted = [Settings(temperature=0, max_new_tokens=6), page, Settings(temperature=1.5, max_new_tokens=6)]
    made = sampling.decode(model, sampling.prompt(model, TEXT).ids, wanted, noise="gumbel")
    assert texts(header, arrays) == [list(one.ids) for one in made]
    steps = [step for one in made for step in one.steps]
    np.testing.assert_allclose(arrays["surprises"], [step.surprise for step in steps], atol=1e-4)
    np.testing.assert_allclose(arrays["chances"], [(step.raw, step.probability) for step in steps], atol=1e-5)
    for setting, one in zip(header["settings"], made, strict=True):
        assert setting["measured"]["surprise"] == pytest.approx(sampling.measure(one, "").surprise, abs=1e-4)
    assert header["partings"][0][2] == sampling.parting(made[0].ids, made[2].ids)
    assert header["partings"][0][0] is None

    # Another setting: only its own text is new, and the address holds all of them.
    before = texts(header, arrays)
    edit(test, ["greedy", "temperature=0.7,seed=9", "page"])
    header, arrays = mounted(test, "columns")
    after = texts(header, arrays)
    assert (after[0], after[2]) == (before[0], before[1])
    alone = sampling.decode(model, made[0].prompt_ids, [Settings(temperature=0.7, seed=9, max_new_tokens=6)],
                            noise="gumbel")[0]
    assert after[1] == list(alone.ids)


def test_a_link_holds_the_settings_and_a_forged_one_is_a_sentence_in_its_column() -> None:
    test = opened(sampling_compare_settings="page|heat=3|top_k=-1|temperature=0.5,top_p=0.9")
    header, _ = mounted(test, "columns")
    page, unknown, forged, good = header["settings"]
    assert (page["title"], good["title"]) == ("the page's knobs", "temperature 0.5, top_p 0.9")
    assert "heat" in unknown["trouble"]
    assert "top_k is -1" in forged["trouble"]
    assert [setting["count"] for setting in header["settings"]] == [6, 0, 0, 6]
    test = opened(sampling_compare_settings="|".join(["temperature=0.5"] * 20))
    assert len(mounted(test, "columns")[0]["settings"]) == 8


def test_the_pages_knobs_move_their_own_column() -> None:
    test = opened(sampling_compare_settings="page|greedy")
    first = texts(*mounted(test, "columns"))
    test.slider(key="sampling_temperature").set_value(0.0).run()
    second = texts(*mounted(test, "columns"))
    assert second[0] == second[1] == first[1] != first[0]


def test_long_texts_wait_for_a_press() -> None:
    test = opened(sampling_compare_tokens="60")
    header, _ = mounted(test, "columns")
    assert [setting["count"] for setting in header["settings"]] == [0, 0, 0]
    assert not test.button(key="sampling_compare_go").disabled
    test.button(key="sampling_compare_go").click().run()
    for _ in range(200):
        header, _ = mounted(test, "columns")
        if all(setting["measured"] and setting["measured"]["ended"] != "writing" for setting in header["settings"]):
            break
        test.run()
    assert all(setting["count"] == 60 or setting["measured"]["ended"] == "end" for setting in header["settings"])
    assert test.button(key="sampling_compare_go").disabled


def test_many_draws_are_counted() -> None:
    test = opened(sampling_compare_settings="temperature=0.5|greedy|temperature=1")
    assert all(side["draws"] == 0 for side in mounted(test, "draws")[0]["sides"])
    test.button(key="sampling_compare_draws_go").click().run()
    for _ in range(200):
        sides = mounted(test, "draws")[0]["sides"]
        if all(side["draws"] == 40 for side in sides):
            break
        test.run()
    model = open_model("storyteller")
    # B and C are chosen at first.
    wanted = [Settings(temperature=0, max_new_tokens=2), Settings(max_new_tokens=2)]
    made = sampling.draw_many(model, sampling.prompt(model, TEXT).ids, wanted, 40)
    for side, one in zip(sides, made, strict=True):
        assert side["different"] == len(one.outcomes)
        assert side["entropy"] == pytest.approx(one.entropy)
        assert side["outcomes"][0]["count"] == one.outcomes[0].count
        assert sum(each["count"] for each in side["outcomes"]) + side["rest"]["count"] == 40
    assert sides[0]["covered"] == 1
