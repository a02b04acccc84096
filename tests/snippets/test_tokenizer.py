"""The Tokens page's snippets, run as a reader would run them, give the panel's numbers."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from components.models import catalog, sources
from components.models.__main__ import copy_to
from components.models.catalog import Asset
from components.models.open import OpenTokenizer, open_tokenizer
from components.tokenization import Recipe, trace, train
from components.tokenization.uploads_build import CASES, build
from components.views.tokenizer import own
from components.views.tokenizer.snippet import snippet
from tests.snippets.fresh import run

TEXTS = (
    "The unhappiness of 1234 tortoises: 🐢\nOne of them said \"hello\".",
    "HÉLLO  Übermensch <|endoftext|> बारिश",
)

COLUMNS = (("cl100k", "smollm2"), ("bert", "storyteller"), ("mistral-v1", "claude"), ("qwen", "tekken"),
           ("storyteller-wordpiece", "storyteller-unigram", "mistral-v1"), ("o200k", "mistral-v3"), ("p50k",),
           ("bert", "storyteller", "storyteller-1k", "mistral-v1"), ("o200k", "cl100k", "qwen", "p50k"))
SIDES = ("left", "right", "third", "fourth")
_FOLDER = re.compile(r'^(left|right)_folder = "([^"]+)".*$', re.MULTILINE)


def test_snippets_of_the_page_give_its_numbers(tmp_path: Path) -> None:
    """All of them in one fresh process; only the lines that name a folder are changed."""
    cases = [(names, text) for names in COLUMNS for text in TEXTS if all(sources.state(name).here for name in names)]
    assert len(cases) >= 4, "BERT, storyteller and Mistral ship with the app"
    runs = []
    for names, text in cases:
        code = snippet(text, *names)
        for name in names:
            if not isinstance(catalog.entry(name).sources[0], Asset):
                folder = tmp_path / name
                if not folder.is_dir():
                    copy_to(name, folder) if name != "smollm2" else _tokenizer_only(name, folder)
                code = code.replace(f'_folder = "{name}"', f'_folder = "{folder}"')
        runs.append(code)
    for (names, text), got in zip(cases, _run(runs), strict=True):
        assert len(got) == len(names)
        for name, shown in zip(names, got, strict=True):
            _compare(opened(name), text, shown)


def test_snippets_of_ones_own_give_the_pages_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trained here, or brought as any of the four kinds of file: the very file is read again."""
    kept: dict[str, own.Own] = {}
    monkeypatch.setattr(own, "_kept", lambda: kept)
    for filename, tokenizer, file in _files():
        (tmp_path / filename).write_bytes(file)
        own.add(filename, tokenizer, file, filename)
    names = list(kept)
    columns = [("storyteller", *names[:3]), (names[3], names[4], "storyteller-1k", names[0])]
    cases = [(names, text) for names in columns for text in TEXTS]
    runs = [re.sub(r"^(\w+_file) = '", rf"\1 = '{tmp_path}/", snippet(text, *names), flags=re.MULTILINE)
            for names, text in cases]
    for (names, text), got in zip(cases, _run(runs), strict=True):
        for name, shown in zip(names, got, strict=True):
            _compare(kept[name].tokenizer if name in kept else opened(name), text, shown)
    code = snippet("rain", next(iter(kept)))
    assert code.startswith("left_file = 'trained.json'  # the page's download, or the file that you brought")
    gone = next(iter(kept))
    kept.clear()
    with pytest.raises(ValueError, match="no longer kept"):
        snippet("rain", gone)


def _files() -> Iterator[tuple[str, OpenTokenizer, bytes]]:
    trained = train(Recipe("bpe", 400), "The rain fell on the roof, and the old roof let it in. " * 60)
    yield "trained.json", trained.opened("own"), trained.file
    pieces = [bytes([byte]) for byte in range(256)] + [b"th", b"ra", b" t", b"in", b" the"]
    ranks = b"".join(base64.b64encode(piece) + b" %d\n" % place for place, piece in enumerate(pieces))
    yield "mine.tiktoken", build("ranks", ranks, "cl100k"), ranks
    for case in CASES:
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "The", "un", "##ha", "hello", ",", "1", "##2", case, ""]
        raw = "\n".join(words).encode()
        yield f"vocab-{case}.txt", build("words", raw, case), raw
    model = sources.locate("mistral-v1").read_bytes()
    yield "mine.model", build("model", model, ""), model


def _run(runs: list[str]) -> list[list[tuple[list[int], float, bool]]]:
    """What each piece of code found, column by column."""
    parts = ("ids", "per_token", "exact")
    found = run(runs, [f"{side}_{part}" for side in SIDES for part in parts])
    return [[(one[f"{side}_ids"], one[f"{side}_per_token"], bool(one[f"{side}_exact"]))
             for side in SIDES if f"{side}_ids" in one] for one in found]


def _compare(tokenizer: OpenTokenizer, text: str, got: tuple[list[int], float, bool]) -> None:
    shown = trace(tokenizer, text)
    ids, per_token, exact = got
    assert ids == shown.ids.tolist(), (tokenizer.name, text)
    assert abs(per_token - shown.bytes_per_token) < 1e-9, tokenizer.name
    assert exact == shown.round_trip.exact, (tokenizer.name, text)


@cache
def opened(name: str) -> OpenTokenizer:
    return open_tokenizer(name)


def _tokenizer_only(name: str, folder: Path) -> None:
    """SmolLM2 without its 269 MB of weights, which no snippet of this page reads."""
    folder.mkdir()
    (folder / "tokenizer.json").write_bytes((sources.locate(name) / "tokenizer.json").read_bytes())


def test_a_snippet_names_its_folders_and_uses_public_libraries_alone() -> None:
    code = snippet("a\nb", "cl100k", "storyteller")
    folders = _FOLDER.findall(code)
    assert folders == [("left", "cl100k"), ("right", "assets/models/storyteller")]
    assert code.startswith("left_folder = ")
    assert "components." not in code.replace("python -m components.models", "")
    assert "python -m components.models fetch cl100k --to cl100k" in code
    compile(code, "snippet", "exec")


def test_a_snippet_holds_any_text() -> None:
    for text in ("'''\"\"\"\\", "\x00\r\n\u2028x", "a" * 2_000, "🐢\n" * 3):
        space: dict[str, object] = {}
        line = snippet(text, "bert", "storyteller").split("\n\n# ")[0].split("\n\ntext = ")[1]
        exec("text = " + line, space)
        assert space["text"] == text


def test_a_very_long_text_is_read_from_a_file() -> None:
    code = snippet("a" * 5_000, "bert", "storyteller")
    assert 'open("text.txt"' in code
    assert len(code) < 2_000
