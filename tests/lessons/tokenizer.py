"""What the Tokens page's lessons claim."""

from __future__ import annotations

import json

from components import corpora
from components.models.open import open_tokenizer
from components.tokenization import Kind, TokenTrace, language_costs, premium, trace
from components.tokenization.encode import decode
from tests.conftest import ROOT, needs

_LESSONS = {lesson["id"]: lesson for lesson in
            json.loads((ROOT / "assets" / "lessons" / "tokenizer.json").read_text("utf-8"))["lessons"]}


def _columns(lesson: str) -> tuple[TokenTrace, TokenTrace]:
    """Both columns as the lesson sets them up; skips where one of the tokenizers is not here."""
    import pytest

    setup = _LESSONS[lesson]["setup"]
    for name in (setup["tokenizer_left"], setup["tokenizer_right"]):
        mark = needs(name).mark
        if mark.args[0]:
            pytest.skip(mark.kwargs["reason"])
    left, right = (trace(open_tokenizer(setup[f"tokenizer_{side}"]), _LESSONS[lesson]["text"])
                   for side in ("left", "right"))
    return left, right


def lesson_the_space_belongs_to_the_word() -> None:
    gpt4, bert = _columns("the-space-belongs-to-the-word")
    assert gpt4.ids.tolist()[:4] == [39142, 301, 11775, 53976]
    assert len(set(gpt4.ids.tolist())) == len(gpt4) == 6
    assert [token.text for token in gpt4][2:] == [" novel", " Novel", " NO", "VEL"]
    assert bert.ids.tolist() == [3117] * 4


def lesson_numbers_in_pieces() -> None:
    gpt4, smollm2 = _columns("numbers-in-pieces")
    texts = [token.text for token in gpt4]
    assert texts[:2] == ["123", "45"]
    assert texts[4:6] == ["543", "21"]
    assert (len(gpt4), len(smollm2)) == (10, 19)
    assert all(len(token.text) == 1 for token in smollm2 if token.text.isdigit())


def lesson_one_family_many_tokens() -> None:
    mistral, bert = _columns("one-family-many-tokens")
    assert (len(mistral.text), len(mistral.utf8), len(mistral)) == (7, 25, 20)
    assert mistral[0].kind == Kind.ADDED_SPACE
    assert sum(token.text == "\u200d" for token in mistral) == 3
    assert sum(len(token.bytes) == 1 and token.kind == Kind.FRAGMENT for token in mistral) == 16
    assert [(token.kind, token.piece) for token in bert] == [(Kind.UNKNOWN, b"[UNK]")]


def lesson_letters_in_strawberry() -> None:
    gpt4, _ = _columns("letters-in-strawberry")
    tokens = {token.text: token.id for token in gpt4}
    assert tokens[" strawberry"] == 73700
    last = [token.text for token in gpt4][-3:]
    assert last == ["str", "aw", "berry"]
    assert [piece.count("r") for piece in last] == [1, 0, 2]


def lesson_end_of_text_typed_by_a_reader() -> None:
    gpt4, smollm2 = _columns("end-of-text-typed-by-a-reader")
    assert Kind.SPECIAL not in gpt4.kinds
    typed = gpt4.text.index("<|"), gpt4.text.index("|>") + 2
    inside = [token for token in gpt4 if token.byte_range[0] < typed[1] and token.byte_range[1] > typed[0]]
    assert len(inside) == 7
    assert inside[0].text == ".<"
    special = [token for token in smollm2 if token.kind == Kind.SPECIAL]
    assert [(token.id, token.text) for token in special] == [(0, "<|endoftext|>")]


def lesson_lost_on_the_way() -> None:
    bert, mistral = _columns("lost-on-the-way")
    assert decode(bert.tokenizer, bert.ids) == "hello ubermensch [UNK] second line"
    kinds = {change.kind for change in bert.round_trip.changes}
    assert {"case", "accent", "unknown", "space"} <= kinds
    assert mistral.round_trip.exact


def lesson_why_hindi_costs_more() -> None:
    import pytest

    gpt4, _ = _columns("why-hindi-costs-more")
    cut = gpt4.text.index("\n") + 1
    hindi = [token for token in gpt4 if token.char_range[0] >= cut]
    assert (len(gpt4) - len(hindi), len(hindi)) == (5, 19)
    assert len(gpt4.text) - cut == 16
    assert sum(token.kind == Kind.FRAGMENT for token in hindi) > 10
    over = premium(language_costs(gpt4.tokenizer, corpora.parallel()))
    assert over["hi"] == pytest.approx(4.46, abs=0.1)
    assert over["my"] == pytest.approx(9.4, abs=0.2) == max(over.values())
    if not needs("o200k").mark.args[0]:
        again = trace(open_tokenizer("o200k"), gpt4.text)
        assert sum(token.char_range[0] >= cut for token in again) == 7
