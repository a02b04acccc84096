"""A catalog id -> a tokenizer, an encoder or a model in memory. No Streamlit, so notebooks and tests use it too.

Everything opened here is to be treated as immutable: pages share one copy among all readers. The files' hashes are
checked once before they are used, and nothing is ever downloaded.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components import settings
from components.models import catalog, places, sources
from components.models.catalog import Entry, Ranks
from components.workshop import give_back_memory

if TYPE_CHECKING:
    import numpy as np

_FROM_FILE = {"qwen": "qwen", "llama3": "llama3", "llama4": "llama4", "tekken": "tekken"}


@dataclass(frozen=True)
class OpenTokenizer:
    """A tokenizer as its library made it.

    Attributes:
        name: catalog id.
        kind: "tokenizers", "tiktoken" or "sentencepiece".
        library_object: `tokenizers.Tokenizer` (no truncation, no padding), `tiktoken.Encoding` or
            `sentencepiece.SentencePieceProcessor`. Shared: never change it.
    """

    name: str
    kind: str
    library_object: Any = field(repr=False)


@dataclass(frozen=True)
class OpenModel:
    """A model in float32 on the CPU, in evaluation mode, with the facts that pages need.

    Attributes:
        name: catalog id.
        model: the transformers model, with attention computed eagerly, so that weights can be asked for.
        tokenizer: its own.
        layers, heads, kv_heads, head_dim, width, context, vocab_size: its shape; of the decoder where it has two.
        bos_id: id put in front of a text, or None.
        eos_ids: ids that end a text.
        chat_template: Jinja source, or None.
        parameters: how many numbers it has learnt, tied ones counted once.
        architecture: class name, such as "LlamaForCausalLM".
        path: its folder.
    """

    name: str
    model: Any = field(repr=False)
    tokenizer: OpenTokenizer
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    width: int
    context: int
    vocab_size: int
    bos_id: int | None
    eos_ids: tuple[int, ...]
    chat_template: str | None
    parameters: int
    architecture: str
    path: Path


@dataclass(frozen=True)
class OpenEncoder:
    """A sentence encoder.

    Attributes:
        name: catalog id.
        max_tokens: texts are cut after this many tokens, the two special ones included.
        dimensions: numbers in a vector.
        model: the transformers model, [text, token] -> `last_hidden_state` [text, token, width].
        tokenizer: a `tokenizers.Tokenizer` of its own that cuts and does not pad. Shared: never change it.
    """

    name: str
    max_tokens: int
    dimensions: int
    model: Any = field(repr=False)
    tokenizer: Any = field(repr=False)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """One unit vector a text: float32 [text, dimensions]. Raises ValueError when `texts` is not a list of str."""
        from components import encoding

        return encoding.encode(self.model, self.tokenizer, texts)


def open_tokenizer(name: str) -> OpenTokenizer:
    """Open a vocabulary, or the tokenizer of a model, by its catalog id.

    Raises:
        ValueError: it is unknown, not here, damaged, or memory is short; the sentence says what to do.
    """
    entry = catalog.entry(name)
    found = sources.find(name)
    _admit(entry, entry.memory_mb if entry.kind == "tokenizer" else 30)
    if entry.kind == "tokenizer":
        places.verify(name, found)
    path = found.path / "tokenizer.json" if found.path.is_dir() else found.path
    opened = _read_tokenizer(entry, path)
    give_back_memory()
    return opened


def _read_tokenizer(entry: Entry, path: Path) -> OpenTokenizer:
    ranks = [source for source in entry.sources if isinstance(source, Ranks)]
    try:
        if ranks or entry.id in _FROM_FILE:
            from components.models import vocabularies

            opened = (vocabularies.openai(ranks[0].encoding, path) if ranks
                      else getattr(vocabularies, _FROM_FILE[entry.id])(path))
            return OpenTokenizer(entry.id, "tiktoken", opened)
        if ".model" in path.name:
            from sentencepiece import SentencePieceProcessor

            return OpenTokenizer(entry.id, "sentencepiece", SentencePieceProcessor(model_file=str(path)))
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(path))
    except ImportError as problem:
        raise ValueError(f"{entry.title} needs the package {problem.name}; "
                         "run `python -m pip install -r requirements.txt`.") from problem
    except Exception as problem:  # the tokenizers library raises bare Exception for a file it cannot read
        raise ValueError(f"{path.name} of {entry.title} cannot be read ({_first_line(problem)}); "
                         f"fetch or install it again.") from problem
    # Published files may cut and pad (MiniLM's does both, at 128): pages count every token of the text itself.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return OpenTokenizer(entry.id, "tokenizers", tokenizer)


def open_model(name: str) -> OpenModel:
    """Open a model in float32 with its tokenizer.

    Raises:
        ValueError: it is unknown, no model, not here, damaged, or memory is short; the sentence says what to do.
    """
    entry = catalog.entry(name)
    if entry.kind == "tokenizer":
        raise ValueError(f"{entry.title} is a vocabulary without a model; open it with open_tokenizer.")
    found = sources.find(name)
    _admit(entry, entry.memory_mb)
    places.verify(name, found)
    _prepare_torch()
    import torch

    config = places.read_json(found.path / "config.json") or {}
    architecture = str((config.get("architectures") or [""])[0])
    try:
        # attn_implementation: only the eager path gives attention weights; dtype: the files hold float16 or bfloat16.
        model = _model_class(entry, architecture).from_pretrained(
            found.path, dtype=torch.float32, attn_implementation="eager", local_files_only=True, use_safetensors=True)
    except (OSError, ValueError, KeyError, RuntimeError) as problem:
        raise ValueError(f"{entry.title} cannot be opened ({_first_line(problem)}); "
                         f"run `python -m components.models remove {name}` and fetch it again.") from problem
    model.eval()
    model.requires_grad_(False)
    return _described(entry, model, found.path)


def _model_class(entry: Entry, architecture: str) -> Any:
    if architecture == "LlamaForCausalLM":
        # The class itself, not AutoModel, whose import of every architecture's table costs memory.
        from transformers.models.llama.modeling_llama import LlamaForCausalLM

        return LlamaForCausalLM
    if architecture == "T5ForConditionalGeneration":
        from transformers.models.t5.modeling_t5 import T5ForConditionalGeneration

        return T5ForConditionalGeneration
    import transformers

    if entry.kind == "encoder":
        return (transformers.AutoModelForMaskedLM if architecture.endswith("ForMaskedLM")
                else transformers.AutoModel)
    return {"decoder": transformers.AutoModelForCausalLM,
            "encoder-decoder": transformers.AutoModelForSeq2SeqLM,
            "cross-encoder": transformers.AutoModelForSequenceClassification}[entry.kind]


def _described(entry: Entry, model: Any, path: Path) -> OpenModel:
    config = model.config
    generation = getattr(model, "generation_config", None)
    heads = int(config.num_attention_heads)
    width = int(config.hidden_size)
    eos = getattr(generation, "eos_token_id", None)
    eos = config.eos_token_id if eos is None else eos
    bos = config.bos_token_id if hasattr(config, "bos_token_id") else None
    return OpenModel(
        name=entry.id,
        model=model,
        tokenizer=_read_tokenizer(entry, path / "tokenizer.json"),
        layers=int(getattr(config, "num_decoder_layers", None) or config.num_hidden_layers),
        heads=heads,
        kv_heads=int(getattr(config, "num_key_value_heads", None) or heads),
        head_dim=int(getattr(config, "head_dim", None) or getattr(config, "d_kv", None) or width // heads),
        width=width,
        context=int(getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None) or 512),
        vocab_size=int(config.vocab_size),
        bos_id=None if bos is None else int(bos),
        eos_ids=tuple(int(one) for one in ([] if eos is None else eos if isinstance(eos, list | tuple) else [eos])),
        chat_template=_chat_template(path),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        architecture=type(model).__name__,
        path=path,
    )


def _chat_template(path: Path) -> str | None:
    """The model's chat template: a file of its own, else the entry in the tokenizer's configuration."""
    jinja = path / "chat_template.jinja"
    if jinja.is_file():
        return jinja.read_text("utf-8")
    template = (places.read_json(path / "tokenizer_config.json") or {}).get("chat_template")
    if isinstance(template, list):  # several, by name
        template = next((one["template"] for one in template if one.get("name") == "default"), None)
    return template if isinstance(template, str) else None


def open_encoder(name: str = "minilm") -> OpenEncoder:
    """Open a sentence encoder: `minilm`, or `multilingual-minilm` where it was fetched.

    Raises:
        ValueError: it is unknown, no sentence encoder, not here, damaged, or memory is short.
    """
    entry = catalog.entry(name)
    if name not in ("minilm", "multilingual-minilm"):
        raise ValueError(f"{entry.title} gives no sentence vectors; open minilm or multilingual-minilm.")
    found = sources.find(name)
    _admit(entry, entry.memory_mb)
    places.verify(name, found)
    _prepare_torch()
    import torch
    from transformers.models.bert.modeling_bert import BertModel

    from components import encoding

    max_tokens = encoding.MAX_TOKENS if name == "minilm" else 128  # the multilingual model was made for 128
    model = BertModel.from_pretrained(found.path, dtype=torch.float32, local_files_only=True, use_safetensors=True)
    model.eval()
    model.requires_grad_(False)
    tokenizer = encoding.load_tokenizer(found.path / "tokenizer.json", max_tokens)
    return OpenEncoder(name, max_tokens, int(model.config.hidden_size), model, tokenizer)


# Memory and threads --------------------------------------------------------------------------------------------------

_thread_lock = threading.Lock()
_threads_fixed = False


def _prepare_torch() -> None:
    """Once: a fixed number of threads (more than four bring a small model contention), no progress bars in the log."""
    global _threads_fixed
    with _thread_lock:
        if _threads_fixed:
            return
        import torch
        import transformers.utils.logging

        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        torch.set_num_threads(max(1, min(4, cores)))
        transformers.utils.logging.disable_progress_bar()
        _threads_fixed = True


def resident_mb() -> float | None:
    """Resident memory of this process in megabytes; None where the system does not tell."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    if sys.platform == "win32":
        return None
    import resource  # the highest value so far, which is the nearest thing that macOS gives

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _admit(entry: Entry, need_mb: float) -> None:
    limit = settings.get().memory_mb
    now = resident_mb()
    if limit is not None and now is not None and now + need_mb > limit:
        raise ValueError(f"{entry.title} needs about {need_mb:.0f} MB of memory; the server uses {now:.0f} of the "
                         f"{limit} MB that its operator allows (LOOKING_GLASS_MEMORY_MB). Choose a smaller model.")


def _first_line(problem: BaseException) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0][:200].rstrip(".")
