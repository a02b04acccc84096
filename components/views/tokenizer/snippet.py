"""The code behind the columns, two to four, on public libraries alone."""

from __future__ import annotations

import json

from components.models import catalog
from components.models.catalog import Asset, File, InWheel, Package, Ranks
from components.views.tokenizer import own, work

#: A longer text would bury the code: the snippet reads it from a file instead.
WRITTEN_OUT = 4_000


def snippet(text: str, *names: str) -> str:
    """Python that makes `left_ids`, `right_ids` and so on, their counts and whether the text comes back.

    It begins with one line for each column, `left_folder = ...`, that says where the vocabulary is and how to get it
    (`left_file = ...` for one of the reader's own); all else runs as it stands.
    """
    sides = dict(zip(work.SIDES, names, strict=False))
    opened = {side: _own(side, name) if name.startswith(own.PREFIX) else _opened(side, name)
              for side, name in sides.items()}
    # Modules of Python's own first, then the libraries, as a reader would write them.
    imports = sorted({line for lines, _, _ in opened.values() for line in lines},
                     key=lambda line: (line.split()[1].split(".")[0] not in ("base64", "json", "os"), line))
    parts = ["\n".join(_place(side, name) for side, name in sides.items()), "\n".join(imports), _text(text)]
    for side, (_, opening, reading) in opened.items():
        name = sides[side]
        title = " ".join(work.title(name).split()) if name.startswith(own.PREFIX) else catalog.entry(name).title
        parts.append("\n".join([
            f"# {title}", *opening, f"{side}_ids = {reading[0]}",
            f"{side}_exact = {reading[1]} == text",
            f"{side}_per_token = len(text.encode()) / max(1, len({side}_ids))",
            f"print(len({side}_ids), \"tokens,\", round({side}_per_token, 2), \"bytes a token, exact:\", {side}_exact)",
            f"print({side}_ids[:40])"]))
    return "\n\n".join(parts) + "\n"


def _text(text: str) -> str:
    if len(text) <= WRITTEN_OUT:
        return f"text = {_literal(text)}"
    return ('# The text of the box is too long to stand here: save it as text.txt.\n'
            'text = open("text.txt", encoding="utf-8", newline="").read()')


def _literal(text: str) -> str:
    """The text as Python, one line of it on each line where it has several."""
    lines = text.splitlines(keepends=True)
    if len(lines) < 2:
        return repr(text)
    return "(\n" + "\n".join(f"    {line!r}" for line in lines) + "\n)"


def _place(side: str, name: str) -> str:
    """The line that says where the vocabulary is."""
    if name.startswith(own.PREFIX):
        return f"{side}_file = {_mine(name).filename!r}  # the page's download, or the file that you brought"
    source = catalog.entry(name).sources[0]
    if isinstance(source, Asset):
        return f'{side}_folder = "assets/models/{source.folder}"'
    return f'{side}_folder = "{name}"  # python -m components.models fetch {name} --to {name}'


def _mine(name: str) -> own.Own:
    mine = own.find(name)
    if mine is None:
        raise ValueError("This tokenizer of your own is no longer kept; train it or bring it again.")
    return mine


def _own(side: str, name: str) -> tuple[list[str], list[str], tuple[str, str]]:
    """As `_opened`, for one of the reader's own: the very file, read by the library that it belongs to."""
    mine = _mine(name)
    library = mine.tokenizer.library_object
    if mine.tokenizer.kind == "tiktoken":
        opening = [f'{side} = tiktoken.Encoding("own", pat_str={library._pat_str!r}, special_tokens={{}},',
                   f"                         mergeable_ranks=load_tiktoken_bpe({side}_file))"]
        return (["import tiktoken", "from tiktoken.load import load_tiktoken_bpe"], opening,
                (f"{side}.encode(text, disallowed_special=())", f"{side}.decode({side}_ids)"))
    if mine.tokenizer.kind == "sentencepiece":
        return (["from sentencepiece import SentencePieceProcessor"],
                [f"{side} = SentencePieceProcessor(model_file={side}_file)"],
                (f"{side}.encode(text)", f"{side}.decode({side}_ids)"))
    reading = (f"{side}.encode(text, add_special_tokens=False).ids",
               f"{side}.decode({side}_ids, skip_special_tokens=False)")
    if mine.file.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        opening = [f"{side} = Tokenizer.from_file({side}_file)",
                   f"{side}.no_truncation()  # the page counts every token", f"{side}.no_padding()"]
        return ["from tokenizers import Tokenizer"], opening, reading
    # A vocab.txt is a list of entries; all else is as BERT has it.
    lower = json.loads(library.to_str())["normalizer"]["lowercase"]
    opening = [
        f'{side}_words = open({side}_file, encoding="utf-8-sig").read().split("\\n")',
        f"{side}_vocab = {{word: place for place, word in enumerate({side}_words) if word}}",
        f'{side} = Tokenizer(models.WordPiece({side}_vocab, unk_token="[UNK]", max_input_chars_per_word=100))',
        f'{side}.add_special_tokens([word for word in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")'
        f" if word in {side}_vocab])",
        f"{side}.normalizer = normalizers.BertNormalizer(lowercase={lower})",
        f"{side}.pre_tokenizer = pre_tokenizers.BertPreTokenizer()",
        f"{side}.decoder = decoders.WordPiece()",
    ]
    return ["from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers"], opening, reading


def _opened(side: str, name: str) -> tuple[list[str], list[str], tuple[str, str]]:
    """Imports, the lines that open it, and the expressions that encode and decode."""
    entry = catalog.entry(name)
    ranks = next((source for source in entry.sources if isinstance(source, Ranks)), None)
    file = _file(name)
    if ranks or name in ("qwen", "llama3", "llama4", "tekken"):
        reading = (f"{side}.encode(text, disallowed_special=())", f"{side}.decode({side}_ids)")
        if ranks:
            opening = [f'os.environ["TIKTOKEN_CACHE_DIR"] = {side}_folder',
                       f'{side} = tiktoken.get_encoding("{ranks.encoding}")']
            return ["import os", "import tiktoken"], opening, reading
        if name == "tekken":
            return ["import base64", "import json", "import tiktoken"], _tekken(side, file), reading
        return ["import tiktoken", "from tiktoken.load import load_tiktoken_bpe"], _ranks(side, name, file), reading
    if ".model" in file:
        opening = [f'{side} = SentencePieceProcessor(model_file=f"{{{side}_folder}}/{file}")']
        reading = (f"{side}.encode(text)", f"{side}.decode({side}_ids)")
        return ["from sentencepiece import SentencePieceProcessor"], opening, reading
    opening = [f'{side} = Tokenizer.from_file(f"{{{side}_folder}}/tokenizer.json")']
    if name == "bert":
        opening += [f"{side}.no_truncation()  # the file cuts and pads at 128 tokens", f"{side}.no_padding()"]
    reading = (f"{side}.encode(text, add_special_tokens=False).ids",
               f"{side}.decode({side}_ids, skip_special_tokens=False)")
    return ["from tokenizers import Tokenizer"], opening, reading


def _file(name: str) -> str:
    """The name of a vocabulary's one file; `tokenizer.json` for a folder."""
    source = catalog.entry(name).sources[0]
    found: File | None = None
    if isinstance(source, InWheel) and not source.convert:
        found = source.file
    elif isinstance(source, Package):
        found = source.files[0]
    return found.name if found else "tokenizer.json"


def _ranks(side: str, name: str, file: str) -> list[str]:
    """A rank file with a split pattern of OpenAI's, which is written out: tiktoken has no name for this vocabulary."""
    from components.models import vocabularies

    pattern = vocabularies.pattern_of("o200k_base" if name == "llama4" else "cl100k_base")
    if name == "qwen":
        pattern = pattern.replace(r"\p{N}{1,3}+", r"\p{N}")
    return [f'{side} = tiktoken.Encoding("{name}", pat_str={pattern!r}, special_tokens={{}},',
            f'                         mergeable_ranks=load_tiktoken_bpe(f"{{{side}_folder}}/{file}"))']


def _tekken(side: str, file: str) -> list[str]:
    return [f'data = json.load(open(f"{{{side}_folder}}/{file}", encoding="utf-8"))',
            "control = data[\"config\"][\"default_num_special_tokens\"]  # the first ids are kept for control tokens",
            "count = data[\"config\"][\"default_vocab_size\"] - control",
            "ranks = {base64.b64decode(token[\"token_bytes\"]): token[\"rank\"] + control "
            "for token in data[\"vocab\"][:count]}",
            f'{side} = tiktoken.Encoding("tekken", pat_str=data["config"]["pattern"], mergeable_ranks=ranks,',
            "                         special_tokens={})"]
