"""The other end of `uploads.py`: builds a tokenizer file and tries it, in a process that may be ended at any moment.

In: one line of JSON (kind, how it is to be read, memory, length), then the file; the pipe is closed at the end. Out:
one line of JSON, the facts or an `error`, a sentence. Nothing is written to disk.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import Any

from components.tokenization.modest import be_modest

#: Short texts that bring out what a tokenizer has trouble with, then runs in which a slow one is slow.
AWKWARD = ("Héllo, wörld! 1234  x\t\n\n\r\n", "नमस्ते 日本語 😀 \U0001f469\u200d\U0001f467 \u0000\u200b\ufeff",
           "<|endoftext|> [UNK] <s> \U0010ffff", " ", "a", "'s don't I'LL")
RUNS = ("a", " ", "1", "\n", "ab", ".", "é", "😀", "中", "a ", "A1", "\r\n ")
RUN = 2_000
SPECIALS = 60


def main() -> int:
    """Try the file on the standard input."""
    source = sys.stdin.buffer
    asked = json.loads(source.readline())
    raw = source.read(asked["length"])
    os.environ["RAYON_NUM_THREADS"] = "2"
    be_modest(asked["megabytes"])
    try:
        answer = look(asked["kind"], raw, asked["read_as"])
    except ValueError as problem:
        answer = {"error": str(problem)}
    except MemoryError:
        answer = {"error": "This file needs more memory than a tokenizer may use here, so it was refused; check where "
                           "it comes from."}
    print(json.dumps(answer), flush=True)
    # The libraries' own threads may still be busy with a text that takes too long.
    os._exit(0)


def look(kind: str, raw: bytes, read_as: str) -> dict[str, Any]:
    """The facts of a file that can be used. ValueError: a sentence."""
    from components.tokenization import uploads_build, uploads_json

    notes = uploads_json.check(raw) if kind == "json" else []
    gc.collect()
    read_as = uploads_build.settle(kind, raw, read_as) if kind in ("ranks", "words") else ""
    try:
        tokenizer = uploads_build.build(kind, raw, read_as)
    except (ValueError, MemoryError):
        raise
    except BaseException as problem:  # the libraries raise bare Exception, and a panic is not even that
        if isinstance(problem, KeyboardInterrupt | SystemExit):
            raise
        raise ValueError(f"The library that reads such files refuses it ({_first_line(problem)}); download it again, "
                         "or check where it comes from.") from None
    return {"read_as": read_as, **_facts(kind, tokenizer, notes)}


def _facts(kind: str, tokenizer: Any, notes: list[str]) -> dict[str, Any]:
    from components.tokenization.trace import trace
    from components.tokenization.vocabulary import SPECIAL, vocabulary

    text = AWKWARD[0]
    try:
        if kind == "model" and tokenizer.library_object.get_piece_size() > 1_000_000:
            raise ValueError("The model has more than 1,000,000 pieces, and no tokenizer has so many; check where it "
                             "comes from.")
        table = vocabulary(tokenizer)
        for text in (*AWKWARD, *(run * (RUN // len(run)) for run in RUNS)):
            found = trace(tokenizer, text)
            if text in AWKWARD:
                found.round_trip  # noqa: B018  worked out here, to see that it can be
            if len(found) > 40 * len(text) + 100:
                raise ValueError("This tokenizer makes a text very much longer, and memory with it; check where it "
                                 "comes from.")
    except MemoryError:
        raise
    except BaseException as problem:
        if isinstance(problem, KeyboardInterrupt | SystemExit) or type(problem) is ValueError:
            raise
        raise ValueError(f"This tokenizer fails on a plain text, {text[:12]!r} ({_first_line(problem)}); check where "
                         "it comes from.") from None
    special = [token for token in range(len(table.flags)) if table.flags[token] & SPECIAL]
    holes = len(table.flags) - table.size
    if holes:
        have = "ids below the highest have" if holes > 1 else "id below the highest has"
        notes.append(f"{holes:,} {have} no entry.")
    if not special:
        notes.append("A rank file lists no special tokens, so it has none here." if kind == "ranks"
                     else "Has no special tokens.")
    if kind == "model" and not table.exact_pieces:
        notes.append("Has no single bytes to fall back on: a character without a piece becomes its unknown token.")
    return {"algorithm": table.algorithm, "size": table.size, "special_count": len(special), "notes": notes,
            "specials": [(table.piece(token).decode("utf-8", "replace")[:80], token) for token in special[:SPECIALS]]}


def _first_line(problem: BaseException) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0][:160].rstrip(".")


if __name__ == "__main__":
    sys.exit(main())
