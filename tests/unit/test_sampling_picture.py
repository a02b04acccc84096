"""The picture's data: everything is counted, every cut has its stage, and the sentences say this step's numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from components.payload import unpack
from components.sampling import Chain, Reading, Settings, Step, take
from components.views.sampling.picture import ROWS, TOKENS_SHOWN, Moment, payload
from components.views.sampling.picture_stages import draw_ranks
from components.views.sampling.words import percent

VOCABULARY = 500


class Plain:
    """Labels without a vocabulary."""

    def label(self, token: int) -> dict[str, Any]:
        return {"t": f"t{token}", "k": 0, "i": token}

    def quote(self, token: int) -> str:
        return f"t{token}"

    def text(self, tokens: tuple[int, ...]) -> str:
        return " ".join(map(self.quote, tokens))


def drawn(ids: tuple[int, ...] = (3, 3, 7), steps: tuple[Step, ...] = (), **knobs: Any) -> tuple[dict, dict]:
    logits = np.random.default_rng(0).normal(0, 2.5, VOCABULARY).astype(np.float32)
    settings = Settings.of(knobs)
    chain = Chain(settings)
    surprises = np.full(len(ids), 1.5, np.float32)
    surprises[0] = np.nan
    moment = Moment("text", {**knobs, "chat": False, "system": ""}, "tiny", Reading(ids, surprises, logits), steps,
                    tuple(chain.fold(logits, ids)), take(logits, ids, chain, len(steps)), 0)
    return unpack(payload(moment, Plain()))


@pytest.mark.parametrize("knobs", [{}, {"top_k": 5}, {"temperature": 0.0}, {"top_p": 0.6, "temperature": 1.4},
                                   {"repetition_penalty": 1.5, "min_p": 0.2}, {"top_k": 1}])
def test_bars_and_the_others_add_up_to_one_after_every_stage(knobs: dict) -> None:
    header, arrays = drawn(**knobs)
    np.testing.assert_allclose(arrays["shares"].sum(axis=0) + arrays["others"], 1, atol=1e-5)
    assert len(header["rows"]) + header["others"] == VOCABULARY == header["vocabulary"]
    assert arrays["shares"].shape == (ROWS, len(header["stages"]))
    last = arrays["shares"][:, -1]
    assert (np.diff(last) <= 0).all()


def test_where_few_stay_nothing_at_all_is_left_to_the_others() -> None:
    header, arrays = drawn(top_k=5)
    assert arrays["others"][-1] == 0
    cuts = [row["cut"] for row in header["rows"]]
    assert cuts == [None] * 5 + [3] * 15
    assert header["stages"][3]["name"] == "top_k"
    assert header["draw"]["alive"] == 5
    assert arrays["parts"].sum() == pytest.approx(1, abs=1e-6)


def test_sentences_say_this_steps_numbers() -> None:
    header, _ = drawn(top_k=5, top_p=0.6, repetition_penalty=1.5, temperature=0.5, min_p=0.01)
    says = {stage["name"]: stage["says"] for stage in header["stages"]}
    stages = {stage["name"]: stage for stage in header["stages"]}
    assert f"{VOCABULARY} tokens" in says["logits"]
    assert "the 2 tokens that the text has used" in says["repetition_penalty"]
    assert "the order stays" in says["temperature"]
    assert "5 tokens at the top stay" in says["top_k"]
    assert f"{percent(stages['top_k']['removed'])} together" in says["top_k"]
    assert "60 % is reached at the" in says["top_p"]
    assert "The bar is 1 %" in says["min_p"]
    assert [entry["i"] for entry in stages["repetition_penalty"]["touched"]] in ([3, 7], [7, 3])
    greedy, _ = drawn(temperature=0.0, top_k=5)
    assert "Greedy" in greedy["stages"][2]["says"]
    assert not greedy["stages"][3]["on"]


def test_a_long_text_is_counted_whole_and_shown_in_part() -> None:
    header, _ = drawn(ids=tuple(range(300)), steps=(Step(9, 0.5, 0.6, 0.7, 1, 0.3, 0.1, 0.4),))
    assert header["so_far"]["hidden"] == 301 - TOKENS_SHOWN
    assert header["so_far"]["tokens"][-1] == {"t": "t9", "k": 0, "i": 9, "s": 0.7, "r": 1, "p": 0.6, "new": 1}
    assert header["written"][0]["random"] == 0.3


def test_small_charts_draw_both_ends() -> None:
    assert draw_ranks(80).tolist() == list(range(80))
    for count in (81, 500, 49_152):
        ranks = draw_ranks(count)
        assert ranks[0] == 0
        assert ranks[-1] == count - 1
        assert (np.diff(ranks) > 0).all()
        assert len(ranks) <= 90


@pytest.mark.parametrize(("p", "words"), [(0, "0 %"), (1, "100 %"), (0.5663, "56.6 %"), (0.0437, "4.4 %"),
                                          (1e-9, "under 0.001 %"), (0.99999, "100 %"), (0.13, "13 %")])
def test_percent(p: float, words: str) -> None:
    assert percent(p) == words
