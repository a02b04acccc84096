"""The panel "Inside, step by step" under AppTest: what the browser is given, for every kind of tokenizer."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from components.models.open import open_tokenizer
from components.payload import unpack
from components.tokenization import pipeline, trace
from components.views.tokenizer import pipeline_payload as panel
from tests.app import mounted
from tests.app.test_tokenizer import app_test

PANEL = "Inside, step by step"

opened = partial(mounted.opened, PANEL)
picture = partial(mounted.picture, component="tokenizer_pipeline")


def number(header: dict[str, Any], stage: str, last: bool = False) -> int:
    found = [place for place, step in enumerate(header["steps"]) if step["stage"] == stage]
    return found[-1 if last else 0]


@pytest.mark.parametrize("name", ["storyteller", "mistral-v1", "bert", "storyteller-unigram"])
def test_what_the_browser_is_given(name: str) -> None:
    text = "The Unhappiness of tortoises 🐢, ☃\nand rain."
    header, arrays = picture(opened(text, tokenizer_left=name, tokenizer_right="storyteller-1k"))
    found = pipeline(open_tokenizer(name), text)
    assert header["name"] == name
    assert header["steps"][0]["text"] == text
    assert header["exact"] == (found.decoded == text)
    model = number(header, "model")
    assert arrays[f"ids{model}"].tolist() == trace(open_tokenizer(name), text).ids.tolist()
    assert [step["stage"] for step in header["steps"]] == [step.stage for step in found.steps]
    for place, (before, step) in enumerate(pairwise(found.steps), 1):
        shown = header["steps"][place]
        assert shown["name"]
        assert shown["does"]
        assert shown["changed"] == step.changed == (before.pieces != step.pieces)
        assert ("text" in shown) == step.changed
        assert np.array_equal(arrays[f"sources{place}"], step.sources)
        if step.changed:
            assert shown["text"] == step.text
            assert arrays[f"cuts{place}"][-1] == len(step.text)
            assert len(arrays[f"marks{place}"]) == len(shown["before"])


def test_steps_are_named_by_what_they_are() -> None:
    header, _ = unpack(panel.payload(open_tokenizer("bert"), "BERT", "Unhappiness"))
    said = {step["name"]: step["does"] for step in header["steps"]}
    assert said["TemplateProcessing"] == "adds [CLS] and [SEP]"
    assert said["BertNormalizer: lowercase"] == "writes capital letters small"
    assert said["skip_special_tokens"] == "leaves out [CLS] and [SEP]"
    header, _ = unpack(panel.payload(open_tokenizer("storyteller"), "storyteller", "Unhappiness 12"))
    said = {step["name"]: step["does"] for step in header["steps"] if step["stage"] == "pre_tokenizer"}
    assert said == {"Digits": "makes each digit a piece", "ByteLevel": "splits and spells bytes as letters"}


def test_every_part_of_the_tokenizers_here_has_words_of_its_own() -> None:
    every = panel.wordings()
    for name in ("storyteller", "bert", "storyteller-unigram", "storyteller-wordpiece", "mistral-v1"):
        for step in pipeline(open_tokenizer(name), "The ﬁne Rain<|endoftext|>\n[UNK]").steps:
            assert f"{step.stage}.{step.type}" in every
            shown = panel.words(step)
            assert "{" not in shown["does"] + shown["says"]


def test_what_was_lost_is_said() -> None:
    header, _ = unpack(panel.payload(open_tokenizer("storyteller"), "storyteller", "rain<|endoftext|>"))
    assert (header["exact"], header["summary"]) == (False, ["<|endoftext|> left out"])
    header, _ = unpack(panel.payload(open_tokenizer("storyteller"), "storyteller", "rain 🐢"))
    assert (header["exact"], header["summary"]) == (True, [])


def test_the_switch_chooses_among_the_columns_and_is_in_the_link() -> None:
    test = opened("rain", tokenizer_left="bert", tokenizer_right="storyteller")
    assert picture(test)[0]["name"] == "bert"
    test.session_state["tokenizer_pipeline_of"] = "storyteller"
    test.run()
    assert picture(test)[0]["name"] == "storyteller"
    assert picture(opened("rain", tokenizer_left="bert", tokenizer_right="storyteller",
                          tokenizer_pipeline_of="storyteller"))[0]["name"] == "storyteller"
    assert picture(opened("rain", tokenizer_left="bert", tokenizer_pipeline_of="nobody"))[0]["name"] == "bert"


def test_no_text_asks_for_one() -> None:
    test = app_test("tokenizer", tokenizer_panel=PANEL)
    test.session_state["tokenizer_text"] = ""
    test.run()
    assert not [node for node in test.get("bidi_component") if "tokenizer_pipeline" in node.proto.id]
    assert "Type a sentence, or press an example." in [caption.value for caption in test.caption]


def test_a_text_that_is_too_long_is_a_sentence() -> None:
    test = opened("The mill stood still. " * 1_000, tokenizer_left="storyteller", tokenizer_right="bert")
    assert not [node for node in test.get("bidi_component") if "tokenizer_pipeline" in node.proto.id]
    assert any("22,000 characters" in warning.value for warning in test.warning)
