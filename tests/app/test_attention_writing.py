"""The panel "While it writes" under AppTest: what the browser is given, knobs, links, an encoder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from components import sampling
from components.attention import map_text, read, sqrt_bytes, write_on
from components.models.open import open_model
from components.payload import unpack
from components.views.attention import writing as panel
from tests.app.test_attention import buffers
from tests.conftest import app_test

TEXT = "The old miller had a cat. One day the cat said to the old"


def opened(**query: str) -> Any:
    return app_test("attention", attention_panel="While it writes",
                    **{"attention_model": "storyteller", "text": TEXT, **query})


def test_what_the_browser_is_given() -> None:
    test = opened(attention_layer="2", attention_head="5", attention_writing_tokens="6")
    header, arrays = buffers(test, "attention_writing")[-1]
    model = open_model("storyteller")
    heads = map_text(model, TEXT)
    writing = write_on(model, heads.ids, sampling.Settings(temperature=0, max_new_tokens=6))
    assert header["pieces"][: heads.tokens] == list(heads.pieces)
    assert "".join(header["pieces"]) == model.tokenizer.library_object.decode(writing.ids.tolist())
    assert (header["prompt"], header["layer"], header["head"]) == (heads.tokens, 2, 5)
    assert (header["first"], header["count"], header["ended"]) == (0, 6, panel.ENDED["length"])
    assert np.abs((arrays["rows"] / 255.0) ** 2 - writing.rows).max() <= 0.004
    keys, most = writing.looks(skip_first=True)
    assert np.array_equal(arrays["keys"], keys)
    assert np.array_equal(arrays["most"], most)
    assert np.array_equal(arrays["sink"], writing.sink())
    assert np.allclose(arrays["probability"], writing.probability)
    assert not test.warning


def test_a_seed_gives_the_text_of_sampling() -> None:
    test = opened(attention_writing_tokens="8", attention_writing_temperature="1.2", attention_writing_seed="7")
    header, _ = buffers(test, "attention_writing")[-1]
    model = open_model("storyteller")
    ids = map_text(model, TEXT).ids.tolist()
    settings = sampling.Settings(temperature=1.2, seed=7, max_new_tokens=8)
    told = [model.tokenizer.library_object.decode([one]) for one in sampling.decode(model, ids, [settings])[0].ids]
    assert header["pieces"][len(ids) :] == told


@pytest.mark.parametrize(("limit", "span"), [(panel.LIGHT_BYTES, (0, 6)), (20_000, (4, 1))])
def test_the_whole_model_goes_along_while_it_is_light(
    limit: int, span: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = write_on(open_model("storyteller"), list(range(1, 90)), sampling.Settings(temperature=0,
                                                                                     max_new_tokens=12))
    monkeypatch.setattr(panel, "LIGHT_BYTES", limit)
    made = panel.payload(writing, ("x",) * writing.ids.size, 4, 1, 4, hide_first=False, at=None)
    header, arrays = unpack(made)
    assert (header["first"], header["count"]) == span
    assert np.array_equal(arrays["rows"], sqrt_bytes(writing.rows[span[0] : sum(span)]))
    assert len(made) <= limit + 60_000


@pytest.mark.parametrize(("step", "at"), [("3", 3), ("-1", None), ("999", None), ("x", None)])
def test_a_link_names_a_step_and_a_forged_one_is_harmless(step: str, at: int | None) -> None:
    test = opened(attention_writing_step=step, attention_writing_tokens="5")
    assert buffers(test, "attention_writing")[-1][0]["at"] == at


@pytest.mark.parametrize("forged", ["0", "400", "-3", "many"])
def test_forged_knobs_are_harmless(forged: str) -> None:
    test = opened(attention_writing_tokens=forged, attention_writing_temperature=forged, attention_writing_seed=forged)
    assert buffers(test, "attention_writing") or test.warning


def test_a_text_that_fills_the_context_is_a_sentence() -> None:
    tokenizer = open_model("storyteller").tokenizer
    text = "old" + " old" * 255
    assert len(read(tokenizer, text)[0]) == 256
    assert any("fills the 256 tokens" in one.value for one in opened(text=text).warning)
    header, _ = buffers(opened(text=text[: -4 * 3], attention_writing_tokens="5"), "attention_writing")[-1]
    assert (len(header["pieces"]), header["ended"]) == (256, panel.ENDED["context"])


def test_an_encoder_does_not_write() -> None:
    test = opened(attention_model="gapfiller")
    assert not buffers(test, "attention_writing")
    assert [one.value for one in test.warning if "is an encoder" in one.value]
