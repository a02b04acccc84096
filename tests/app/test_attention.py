"""The Attention page without a browser: its first view, knobs, the head that the picture reports, limits, files."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import pytest

from components import first_views
from components.attention import (
    SCORES,
    HeadMap,
    average,
    block_edges,
    map_text,
    rollout,
    rollout_null,
    telling_head,
)
from components.models import sources
from components.models.open import open_model
from components.payload import unpack
from components.views.attention import export, picture
from components.views.attention.payload import Look, payload
from tests.conftest import app_test, needs


def walk(element: Any) -> Any:
    yield element
    for child in getattr(element, "children", {}).values():
        yield from walk(child)


def buffers(test: Any, name: str) -> list[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """The payloads of every drawn component of that name."""
    return [
        unpack(element.proto.bytes)
        for element in walk(test.main)
        if getattr(element, "type", "") == "bidi_component"
        and element.proto.component_name.endswith(f"looking_glass_{name}")
    ]


def stored(model: str) -> HeadMap:
    view = first_views.load(f"attention.{model}")
    assert view is not None
    return HeadMap.restore(view.header, view.arrays)


@pytest.fixture
def page() -> Any:
    return app_test("attention", attention_model="storyteller")


def on_storyteller(page: Any) -> Any:
    page.selectbox(key="attention_model").set_value("storyteller").run()
    assert not page.exception
    return page


def test_it_opens_on_the_stored_view() -> None:
    test = app_test("attention")
    name = sources.default_model()
    header, arrays = buffers(test, "attention")[-1]
    heads = stored(name)
    assert header["pieces"] == list(heads.pieces)
    assert np.array_equal(arrays["thumbs"], heads.thumbs)
    assert tuple(header["chosen"]) == telling_head(heads.scores)
    assert (header["first"], header["count"]) == (0, heads.layers * heads.heads)
    assert np.array_equal(arrays["weights"], heads.weights.reshape(header["count"], -1))
    assert [one["name"] for one in header["columns"]][:2] == ["previous", "induction"]
    assert header["columns"][1]["source"] == "on repeated random tokens"  # nothing repeats in the first example


def test_a_text_of_ones_own_is_read_by_the_model(page: Any) -> None:
    on_storyteller(page)
    page.session_state["attention_text"] = "The fox saw the fox."
    page.run()
    header, arrays = buffers(page, "attention")[-1]
    heads = map_text(open_model("storyteller"), "The fox saw the fox.")
    assert header["pieces"] == list(heads.pieces)
    assert np.array_equal(arrays["weights"], heads.weights.reshape(48, -1))
    assert not page.warning


def test_knobs_reach_the_picture(page: Any) -> None:
    on_storyteller(page)
    page.selectbox(key="attention_light").set_value("first")
    page.slider(key="attention_at_least").set_value(0.8)
    page.selectbox(key="attention_sort").set_value("entropy")
    page.toggle(key="attention_hide_first").set_value(False)
    page.number_input(key="attention_layer").set_value(4)
    page.number_input(key="attention_head").set_value(7)
    page.run()
    header, _ = buffers(page, "attention")[-1]
    assert (header["light"], header["at_least"], header["sort"]) == ("first", 0.8, "entropy")
    assert header["hide_first"] is False
    assert header["chosen"] == [4, 7]
    assert any("Layer 4, head 7" in part["title"] for part in buffers(page, "attention_table")[-1][0]["sections"])


def test_a_head_of_another_model_is_forgotten(page: Any) -> None:
    on_storyteller(page)
    page.session_state["attention_layer"] = 29
    page.session_state["attention_head"] = 8
    page.run()
    assert not page.exception
    assert not page.warning
    assert tuple(buffers(page, "attention")[-1][0]["chosen"]) == telling_head(stored("storyteller").scores)


def test_too_long_a_text_is_refused_with_the_limit(page: Any) -> None:
    on_storyteller(page)
    page.session_state["attention_text"] = "one two three four five " * 90
    page.run()
    assert len(page.warning) == 1
    assert "up to 256" in page.warning[0].value
    assert page.session_state["attention_text"].startswith("one two")
    page.session_state["attention_text"] = "Short again."
    page.run()
    assert not page.warning
    assert buffers(page, "attention")


def test_the_limit_is_said_before(page: Any) -> None:
    on_storyteller(page)
    assert any("at most 256" in item.value for item in page.caption)
    assert picture.shape("storyteller")["limit"] == 256


def test_every_panel_opens(page: Any) -> None:
    on_storyteller(page)
    for panel, words in (("One head", "strongest pairs"), ("Who does what", "Induction"), ("Tokens", "tokens")):
        page.session_state["attention_panel"] = panel
        page.run()
        assert not page.exception
        titles = [part["title"] for part in buffers(page, "attention_table")[-1][0]["sections"]]
        assert any(words in title for title in titles), (panel, titles)


# ------------------------------------------------------------------------------------------------------ what is sent


def look(**changes: Any) -> Look:
    whole: dict[str, Any] = {
        "model": "m", "chosen": (0, 0), "turn": 1, "exact": (0, 0), "light": "none", "at_least": 0.5, "sort": "place",
        "hide_first": True,
    }
    return Look(**{**whole, **changes})


def random_map(layers: int, heads: int, tokens: int) -> HeadMap:
    cells = tokens * (tokens + 1) // 2
    side = min(tokens, 32)
    generator = np.random.default_rng(0)
    return HeadMap(
        ids=np.arange(tokens, dtype=np.int32),
        pieces=tuple(f" w{at}" for at in range(tokens)),
        special=np.zeros(tokens, dtype=np.uint8),
        words=np.arange(tokens, dtype=np.int32),
        kv_heads=heads,
        causal=True,
        windows=np.full(layers, tokens - 1, dtype=np.int32),
        edges=block_edges(tokens),
        thumbs=generator.integers(0, 255, (layers, heads, side * (side + 1) // 2)).astype(np.uint8),
        scores=generator.random((len(SCORES), layers, heads)).astype(np.float32),
        weights=generator.random((layers, heads, cells)).astype(np.float16),
        norms=generator.random((layers, heads, tokens)).astype(np.float32),
        next_ids=np.zeros(0, dtype=np.int32),
        next_pieces=(),
        next_probabilities=np.zeros(0, dtype=np.float32),
    )


@pytest.mark.parametrize("tokens", [20, 128, 256])
@pytest.mark.parametrize(("layers", "heads"), [(30, 9), (6, 8), (12, 12)])
@pytest.mark.parametrize("whose", ["head", "rollout"])
def test_the_first_payload_is_small(layers: int, heads: int, tokens: int, whose: str) -> None:
    assert len(payload(random_map(layers, heads, tokens), look(whose=whose))) <= 600_000


def test_a_sentence_sends_every_head_a_paragraph_a_layer_and_a_page_one_head_and_its_layer_in_bytes() -> None:
    for tokens, first, count in ((20, 0, 270), (128, 63, 9), (256, 67, 1)):
        heads = random_map(30, 9, tokens)
        header, arrays = unpack(payload(heads, look(exact=(7, 4))))
        assert (header["first"], header["count"]) == (first, count)
        assert np.array_equal(arrays["weights"], heads.weights.reshape(270, -1)[first : first + count])
        assert np.allclose(arrays["norms"], heads.norms.reshape(270, -1)[first : first + count])
    assert header["rough"] == 7
    assert np.abs((arrays["rough"] / 255.0) ** 2 - heads.weights[7].astype(float)).max() <= 0.004


def test_an_average_and_a_rollout_are_sent_when_they_are_asked_for() -> None:
    heads = random_map(6, 8, 256)
    assert "main" not in unpack(payload(heads, look()))[1]
    _, arrays = unpack(payload(heads, look(whose="average", exact=(3, 0))))
    assert np.abs(arrays["main"].astype(float) - heads.fold(average(heads, 3))).max() <= 1e-3
    header, arrays = unpack(payload(heads, look(whose="rollout", exact=(3, 0))))
    assert header["layer"] == 3
    assert np.abs(arrays["main"].astype(float) - heads.fold(rollout(heads, 3))).max() <= 1e-3
    assert np.abs(arrays["null"].astype(float) - heads.fold(rollout_null(heads, 3))).max() <= 1e-3


def test_the_view_comes_from_the_address_and_goes_back_there(page: Any) -> None:
    test = app_test(
        "attention", attention_model="storyteller", attention_whose="average", attention_words="true",
        attention_layout="<script>",
    )
    header, arrays = buffers(test, "attention")[-1]
    assert header["view"] == {
        "whose": "average", "layout": "auto", "words": True, "value": False, "like": False, "show": "rollout",
    }
    assert "main" in arrays
    assert test.query_params["attention_whose"] in ("average", ["average"])
    assert "attention_layout" not in test.query_params


def test_the_picture_follows_the_knobs_and_the_knobs_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    from components.views.attention.payload import View

    state: dict[str, Any] = {}
    monkeypatch.setattr(picture.st, "session_state", state)

    def follow(now: tuple[int, int], view: View | None = None) -> tuple[tuple[int, int], int]:
        sent, _ = picture._follow(now, view or View(), None, False)
        return sent, state.get("_attention_turn", 0)

    assert follow((0, 0)) == ((0, 0), 0)
    state[picture.MAP] = {"chosen": [1, 2, 0]}  # a click: it is drawn already, nothing new is sent
    assert follow((1, 2)) == ((0, 0), 0)
    assert follow((0, 0)) == ((0, 0), 1)  # the knobs go back to where they were: the picture has to be told
    state[picture.MAP] = {"chosen": [1, 2, 1]}  # the same head clicked again
    assert follow((1, 2)) == ((0, 0), 1)
    assert follow((1, 2), View(words=True)) == ((1, 2), 2)  # a lesson asks for whole words
    state[picture.MAP]["view"] = {**vars(View()), "turn": 2}  # and the reader for tokens again
    assert follow((1, 2)) == ((1, 2), 2)
    state[picture.MAP] = {}  # another page and back: the picture is new
    assert follow((1, 2)) == ((1, 2), 3)


def test_what_a_browser_may_forge_is_passed_over() -> None:
    from components.views.attention.picture import _pair

    for value in (None, "ab", [1], [1, "2"], [True, 0], [-1, 2], {"a": 1}, [1.5, 2]):
        assert _pair(value) is None
    assert _pair([1, 2]) == (1, 2)


@needs("minilm")
def test_an_encoder_shows_both_sides_and_its_special_tokens() -> None:
    test = app_test("attention")
    test.selectbox(key="attention_model").set_value("minilm").run()
    assert not test.exception
    assert not test.warning
    header, arrays = buffers(test, "attention")[-1]
    assert header["causal"] is False
    assert (header["pieces"][0], header["pieces"][-1]) == ("[CLS]", "[SEP]")
    assert header["sinks"] == [0, len(header["pieces"]) - 1]
    assert "next" in [one["name"] for one in header["columns"]]
    assert arrays["weights"].shape[1] == len(header["pieces"]) ** 2
    assert test.toggle(key="attention_hide_first").label == "Hide the special tokens"
    for panel in ("One head", "Who does what", "Tokens"):
        test.session_state["attention_panel"] = panel
        test.run()
        assert not test.exception
        assert not test.warning


def test_one_token_and_special_tokens_alone_are_told_in_a_sentence(page: Any) -> None:
    on_storyteller(page)
    for text, words in (("a", "single token"), ("<|endoftext|>", "special tokens alone")):
        page.session_state["attention_text"] = text
        page.run()
        assert not page.exception
        assert not page.warning
        assert any(words in item.value for item in page.caption), (text, [item.value for item in page.caption])


@pytest.mark.parametrize(
    "text",
    ["\x00\x07\x1b", "שלום עולם", "👩‍👩‍👧" * 9, "<b onload=x>", "a" * 300, "\ud800x", "\u2028"],
)
def test_bad_input_gets_a_picture_or_a_sentence(page: Any, text: str) -> None:
    on_storyteller(page)
    page.session_state["attention_text"] = text
    page.run()
    assert not page.exception
    assert len(page.warning) <= 1
    assert buffers(page, "attention") or page.warning


def test_damaged_weights_are_told_in_a_sentence() -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from components.attention import map_heads

    config = transformers.GPT2Config(vocab_size=60, n_embd=32, n_layer=2, n_head=4, n_positions=32)
    model = transformers.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        model.transformer.h[1].attn.c_attn.weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match="Layer 1 of this model gave values that are no numbers"):
        map_heads(model, [1, 2, 3])


def test_a_half_fetched_model_is_told_in_a_sentence(
    page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from components.models import loaders

    def broken(name: str) -> Any:
        raise ValueError("model.safetensors of storyteller is not whole; run the fetch again.")

    on_storyteller(page)
    monkeypatch.setattr(loaders, "model", broken)
    page.session_state["attention_text"] = "A text that nobody has asked about."
    page.run()
    assert not page.exception
    assert [item.value for item in page.warning] == [
        "model\\.safetensors of storyteller is not whole; run the fetch again\\."
    ]


# --------------------------------------------------------------------------------------------------------- the files


def test_the_matrix_as_csv_holds_the_weights() -> None:
    heads = stored("storyteller")
    rows = list(csv.reader(io.StringIO(export.matrix_csv(heads, 2, 3).decode("utf-8-sig"))))
    assert len(rows) == heads.tokens + 1
    values = np.array([[float(cell) for cell in row[2:]] for row in rows[1:]])
    assert np.abs(values - heads.matrix(2, 3)).max() <= 1e-5


def test_scores_as_json() -> None:
    heads = stored("storyteller")
    whole = json.loads(export.scores_json(heads, "storyteller", "text"))
    assert len(whole["heads"]) == heads.layers * heads.heads
    assert whole["heads"][9]["layer"] == 1
    assert whole["heads"][9]["previous"] == pytest.approx(float(heads.scores[0, 1, 1]), abs=1e-4)


@needs("smollm2")
def test_a_lesson_sets_the_page_up() -> None:
    test = app_test("attention")
    test.button(key="attention_lesson_next").click().run()
    test.button(key="attention_lesson_set").click().run()
    assert not test.exception
    header, _ = buffers(test, "attention")[-1]
    assert header["chosen"] == [0, 0]  # the head itself is for the reader to find
    assert (header["light"], header["sort"]) == ("induction", "induction")
    assert header["pieces"][-1] == " narrow"
