"""Looking through a vocabulary: every search against the plain way, the published counts, and patterns without end."""

from __future__ import annotations

import re
import time
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.tokenization import (
    ENTRY_KINDS,
    SCRIPTS,
    EntryQuery,
    VocabularyEntries,
    entries,
    look_up,
    reach,
    spoken,
    vocabulary,
)
from components.tokenization.matching import matching
from components.tokenization.scripts import of_texts
from tests.unit.tokenizers_here import opened

SMALL = ("storyteller", "storyteller-wordpiece", "storyteller-unigram", "mistral-v1")
_kept: dict[str, VocabularyEntries] = {}


def seen(name: str) -> VocabularyEntries:
    tokenizer = opened(name)
    if tokenizer is None:
        pytest.skip(f"{name} is not here; `python -m components.models fetch` brings it")
    if name not in _kept:
        _kept[name] = entries(tokenizer)
    return _kept[name]


def as_text(piece: bytes) -> str | None:
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return None


# Counts that are known ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "ranked", "fragments", "never"), [
    ("r50k", 50_256, 344, 0), ("cl100k", 100_256, 773, 0), ("o200k", 199_998, 1_562, 12),
])
def test_openais_odd_entries(name: str, ranked: int, fragments: int, never: int) -> None:
    """Measured by hand on tiktoken 0.14: entries that are not valid UTF-8, and those that no encoding gives."""
    table = seen(name)
    found = look_up(table, EntryQuery())
    assert len(table) - found.kinds["special"] == ranked
    assert found.kinds["fragment"] == fragments
    assert found.kinds["byte"] == 256
    tokenizer = opened(name)
    assert tokenizer is not None
    back = reach(tokenizer, table)
    assert int(back.never.sum()) == never
    if name == "o200k":
        odd = {int(table.ids[row]): table.text(row) for row in np.flatnonzero(back.never)}
        assert odd[3413] == " I'"
        assert odd[3914] == "\n//"


def test_berts_reserved_entries_never_come_out() -> None:
    table, tokenizer = seen("bert"), opened("bert")
    assert tokenizer is not None
    back = reach(tokenizer, table)
    names = {table.text(row) for row in np.flatnonzero(back.never)}
    assert {f"[unused{number}]" for number in range(994)} <= names
    assert len(names) == 995
    inside = table.traits & 32 > 0
    assert not np.any(back.tried & inside), "`##ing` has no text of its own"


@pytest.mark.parametrize("name", SMALL)
def test_what_is_said_to_come_back_does(name: str) -> None:
    """Every entry that was tried is the library's own answer to its text, alone or behind white space."""
    table, tokenizer = seen(name), opened(name)
    assert tokenizer is not None
    back = reach(tokenizer, table)
    assert back.tried.sum() > 0.6 * len(table)
    assert not np.any(back.never), "a vocabulary trained in one go reaches all that it holds"
    for row in np.flatnonzero(back.tried)[:: max(1, len(table) // 200)]:
        text = table.text(int(row)) or ""
        if tokenizer.kind == "sentencepiece":
            ids = [tokenizer.library_object.encode(one)[-1] for one in (text.removeprefix(" "), "\n" + text) if one]
        else:
            library = tokenizer.library_object
            ids = [(library.encode(one, add_special_tokens=False).ids or [-1])[-1]
                   for one in (text, text.removeprefix(" "), "\n" + text)]
        assert int(table.ids[row]) in ids, text


# Searches against the plain way ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMALL)
@settings(max_examples=60, deadline=None)
@given(wanted=st.one_of(st.sampled_from(["the", " The", "İ", "é", "中", "ing", "  ", "\n", "Ä"]),
                        st.text(min_size=1, max_size=4)))
def test_a_text_is_found_where_python_finds_it(name: str, wanted: str) -> None:
    if any(0xD800 <= ord(sign) <= 0xDFFF for sign in wanted):
        wanted = "�"
    table = seen(name)
    found = {int(table.ids[row]) for row in look_up(table, EntryQuery(wanted)).rows}
    small = wanted.lower()
    plain = {int(token) for row, token in enumerate(table.ids)
             if small in ((table.text(row) or "").lower())}
    assert found == plain


@pytest.mark.parametrize("name", SMALL)
@settings(max_examples=60, deadline=None)
@given(wanted=st.binary(min_size=1, max_size=3))
def test_bytes_are_found_where_they_are(name: str, wanted: bytes) -> None:
    table = seen(name)
    found = {int(table.ids[row]) for row in look_up(table, EntryQuery(wanted.hex(" "), "bytes")).rows}
    assert found == {int(token) for token in table.ids if wanted in table.table.piece(int(token))}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=6), st.text("aдπ中한ก1 \n!😀é", max_size=6)), max_size=8))
def test_a_script_is_that_of_the_letters(texts: list[str]) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    kinds, begins = of_texts(texts)
    assert len(kinds) == len(texts)
    for text, kind, letter in zip(texts, kinds.tolist(), begins.tolist(), strict=True):
        if not text:
            assert SCRIPTS[kind] == "no whole character"
            continue
        if text.isspace():
            assert SCRIPTS[kind] == "white space"
        if all("CYRILLIC" in unicodedata.name(sign, "") for sign in text if sign.isalpha()) \
                and any(sign.isalpha() for sign in text) and "д" in text:
            assert SCRIPTS[kind] == "Cyrillic"
        if letter:
            assert unicodedata.category(text[0])[0] in "LM"


@pytest.mark.parametrize(("text", "script"), [
    (" tortoise", "Latin"), ("día", "Latin"), ("дождь", "Cyrillic"), ("हिन्दी", "Devanagari"), ("漢字", "Han"),
    ("ひらカタ", "several scripts"), ("1234", "digits"), ("!?", "signs"), ("🐢", "emoji"), (" \n", "white space"),
    ("µ", "other letters"), ("e\u0301", "Latin"),
])
def test_scripts_of_known_texts(text: str, script: str) -> None:
    assert SCRIPTS[of_texts([text])[0][0]] == script


def test_ids_and_ranges() -> None:
    table = seen("storyteller")
    for asked, ids in (("17", [17]), ("3-5", [3, 4, 5]), (" 5, 9 ,3", [3, 5, 9]), ("7..8", [7, 8]), ("99999", [])):
        assert table.ids[look_up(table, EntryQuery(asked, "id")).rows].tolist() == ids


@pytest.mark.parametrize("name", SMALL)
def test_counts_belong_to_the_rest_of_the_search(name: str) -> None:
    """Each number on a button is what the button would keep."""
    table = seen(name)
    query = EntryQuery("in", script="Latin", shortest=2, longest=6)
    found = look_up(table, query)
    for kind in ENTRY_KINDS[:-2]:
        asked = EntryQuery("in", kind=kind, script="Latin", shortest=2, longest=6)
        assert found.kinds[kind] == len(look_up(table, asked).rows)
    for number, script in enumerate(SCRIPTS):
        asked = EntryQuery("in", script=script, shortest=2, longest=6)
        assert found.scripts[number] == len(look_up(table, asked).rows)
    for place, many in enumerate(found.lengths[:-1], start=1):
        assert many == len(look_up(table, EntryQuery("in", script="Latin", shortest=place, longest=place)).rows)
    assert found.plane.sum() == len(found.rows)


def test_traits_are_what_they_say() -> None:
    table = seen("storyteller")
    library = vocabulary(opened("storyteller"))  # type: ignore[arg-type]
    found = look_up(table, EntryQuery())
    pieces = [library.piece(token) for token in table.ids.tolist()]
    special = {token for token in table.ids.tolist() if library.flags[token] & 1}
    assert found.kinds["special"] == len(special) == 1
    assert found.kinds["fragment"] == sum(as_text(piece) is None for piece in pieces)
    assert found.kinds["space"] == sum(piece[:1] == b" " for piece in pieces)
    assert found.kinds["byte"] == 256


@pytest.mark.parametrize(("query", "sentence"), [
    (EntryQuery("F", "bytes"), "pairs of hexadecimal digits"),
    (EntryQuery("xyz", "bytes"), "pairs of hexadecimal digits"),
    (EntryQuery("seven", "id"), "An id is a number"),
    (EntryQuery("x" * 201), "the limit is 200"),
    (EntryQuery("(", "pattern"), "no regular expression"),
    (EntryQuery("a", "magic"), "no way to search"),
    (EntryQuery(kind="magic"), "no kind of entry"),
    (EntryQuery(kind="never"), "no kind of entry"),
    (EntryQuery(script="Klingon"), "no script"),
])
def test_refusals_are_sentences(query: EntryQuery, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        look_up(seen("storyteller"), query)


# Patterns -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["storyteller", "mistral-v1"])
@pytest.mark.parametrize("pattern", [r"^ [A-Z]", r"ing$", r"(.)\1", r"[0-9]", "a|b", ""])
def test_a_pattern_finds_what_re_finds(name: str, pattern: str) -> None:
    table = seen(name)
    found = spoken(table, EntryQuery(pattern, "pattern"))
    for row in range(len(table)):
        text = table.text(row)
        expected = not pattern or (text is not None and re.search(pattern, text) is not None)
        assert bool(found[row]) == expected, text


@pytest.mark.parametrize(("pattern", "sentence"), [
    (r"^(?:(?:a|aa)+)+$b|(?:(?:a|aa)+)+c", "takes too long: It had read 1 of 3 entries after 0.5 seconds"),
    ("a{4000000000}", "too much memory"),
    ("(?:(?:(?:a?){1000}){1000}){1000}", "too much"),
    ("(?R)", "too"),
])
def test_a_pattern_without_end_is_ended(pattern: str, sentence: str) -> None:
    """Neither time nor memory of the server goes with it."""
    begun = time.monotonic()
    with pytest.raises(ValueError, match=sentence):
        matching(pattern, ["b", "a" * 200 + "d", "e"], seconds=0.5)
    assert time.monotonic() - begun < 30, "it must come back at all"
