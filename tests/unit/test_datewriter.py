"""datewriter: what is shipped, how well it writes dates, and that its split is a split."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest

from assets.recipes import dates

HOME = Path(__file__).resolve().parents[2] / "assets" / "models" / "datewriter"
REPORT = json.loads((HOME / "evaluation.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def opened() -> Any:
    from components.models.open import open_model

    return open_model("datewriter")


def wrote(opened: Any, texts: list[str]) -> list[str]:
    from assets.recipes.datewriter_measures import written

    return written(opened.model, opened.tokenizer.library_object, texts)


# What is shipped ------------------------------------------------------------------------------------------------------


def test_the_folder_is_whole_and_small() -> None:
    names = {path.name for path in HOME.iterdir()}
    assert names == {"README.md", "config.json", "evaluation.json", "generation_config.json", "model.safetensors",
                     "tokenizer.json", "tokenizer_config.json", "training.jsonl"}
    assert sum(path.stat().st_size for path in HOME.iterdir()) < 4_000_000
    assert REPORT["weights_sha256"] == hashlib.sha256((HOME / "model.safetensors").read_bytes()).hexdigest()
    assert all(REPORT["met"].values())
    assert REPORT["held_out_dates"] >= 0.99 <= REPORT["held_out_phrasings"]


def test_the_card_says_what_was_measured() -> None:
    from assets.recipes.datewriter import Plan
    from assets.recipes.datewriter_card import datewriter

    assert (HOME / "README.md").read_text("utf-8") == datewriter(REPORT, Plan())
    layer, head = REPORT["looks"]["clearest"]
    assert REPORT["looks"]["own_part"][layer][head] > 0.95


def test_it_opens_with_its_shape(opened: Any) -> None:
    assert opened.architecture == "T5ForConditionalGeneration"
    assert (opened.layers, opened.heads, opened.eos_ids) == (2, 4, (1,))
    assert opened.parameters == REPORT["parameters"]
    assert opened.vocab_size == opened.tokenizer.library_object.get_vocab_size() == REPORT["vocabulary"]
    assert opened.model.config.model_type == "t5"
    assert opened.model.generation_config.decoder_start_token_id == 0


def test_the_librarys_own_loaders_read_it() -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(HOME)
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(HOME, dtype="float32")
    coded = tokenizer("on Sunday, the third of May 1998", return_tensors="pt")
    assert tokenizer.convert_ids_to_tokens(coded["input_ids"][0]) == [
        "on", "sunday", ",", "the", "third", "of", "may", "1", "9", "9", "8", "</s>"]
    said = model.generate(**coded, do_sample=False)
    assert tokenizer.decode(said[0], skip_special_tokens=True) == "1998-05-03"


def test_no_page_offers_it_where_it_is_no_use() -> None:
    from components.models import catalog
    from components.views.attention.picture import decoders

    assert catalog.entry("datewriter").kind == "encoder-decoder"
    assert "datewriter" not in decoders()
    assert "datewriter" not in [entry.id for entry in catalog.of_kind("decoder", "encoder", "tokenizer")]
    assert "datewriter" not in [entry.id for entry in catalog.with_tokenizer()]


# How well it writes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phrasings", [dates.TRAINING, dates.TEST], ids=["known phrasings", "held-out phrasings"])
def test_held_out_dates_come_out_exactly(opened: Any, phrasings: tuple[str, ...]) -> None:
    random = Random(2026)
    rows = [dates.example(random, phrasings[place % len(phrasings)], held_out=True) for place in range(400)]
    said = wrote(opened, [text for text, _ in rows])
    wrong = [(text, one, iso) for one, (text, iso) in zip(said, rows, strict=True) if one != iso]
    assert len(wrong) <= 4, wrong


@pytest.mark.parametrize(("text", "iso"), [
    ("3 May 1998", "1998-05-03"), ("May 3, 1998", "1998-05-03"), ("May 3rd 1998", "1998-05-03"),
    ("3rd of May, 1998", "1998-05-03"), ("the third of May 1998", "1998-05-03"), ("May the third, 1998", "1998-05-03"),
    ("Sunday, 3 May 1998", "1998-05-03"), ("on the 3rd of May in the year 1998", "1998-05-03"),
    ("1998, May 3", "1998-05-03"), ("3-May-1998", "1998-05-03"), ("03.05.1998", "1998-05-03"),
    ("3/5/1998", "1998-05-03"), ("1998-05-03", "1998-05-03"), ("Jan. 12, 1905", "1905-01-12"),
    ("12 Sept 1066", "1066-09-12"), ("the first of June nineteen ninety-eight", "1998-06-01"),
    ("the twenty-first of March two thousand and six", "2006-03-21"), ("born on 29 February 2000", "2000-02-29"),
    ("dated the 31st of December 1999", "1999-12-31"), ("MAY THE THIRD, 1998", "1998-05-03"),
    ("  3   may 1998 ", "1998-05-03"), ("3May1998", "1998-05-03"),
])
def test_the_phrasings_that_people_use(opened: Any, text: str, iso: str) -> None:
    assert wrote(opened, [text]) == [iso]


# Vocabulary -----------------------------------------------------------------------------------------------------------


def test_tokens_are_words_and_single_digits(opened: Any) -> None:
    tokenizer = opened.tokenizer.library_object
    text = "Zoë’s  Twenty-First – 30th of MAY, nineteen ninety-eight; 2026"
    coded = tokenizer.encode(text)
    assert coded.tokens == ["<unk>", "twenty-first", "-", "3", "0", "th", "of", "may", ",", "nineteen", "ninety", "-",
                            "eight", ";", "2", "0", "2", "6", "</s>"]
    pieces = [text[start:end] for start, end in coded.offsets[:-1]]
    assert pieces == ["Zoë’s", "Twenty-First", "–", "3", "0", "th", "of", "MAY", ",", "nineteen", "ninety", "-",
                      "eight", ";", "2", "0", "2", "6"]
    assert tokenizer.decode(tokenizer.encode("1998-05-03").ids) == "1998-05-03"


def test_every_word_of_the_grammar_is_in_the_vocabulary() -> None:
    from assets.recipes.datewriter import UNKNOWN, tokenizer

    made, random = tokenizer(), Random(3)
    for phrasing in (*dates.TRAINING, *dates.DEVELOPMENT, *dates.TEST):
        for _ in range(20):
            text = dates.write(dates.draw_date(random, held_out=False), phrasing, random)
            assert UNKNOWN not in made.encode(text).tokens, text


# The grammar and its split --------------------------------------------------------------------------------------------


def test_no_training_phrasing_holds_a_held_out_one() -> None:
    random = Random(4)
    held = [dates.skeleton(phrasing) for phrasing in (*dates.TEST, *dates.DEVELOPMENT)]
    assert len(set(held)) == len(held) == 32
    drawn = {dates.draw_phrasing(random) for _ in range(20_000)}
    assert len(drawn) > 1_000
    assert set(dates.TRAINING) <= drawn
    for phrasing in drawn:
        assert not any(f" {one} " in f" {dates.skeleton(phrasing)} " for one in held), phrasing


def test_the_skeleton_ignores_signs_and_nothing_else() -> None:
    assert dates.skeleton("{month} the {ord}, {yw}") == dates.skeleton("on {month}  the {ord} {yw}")
    assert dates.skeleton("{d} / {m} / {y}") == dates.skeleton("{d}/{m}/{y}") != dates.skeleton("{d}-{m}-{y}")
    assert dates.skeleton("{y} {month} {d}") != dates.skeleton("{y} {d} {month}")


def test_training_texts_have_no_held_out_date() -> None:
    random = Random(5)
    drawn = [dates.example(random, dates.draw_phrasing(random), held_out=False)[1] for _ in range(3_000)]
    assert not any(dates.is_held_out(date.fromisoformat(iso)) for iso in drawn)
    tested = [dates.example(random, dates.TEST[0], held_out=True)[1] for _ in range(500)]
    assert all(dates.is_held_out(date.fromisoformat(iso)) for iso in tested)
    share = sum(dates.is_held_out(date(year, 1 + year % 12, 1 + year % 28)) for year in range(1000, 2100)) / 1100
    assert 0.07 < share < 0.13


def test_dates_are_real_and_reach_every_month_and_both_ends() -> None:
    random = Random(6)
    days = [dates.draw_date(random, held_out=False) for _ in range(20_000)]
    assert {day.month for day in days} == set(range(1, 13))
    assert {day.day for day in days} == set(range(1, 32))
    assert min(days).year < 1005
    assert max(days).year > 2094
    assert any(day.month == 2 and day.day == 29 for day in days)


def test_every_phrasing_says_its_date() -> None:
    random = Random(7)
    for phrasing in (*dates.TRAINING, *dates.DEVELOPMENT, *dates.TEST):
        slots = {slot for slot, _ in dates.parts(date(2000, 2, 29), phrasing, random) if slot}
        assert len(slots & {"d", "dth", "ord"}) == len(slots & {"m", "month"}) == len(slots & {"y", "yw"}) == 1
    leap = {dates.write(date(2000, 2, 29), "{w}, the {ord} of {month} {yw}", random).lower() for _ in range(40)}
    assert "tuesday, the twenty-ninth of february two thousand" in leap


def test_leap_days_follow_the_calendar() -> None:
    assert dates.leap_day(1900) is None
    assert dates.leap_day(1998) is None
    assert dates.leap_day(2000) == date(2000, 2, 29)
    assert dates.leap_day(1004) == date(1004, 2, 29)


@pytest.mark.parametrize(("year", "ways"), [
    (1998, {"nineteen ninety-eight", "nineteen hundred and ninety-eight", "nineteen ninety eight"}),
    (2006, {"two thousand and six", "two thousand six", "twenty oh six"}), (2000, {"two thousand"}),
    (1905, {"nineteen oh five", "nineteen hundred and five"}), (1900, {"nineteen hundred"}), (1000, {"one thousand"}),
    (1066, {"ten sixty-six", "one thousand and sixty-six"}), (2020, {"twenty twenty", "two thousand and twenty"}),
])
def test_years_in_words(year: int, ways: set[str]) -> None:
    assert ways <= set(dates.years_in_words(year))
    assert not {"twenty hundred", "ten hundred"} & set(dates.years_in_words(year))


def test_no_two_years_sound_alike() -> None:
    heard: dict[str, int] = {}
    for year in range(1000, 2100):
        for words in dates.years_in_words(year):
            assert heard.setdefault(words, year) == year, words


def test_ordinals_and_suffixes() -> None:
    assert len(dates.ORDINALS) == 31
    assert dates.ORDINALS[20] == "twenty-first"
    assert [dates.suffix(day) for day in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 30, 31)] == [
        "st", "nd", "rd", "th", "th", "th", "th", "st", "nd", "rd", "th", "st"]


def test_the_recipe_runs_and_says_that_a_bar_is_missed(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from assets.recipes import datewriter, datewriter_measures

    for name in ("EACH_KNOWN", "EACH_NEW", "EACH_READ"):
        monkeypatch.setattr(datewriter_measures, name, 1)
    plan = datewriter.Plan(layers=1, width=16, heads=2, feed_forward=16, rows=4, steps=3, log_every=2, warm_up_steps=1)
    words = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    assert datewriter.main(words, plan) == 1
    assert "FAIL held_out_phrasings" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {path.name for path in HOME.iterdir()}
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert all(f"`{phrasing}`" in card for phrasing in dates.TEST)
