"""Names in the address: a link may use the id or the shown name, and the choice stays in the address either way."""

from __future__ import annotations

from typing import Any

import pytest

from components.models import catalog, sources
from components.views.collections import NAMES
from components.views.tokenizer import work
from tests.conftest import app_test, needs

PANELS = {"tokenizer_pipeline_of": "Inside, step by step", "tokenizer_replay_of": "Replay the algorithm"}


def said(test: Any, key: str) -> list[str]:
    """What the address holds for a key."""
    found = test.query_params.get(key, [])
    return [found] if isinstance(found, str) else list(found)


def decoders() -> list[str]:
    """The models that are here and that no page opens with."""
    return [entry.id for entry in catalog.ENTRIES.values()
            if entry.kind == "decoder" and entry.id != sources.default_model() and sources.state(entry.id).here]


@pytest.mark.parametrize("page", ["attention", "sampling"])
def test_a_models_id_works_and_stays(page: str) -> None:
    key = f"{page}_model"
    if not decoders():
        pytest.skip("only the model that the page opens with is here; `python -m components.models fetch` brings more")
    for name in decoders():
        title = catalog.entry(name).title
        for word in (name, title):
            test = app_test(page, **{key: word})
            assert test.session_state[key] == name
            assert said(test, key) == [title]


@needs("smollm2")
def test_a_models_id_becomes_the_shown_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKING_GLASS_MODEL", "storyteller")
    title = catalog.entry("smollm2").title
    assert title != "smollm2"
    for word in ("smollm2", title):
        test = app_test("sampling", sampling_model=word)
        assert test.session_state["sampling_model"] == "smollm2"
        assert said(test, "sampling_model") == [title]
        test.run()
        assert test.session_state["sampling_model"] == "smollm2"
        assert said(test, "sampling_model") == [title]


@pytest.mark.parametrize(("page", "other"), [("search", "messages"), ("topics", "encyclopedia")])
def test_a_collections_id_works_and_stays(page: str, other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_map(*_: Any) -> None:
        raise ValueError("No map is needed to see which documents are chosen.")

    monkeypatch.setattr("components.views.topics.work.board", no_map)
    key = f"{page}_corpus"
    for word in (other, NAMES[other]):
        test = app_test(page, **{key: word})
        assert test.selectbox(key=key).value == other
        assert said(test, key) == [NAMES[other]]


def test_columns_ids_work_and_stay() -> None:
    chosen = {"tokenizer_left": "storyteller-1k", "tokenizer_right": "bert", "tokenizer_third": "mistral-v1"}
    test = app_test("tokenizer", text="rain", **chosen)
    for key, name in chosen.items():
        assert test.session_state[key] == name
        assert said(test, key) == [work.title(name)]


@pytest.mark.parametrize("key", PANELS)
def test_a_columns_id_works_and_stays(key: str) -> None:
    columns = {"tokenizer_left": "bert", "tokenizer_right": "storyteller-1k"}
    for word in ("storyteller-1k", work.title("storyteller-1k")):
        test = app_test("tokenizer", text="rain", tokenizer_panel=PANELS[key], **columns, **{key: word})
        assert test.session_state[key] == "storyteller-1k"
        assert said(test, key) == [work.title("storyteller-1k")]
        assert said(test, "tokenizer_left") == [work.title("bert")], "the columns' names were put right before"


def test_an_unknown_name_falls_back_and_goes() -> None:
    test = app_test("tokenizer", text="rain", tokenizer_panel=PANELS["tokenizer_pipeline_of"], tokenizer_left="bert",
                    tokenizer_pipeline_of="nobody")
    assert test.session_state["tokenizer_pipeline_of"] == "bert"
    assert said(test, "tokenizer_pipeline_of") != ["nobody"]
