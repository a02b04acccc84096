"""Every token owns its bytes, for every tokenizer that is here, for every awkward text."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.models.open import OpenTokenizer
from components.tokenization import Kind, TokenTrace, differing_spans, trace, vocabulary
from components.tokenization import encode as encoding
from tests.unit.tokenizers_here import LOSSLESS, LOSSY, here, opened

AWKWARD = {
    "empty": "",
    "one character": "a",
    "one space": " ",
    "spaces around": "  two  spaces  ",
    "line breaks": "a\nb\r\nc\n\n\td",
    "family": "👨‍👩‍👧‍👦",
    "flags and tones": "🇩🇪🇫🇷 👋🏽",
    "right to left": "مرحبا بالعالم שלום",
    "mixed directions": "abc שלום 123 مرحبا",
    "nul and controls": "a\x00b\x07\x1b[0m\x7f",
    "combining": "e\u0301 n\u0303 a\u0308\u0304 \u0301",
    "precomposed": "é ñ ÿ ﬁ ½ ㎞ Å",
    "hindi": "बारिश रुकी, नमस्ते",
    "korean": "안녕하세요 각",
    "chinese and japanese": "東京は夜の七時。你好",
    "thai": "สวัสดีครับ",
    "code": "def rain(days):\n    return days * 0.25  # 🐢\n",
    "numbers": "1234567890 3.14159 2,000,000",
    "control token": "<|endoftext|> and </s> and [UNK] [CLS]",
    "markup": "<script>alert('x')</script>",
    "metaspace": "▁a ▁▁b",
    "byte fallback lookalike": "<0x0A> ##ing Ġword",
    "replacement sign": "\ufffd\ufeff\u200b\u00ad",
    "highest plane": "\U0010ffff\U000e0001",
}

everyone = [*LOSSLESS, *LOSSY]


def library_ids(tokenizer: OpenTokenizer, text: str) -> list[int]:
    """What the library gives when it is asked directly."""
    if tokenizer.kind == "tiktoken":
        return tokenizer.library_object.encode(text, disallowed_special=())
    if tokenizer.kind == "sentencepiece":
        return tokenizer.library_object.encode(text)
    return tokenizer.library_object.encode(text, add_special_tokens=False).ids


def missing_bytes(tokenizer: OpenTokenizer) -> set[int]:
    table = vocabulary(tokenizer)
    return set(range(256)) - {piece[0] for piece in map(table.piece, range(len(table.flags))) if len(piece) == 1}


def check(found: TokenTrace, text: str) -> None:
    """What holds for every trace of every tokenizer."""
    utf8 = text.encode()
    start, end = found.byte_start, found.byte_end
    assert found.utf8 == utf8
    assert found.text == text
    assert (start <= end).all()
    assert (start >= 0).all()
    assert (end <= len(utf8)).all()
    assert (np.diff(start) >= 0).all(), "tokens are in the order of the text"
    for token in found:
        first, last = token.byte_range
        assert token.bytes == utf8[first:last]
        # The character range is right when cutting the text there holds the token's bytes and no character more.
        chars = text[token.char_range[0]:token.char_range[1]].encode()
        before = len(text[:token.char_range[0]].encode())
        assert before <= first
        assert last <= before + len(chars)
        if first < last:
            assert first < before + len(text[token.char_range[0]].encode())
            assert last > before + len(chars) - len(text[token.char_range[1] - 1].encode())


def check_tiles(found: TokenTrace, text: str) -> None:
    """What holds besides where the entries spell the text."""
    assert found.tiles
    edges = np.append(found.byte_start, found.byte_end[-1:])
    assert not len(found) or (edges[0] == 0 and edges[-1] == len(text.encode()))
    assert (found.byte_end[:-1] == found.byte_start[1:]).all()
    joined = b"".join(token.piece for token in found)
    assert joined.removeprefix(b" " if joined[:1] == b" " and len(joined) == len(text.encode()) + 1 else b"") \
        == text.encode()


@pytest.mark.parametrize("name", everyone)
def test_awkward_texts(name: str) -> None:
    tokenizer = here(name)
    for what, text in AWKWARD.items():
        found = trace(tokenizer, text)
        assert found.ids.tolist() == library_ids(tokenizer, text), what
        check(found, text)
        if name in LOSSLESS and what not in ("metaspace",):
            check_tiles(found, text)
        if found.tiles and found.round_trip.exact is False:
            raise AssertionError(f"{what}: the entries spell the text, yet decoding does not give it back")


@pytest.mark.parametrize("name", LOSSLESS)
def test_bytes_tile_any_text(name: str) -> None:
    tokenizer = here(name)
    # SmolLM2's vocabulary has no entry for 21 bytes (rare controls, two high planes): its library drops them.
    unknown_bytes = missing_bytes(tokenizer) if name == "smollm2" else set()

    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="▁"), max_size=60))
    def holds(text: str) -> None:
        found = trace(tokenizer, text)
        assert found.ids.tolist() == library_ids(tokenizer, text)
        check(found, text)
        if set(text.encode()) & unknown_bytes:
            assert not found.tiles
            assert not found.round_trip.exact
        else:
            check_tiles(found, text)
            assert found.round_trip.exact

    holds()


@pytest.mark.parametrize("name", LOSSY)
def test_ranges_hold_for_any_text_of_a_lossy_tokenizer(name: str) -> None:
    tokenizer = here(name)

    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
    def holds(text: str) -> None:
        found = trace(tokenizer, text)
        assert found.ids.tolist() == library_ids(tokenizer, text)
        check(found, text)
        trip = found.round_trip
        assert trip.exact == (not trip.changes)

    holds()


def test_a_family_emoji_in_fragments() -> None:
    tokenizer = here("storyteller-1k")
    found = trace(tokenizer, "hi 😀")
    assert [token.byte_range for token in found][-1][1] == 7
    fragments = [token for token in found if token.kind == Kind.FRAGMENT]
    assert len(fragments) >= 2
    # The emoji is the character 3 of the text, and every fragment says so.
    assert all(token.char_range[1] == 4 for token in fragments)
    assert b"".join(token.bytes for token in fragments).strip() == "😀".encode()


def test_bytes_of_an_emoji_in_r50k() -> None:
    found = trace(here("r50k"), "hi 😀")
    assert [token.byte_range for token in found] == [(0, 2), (2, 6), (6, 7)] or \
        [token.byte_range for token in found] == [(0, 2), (2, 5), (5, 6), (6, 7)]
    assert found[1].char_range == (2, 4)
    assert found[1].kind == Kind.FRAGMENT


def test_counts_of_the_published_check_string() -> None:
    text = "The Übermensch saw 12345 cats 🐈‍⬛ in कमरे; def f(x):\n    return x**2"
    counts = {"cl100k": 32, "o200k": 27, "p50k": 38, "claude": 29, "qwen": 33}
    found = {name: len(trace(opened(name), text)) for name in counts if opened(name)}
    if not found:
        pytest.skip("none of these vocabularies is here; `python -m components.models fetch` brings them")
    assert found == {name: counts[name] for name in found}


def test_sentencepiece_adds_a_space_that_the_text_has_not() -> None:
    found = trace(here("mistral-v1"), "hi there\n")
    assert [token.kind for token in found] == [Kind.ADDED_SPACE, Kind.NORMAL, Kind.BYTE]
    assert [token.byte_range for token in found] == [(0, 2), (2, 8), (8, 9)]
    assert found[0].piece == b" hi"
    assert found[0].bytes == b"hi"
    assert found.round_trip.exact


def test_bert_says_what_it_changed() -> None:
    found = trace(here("bert"), "Héllo 🐢\n  x")
    assert [token.text for token in found] == ["Héllo", "🐢", "x"]
    assert [token.kind for token in found] == [Kind.NORMAL, Kind.UNKNOWN, Kind.NORMAL]
    assert found[0].piece == b"hello"
    assert not found.tiles
    assert not found.round_trip.exact
    assert [(change.original, change.became, change.kind) for change in found.round_trip.changes[:3]] == [
        ("H", "h", "case"), ("é", "e", "accent"), ("🐢", "[UNK]", "unknown")]
    assert found.round_trip.changes[0].byte_range == (0, 1)
    assert found.round_trip.changes[2].byte_range == (7, 11)
    assert found.round_trip.changes[3].kind == "space"


def test_bert_reads_a_special_token_out_of_the_text_or_not() -> None:
    tokenizer = here("bert")
    assert [token.kind for token in trace(tokenizer, "[SEP] x")] == [Kind.SPECIAL, Kind.NORMAL]
    plain = trace(tokenizer, "[SEP] x", specials="text")
    assert [token.text for token in plain] == ["[", "SEP", "]", "x"]
    assert Kind.SPECIAL not in plain.kinds
    # The copy that reads plainly leaves the shared tokenizer as it was.
    assert trace(tokenizer, "[SEP] x")[0].kind == Kind.SPECIAL


def test_endoftext_both_ways() -> None:
    tokenizer = here("cl100k")
    assert len(trace(tokenizer, "<|endoftext|>")) == 7
    one = trace(tokenizer, "<|endoftext|>", specials="tokens")
    assert one.ids.tolist() == [100257]
    assert one[0].kind == Kind.SPECIAL
    assert one.tiles


def test_t5_owns_the_space_before_an_unknown_character() -> None:
    found = trace(here("t5"), "hi 😀 there  two")
    assert [token.byte_range for token in found] == [(0, 2), (2, 3), (3, 7), (7, 13), (14, 18)]
    assert [token.kind for token in found] == [Kind.ADDED_SPACE, Kind.NORMAL, Kind.UNKNOWN, Kind.NORMAL, Kind.NORMAL]


def test_claude_folds_characters_and_keeps_the_rest_exact() -> None:
    found = trace(here("claude"), "e\u0301 ﬁn 😀")
    assert found[0].byte_range == (0, 3)
    assert found[1].text == " ﬁn"
    assert found[1].piece == b" fin"
    assert b"".join(token.bytes for token in found).decode() == "e\u0301 ﬁn 😀"
    assert [change.kind for change in found.round_trip.changes] == ["changed", "changed"]


def test_smollm2_drops_a_byte_that_it_has_no_entry_for() -> None:
    found = trace(here("smollm2"), "a\x16b")
    assert [token.byte_range for token in found] == [(0, 1), (2, 3)]
    assert not found.tiles
    assert [(change.original, change.kind) for change in found.round_trip.changes] == [("\x16", "removed")]


@pytest.mark.parametrize("name", ["storyteller", "smollm2", "bert", "storyteller-wordpiece", "t5", "claude"])
def test_pieces_of_a_long_text_give_the_ids_of_the_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = here(name)
    text = "The tortoise, who's 42,\n\nhad  never seen the sea. It isn't far!\nकमरे 東京 " * 60
    whole = trace(tokenizer, text)
    assert len(encoding.pieces(tokenizer, text, 300)) > 5
    assert "".join(encoding.pieces(tokenizer, text, 300)) == text
    monkeypatch.setattr(encoding, "PIECE", 300)
    parts = trace(tokenizer, text)
    for column in ("ids", "byte_start", "byte_end", "char_start", "char_end", "kinds"):
        assert np.array_equal(getattr(parts, column), getattr(whole, column)), column


@pytest.mark.parametrize("name", ["storyteller", "bert", "mistral-v1"])
def test_a_megabyte(name: str) -> None:
    tokenizer = here(name)
    text = "The tortoise who lived under the stairs had never seen the sea. " * 15_700
    found = trace(tokenizer, text)
    assert len(text) > 1_000_000
    assert found.byte_end[-1] <= len(text)
    if found.tiles:
        assert found.byte_start[0] == 0
        assert found.byte_end[-1] == len(text)
        assert found.round_trip.exact
    else:
        trip = found.round_trip
        assert not trip.exact
        assert trip.listed_to < len(text)


def test_the_door() -> None:
    tokenizer = here("storyteller-1k")
    with pytest.raises(ValueError, match="surrogate"):
        trace(tokenizer, "a\ud83d")
    with pytest.raises(ValueError, match="limit"):
        trace(tokenizer, "a" * 5_000_001)
    with pytest.raises(ValueError, match="choose one of"):
        trace(tokenizer, "a", specials="maybe")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="plain reading"):
        trace(here("mistral-v1"), "a", specials="tokens")
    with pytest.raises(IndexError):
        trace(tokenizer, "a")[7]


def test_columns_are_compact_and_typed() -> None:
    found = trace(here("storyteller-1k"), "hello there")
    assert {str(found.ids.dtype), str(found.byte_start.dtype), str(found.char_end.dtype)} == {"int32"}
    assert found.kinds.dtype == np.uint8
    assert found.bytes_per_token == pytest.approx(11 / len(found))


def test_vocabulary_knows_its_entries() -> None:
    table = vocabulary(here("bert"))
    assert (table.size, table.algorithm) == (30_522, "WordPiece")
    cl100k = opened("cl100k")
    if cl100k:
        assert vocabulary(cl100k).size == 100_261  # 100,256 ranks and 5 special tokens; the ids have holes
        assert vocabulary(cl100k).piece(100_256) == b""


def test_where_two_tokenizers_differ() -> None:
    bert, small = here("bert"), here("storyteller-1k")
    text = "the unhappiness of it"
    left, right = trace(bert, text), trace(small, text)
    spans = differing_spans(left, right).tolist()
    cut = {place for one in (left, right) for token in one for place in token.byte_range}
    for begin, end in spans:
        assert any(begin < place < end for place in cut)
    # White space is not held against BERT, which drops it.
    assert all(text[begin:end].strip() for begin, end in spans)
    assert differing_spans(left, left).tolist() == []
    with pytest.raises(ValueError, match="same text"):
        differing_spans(left, trace(small, "another"))


def test_differing_spans_by_hand() -> None:
    one, two = here("cl100k"), here("smollm2")
    spans = [(begin, end) for begin, end in differing_spans(trace(one, "in 1234 days"), trace(two, "in 1234 days"))]
    assert spans == [(3, 6)]  # 123|4 against 1|2|3|4: both have a cut before the 4


@pytest.mark.parametrize("sign", ["😀 ", "x😀y "])
def test_the_work_of_comparing_grows_with_the_text(sign: str) -> None:
    """Every second character agrees and no two in a row: the time went with the third power of the length once."""
    spent = []
    for count in (1_000, 4_000):
        found = trace(here("bert"), sign * count)
        begun = time.process_time()
        assert len(found.round_trip.changes) >= count
        spent.append(time.process_time() - begun)
    assert spent[1] < 16 * spent[0], "four times the text"
