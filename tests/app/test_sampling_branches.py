"""The panel Branches without a browser: the tree's buffer, branches written on, other texts, two readers."""

from __future__ import annotations

import time
import weakref
from typing import Any

import numpy as np
import pytest

from components.models import loaders
from components.payload import unpack
from components.sampling import Ahead, Step, look_ahead, tree
from components.views import running
from components.views.sampling import branches, moments, session
from components.views.sampling.picture import settings_of
from tests.app.test_sampling import buffers, picture, press, send, written
from tests.conftest import app_test
from tests.unit.test_sampling_tree import line, step


def panel(test: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The buffer that the tree draws."""
    return buffers(test, "sampling_branches")


def open_panel() -> Any:
    return app_test("sampling", sampling_model="storyteller", sampling_panel="Branches")


def kept(test: Any) -> dict[str, Any]:
    found: dict[str, Any] = test.session_state["sampling_written"]
    return found


def test_the_first_view_offers_what_the_picture_holds_likeliest() -> None:
    page = open_panel()
    header, arrays = panel(page)
    shown, shares = picture(page)
    assert header["at"] == 0
    assert arrays["number"].tolist() == [0]
    best = np.argsort(-shares["shares"][:, -1], kind="stable")[:5]
    assert set(arrays["offer"][0].tolist()) == {shown["rows"][place]["i"] for place in best}
    np.testing.assert_allclose(arrays["offer_chance"][0], sorted(shares["shares"][best, -1], reverse=True), atol=1e-6)
    assert kept(page)["tree"]["next"] == 1, "nothing is written that nobody asked for"


def test_a_press_in_the_tree_moves_the_text_and_a_token_beside_becomes_a_branch() -> None:
    page = open_panel()
    for _ in range(3):
        press(page, "next")
    header, arrays = panel(page)
    first = arrays["number"].tolist()
    assert header["at"] == first[-1]
    beside = next(token for token in arrays["offer"][1].tolist() if token not in (-1, arrays["token"][2]))
    send(page, do="take", node=first[1], token=beside)
    assert written(page) == [int(arrays["token"][1]), beside]
    send(page, do="branch", node=first[3])
    assert written(page) == arrays["token"][1:].tolist()
    send(page, do="name", node=first[3], name="first try")
    send(page, do="prune", node=first[2])
    header, arrays = panel(page)
    assert header["at"] == first[1], "who stood on the pruned branch stands before it"
    assert first[3] not in arrays["number"]
    assert [one["node"] for one in header["pruned"]] == [first[2]]
    send(page, do="restore", node=first[2])
    header, arrays = panel(page)
    assert first[3] in arrays["number"]
    assert header["names"] == {str(first[3]): "first try"}


def wait_ended(page: Any) -> None:
    until = time.monotonic() + 60
    while "_sampling_branches_running" in page.session_state and time.monotonic() < until:
        time.sleep(0.1)
        page.run()
    assert not page.exception
    assert "_sampling_branches_running" not in page.session_state


def test_the_likeliest_are_written_on_beside_each_other_and_the_text_stays() -> None:
    page = open_panel()
    page.number_input(key="sampling_branches_tokens").set_value(4).run()
    _, before = panel(page)
    page.button(key="sampling_branches_ahead").click().run()
    wait_ended(page)
    header, arrays = panel(page)
    assert header["at"] == 0
    assert written(page) == []
    grown = kept(page)["tree"]
    now = page.session_state["sampling_now"]
    begun = moments.begin("storyteller", now["text"], now["said"])
    firsts = before["offer"][0].tolist()
    expected = look_ahead(loaders.model("storyteller"), begun.prompt.ids, (), firsts, settings_of(now["said"]), 4)
    texts = [[one["id"] for one in tree.steps(grown, end)] for end in tree.leaves(grown)]
    ends = {text[0]: text for text in texts}
    assert [ends[first] for first in firsts] == [[one.step.id for one in branch] for branch in expected]
    chances = dict(zip(arrays["token"].tolist(), arrays["numbers"][:, 0].tolist(), strict=True))
    assert chances[firsts[0]] == pytest.approx(before["offer_chance"][0][0], abs=1e-6)


def test_the_tree_survives_another_page_and_another_text_begins_another() -> None:
    page = open_panel()
    text = page.session_state["sampling_text"]
    press(page, "next")
    press(page, "next")
    before = written(page)
    page.switch_page("pages/tokenizer.py").run()
    page.switch_page("pages/sampling.py").run()
    assert not page.exception
    assert written(page) == before
    page.session_state["sampling_text"] = "There was once a king who"
    page.run()
    assert len(kept(page)["tree"]["nodes"]) == 1
    press(page, "next")
    page.session_state["sampling_text"] = text
    page.session_state[session.WANTED] = ("storyteller", text, False, "")
    page.run()
    assert written(page) == before, "the earlier tree is back"


def test_two_readers_have_trees_of_their_own() -> None:
    one, two = open_panel(), open_panel()
    for _ in range(2):
        press(one, "next")
    other = next(int(token) for token in panel(two)[1]["offer"][0] if token != written(one)[0])
    send(two, do="take", token=other)
    send(one, do="name", node=1, name="mine")
    one.run()
    two.run()
    assert panel(one)[0]["written"] == 2
    assert written(two) == [other]
    assert panel(two)[0]["names"] == {}


def test_three_trees_are_kept_and_an_empty_one_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, Any] = {}
    monkeypatch.setattr(session.st, "session_state", state)
    asks = [("storyteller", f"text {place}", False, "") for place in range(5)]
    for ask in asks:
        line(session.written(ask)["tree"], 0, [1, 2])
    assert [one["belongs_to"] for one in session.earlier()] == [asks[3], asks[2]]
    session.want(asks[2])
    assert session.written(asks[2])["tree"]["next"] == 3
    assert [one["belongs_to"] for one in session.earlier()] == [asks[4], asks[3]]
    assert len(session.written(asks[4])["tree"]["nodes"]) == 1, "unasked, a text begins a tree of its own"
    session.written(asks[0])
    assert [one["belongs_to"] for one in session.earlier()] == [asks[2], asks[4]], "nothing was written in between"


class Plain:
    """Labels without a vocabulary."""

    def label(self, token: int) -> dict[str, Any]:
        return {"t": f" t{token}" if token != 8 else "s", "k": 0, "i": token}

    def text(self, tokens: list[int]) -> str:
        return "".join(self.label(token)["t"] for token in tokens)


def test_a_large_tree_sends_the_latest_branches_and_says_how_many_are_left_out() -> None:
    grown = tree.new_tree()
    for first in range(60):
        line(grown, 0, [first, 500, 501])
    tree.go(grown, tree.path(grown, tree.leaves(grown)[0])[-1])
    drawn, left_out = branches.in_view(grown)
    assert left_out == 20
    assert set(tree.path(grown)) <= set(drawn), "the text in sight is always drawn"
    header, arrays = unpack(branches.payload(grown, [6, 7, 8], Plain(), colour="forged"))  # type: ignore[arg-type]
    assert header["root"]["t"] == "t7s", "the last word, not its last token"
    assert header["colour"] == "surprise"
    assert header["left_out"] == 20
    assert len(arrays["number"]) == len(drawn)
    many = tree.new_tree()
    for first in range(8):
        line(many, 0, [first, *range(100, 400)])
    drawn, left_out = branches.in_view(many)
    assert len(drawn) <= branches.NODES + 1
    assert left_out == 6


class Told:
    """Work that has told something and never ends."""

    def __init__(self) -> None:
        self.ended = False

    def cancel(self) -> None:
        self.ended = True


def test_stop_keeps_what_was_written_and_a_drawn_token_keeps_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, Any] = {}
    for module in (session.st, running.st):
        monkeypatch.setattr(module, "session_state", state)
    here = ("storyteller", "a text", False, "")
    grown = session.written(here)["tree"]
    drawn = tree.grow(grown, 0, {**step(5), "random": 0.25})
    work = Told()
    looking = branches.Looking(branches.KEY, doing="Writing")
    state[looking.key] = running.Run((here, 0), work, [((ahead(5), ahead(6)), (ahead(7),))])  # type: ignore[arg-type]
    state[f"{looking.key}_end"] = weakref.finalize(work, int)
    looking.stop("Stopped.")
    assert work.ended
    branches._take_in(*state[f"{branches.KEY}_stopped"])
    assert sorted([one["id"] for one in tree.steps(grown, end)] for end in tree.leaves(grown)) == [[5, 6], [7]]
    assert grown["nodes"][drawn]["step"]["random"] == 0.25
    session.written(("storyteller", "another text", False, ""))
    branches._take_in((here, drawn), ((ahead(9),),))
    assert [5, 9] in [[one["id"] for one in tree.steps(grown, end)] for end in tree.leaves(grown)], "a tree put aside"
    branches._take_in((("storyteller", "gone", False, ""), 0), ((ahead(9),),))


def ahead(token: int) -> Ahead:
    return Ahead(Step(**step(token)), 0.25, ((token, 0.25, 0.5),))
