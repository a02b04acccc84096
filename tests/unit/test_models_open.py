"""What is opened: vocabularies against known counts and against their own libraries, models by their behaviour."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.models import catalog, places, sources, vocabularies
from components.models import open as opening
from components.models.open import OpenModel, open_model, open_tokenizer

TEXT = "The Übermensch saw 12345 cats 🐈‍⬛ in कमरे; def f(x):\n    return x**2"
COUNTS = {"cl100k": 32, "o200k": 27, "p50k": 38, "claude": 29, "qwen": 33, "llama3": 30, "llama4": 28}
SIZES = {"cl100k": 100277, "o200k": 200019, "p50k": 50281, "r50k": 50257, "o200k_harmony": 201088, "qwen": 151851,
         "llama3": 128256, "llama4": 202048, "tekken": 131072, "mistral-v1": 32000, "mistral-v3": 32768,
         "bert": 30522, "claude": 65000, "smollm2": 49152}
RANKS = Path(__file__).resolve().parents[3] / "shared" / "vocab" / "tiktoken"


@pytest.fixture(scope="module")
def other_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def get(other_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have an entry here, by fetching it; skips with the reason where nothing can be reached."""

    def have(name: str) -> None:
        if not catalog.entry(name).default_fetch:  # what nobody asked for goes into no one's own cache
            monkeypatch.setenv("LOOKING_GLASS_CACHE", str(other_cache))
        try:
            sources.fetch(name)
        except sources.Unreachable as problem:
            pytest.skip(str(problem))

    return have


def size(tokenizer: opening.OpenTokenizer) -> int:
    thing = tokenizer.library_object
    if tokenizer.kind == "tiktoken":
        return int(thing.n_vocab)
    return int(thing.get_vocab_size()) if tokenizer.kind == "tokenizers" else int(thing.vocab_size())


def encode(tokenizer: opening.OpenTokenizer, text: str) -> list[int]:
    thing = tokenizer.library_object
    if tokenizer.kind == "tiktoken":
        return list(thing.encode(text, disallowed_special=()))
    if tokenizer.kind == "tokenizers":
        return list(thing.encode(text, add_special_tokens=False).ids)
    return list(thing.encode(text))


# Vocabularies --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", sorted(COUNTS))
def test_known_counts(name: str, get: Callable[[str], None]) -> None:
    get(name)
    tokenizer = open_tokenizer(name)
    ids = encode(tokenizer, TEXT)
    assert len(ids) == COUNTS[name]
    assert tokenizer.library_object.decode(ids) == TEXT
    assert size(tokenizer) == SIZES[name]


@pytest.mark.parametrize("name", ["bert", "mistral-v1", "mistral-v3", "tekken", "smollm2"])
def test_sizes(name: str, get: Callable[[str], None]) -> None:
    get(name)
    assert size(open_tokenizer(name)) == SIZES[name]


@pytest.mark.parametrize("name", ["storyteller", "storyteller-wordpiece", "storyteller-unigram", "storyteller-1k"])
def test_what_ships_opens(name: str) -> None:
    assert sources.state(name).how == "ships with the app"
    tokenizer = open_tokenizer(name)
    assert (tokenizer.name, tokenizer.kind) == (name, "tokenizers")
    assert encode(tokenizer, "Once upon a time there was a king.")


def test_bert_neither_cuts_nor_pads() -> None:
    tokenizer = open_tokenizer("bert")
    assert len(encode(tokenizer, "hello world")) == 2
    assert len(encode(tokenizer, "hello " * 700)) == 700
    assert encode(tokenizer, "Héllo") == encode(tokenizer, "hello")


def test_tekken_agrees_with_mistrals_own_reader() -> None:
    tekken = pytest.importorskip("mistral_common.tokens.tokenizers.tekken")
    theirs = tekken.Tekkenizer.from_file(sources.locate("tekken"))
    ours = open_tokenizer("tekken").library_object
    for text in (TEXT, "", "   ", "日本語 123\r\n\r\n", "I'LL don't"):
        assert ours.encode(text) == theirs.encode(text, bos=False, eos=False)
    assert ours._special_tokens["[INST]"] == theirs.get_special_token("[INST]")
    assert ours.encode("[INST]", allowed_special="all") == [3]


def test_mistral_v1_falls_back_to_bytes() -> None:
    processor = open_tokenizer("mistral-v1").library_object
    ids = processor.encode("𒀀")
    assert [processor.id_to_piece(i) for i in ids[-4:]] == ["<0xF0>", "<0x92>", "<0x80>", "<0x80>"]


def test_qwen_splits_digits_one_by_one(get: Callable[[str], None]) -> None:
    get("qwen")
    tokenizer = open_tokenizer("qwen").library_object
    assert [tokenizer.decode([i]) for i in tokenizer.encode("12345")] == list("12345")
    assert tokenizer.encode("<|im_start|>", allowed_special="all") == [151644]
    assert tokenizer.n_vocab == 151643 + 208


def test_llama_special_ids(get: Callable[[str], None]) -> None:
    get("llama3")
    llama3, llama4 = (open_tokenizer(name).library_object for name in ("llama3", "llama4"))
    assert llama3.encode("<|begin_of_text|><|eot_id|>", allowed_special="all") == [128000, 128009]
    assert llama4.encode("<|begin_of_text|><|eot|><|image_start|>", allowed_special="all") == [200000, 200008, 200080]
    assert llama4.encode("<|reasoning_thinking_end|>", allowed_special="all") == [201143]


@pytest.mark.skipif(not RANKS.is_dir(), reason="the shared folder of rank files is not on this machine")
@pytest.mark.parametrize("name", ["r50k", "cl100k", "o200k", "o200k_harmony"])
def test_same_as_tiktokens_own(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tiktoken.registry

    copy = tmp_path / "tiktoken"  # a copy: tiktoken deletes what it does not like
    shutil.copytree(RANKS, copy)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(copy))
    monkeypatch.setenv("LOOKING_GLASS_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr(tiktoken.registry, "ENCODINGS", {})
    assert sources.state(name).how == "tiktoken's cache"
    ours = open_tokenizer(name).library_object
    full = {"o200k_harmony": "o200k_harmony"}.get(name, f"{name}_base")
    theirs = tiktoken.get_encoding(full)
    assert ours._pat_str == theirs._pat_str
    assert ours._special_tokens == theirs._special_tokens
    assert ours.n_vocab == theirs.n_vocab == SIZES[name]
    for text in (TEXT, "don't I'LL\n\n  x", "a" * 300, "\ud7ff�"):
        assert ours.encode(text) == theirs.encode(text)


def test_a_wrong_file_in_tiktokens_cache_is_refused_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = catalog.entry("r50k")
    ranks = entry.sources[0]
    wrong = tmp_path / ranks.file
    wrong.write_bytes(b"x" * ranks.size)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("LOOKING_GLASS_CACHE", str(tmp_path / "empty"))
    with pytest.raises(ValueError, match="not the file it should be"):
        open_tokenizer("r50k")
    assert wrong.stat().st_size == ranks.size


def test_a_broken_rank_file_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "ranks.tiktoken"
    file.write_bytes(b"aGk= 0\nnot base64! 1\n")
    with pytest.raises(ValueError, match=r"Line 2 of ranks.tiktoken"):
        vocabularies.read_ranks(file)
    file.write_bytes(b"aGk= 0\naG8= 1\n\n")
    assert vocabularies.read_ranks(file) == {b"hi": 0, b"ho": 1}


# Models --------------------------------------------------------------------------------------------------------------

def next_token(opened: OpenModel, text: str) -> str:
    import torch

    ids = encode(opened.tokenizer, text)
    with torch.inference_mode():
        logits: Any = opened.model(torch.tensor([ids])).logits[0, -1]
    return str(opened.tokenizer.library_object.decode([int(logits.argmax())]))


def test_storyteller_opens() -> None:
    import torch

    opened = open_model("storyteller")
    assert opened.architecture == "LlamaForCausalLM"
    assert (opened.layers, opened.heads, opened.kv_heads) == (6, 8, 4)
    assert opened.width == opened.heads * opened.head_dim
    assert opened.vocab_size == opened.tokenizer.library_object.get_vocab_size()
    assert opened.context == 256
    assert opened.eos_ids
    assert all(0 <= one < opened.vocab_size for one in opened.eos_ids)
    assert {parameter.dtype for parameter in opened.model.parameters()} == {torch.float32}
    assert not opened.model.training
    assert not any(p.requires_grad for p in opened.model.parameters())
    with torch.inference_mode():
        out = opened.model(torch.tensor([[1, 2, 3]]), output_attentions=True)
    assert len(out.attentions) == 6
    assert out.attentions[0].shape == (1, 8, 3, 3)


def test_smollm2_answers(get: Callable[[str], None]) -> None:
    get("smollm2")
    opened = open_model("smollm2")
    assert next_token(opened, "The capital of France is") == " Paris"  # nonsense where q and k rows stay interleaved
    assert (opened.layers, opened.heads, opened.kv_heads, opened.head_dim, opened.width) == (30, 9, 3, 64, 576)
    assert (opened.context, opened.vocab_size, opened.bos_id, opened.eos_ids) == (8192, 49152, 1, (2,))
    assert opened.parameters == 134_515_008
    assert opened.chat_template is not None
    assert "<|im_start|>" in opened.chat_template
    assert opened.model.config.rope_parameters["rope_theta"] == 100_000
    assert opened.model.config.rms_norm_eps == 1e-5


def test_smollm2_has_the_digit_step(get: Callable[[str], None]) -> None:
    get("smollm2")
    tokenizer = open_tokenizer("smollm2").library_object
    assert tokenizer.encode("x 2024").tokens == ["x", "Ġ", "2", "0", "2", "4"]
    # The digit step parts these from the space; GPT-2's split alone would keep them together.
    assert tokenizer.encode("a ½").tokens[:2] == ["a", "Ġ"]
    assert tokenizer.encode("m ³").tokens[:2] == ["m", "Ġ"]
    assert tokenizer.encode("<|im_start|>").ids == [1]
    assert tokenizer.encode("hi").ids == [6004]
    special = [token for token in tokenizer.get_added_tokens_decoder().values() if token.special]
    assert len(special) == 17


def test_smollm2_is_an_ordinary_folder(get: Callable[[str], None]) -> None:
    get("smollm2")
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(sources.locate("smollm2"), local_files_only=True)
    ours = open_tokenizer("smollm2")
    for text in (TEXT, "½ ³ 123", "  two\n\nlines"):
        assert theirs(text).input_ids == encode(ours, text)
    chat = theirs.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False, add_generation_prompt=True)
    assert chat.startswith("<|im_start|>system\n")
    assert chat.endswith("<|im_start|>assistant\n")
    assert (theirs.eos_token, theirs.bos_token, theirs.unk_token) == ("<|im_end|>", "<|im_start|>", "<|endoftext|>")


def test_a_changed_or_cut_model_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                              get: Callable[[str], None]) -> None:
    get("smollm2")
    origin = sources.locate("smollm2")
    monkeypatch.setenv("LOOKING_GLASS_CACHE", str(tmp_path))
    folder = places.model_folder("smollm2")
    shutil.copytree(origin, folder)
    assert sources.state("smollm2").here
    config = folder / "config.json"
    config.write_bytes(config.read_bytes().replace(b"30", b"31"))  # the same length, other content
    with pytest.raises(ValueError, match=r"config.json of smollm2 is not the file.*remove smollm2"):
        open_model("smollm2")
    with (folder / "model.safetensors").open("r+b") as stream:
        stream.truncate(1000)
    state = sources.state("smollm2")
    assert not state.here
    assert state.downloadable
    assert "fetch smollm2" in state.reason
    with pytest.raises(ValueError, match="is not here"):
        open_model("smollm2")
    (folder / "manifest.json").write_text("{")
    assert not sources.state("smollm2").here


# What cannot be opened -----------------------------------------------------------------------------------------------

def test_unknown_and_unfit_names() -> None:
    with pytest.raises(ValueError, match="did you mean smollm2"):
        open_model("smollm")
    with pytest.raises(ValueError, match="vocabulary without a model"):
        open_model("cl100k")
    with pytest.raises(ValueError, match="status` lists all"):
        open_tokenizer("../../etc/passwd")
    with pytest.raises(ValueError, match="no model or vocabulary"):
        open_tokenizer(7)  # type: ignore[arg-type]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKING_GLASS_MEMORY_MB", "10")
    for call in (lambda: open_tokenizer("bert"), lambda: open_model("storyteller"),
                 lambda: opening.open_encoder("minilm")):
        with pytest.raises(ValueError, match=r"of the 10 MB .*LOOKING_GLASS_MEMORY_MB"):
            call()
    monkeypatch.setenv("LOOKING_GLASS_MEMORY_MB", "100000")
    assert open_tokenizer("bert").kind == "tokenizers"


def test_a_broken_tokenizer_file_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "assets" / "models" / "storyteller-1k"
    folder.mkdir(parents=True)
    (folder / "tokenizer.json").write_text('{"version": "1.0", "model"')
    monkeypatch.setattr(places, "ROOT", tmp_path)
    with pytest.raises(ValueError, match=r"tokenizer.json of storyteller, 1,000 tokens cannot be read"):
        open_tokenizer("storyteller-1k")
    assert "assets/models/storyteller " in sources.state("storyteller").reason
