"""Further knobs: what a reader types becomes token ids, orders have names, any token is found."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from components.models.open import open_tokenizer
from components.sampling import ORDERS, STAGES, Settings, fold
from components.tokenization import entries
from components.views.sampling import copy, knobs, more, orders
from components.views.sampling.follow import search
from components.views.sampling.picture import first_rows
from components.views.sampling.spelled import Speller, explain, spellings


@cache
def library() -> Any:
    return open_tokenizer("storyteller").library_object


def encode(text: str) -> tuple[int, ...]:
    return tuple(library().encode(text, add_special_tokens=False).ids) if text else ()


def single(text: str) -> int | None:
    ids = encode(text)
    return ids[0] if len(ids) == 1 else None


SPELLER = Speller(encode, single, 4096)


def test_every_knob_has_a_place_a_default_and_its_copy() -> None:
    shown = {*more.names(), *more.ELSEWHERE}
    for name in copy.knobs_file()["knobs"]:
        assert {name, *more.IN_PLACE_OF.get(name, ())} & shown, f"{name} cannot be set"
        assert copy.about(name)["help"] in copy.info(name)
    assert {more.SAID_BY.get(name, name) for name in shown} <= set(copy.knobs_file()["knobs"])
    fields = set(Settings.__dataclass_fields__)
    assert fields - {"order"} <= set(copy.knobs_file()["knobs"])
    for name in more.names():
        more.check(name, more.default(name))
    assert "Disputed" in copy.info("min_p")
    assert Settings.of({name: value for name, value in knobs.DEFAULTS.items() if name not in ("chat", "system")})


def test_a_word_means_all_its_spellings() -> None:
    found = spellings("sea", encode)
    assert {one.text for one in found} == {"sea", " sea", "Sea", " Sea"}
    assert found[0].ids == (single(" sea"),)
    assert [len(one.ids) for one in found] == sorted(len(one.ids) for one in found)
    assert "of one token" in explain("sea", encode)
    assert "only at their last token" in explain("lighthouse", encode)


def test_biases_on_tokens_and_words() -> None:
    sea = single(" sea")
    found = dict(SPELLER.biases('" sea": 2\n#17: -1.5', "sea: 3\n"))
    assert found[(sea,)] == 5, "what is named twice adds up"
    assert found[(17,)] == -1.5
    assert Settings(sequence_bias=tuple(found.items()))
    assert SPELLER.biases("", "  \n ") == ()


@pytest.mark.parametrize(("on_tokens", "on_words", "says"), [
    ("", "sea", "Line 1 of the bias on words"), ("", "x: 1\nsea: much", "Line 2"), ("", "sea: 1e9", "-1000 to 1000"),
    ("", "sea: nan", "Line 1"), ("99999: 1", "", "not among this model's 4,096"),
    ("lighthouse keeper: 1", "", "no single token"), ("", "\n".join(["a: 1"] * 61), "60 lines at most"),
])
def test_what_cannot_be_read_is_a_sentence(on_tokens: str, on_words: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        SPELLER.biases(on_tokens, on_words)


def test_fields_of_text_become_settings() -> None:
    found = more.spelled({"banned_words": "sea", "suppress_tokens": '" the"\n5, 6', "forced_eos_token_id": "#0",
                          "negative_prompt": "The old"}, SPELLER, dry=True)
    assert (single(" sea"),) in found["bad_words_ids"]
    assert found["suppress_tokens"] == (single(" the"), 5, 6)
    assert found["forced_eos_token_id"] == 0
    assert found["negative_prompt_ids"] == encode("The old")
    assert single("\n") in found["dry_breakers"]
    assert single(":") in found["dry_breakers"]
    assert Settings.of(found)
    with pytest.raises(ValueError, match="can force one"):
        more.spelled({"forced_bos_token_id": "5, 6"}, SPELLER, dry=False)


@pytest.mark.parametrize(("name", "raw", "says"), [
    ("top_a", "abc", "has to be a number"), ("do_sample", "perhaps", "true or false"), ("mirostat", "2.5", "a number"),
])
def test_forged_addresses_are_sentences(name: str, raw: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        more._read(name, raw)
    for name, value in (("top_a", 7.0), ("mirostat", 9), ("watermark", "gold"), ("decay_factor", float("nan"))):
        with pytest.raises(ValueError, match=r" (has to|can be|holds|between) ") as caught:
            more.check(name, value)
        assert str(caught.value).endswith(".")


def test_orders_have_names_and_come_back_from_their_text() -> None:
    for name, order in ORDERS.items():
        assert orders.name_of(order) == name
        assert orders.read(orders.write(order)) == order
    own = ("top_p", "temperature")
    assert orders.name_of(own) == "custom"
    assert orders.read(orders.write(own)) == own
    for forged in ("top_q", "top_p,top_p"):
        with pytest.raises(ValueError, match=r"stage|twice"):
            orders.read(forged)


def test_an_orders_effect_is_said_with_its_numbers() -> None:
    logits = np.log(np.array([0.45, 0.25, 0.15, 0.1, 0.05], dtype=np.float32))
    knobs_ = Settings(temperature=2.0, top_p=0.8)
    usual = fold(logits, [0], knobs_)
    other = fold(logits, [0], Settings(temperature=2.0, top_p=0.8, order=("top_p", "temperature")))
    one, two = (type("S", (), {"id": token})() for token in (1, 2))
    said = orders.effect(other, one, usual, two, lambda token: f"t{token}", ("top_p", "temperature"))
    assert said["name"] == "custom"
    assert "3 tokens stay, in the order of transformers 4" in said["says"]
    assert "“t1” and there “t2”" in said["says"]
    assert "changes nothing" in orders.effect(usual, one, usual, one, str, ORDERS["llama.cpp"])["says"]


def test_what_an_engine_lacks_is_named() -> None:
    logits = np.linspace(-2, 2, 40, dtype=np.float32)
    stages = fold(logits, [0], Settings(typical_p=0.9, dry_multiplier=1.0, top_h=0.9, top_k=9))
    assert "mlx-lm has no" in orders.engine(ORDERS["mlx-lm"], stages)["lacks"]
    assert "top_k" not in orders.engine(ORDERS["mlx-lm"], stages)["lacks"]
    assert "dry_multiplier; here it stands where generate()" in orders.engine((), stages)["lacks"]
    assert orders.engine(("top_k", "top_p"), stages)["lacks"] == ""
    for name, order in ORDERS.items():
        assert set(order) <= set(copy.engine(name)["samplers"]), "copy and code name the same samplers"
        assert set(copy.engine(name)["samplers"]) <= set(STAGES)


def test_any_token_is_found_exact_ones_first() -> None:
    seen = entries(open_tokenizer("storyteller"))
    chances = np.full(4096, 1e-4, dtype=np.float32)
    sea = single(" sea")
    chances[sea] = 1e-6
    found = search(seen, " Sea", chances)
    assert sea in found[:3].tolist(), "exact, though unlikely"
    assert len(found) > 3
    assert search(seen, "#17", chances)[0] == 17
    assert len(search(seen, "zqzqzq", chances)) == 0
    assert len(search(seen, "99999999", chances)) == 0


def test_rows_are_the_top_without_a_whole_sort() -> None:
    logits = np.random.default_rng(3).normal(0, 2, 3000).astype(np.float32)
    for settings in (Settings(), Settings(top_k=5), Settings(top_p=0.5), Settings(top_k=1)):
        first, *_, last = fold(logits, [1], settings)
        order = np.lexsort((np.arange(3000), -first.probabilities, -last.probabilities))
        assert first_rows(first, last).tolist() == order[:20].tolist()
