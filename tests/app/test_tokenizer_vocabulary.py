"""The panel "Vocabulary" under AppTest: what it is given for a link, for what is pressed, and for what cannot be."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from components.models.open import open_tokenizer
from components.payload import unpack
from components.tokenization import vocabulary
from tests.app.test_tokenizer import app_test
from tests.conftest import ROOT, needs

COLUMNS = {"tokenizer_left": "BERT", "tokenizer_right": "storyteller"}


def panel(test: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    found = [node for node in test.get("bidi_component") if "tokenizer_vocabulary_view" in node.proto.id]
    assert len(found) == 1
    return unpack(found[0].proto.bytes)


def opened(**choices: str) -> Any:
    return app_test("tokenizer", tokenizer_panel="Vocabulary", **COLUMNS,
                    **{f"tokenizer_vocabulary_{name}": value for name, value in choices.items()})


def test_it_opens_on_the_left_columns_whole_vocabulary() -> None:
    header, arrays = panel(opened())
    assert header["state"]["of"] == "bert"
    assert [column["title"] for column in header["columns"]] == ["BERT", "storyteller"]
    assert header["matches"] == header["total"] == vocabulary(open_tokenizer("bert")).size
    assert len(arrays["ids"]) == 200, "a table of 200 rows at most"
    assert arrays["plane"].sum() == header["total"]


def test_a_link_reproduces_the_view() -> None:
    test = opened(of="storyteller", find="king", kind="space", bytes="5-", order="longest", id="998")
    header, arrays = panel(test)
    table = vocabulary(open_tokenizer("storyteller"))
    starts, pieces = arrays["starts"], arrays["pieces"].tobytes()
    drawn = [pieces[start:end] for start, end in pairwise(starts)]
    expected = [piece for token in range(len(table.flags)) if (piece := table.piece(token))[:1] == b" "
                and b"king" in piece.lower() and len(piece) >= 5]
    assert sorted(drawn) == sorted(expected)
    assert [len(piece) for piece in drawn] == sorted(map(len, drawn), reverse=True)
    assert header["matches"] == len(expected)
    picked = header["picked"]
    assert picked["id"] == 998
    assert bytes.fromhex(picked["hex"]) == table.piece(998)
    assert len(picked["after"]) == len(picked["before"]) == 10, "storyteller's start is kept"
    assert picked["after"][0]["cosine"] > picked["before"][0]["cosine"]
    assert test.query_params["tokenizer_vocabulary_find"] == "king"


def test_candidates_are_offered_where_the_model_is_here() -> None:
    header, arrays = panel(opened(of="storyteller", kind="candidate", order="near"))
    assert header["matches"] == 80
    assert np.all(np.diff(arrays["distance"]) >= 0)
    assert "candidates only" in {name: meaning for name, _, meaning, _ in header["kinds"]}["candidate"].lower()
    assert "34 of these 80" in header["truth"]


def test_entries_that_never_come_back_are_found_when_asked_for() -> None:
    header, _ = panel(opened())
    before = {name: many for name, _, _, many in header["kinds"]}
    assert "candidate" not in before, "BERT's vocabulary has no entry that is known to be unused"
    header, arrays = panel(opened(kind="never", id="1"))
    assert header["matches"] == 995
    assert [bytes.fromhex(piece) for piece in header["picked"]["instead"]] == [b"[", b"unused", b"0", b"]"]
    assert arrays["ids"][:3].tolist() == [1, 2, 3]


@pytest.mark.parametrize(("way", "find", "sentence"), [
    ("pattern", "(", "no regular expression"), ("pattern", "(?R)", "too"), ("bytes", "zz", "hexadecimal"),
    ("id", "many", "An id is a number"),
])
def test_a_search_that_cannot_be_is_one_sentence_beside_the_box(way: str, find: str, sentence: str) -> None:
    test = opened(way=way, find=find)
    header, arrays = panel(test)
    assert sentence in header["trouble"]
    assert header["state"]["find"] == find, "what was typed is kept"
    assert len(arrays["ids"]) == 0


def test_forged_choices_fall_back() -> None:
    header, _ = panel(opened(of="nobody", way="magic", kind="magic", script="Klingon", bytes="x", order="random",
                             **{"from": "-3"}, id="1e9"))
    assert header["state"] == {"of": "bert", "find": "", "way": "text", "kind": "any", "script": "any", "bytes": "",
                               "order": "id", "from": "0", "id": ""}
    header, _ = panel(opened(id="99999999", **{"from": "99999999"}))
    assert header["picked"] is None
    assert 0 < header["total"] - int(header["state"]["from"]) <= 200, "the last rows instead"


def test_another_vocabulary_forgets_the_chosen_id() -> None:
    test = opened(id="1996")
    assert panel(test)[0]["picked"]["id"] == 1996
    test.session_state["tokenizer_vocabulary_of"] = "storyteller"
    test.run()
    assert panel(test)[0]["picked"] is None


def test_a_vocabulary_of_the_readers_own_stays_with_the_reader() -> None:
    from streamlit.testing.v1 import AppTest

    from components import caching
    from components.models import sources
    from components.views.tokenizer import own

    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    test.query_params["tokenizer_panel"] = "Vocabulary"
    file = (sources.locate("storyteller-1k").parent / "tokenizer.json").read_bytes()
    kept = own.Own("own-0123456789", "Mine", open_tokenizer("storyteller-1k"), file, "tokenizer.json")
    test.session_state["_own_tokenizers"] = {kept.name: kept}
    test.session_state["tokenizer_left"] = kept.name
    test.switch_page("pages/tokenizer.py").run()
    header, _ = panel(test)
    assert header["title"] == "Mine"
    assert header["total"] == 1_000
    assert caching.peek("tokens-entries", (kept.name,)) is None


@needs("o200k")
def test_two_hundred_thousand_entries_in_a_small_buffer() -> None:
    test = app_test("tokenizer", tokenizer_panel="Vocabulary", tokenizer_left="GPT-4o", tokenizer_vocabulary_find="é")
    header, _ = panel(test)
    assert header["total"] == 200_000
    found = next(node for node in test.get("bidi_component") if "tokenizer_vocabulary_view" in node.proto.id)
    assert len(found.proto.bytes) < 40_000
