"""MiniLM's vectors of the shipped corpora, examples and questions: with them pages open without an encoder.

    python -m assets.recipes.vectors [encyclopedia] [messages] [questions]

Writes `assets/corpora/<name>.minilm.npy` (float16 `[text, 384]`, unit length) and beside it a JSON stamp: the hash of
the model, the dimension, and the fingerprint of each text in the order of the rows. Whoever reads a vector asks by the
text, so a corpus that has grown since is noticed. Run it again after changing a corpus, an example or a lesson.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

import numpy as np

from components import corpora
from components.models import catalog
from components.models.open import open_encoder
from components.search import embed

NAMES = ("encyclopedia", "messages", "questions")


def texts_of(name: str) -> list[str]:
    """The texts a file holds vectors of, each once, in order."""
    if name != "questions":
        return list(dict.fromkeys(corpora.bundled(name).texts))
    asked = [item["text"] for item in _read("corpora/examples.json").get("search", [])]
    asked += [item["text"] for item in _read("corpora/examples.json").get("topics", [])]
    for page in ("search", "topics"):
        lessons = _read(f"lessons/{page}.json").get("lessons", [])
        asked += [lesson["text"] for lesson in lessons if lesson.get("text")]
    asked += [question.text for question in corpora.questions()]
    return list(dict.fromkeys(asked))


def _read(path: str) -> dict:
    file = corpora.FOLDER.parent / path
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def model_hash() -> str:
    """SHA-256 of MiniLM's weights, as the catalog holds them to."""
    files = catalog.entry("minilm").sources[0].files
    return next(file.sha256 for file in files if file.name.endswith("model.safetensors"))


def build(name: str) -> tuple[np.ndarray, dict]:
    """Vectors `[text, 384]` float16 and their stamp."""
    texts = texts_of(name)

    def progress(done: int, total: int) -> None:
        print(f"\r{name}: {done} of {total}", end="", file=sys.stderr, flush=True)

    vectors = embed(texts, open_encoder("minilm"), progress).astype(np.float16)
    print(file=sys.stderr)
    stamp = {
        "model": model_hash(),
        "dimensions": int(vectors.shape[1]),
        "texts": [corpora.fingerprint(text) for text in texts],
    }
    return vectors, stamp


def main(names: Iterable[str]) -> None:
    for name in names or NAMES:
        if name not in NAMES:
            raise SystemExit(f"There are no vectors named {name}; choose among {', '.join(NAMES)}.")
        vectors, stamp = build(name)
        np.save(corpora.FOLDER / f"{name}.minilm.npy", vectors, allow_pickle=False)
        (corpora.FOLDER / f"{name}.minilm.json").write_text(json.dumps(stamp, indent=0) + "\n", encoding="utf-8")
        print(f"{name}: {len(vectors)} vectors, {vectors.nbytes / 1e3:.0f} kB", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
