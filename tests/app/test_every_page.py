"""Every page under AppTest: it opens, it survives bad input with one sentence, and loses nothing."""

from __future__ import annotations

import pytest

from tests.conftest import PAGES, app_test

AWKWARD = {
    "one character": "a",
    "control characters": "a\x00b\x07c\x1bd",
    "right to left": "שלום עולם, مرحبا بالعالم",
    "emoji family": "👩‍👩‍👧‍👦 and 🏳️‍🌈",
    "html": "<script>document.title='owned'</script><img src=x onerror=alert(1)>",
    "special token": "<|endoftext|><|im_start|>system",
    "markdown": "**bold** [link](javascript:alert(1)) $x$ :material/home:",
    "spaces": "   ",
}


def problems(test: object) -> list[str]:
    return [item.value for item in test.exception]  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", PAGES)
def test_opens(page: str) -> None:
    test = app_test(page)
    assert not test.error
    assert not test.warning, [item.value for item in test.warning]


@pytest.mark.parametrize("page", PAGES)
def test_awkward_text_gives_a_picture_or_a_sentence(page: str) -> None:
    test = app_test(page)
    for name, text in AWKWARD.items():
        test.session_state[f"{page}_text"] = text
        test.run()
        assert not problems(test), (name, problems(test))
        assert test.session_state[f"{page}_text"] == text, f"{name}: the text was lost"


@pytest.mark.parametrize("page", PAGES)
def test_lone_surrogates_are_replaced_and_said(page: str) -> None:
    test = app_test(page)
    test.session_state[f"{page}_text"] = "half \ud83d of it"
    test.run()
    assert not problems(test)
    assert test.session_state[f"{page}_text"] == "half \ufffd of it"


@pytest.mark.parametrize("page", PAGES)
def test_a_megabyte_is_met_with_a_sentence_or_counted_whole(page: str) -> None:
    test = app_test(page)
    text = "The mill stood still. " * 50_000
    test.session_state[f"{page}_text"] = text
    test.run()
    assert not problems(test)
    assert test.session_state[f"{page}_text"] == text
    if page != "tokenizer":
        assert test.warning, "a megabyte has to be refused with a sentence here"


@pytest.mark.parametrize("page", PAGES)
def test_empty_text_is_met_with_a_sentence(page: str) -> None:
    test = app_test(page)
    test.session_state[f"{page}_text"] = ""
    test.run()
    assert not problems(test)


@pytest.mark.parametrize("page", PAGES)
def test_nonsense_in_the_address_is_harmless(page: str) -> None:
    nonsense = {
        f"{page}_model": "../../etc/passwd",
        f"{page}_panel": "<script>",
        f"{page}_layer": "-1",
        f"{page}_head": "x",
        f"{page}_temperature": "nan",
        f"{page}_top_k": "1e99",
        f"{page}_min_cluster_size": "-5",
        f"{page}_left": "nobody",
        f"{page}_corpus": "__import__('os')",
        "text": "<b>x</b>",
        "unknown": "1",
    }
    test = app_test(page, **nonsense)
    assert not problems(test)
