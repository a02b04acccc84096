"""Columns, options and two panels of the Tokens page: "What a language costs" and "Cut at N"."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components import corpora
from components.models.open import open_tokenizer
from components.payload import annotate, pack, unpack
from components.tokenization import trace
from components.views.tokenizer import cutting, work
from tests.app.test_tokenizer import app_test, open_with, picture
from tests.conftest import needs

SMALL = {"tokenizer_left": "storyteller", "tokenizer_right": "storyteller-1k"}


def drawn(test: Any, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The payload of one mounted component."""
    found = [unpack(node.proto.bytes) for node in test.get("bidi_component") if name in node.proto.component_name]
    return found[-1]


def test_up_to_four_columns_and_none_twice() -> None:
    test = open_with("unhappiness 1234", **SMALL, tokenizer_third="storyteller-unigram",
                     tokenizer_fourth="storyteller-wordpiece")
    header, arrays = picture(test)
    assert [one["name"] for one in header["columns"]] == [
        "storyteller", "storyteller-1k", "storyteller-unigram", "storyteller-wordpiece"]
    assert {f"ids{i}" for i in range(4)} < set(arrays)
    assert len(arrays["rings"]), "four tokenizers do not cut this alike"
    again = open_with("rain", tokenizer_left="storyteller", tokenizer_right="storyteller")
    assert [one["name"] for one in picture(again)[0]["columns"]] == ["storyteller"]


@pytest.mark.parametrize("names", [
    ("storyteller-unigram", "storyteller-1k", "bert", "mistral-v1"),
    ("storyteller Unigram", "storyteller 1,000", "BERT", "Mistral v1"),
])
def test_a_link_may_use_ids_and_the_address_says_the_shown_names(names: tuple[str, ...]) -> None:
    query = {f"tokenizer_{side}": name for side, name in zip(work.SIDES, names, strict=True)}
    test = app_test("tokenizer", text="rain", **query)
    wanted = ["storyteller-unigram", "storyteller-1k", "bert", "mistral-v1"]
    for _ in range(2):
        assert [one["name"] for one in picture(test)[0]["columns"]] == wanted
        assert [test.query_params[f"tokenizer_{side}"] for side in work.SIDES] in (
            [work.title(name) for name in wanted], [[work.title(name)] for name in wanted])
        test.run()
    test.selectbox(key="tokenizer_left").set_value("storyteller").run()
    assert picture(test)[0]["columns"][0]["name"] == "storyteller"


def test_an_example_brings_its_columns() -> None:
    test = app_test("tokenizer")
    example = next(item for item in json.loads((corpora.FOLDER / "examples.json").read_text("utf-8"))["tokens"]
                   if item["id"] == "four-families")
    test.session_state["tokenizer_text"] = example["text"]
    test.run()
    header, _ = picture(test)
    assert len(header["columns"]) >= 2
    wanted = [name for column in example["columns"] for name in column.split("|")]
    assert {one["name"] for one in header["columns"]} <= set(wanted)
    if len(header["columns"]) == 4:  # the fourth box is new, and its choice is in the link all the same
        assert test.query_params["tokenizer_fourth"] in (
            work.title(header["columns"][3]["name"]), [work.title(header["columns"][3]["name"])])


def test_options_stand_in_the_picture() -> None:
    test = open_with("rain", **SMALL, tokenizer_layout="rows", tokenizer_blanks=False, tokenizer_window="gpt-4")
    view = picture(test)[0]["view"]
    assert view["layout"] == "rows"
    assert view["blanks"] is False
    assert view["window"]["tokens"] == 8192


def test_annotate_keeps_arrays() -> None:
    import numpy as np

    buffer = pack({"a": 1}, {"x": np.arange(5, dtype=np.int32)})
    header, arrays = unpack(annotate(buffer, b={"c": "é" * 7}))
    assert header["a"] == 1
    assert header["b"] == {"c": "é" * 7}
    assert arrays["x"].tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="LG01"):
        annotate(b"nothing", b=1)


def test_what_a_language_costs() -> None:
    test = app_test("tokenizer", tokenizer_panel="What a language costs", **SMALL)
    header, arrays = drawn(test, "tokenizer_languages")
    sentences = corpora.parallel()
    assert [one["id"] for one in header["tokenizers"]][:2] == ["storyteller", "storyteller-1k"]
    assert len(header["languages"]) == len({one.language for one in sentences})
    hindi = [one["tag"] for one in header["languages"]].index("hi")
    texts = [one.text for one in sentences if one.language == "hi"]
    expected = [len(trace(open_tokenizer("storyteller"), text)) for text in texts]
    assert arrays["tokens"][0, hindi].tolist() == expected
    assert arrays["bytes"][hindi].tolist() == [len(text.encode()) for text in texts]


def test_cut_at_n() -> None:
    text = "The old king lived by the sea, and nobody knew his name."
    test = open_with(text, **SMALL, tokenizer_panel="Cut at N", tokenizer_cut_n=6)
    header, arrays = drawn(test, "tokenizer_cutting")
    assert text.startswith(header["whole"])
    assert arrays["tokens"].tolist() == [6] == [len(trace(open_tokenizer("storyteller"), header["whole"]))]
    chunked = open_with(text, **SMALL, tokenizer_panel="Cut at N", tokenizer_cut_n=6, tokenizer_cut_way="chunks")
    header, arrays = drawn(chunked, "tokenizer_cutting")
    assert header["pieces"] == len(arrays["start"]) > 1
    assert arrays["end"][-1] == len(text)


def test_an_overlap_that_is_too_long_is_a_sentence() -> None:
    test = open_with("one two three four five six", **SMALL, tokenizer_panel="Cut at N", tokenizer_cut_n=3,
                     tokenizer_cut_way="chunks", tokenizer_cut_overlap=3)
    assert any("overlap below the size" in one.value for one in test.warning)


def test_chunks_as_lines() -> None:
    from components.tokenization import chunks

    text = "rain 👩🏽‍🚀 and snow, " * 6
    found = chunks(open_tokenizer("storyteller"), text, 30, 5)
    rows = [json.loads(line) for line in cutting.as_lines(found).decode().splitlines()]
    assert [row["chunk"] for row in rows] == list(range(1, len(found) + 1))
    assert all(row["text"] == text[row["start"] : row["end"]] for row in rows)


@needs("cl100k")
def test_a_long_text_is_drawn_in_part_and_cut_whole() -> None:
    text = "word " * 30_000
    found = cutting._cut(open_tokenizer("cl100k"), text, "end", 100, 0)
    header, arrays = unpack(cutting.payload(text, found, "end", 100, "GPT-4"))
    assert header["from"] == len(text) - cutting.DRAWN
    assert len(header["text"]) == cutting.DRAWN
    assert arrays["end"].tolist() == [len(text)]


@needs("smollm2")
def test_special_tokens_and_chats() -> None:
    test = open_with("Say <|endoftext|> now", tokenizer_left="smollm2", tokenizer_right="storyteller",
                     tokenizer_panel="Special tokens")
    nodes = [unpack(node.proto.bytes)[0] for node in test.get("bidi_component")
             if "tokenizer_specials" in node.proto.component_name]
    both, chats = nodes
    titles = [row["title"] for row in both["rows"]]
    assert titles == ["SmolLM2, as plain text", "SmolLM2, as control", "storyteller, as plain text",
                      "storyteller, as control"]
    assert ["<|endoftext|>", 1] in both["rows"][1]["tokens"]
    assert ["<|endoftext|>", 1] not in both["rows"][0]["tokens"]
    smol = next(row for row in chats["rows"] if row["title"] == "SmolLM2")
    assert smol["control"] == 9
    assert "warning" not in smol
    test.button(key="tokenizer_chat_inject").click().run()
    again = [unpack(node.proto.bytes)[0] for node in test.get("bidi_component")
             if "tokenizer_specials" in node.proto.component_name][1]
    smol = next(row for row in again["rows"] if row["title"] == "SmolLM2")
    assert smol["warning"].startswith("<|im_end|>, <|im_start|> came from a message")


def test_a_conversation_without_roles_is_a_sentence() -> None:
    test = open_with("rain", **SMALL, tokenizer_panel="Special tokens", tokenizer_chat="hello there")
    assert any("nobody who says it" in one.value for one in test.warning)


def test_a_press_puts_a_control_token_behind_the_text() -> None:
    test = open_with("rain", **SMALL, tokenizer_panel="Special tokens")
    test.pills(key="tokenizer_special_name").set_value("<|endoftext|>").run()
    assert test.session_state["tokenizer_text"] == "rain <|endoftext|> and more"
