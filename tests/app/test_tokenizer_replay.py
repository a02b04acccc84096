"""The panel "Replay the algorithm" under AppTest: what the browser is given, for every algorithm."""

from __future__ import annotations

from functools import partial

import pytest

from components.models.open import open_tokenizer
from components.payload import unpack
from components.tokenization import replay, trace
from components.views.tokenizer import replay_payload as panel
from tests.app import mounted
from tests.app.test_tokenizer import app_test
from tests.conftest import needs

PANEL = "Replay the algorithm"

opened = partial(mounted.opened, PANEL)
picture = partial(mounted.picture, component="tokenizer_replay")


@pytest.mark.parametrize(("name", "algorithm"), [
    ("storyteller", "BPE"), ("mistral-v1", "BPE"), ("bert", "WordPiece"), ("storyteller-unigram", "Unigram")])
def test_what_the_browser_is_given(name: str, algorithm: str) -> None:
    text = "The unhappiness of tortoises 🐢, ☃ and rain; and rain."
    header, arrays = picture(opened(text, tokenizer_left=name, tokenizer_right="storyteller-1k"))
    assert (header["algorithm"], header["text"], header["whole"]) == (algorithm, text, len(text))
    ids = trace(open_tokenizer(name), text).ids.tolist()
    assert header["tokens"] == len(ids)
    # The pieces of all words, in the order of the text, are the text's tokens.
    assert [token for way, _, _ in arrays["words"] for piece in header["ways"][way]["p"] for token in piece[2]] == ids
    _, start, end = arrays["words"][header["first"]]
    assert text[start:end].strip() == "unhappiness"
    if algorithm == "BPE":
        found = replay(open_tokenizer(name), text)
        assert (header["base"], header["merges"]) == (found.base, found.merges)
        assert len(arrays["needed"]) + header["tokens"] == found.pieces_after(0)


def test_the_switch_chooses_among_the_columns_and_is_in_the_link() -> None:
    test = opened("rain", tokenizer_left="bert", tokenizer_right="storyteller")
    assert picture(test)[0]["algorithm"] == "WordPiece"
    test.session_state["tokenizer_replay_of"] = "storyteller"
    test.run()
    assert picture(test)[0]["algorithm"] == "BPE"
    assert picture(opened("rain", tokenizer_left="bert", tokenizer_right="storyteller",
                          tokenizer_replay_of="storyteller"))[0]["title"] == "storyteller"


def test_a_forged_link_is_harmless() -> None:
    test = opened("rain", tokenizer_replay_of="nobody", tokenizer_replay_at="-3", tokenizer_replay_stop="9" * 40)
    assert picture(test)[0]["view"] == {"at": None, "stop": None}
    header, _ = picture(opened("rain", tokenizer_replay_at="2", tokenizer_replay_stop="40"))
    assert header["view"] == {"at": 2, "stop": 40}


def test_no_text_asks_for_one() -> None:
    test = app_test("tokenizer", tokenizer_panel=PANEL)
    test.session_state["tokenizer_text"] = ""
    test.run()
    assert not [node for node in test.get("bidi_component") if "tokenizer_replay" in node.proto.id]
    assert "Type a sentence, or press an example." in [caption.value for caption in test.caption]


def test_a_long_text_is_replayed_to_a_limit_and_says_so() -> None:
    text = "The mill stood still. " * 2_000
    header, _ = picture(opened(text, tokenizer_left="storyteller", tokenizer_right="bert"))
    assert header["whole"] == len(text)
    assert 19_800 < len(header["text"]) <= 20_000
    assert header["text"] == text[:len(header["text"])]


def test_a_word_too_long_to_draw_is_counted() -> None:
    header, _ = unpack(panel.payload(open_tokenizer("storyteller"), "storyteller", "a" * 500))
    assert header["ways"] == [{"n": 500, "t": "a" * 40, "c": header["tokens"]}]


def test_the_first_view_is_the_stored_one() -> None:
    header, _ = picture(app_test("tokenizer", tokenizer_panel=PANEL))
    assert "stamp" in header, "the first example's steps must come from assets/first_view, without any tokenizer"
    assert "stamp" not in picture(opened("rain"))[0]


@needs("smollm2")
def test_a_control_token_has_no_way() -> None:
    header, arrays = unpack(panel.payload(open_tokenizer("smollm2"), "SmolLM2", "a<|im_end|>"))
    assert header["control"] == {"1": 2}
    assert arrays["words"].tolist() == [[0, 0, 1], [-1, 1, 11]]


def test_nothing_but_a_control_token() -> None:
    header, _ = unpack(panel.payload(open_tokenizer("storyteller"), "storyteller", "<|endoftext|>"))
    assert header["ways"] == []
    assert header["first"] == 0
