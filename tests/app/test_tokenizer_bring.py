"""The panel "Bring your own" under AppTest: a file becomes a column, a bad one a sentence, the Hub, ids and bytes."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from components.models import catalog, sources
from components.models.open import open_tokenizer
from components.models.sources import Unreachable
from components.payload import unpack
from components.tokenization import trace
from components.views.tokenizer import bring as panel
from components.views.tokenizer import own
from tests.app.test_tokenizer import app_test, picture

COLUMNS = {"tokenizer_left": "BERT", "tokenizer_right": "storyteller"}
WORDS = b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nRain\nrain\n##s\n"


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, own.Own]:
    """The reader's own. AppTest asks for the titles in a list outside the session, so they stand beside it here."""
    found: dict[str, own.Own] = {}
    monkeypatch.setattr(own, "_kept", lambda: found)
    return found


def opened(way: str = "A file", **more: str) -> Any:
    return app_test("tokenizer", tokenizer_panel="Bring your own", tokenizer_bring_way=way, **COLUMNS, **more)


def mounted(test: Any, key: str) -> dict[str, Any]:
    found = [node for node in test.get("bidi_component") if key in node.proto.id]
    assert len(found) == 1
    return unpack(found[0].proto.bytes)[0]


def uploaded(test: Any, name: str, raw: bytes) -> Any:
    test.file_uploader[0].upload(name, raw, "application/octet-stream").run()
    assert not test.exception, [item.value for item in test.exception]
    return test


def said(test: Any) -> str:
    return " ".join(item.value for item in test.warning).replace("\\", "")


def test_a_file_becomes_the_third_column_at_once_and_can_be_removed() -> None:
    test = uploaded(opened(), "mine.txt", WORDS)
    name = test.session_state["tokenizer_third"]
    assert name.startswith("own-")
    header, arrays = picture(test)
    assert [column["title"] for column in header["columns"]] == ["BERT", "storyteller", "mine"]
    assert set(arrays["ids2"]) <= set(range(8))
    card = mounted(test, "tokenizer_bring_card")["card"]
    assert card["special_count"] == 5
    assert card["about"][0] == "WordPiece vocab.txt"
    assert test.file_uploader[0].value is None, "the box is empty again"
    test.button(key=f"tokenizer_bring_remove_{name}").click().run()
    assert not test.exception
    assert len(picture(test)[0]["columns"]) == 2
    assert "Nothing of your own yet" in " ".join(item.value for item in test.caption)


def test_the_same_file_read_in_another_way_takes_its_place(kept: dict[str, own.Own]) -> None:
    test = uploaded(opened(), "mine.txt", WORDS)
    name = test.session_state["tokenizer_third"]
    test.session_state[f"tokenizer_bring_as_{name}"] = "uncased"
    test.session_state["_tokenizer_bring_again"] = (name, "uncased")
    test.run()
    assert not test.exception
    other = test.session_state["tokenizer_third"]
    assert other != name
    assert list(kept) == [other]
    library = kept[other].tokenizer.library_object
    assert library.encode("Rains", add_special_tokens=False).tokens == ["rain", "##s"]


@pytest.mark.parametrize(("name", "raw", "part"), [
    ("tokenizer.pkl", pickle.dumps({"a": 1}), "pickle"),
    ("tokenizer.json", b'{"model": {"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []}}', "The id 0 is given"),
    ("tokenizer.json", b"PK\x03\x04" + b"0" * 100, "zip archive"),
])
def test_a_bad_file_is_a_sentence_and_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, name: str, raw: bytes, part: str
) -> None:
    test = uploaded(opened(), name, raw)
    assert part in said(test)
    monkeypatch.setattr(panel.uploads, "bring", lambda *_, **__: pytest.fail("tried again"))
    test.run()
    assert part in said(test)
    assert len(picture(test)[0]["columns"]) == 2


def test_all_files_of_a_session_together_have_a_limit(
    monkeypatch: pytest.MonkeyPatch, kept: dict[str, own.Own]
) -> None:
    from components.workshop import Limits

    monkeypatch.setattr(panel, "LIMITS", Limits(session_bytes=60))
    test = uploaded(opened(), "mine.txt", WORDS)
    test = uploaded(test, "more.txt", WORDS + b"more\n")
    assert "remove one below" in said(test)
    assert len(kept) == 1


def test_a_tokenizer_of_the_hub_that_cannot_be_reached_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    away = [entry.id for entry in catalog.of_kind("tokenizer")
            if panel._repo(entry) and not sources.state(entry.id).here]
    if not away:
        pytest.skip("every tokenizer of the Hub is here; `python -m components.models remove flan-t5` leaves one")
    asked = []

    def fetch(name: str, *_: Any) -> None:
        asked.append(name)
        raise Unreachable("The Hugging Face Hub cannot be reached; check the network and try again.")

    monkeypatch.setattr(sources, "fetch", fetch)
    test = opened("From the Hub")
    assert len(test.selectbox(key="tokenizer_bring_hub").options) == len(away)
    test.button(key="tokenizer_bring_fetch").click().run()
    for _ in range(5):
        test.run()
    assert asked == [away[0]]
    assert "cannot be reached" in said(test)
    assert not test.exception


def test_ids_open_on_the_texts_own_and_mark_what_is_unknown() -> None:
    test = opened("Ids to text", text="The rain 🐢")
    shown = mounted(test, "tokenizer_bring_ids_picture")["decoded"]
    bert = trace(open_tokenizer("bert"), "The rain 🐢")
    assert [part[0] for part in shown["parts"]] == bert.ids.tolist()
    test.segmented_control(key="tokenizer_bring_by").set_value("storyteller").run()
    ids = trace(open_tokenizer("storyteller"), "The rain 🐢").ids.tolist()
    test.text_area(key="tokenizer_bring_ids_storyteller").set_value(f"{ids[:-1]} 999999").run()
    shown = mounted(test, "tokenizer_bring_ids_picture")["decoded"]
    assert "no entry for 1 of them" in shown["says"][0]
    assert "3 bytes belong to no whole character" in shown["says"][1]
    assert shown["parts"][-1][2] == "missing"
    assert test.query_params["tokenizer_bring_ids_storyteller"]
    test.text_area(key="tokenizer_bring_ids_storyteller").set_value("12 apples").run()
    assert "apples" in said(test)


def test_bytes_that_are_no_text_need_a_library_that_takes_bytes() -> None:
    shown = mounted(opened("Bytes to tokens"), "tokenizer_bring_bytes_picture")["decoded"]
    assert "takes text only" in shown["trouble"]
    assert shown["row"]["broken"], "the broken bytes are shown all the same"
    test = opened("Bytes to tokens", tokenizer_bring_bytes="F0 9F 90 A2")
    shown = mounted(test, "tokenizer_bring_bytes_picture")["decoded"]
    assert "valid UTF-8" in shown["says"][0]
    assert shown["parts"]
