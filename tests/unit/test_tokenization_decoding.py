"""The way back: ids to bytes and text, and bytes that are no text to ids, against the libraries themselves."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.models import sources
from components.models.open import open_tokenizer
from components.tokenization import trace
from components.tokenization.decoding import MOST_IDS, damage, decode_ids, encode_bytes, read_bytes, read_ids

SMALL = ("storyteller", "storyteller-wordpiece", "storyteller-unigram")


@pytest.mark.parametrize(("typed", "ids"), [
    ("15496, 995", [15496, 995]), ("[15496, 995]", [15496, 995]), ("15496 995\n0", [15496, 995, 0]),
    ("[[1, 2], [3]]", [1, 2, 3]), ('{"input_ids": [[1, 2]], "attention_mask": [[1, 1]]}', [1, 2]),
    ("tensor([[1, 2]])"[6:], [1, 2]), ("0x3C88 0x0a", [0x3C88, 10]), ("3c88 0a 10", [0x3C88, 10, 16]),
    ('["7", " 8 "]', [7, 8]), ("(1;2|3)", [1, 2, 3]), ("0", [0]),
])
def test_ids_in_every_usual_writing(typed: str, ids: list[int]) -> None:
    assert read_ids(typed) == ids


@pytest.mark.parametrize(("typed", "part"), [
    ("", "No ids yet"), ("[]", "No number"), (" , ", "No number"), ("12 apples", "'apples' is no id"),
    ("-3", "no id"), ("9" * 5_000, "no id"), ("[1.5]", "no id"), ("[true]", "no id"), ('{"a": [1]}', "no list named"),
    ("[" * 5_000, "No number"), ("1 " * (MOST_IDS + 1), f"{MOST_IDS + 1:,} ids"), ("1" * 500_000, "characters"),
    ("99999999999", "run from 0"), ("[1" + "0" * 9_000 + "]", "no id"),
])
def test_what_is_no_list_of_ids_is_one_sentence(typed: str, part: str) -> None:
    with pytest.raises(ValueError, match=part) as caught:
        read_ids(typed)
    assert str(caught.value).endswith(".")
    assert len(str(caught.value)) < 250


@given(st.binary(max_size=60))
@settings(max_examples=60, deadline=None)
def test_damage_is_what_python_cannot_decode(raw: bytes) -> None:
    broken, inside = damage(raw)
    whole = bytes(byte for place, byte in enumerate(raw) if place not in broken)
    assert not broken & inside
    first = len(raw)
    try:
        raw.decode()
    except UnicodeDecodeError as problem:
        first = problem.start
    assert min(broken, default=len(raw)) == first
    # Every place inside a character is a continuation byte, and what is left of it is text.
    assert all(raw[place] & 0xC0 == 0x80 for place in inside)
    assert len(whole) == len(raw) - len(broken)


@pytest.mark.parametrize("name", SMALL)
@given(text=st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_the_text_is_what_the_library_decodes(name: str, text: str) -> None:
    tokenizer = open_tokenizer(name)
    ids = trace(tokenizer, text).ids.tolist()
    found = decode_ids(tokenizer, ids)
    assert found.text == tokenizer.library_object.decode(ids, skip_special_tokens=False)
    assert [part.id for part in found.parts] == ids
    assert not any(part.kind == "missing" for part in found.parts)
    if name == "storyteller":
        assert found.utf8 == text.encode()
        assert not any(part.broken for part in found.parts)
        assert found.again is None if not ids else found.again == tuple(ids)


def test_unknown_ids_and_half_characters_are_marked() -> None:
    tokenizer = open_tokenizer("storyteller")
    ids = trace(tokenizer, "rain 🐢").ids.tolist()
    found = decode_ids(tokenizer, [*ids[:-1], 4_000_000, 4_096])
    assert [part.kind for part in found.parts[-2:]] == ["missing", "missing"]
    assert "\ufffd" in found.text
    assert sum(len(part.broken) for part in found.parts) == 3, "three of the tortoise's four bytes are left"
    assert found.again is None
    whole = decode_ids(tokenizer, ids)
    assert [part.shares for part in whole.parts].count(True) >= 2
    assert decode_ids(tokenizer, [0]).parts[0].kind == "special"


def test_other_ids_of_the_same_text_are_noticed() -> None:
    tokenizer = open_tokenizer("storyteller")
    letters = [tokenizer.library_object.token_to_id(sign) for sign in "rain"]
    found = decode_ids(tokenizer, letters)
    assert found.text == "rain"
    assert found.again is not None
    assert found.again != tuple(letters)


@pytest.mark.parametrize(("typed", "raw", "how"), [
    ("F0 9F 90 A2", "🐢".encode(), "hexadecimal"), ("f09f90a2", "🐢".encode(), "hexadecimal"),
    ("0xF0, 0x9F", b"\xf0\x9f", "hexadecimal"), (r"caf\xC3\xA9\n", "café\n".encode(), "text with escapes"),
    (r"\u00e9 \U0001F422 \\ \0", "é 🐢 \\ \0".encode(), "text with escapes"), ("rain", b"rain", "text"),
    ("abc", b"abc", "text"), ("ab cd", b"\xab\xcd", "hexadecimal"),
])
def test_bytes_in_every_usual_writing(typed: str, raw: bytes, how: str) -> None:
    assert read_bytes(typed) == (raw, how)


@pytest.mark.parametrize(("typed", "part"), [
    ("", "No bytes yet"), (r"\q", "no escape"), (r"\xZZ", "no escape"), ("\\", "no escape"),
    (r"\ud800", "no character"),
    (r"\UFFFFFFFF", "no character"), ("ab" * 20_001, "20,001 bytes"), ("x" * 300_000, "characters"),
])
def test_what_is_no_bytes_is_one_sentence(typed: str, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        read_bytes(typed)


def _tiktoken() -> str:
    name = next((name for name in ("p50k", "cl100k", "claude", "qwen") if sources.state(name).here
                 and open_tokenizer(name).kind == "tiktoken"), None)
    if name is None:
        pytest.skip("no tiktoken vocabulary is here; `python -m components.models fetch cl100k` brings one")
    return name


def test_any_bytes_go_through_tiktoken_and_back() -> None:
    tokenizer = open_tokenizer(_tiktoken())

    @given(st.binary(max_size=80))
    @settings(max_examples=60, deadline=None)
    def there_and_back(raw: bytes) -> None:
        ids = encode_bytes(tokenizer, raw)
        assert tokenizer.library_object.decode_bytes(ids) == raw
        assert decode_ids(tokenizer, ids).utf8 == raw

    there_and_back()


def test_holes_of_a_vocabulary_are_missing_ids() -> None:
    if not sources.state("cl100k").here:
        pytest.skip("cl100k is not here; `python -m components.models fetch cl100k` brings it")
    kinds = [part.kind for part in decode_ids(open_tokenizer("cl100k"), [100256, 100257, 100261, 2**31 - 1]).parts]
    assert kinds == ["missing", "special", "missing", "missing"]


@pytest.mark.parametrize("name", [*SMALL, "mistral-v1"])
def test_a_library_that_takes_text_only_says_so(name: str) -> None:
    if not sources.state(name).here:
        pytest.skip(f"{name} is not here")
    tokenizer = open_tokenizer(name)
    with pytest.raises(ValueError, match=r"byte 5, F0.*takes text only"):
        encode_bytes(tokenizer, b"rain\xf0\x9f")
    assert encode_bytes(tokenizer, b"rain") == trace(tokenizer, "rain").ids.tolist()
    missing = decode_ids(tokenizer, [10**6]).parts[0]
    assert missing.kind == "missing"
