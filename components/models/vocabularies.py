"""Rank files -> `tiktoken.Encoding`, without tiktoken's own loader.

tiktoken's loader downloads by itself and deletes a cached file whose hash it does not expect, so the files are read
here, after their hash was checked elsewhere. Split patterns and special ids of OpenAI's encodings are read out of
tiktoken's own constructors, never typed again.
"""

from __future__ import annotations

import base64
import binascii
import json
import sys
import types
from pathlib import Path
from typing import Any

#: SentencePiece-like names of Tekken's first control tokens, in the order of their ids; the other 980 are fillers.
TEKKEN_CONTROL = (
    "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]",
    "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]",
)

LLAMA3_NAMED = ("begin_of_text", "end_of_text", "reserved_special_token_0", "reserved_special_token_1",
                "finetune_right_pad_id", "step_id", "start_header_id", "end_header_id", "eom_id", "eot_id",
                "python_tag", "image")


def read_ranks(path: Path) -> dict[bytes, int]:
    """The ranks of a tiktoken file: one line a token, its bytes in base64, a space, its rank.

    Raises:
        ValueError: a line is not of that form.
    """
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line:
            continue
        try:
            token, rank = line.split()
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        except (ValueError, binascii.Error) as problem:
            raise ValueError(f"Line {number} of {path.name} is no base64 token and rank; "
                             "it is not a tiktoken file.") from problem
    return ranks


def openai_recipe(encoding: str, ranks: dict[bytes, int]) -> dict[str, Any]:
    """What tiktoken itself passes to `tiktoken.Encoding` for one of its encodings, around the given ranks.

    Its constructor functions are run as they are, with the file reader replaced: so the pattern, the special ids and
    the expected size come from the installed tiktoken. `"source"` is the address and hash it asked the reader for.
    """
    from tiktoken_ext import openai_public

    asked: dict[str, str] = {}

    def reader(address: str, expected_hash: str | None = None) -> dict[bytes, int]:
        asked.update(address=address, sha256=expected_hash or "")
        return ranks

    space: dict[str, Any] = {**vars(openai_public), "load_tiktoken_bpe": reader}
    for key, value in vars(openai_public).items():
        if isinstance(value, types.FunctionType) and value.__module__ == openai_public.__name__:
            space[key] = types.FunctionType(value.__code__, space, key, value.__defaults__)
    return {**space[encoding](), "source": asked}


def openai(encoding: str, path: Path) -> Any:
    """One of OpenAI's encodings as a `tiktoken.Encoding`, from its rank file."""
    recipe = openai_recipe(encoding, read_ranks(path))
    del recipe["source"]
    return _encoding(**recipe)


def pattern_of(encoding: str) -> str:
    """The split pattern of one of OpenAI's encodings, as the installed tiktoken states it."""
    return str(openai_recipe(encoding, {})["pat_str"])


def qwen(path: Path) -> Any:
    """Qwen's vocabulary: cl100k's split with digits one by one, 208 special ids after the ranks."""
    ranks = read_ranks(path)
    threes = r"\p{N}{1,3}+"
    pattern = pattern_of("cl100k_base")
    if pattern.count(threes) != 1:
        raise ValueError("The installed tiktoken words cl100k's pattern in a new way, from which Qwen's cannot be "
                         "derived; install the tiktoken version of requirements.txt.")
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *(f"<|extra_{i}|>" for i in range(205))]
    return _encoding(name="qwen", pat_str=pattern.replace(threes, r"\p{N}"), mergeable_ranks=ranks,
                     special_tokens=_after(ranks, names))


def llama3(path: Path) -> Any:
    """Llama 3's vocabulary: cl100k's split, 256 special ids after the ranks."""
    ranks = read_ranks(path)
    names = [*LLAMA3_NAMED, *(f"reserved_special_token_{i}" for i in range(2, 2 + 256 - len(LLAMA3_NAMED)))]
    return _encoding(name="llama3", pat_str=pattern_of("cl100k_base"), mergeable_ranks=ranks,
                     special_tokens=_after(ranks, [f"<|{name}|>" for name in names]))


def llama4(path: Path) -> Any:
    """Llama 4's vocabulary: o200k's split, 2,048 special places after the ranks."""
    ranks = read_ranks(path)
    names = ["begin_of_text", "end_of_text", "fim_prefix", "fim_middle", "fim_suffix",
             "header_start", "header_end", "eom", "eot", "step",
             *(f"text_post_train_reserved_special_token_{i}" for i in range(6)),
             "python_start", "python_end", "finetune_right_pad",
             *(f"text_post_train_reserved_special_token_{i}" for i in range(8, 69)),
             "image_start", "image_end", "vision_reserved_special_token_0", "vision_reserved_special_token_1",
             "tile_x_separator", "tile_y_separator", *(f"vision_reserved_special_token_{i}" for i in range(2, 6)),
             "image", "vision_reserved_special_token_6", "patch",
             *(f"vision_reserved_special_token_{i}" for i in range(7, 1048)),
             *(f"reasoning_reserved_special_token_{i}" for i in range(8)),
             "reasoning_thinking_start", "reasoning_thinking_end"]
    names += [f"reserved_special_token_{i}" for i in range(2048 - len(names))]
    return _encoding(name="llama4", pat_str=pattern_of("o200k_base"), mergeable_ranks=ranks,
                     special_tokens=_after(ranks, [f"<|{name}|>" for name in names]))


def tekken(path: Path) -> Any:
    """Mistral's Tekken: its first 1,000 ids are control tokens, so every rank moves up by that many."""
    data = json.loads(path.read_text("utf-8"))
    config = data["config"]
    control = int(config["default_num_special_tokens"])
    count = int(config["default_vocab_size"]) - control
    # The file holds more ranks than the model has ids for; those above are cut, as Mistral's own reader does.
    ranks = {base64.b64decode(token["token_bytes"]): int(token["rank"]) + control for token in data["vocab"][:count]}
    names = [*TEKKEN_CONTROL, *(f"<SPECIAL_{i}>" for i in range(len(TEKKEN_CONTROL), control))]
    return _encoding(name="tekken", pat_str=config["pattern"], mergeable_ranks=ranks,
                     special_tokens={name: i for i, name in enumerate(names)})


def _after(ranks: dict[bytes, int], names: list[str]) -> dict[str, int]:
    return {name: len(ranks) + i for i, name in enumerate(names)}


def _encoding(**recipe: Any) -> Any:
    import tiktoken

    return tiktoken.Encoding(**recipe)


def main(arguments: list[str]) -> int:
    """Let tiktoken download the rank file of one encoding into TIKTOKEN_CACHE_DIR; a problem is one JSON line."""
    from tiktoken.load import read_file_cached

    source = openai_recipe(arguments[0], {})["source"]
    try:
        read_file_cached(source["address"], source["sha256"])
    except ValueError as problem:  # tiktoken's word for a wrong hash
        print(json.dumps({"error": f"tiktoken refused the file: {problem}"}))
        return 1
    except OSError as problem:  # the errors of requests are OSErrors without a number
        full = problem.errno if isinstance(problem.errno, int) and type(problem) is OSError else None
        print(json.dumps({"error": f"The address of tiktoken's {arguments[0]} cannot be reached; check the network "
                                   "and try again, or copy the file into TIKTOKEN_CACHE_DIR.",
                          "unreachable": full is None, "errno": full}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
