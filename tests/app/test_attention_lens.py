"""The panels "Logit lens" and "Two sentences" on the page: what they draw, and what they say to odd input."""

from __future__ import annotations

import numpy as np

from tests.app.test_attention import buffers
from tests.conftest import app_test


def test_the_lens_ends_in_the_models_answer() -> None:
    test = app_test("attention", attention_model="storyteller", attention_panel="Logit lens", text="Once upon a")
    header, arrays = buffers(test, "attention_lens")[-1]
    assert header["pieces"] == ["On", "ce", " upon", " a"] or "".join(header["pieces"]) == "Once upon a"
    columns = len(header["pieces"])
    assert arrays["rank"].shape == (7, columns)
    assert header["texts"][arrays["answers"][-1]].strip() == "time"
    assert (arrays["rank"][-1] == 1).all()
    assert np.allclose(arrays["bits"][-1], 0, atol=1e-5)


def test_two_sentences_open_on_a_pair_and_take_the_readers_own() -> None:
    test = app_test("attention", attention_model="storyteller", attention_panel="Two sentences")
    header, arrays = buffers(test, "attention_parting")[-1]
    assert header["word"] == "bank"
    assert arrays["cosine"][-1] < arrays["same"][-1]
    test.selectbox(key="attention_pair").set_value("own").run()
    test.text_input(key="attention_word").set_value("kite").run()
    assert any("not in the sentence" in warning.value for warning in test.warning)
    test.text_input(key="attention_first").set_value("A red kite circled.").run()
    test.text_input(key="attention_second").set_value("She flew her kite on the hill.").run()
    header, arrays = buffers(test, "attention_parting")[-1]
    assert header["word"] == "kite"
    assert arrays["same"].size == 0
    assert not test.exception
