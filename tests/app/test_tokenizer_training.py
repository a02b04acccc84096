"""The panel "Train your own" under AppTest: first result, a training of one's own, cancel, bad texts, a column."""

from __future__ import annotations

import gc
import time
from typing import Any

import pytest
from tokenizers import Tokenizer

from components import corpora
from components.payload import unpack
from components.tokenization import Recipe, Trained, train
from components.views.tokenizer import own, training_payload
from tests.app.test_tokenizer import app_test

PANEL = "Train your own"
RUNNING = "_tokenizer_training_running"


def panel(**query: str) -> Any:
    """The page with the panel open."""
    test = app_test("tokenizer", tokenizer_panel=PANEL, **{f"tokenizer_training_{key}": value
                                                           for key, value in query.items()})
    assert not test.exception
    return test


def header(test: Any) -> dict[str, Any] | None:
    found = [node for node in test.get("bidi_component") if "tokenizer_training_picture" in node.proto.id]
    return unpack(found[0].proto.bytes)[0] if found else None


def done(test: Any) -> Any:
    """Look again until nothing is under way, as the browser does by itself."""
    for _ in range(400):
        if RUNNING not in test.session_state:
            return test
        time.sleep(0.1)
        test.run()
        assert not test.exception, [item.value for item in test.exception]
    raise AssertionError("the training did not end")


def press(test: Any, label: str) -> Any:
    test.button(key=f"tokenizer_training_{label}").click().run()
    assert not test.exception, [item.value for item in test.exception]
    return test


def pasted(text: str, algorithm: str = "bpe", size: int = 300) -> Any:
    """The panel with a text pasted, not yet trained."""
    test = panel(source="a text of my own", algorithm=training_payload.ALGORITHMS[algorithm], size=str(size))
    test.text_area(key="tokenizer_training_text").set_value(text).run()
    assert not test.exception
    return test


def kept(test: Any) -> dict[str, own.Own]:
    return dict(test.session_state["_own_tokenizers"]) if "_own_tokenizers" in test.session_state else {}


def test_there_is_something_to_see_before_a_press() -> None:
    test = done(panel(size="600", source="eight sentences in 34 languages"))
    shown = header(test)
    assert shown is not None
    assert shown["title"] == "BPE of 600 entries, learnt from eight sentences in 34 languages"
    one = train(Recipe("bpe", 600), "\n".join(one.text for one in corpora.parallel()))
    assert [point["learnt"] for point in shown["points"]] == [round(point.learnt, 4) for point in one.points]
    assert not kept(test), "a tokenizer that nobody asked for stands in no list"


def test_a_training_becomes_a_column() -> None:
    text = "the rain and the mill\n" * 30
    test = press(pasted(text), "train")
    test = done(test)
    [mine] = kept(test).values()
    assert mine.title == "My BPE 271"
    assert "271 entries, not the 300 asked for" in header(test)["note"]
    test = press(test, "use")
    assert test.session_state["tokenizer_third"] == mine.name
    chips = next(node for node in test.get("bidi_component") if "tokenizer_chips" in node.proto.id)
    columns = unpack(chips.proto.bytes)[0]["columns"]
    assert [column["name"] for column in columns][2] == mine.name
    assert columns[2]["title"] == "My BPE 271"
    assert test.button(key="tokenizer_training_use").disabled
    # The file is the tokenizer: what a notebook reads gives the same ids.
    text = test.session_state["tokenizer_text"]
    ids = Tokenizer.from_buffer(mine.file).encode(text, add_special_tokens=False).ids
    assert columns[2]["tokens"] == len(ids)
    assert mine.filename == "tokenizer.json"


def test_the_same_again_comes_from_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    from components.views.tokenizer import training

    test = done(press(pasted("one two three one two three " * 20), "train"))
    before = header(test)

    def never(*_: Any) -> Trained:
        raise AssertionError("trained again")

    monkeypatch.setattr(training, "train_apart", never)
    test = done(press(test, "train"))
    assert header(test) == before
    assert len(kept(test)) == 1


def test_cancel_in_the_middle_keeps_nothing() -> None:
    test = panel(source="a text of my own", size="20000")
    text = ("\n".join(corpora.bundled("messages").texts) * 15)[:3_000_000]
    test.text_area(key="tokenizer_training_text").set_value(text).run()
    test = press(test, "train")
    run = test.session_state[RUNNING]
    assert not run.job.done()
    test.button(key=f"{RUNNING}_stop").click().run()
    assert not test.exception
    assert run.job.cancelled()
    assert run.job.wait(30), "the work itself ended"
    assert RUNNING not in test.session_state
    assert [one.value for one in test.warning] == ["The training was ended; nothing of it was kept\\."]
    assert not kept(test)
    assert header(test) is None


def test_a_session_that_is_let_go_ends_its_training() -> None:
    test = pasted("\n".join(corpora.bundled("messages").texts) * 15, size=20_000)
    test = press(test, "train")
    job = test.session_state[RUNNING].job
    assert not job.cancelled()
    del test.session_state["_store"]  # all that holds it, as when the server forgets a closed tab
    gc.collect()
    assert job.cancelled()
    assert job.wait(30)


def test_a_training_goes_on_while_the_reader_does_something_else() -> None:
    test = press(pasted("a b c d e f " * 2_000, size=270), "train")
    run = test.session_state[RUNNING]
    test.session_state["tokenizer_text"] = "another sentence"
    test.run()
    if RUNNING in test.session_state:
        assert test.session_state[RUNNING] is run, "not started anew"
    assert header(done(test)) is not None


@pytest.mark.parametrize(("text", "algorithm", "size", "says"), [
    ("", "bpe", 300, "is empty"),
    ("a b " * 60_000, "unigram", 300, "Unigram learns so slowly"),
    ("\1\2\3" * 50, "wordpiece", 300, "Nothing of this text is left"),
    ("abcdefghij", "unigram", 10, "ask for 11 or more"),
])
def test_what_cannot_be_trained_is_one_sentence(text: str, algorithm: str, size: int, says: str) -> None:
    test = done(press(pasted(text, algorithm, size), "train"))
    assert len(test.warning) == 1
    assert says in test.warning[0].value.replace("\\", "")
    assert header(test) is None


def test_limits_are_said_before_the_click() -> None:
    test = panel(algorithm="Unigram", size="300")
    words = " ".join(one.value for one in test.caption)
    assert "An even sample of " in words
    assert "BPE and WordPiece read up to 5 MB" in words


def test_a_pasted_text_is_still_there_after_another_tab() -> None:
    test = pasted("the rain and the mill")
    test.session_state["tokenizer_panel"] = "Ids and bytes"
    test.run()
    test.session_state["tokenizer_panel"] = PANEL
    test.run()
    assert test.text_area(key="tokenizer_training_text").value == "the rain and the mill"


def test_a_forged_link_falls_back() -> None:
    test = panel(algorithm="lzw", source="../../etc/passwd", size="999999999", cut_bpe="bert")
    assert test.number_input(key="tokenizer_training_size").value <= 50_000
    assert test.selectbox(key="tokenizer_training_source").value == "encyclopedia"


def test_the_buffer_says_what_was_found() -> None:
    one = train(Recipe("unigram", 40), "the rain and the mill\n" * 30)
    found = unpack(training_payload.payload(one, "a text of my own"))[0]
    assert found["ends"] == ["The most probable", "The least probable"]
    assert found["size"] == one.size
    assert [point["size"] for point in found["points"]] == [point.size for point in one.points]
    turtles = unpack(training_payload.payload(train(Recipe("bpe", 259), "🐢 " * 90), "it"))[0]
    assert turtles["first"][0] == ["F0 9F", "byte"]
    assert all("·" in "".join(text for text, _ in point["pieces"]) for point in found["points"])
