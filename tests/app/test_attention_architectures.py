"""The panel "Three architectures" on the page: what it draws, and what it says to odd input and forged links."""

from __future__ import annotations

import numpy as np
import pytest

from components.views.attention import architectures as panel
from tests.app.test_attention import buffers
from tests.conftest import app_test, needs

OPEN = {"attention_model": "storyteller", "attention_panel": "Three architectures"}


def test_a_date_with_its_attention() -> None:
    test = app_test("attention", **OPEN)
    header, arrays = buffers(test, panel.CROSSING)[-1]
    assert "".join(header["target"][:-1]) == header["written"] == "1998-05-03"
    assert header["target"][-1] == header["source"][-1] == "end"
    assert header["before"] == ["start", *header["target"][:-1]]
    assert header["view"] == ["cross", 1, 2, None]
    asks, keys = len(header["target"]), len(header["source"])
    assert [arrays[kind].shape for kind in panel.KINDS] == [(2, 4, asks, keys), (2, 4, keys, keys), (2, 4, asks, asks)]
    assert np.allclose(arrays["cross"].sum(axis=-1), 1, atol=1e-5)
    assert not np.triu(arrays["decoder"], 1).any()
    assert arrays["chance"].min() > 0.5
    assert buffers(test, "attention_kinds")[-1][0]["now"] == ["both"]


def test_odd_dates_and_forged_links() -> None:
    test = app_test("attention", **OPEN, attention_date="Hello world", attention_crossing_view="cross-7-9-3")
    header, _ = buffers(test, panel.CROSSING)[-1]
    assert header["nothing_known"]
    assert header["view"][:3] == ["cross", 1, 2]
    test = app_test("attention", **OPEN, attention_date="May " * 70, attention_crossing_view="<b>-0-0-0")
    assert not buffers(test, panel.CROSSING)
    assert any("up to 64 here" in warning.value for warning in test.warning)


def test_a_model_that_is_not_here_is_named() -> None:
    with pytest.raises(ValueError, match="no-such-model is not here, and this part needs it"):
        panel._needed("no-such-model")


@needs("gapfiller")
def test_a_gap_and_both_kinds_side_by_side() -> None:
    text = "A cat sat on a mat."
    test = app_test("attention", **OPEN, attention_architecture="gap", attention_gap_word="2", text=text)
    header, arrays = buffers(test, panel.GAP)[-1]
    assert "".join(header["segments"]) == text
    assert (header["at"], len(header["tokens"])) == (2, 6)
    test.session_state[panel.WORD] = "6"  # a forged link: this text has six words, counted from 0
    test.run()
    header, arrays = buffers(test, panel.GAP)[-1]
    gain = np.log(arrays["chance_0"]) - np.log(arrays["chance_1"])
    only = (arrays["right_0"] == 1) & (arrays["right_1"] == 0)
    assert header["at"] == int(np.where(only, gain, -np.inf).argmax() if only.any() else gain.argmax())
    for m in (0, 1):
        assert arrays[f"shares_{m}"].shape == (6, 5)
        assert len(header["tops"][m]) == len(header["fills"][m]) == 6
        best = arrays[f"first_{m}"][:, 0] == 1
        assert (arrays[f"rank_{m}"][best] == 1).all()
        assert np.allclose(arrays[f"shares_{m}"][best, 0], arrays[f"chance_{m}"][best])
    test.segmented_control(key=panel.KEY).set_value("sides").run()
    header, arrays = buffers(test, panel.SIDES)[-1]
    encoder, decoder = header["models"]
    assert (encoder["causal"], decoder["causal"]) == (False, True)
    assert encoder["pieces"] == decoder["pieces"]
    side = len(arrays["edges_0"]) - 1
    assert arrays["thumbs_0"].shape[2] == side * side
    assert arrays["thumbs_1"].shape[2] == side * (side + 1) // 2
    assert np.isnan(arrays["ahead_1"]).all()
    assert arrays["ahead_0"].max() > arrays["ahead_0"].mean()
    assert not test.exception
