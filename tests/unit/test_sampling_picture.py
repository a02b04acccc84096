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


def drawn(
    ids: tuple[int, ...] = (3, 3, 7), steps: tuple[Step, ...] = (), follow: tuple[int, ...] = (), **knobs: Any
) -> tuple[dict, dict]:
    logits = np.random.default_rng(0).normal(0, 2.5, VOCABULARY).astype(np.float32)
    settings = Settings.of(knobs)
    chain = Chain(settings, prompt_ids=ids, vocabulary=VOCABULARY)
    surprises = np.full(len(ids), 1.5, np.float32)
    surprises[0] = np.nan
    whole, chances = (*ids, *(step.id for step in steps)), [step.probability for step in steps]
    moment = Moment("text", {**knobs, "chat": False, "system": ""}, "tiny", Reading(ids, surprises, logits), steps,
                    tuple(chain.fold(logits, whole, chances=chances)),
                    take(logits, whole, chain, len(steps), chances=chances), 0, follow)
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


# Settings that switch one stage on, and what its sentence has to say about logits that are known.
SAID: list[tuple[str, dict[str, Any], str]] = [
    ("typical_p", {"typical_p": 0.3}, "it is too predictable"),
    ("epsilon_cutoff", {"epsilon_cutoff": 0.01}, "The bar stands at 1 %"),
    ("epsilon_cutoff", {"epsilon_cutoff": 0.9}, "nothing reaches it"),
    ("eta_cutoff", {"eta_cutoff": 0.01}, "the lower counts"),
    ("top_h", {"top_h": 0.5}, "More than 100 never stay"),
    ("top_n_sigma", {"top_n_sigma": 1.0}, "1 σ below the best score"),
    ("top_a", {"top_a": 0.5}, "0.5 × the square"),
    ("tfs_z", {"tfs_z": 0.9}, "90 % of its bending"),
    ("xtc_probability", {"xtc_probability": 1.0, "xtc_threshold": 0.05}, "below 1: it strikes"),
    ("xtc_probability", {"xtc_probability": 0.001, "xtc_threshold": 0.05}, "lets them be"),
    ("xtc_probability", {"xtc_probability": 1.0, "xtc_threshold": 0.45}, "Fewer than two"),
    ("mirostat", {"mirostat": 2}, "twice the aim"),
    ("mirostat", {"mirostat": 1}, "how many may stay"),
    ("dynatemp_range", {"dynatemp_range": 0.5}, "this step's temperature is"),
    ("smoothing_factor", {"smoothing_factor": 0.3}, "is squared"),
    ("renormalize_logits", {"renormalize_logits": True}, "No chance changes"),
    ("remove_invalid_values", {"remove_invalid_values": True}, "no numbers"),
    ("encoder_repetition_penalty", {"encoder_repetition_penalty": 1.5}, "2 tokens of the prompt"),
    ("presence_penalty", {"presence_penalty": 0.5, "penalty_last_n": -1}, "each of the 2 different tokens"),
    ("presence_penalty", {"presence_penalty": 0.5}, "Nothing to hold down yet"),
    ("frequency_penalty", {"frequency_penalty": 0.5, "penalty_last_n": -1}, "“t3” stands there 2 times"),
    ("dry_multiplier", {"dry_multiplier": 1.0}, "No passage of 2 tokens"),
    ("no_repeat_ngram_size", {"no_repeat_ngram_size": 1}, "“t7”, “t3” would repeat 1 token"),
    ("sequence_bias", {"sequence_bias": (((5,), 2.0), ((7, 8), 1.0))}, "1 of the sequences wait"),
    ("bad_words_ids", {"bad_words_ids": ((5,),)}, "Banned here: “t5”"),
    ("suppress_tokens", {"suppress_tokens": (5, 6)}, "“t5”"),
    ("begin_suppress_tokens", {"begin_suppress_tokens": (5,)}, "Banned here: “t5”"),
    ("watermark", {"watermark": "greenlist"}, "make 125 tokens green"),
    ("watermark", {"watermark": "synthid"}, "into other hands"),
    ("forced_bos_token_id", {"forced_bos_token_id": 5}, "which is not here"),
    ("forced_eos_token_id", {"forced_eos_token_id": 5, "max_new_tokens": 1}, "all that may come"),
]


@pytest.mark.parametrize(("name", "knobs", "words"), SAID)
def test_every_stage_has_a_sentence_of_its_own(name: str, knobs: dict, words: str) -> None:
    header, arrays = drawn(ids=(3, 3, 7), **knobs)
    stage = next(stage for stage in header["stages"] if stage["name"] == name)
    assert words in stage["says"]
    assert "generation config" not in stage["says"]
    np.testing.assert_allclose(arrays["shares"].sum(axis=0) + arrays["others"], 1, atol=1e-5)


def test_no_stage_is_without_words() -> None:
    from components.sampling import STAGES
    from components.views.sampling.words import MAIN
    from components.views.sampling.words_more import SENTENCES

    assert set(STAGES) == {*MAIN, *SENTENCES}


def test_dry_quotes_the_passage_and_xtc_shows_both_ways() -> None:
    header, _ = drawn(ids=(1, 2, 3, 9, 1, 2, 3), dry_multiplier=1.0, dry_base=2.0)
    stage = next(stage for stage in header["stages"] if stage["name"] == "dry_multiplier")
    assert "“t1 t2 t3” (3 tokens)" in stage["says"]
    assert "“t9” followed" in stage["says"]
    assert "costs 2 of its score" in stage["says"]
    assert [entry["i"] for entry in stage["touched"]] == [9]
    header, _ = drawn(xtc_probability=0.5, xtc_threshold=0.05)
    both = next(stage for stage in header["stages"] if stage["name"] == "xtc_probability")["branches"]
    assert both["strikes"] == (both["random"] < 0.5)
    gone = [token for token in both["tokens"] if token["struck"] == 0]
    assert len(gone) == both["targets"] > 0
    assert all(token["spared"] >= 0.05 for token in gone)


def test_mirostats_path_is_the_samplers() -> None:
    steps = tuple(Step(9, 0.5, chance, 0.7, 1, 0.3, 0.1, 0.4) for chance in (0.5, 0.125))
    header, _ = drawn(steps=steps, mirostat=2, mirostat_tau=3.0, mirostat_eta=0.5)
    path = next(stage for stage in header["stages"] if stage["name"] == "mirostat")["path"]
    assert path["surprise"] == [1.0, 3.0]
    assert path["mu"][0] == 6.0
    assert path["mu"][1] == 7.0, "a dull token lets mu rise"


def test_followed_tokens_join_the_bars() -> None:
    header, arrays = drawn(top_k=5)
    out = next(i for i in range(VOCABULARY) if i not in {row["i"] for row in header["rows"]})
    header, arrays = drawn(follow=(out, 10**9), top_k=5)
    assert len(header["rows"]) == ROWS + 1
    assert header["others"] == VOCABULARY - ROWS - 1
    np.testing.assert_allclose(arrays["shares"].sum(axis=0) + arrays["others"], 1, atol=1e-5)
    (token,) = header["followed"]
    assert token["i"] == out
    assert token["rank"][-1] is None
    assert token["rank"][0] > ROWS
    assert header["stages"][token["cut"]]["name"] == "top_k"
