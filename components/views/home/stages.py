"""One sentence through all five stages: each domain's own main call, one after the other.

Models come opened, as arguments. The page runs this in the background; the recipe of the stored first view runs it too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from components.views.home import heads, picture
from components.workshop import FORWARD, check_text

if TYPE_CHECKING:
    from components.corpora import Corpus
    from components.models.open import OpenEncoder, OpenModel
    from components.search import Index
    from components.topics import TopicMap

#: Tokens that the pictures read; a longer text is counted whole and read up to here.
READ = 200
#: Characters that Home takes at all.
CHARACTERS = 20_000

Report = Callable[[float, str], None]


def _silent(fraction: float, stage: str) -> None:
    """A report that nobody reads."""


def follow(
    text: str,
    model: OpenModel,
    encoder: OpenEncoder,
    corpus: Corpus,
    index: Index,
    topics: TopicMap,
    *,
    settings: dict[str, Any],
    report: Report = _silent,
    stamp: dict[str, str] | None = None,
) -> bytes:
    """The picture of one sentence, see `picture.build`.

    Args:
        text: the sentence; for search it is the question, for topics a new document.
        model, encoder: opened by the loaders.
        corpus, index: the passages searched, the index with its vectors.
        topics: the shipped map.

    Raises:
        ValueError: as the domains do.
    """
    check_length(text)
    report(0.1, "cutting it into tokens")
    from components.tokenization import trace

    whole = trace(model.tokenizer, text)
    shown, notes = text, []
    if len(whole) > READ:
        # Cut between characters: the last one read may be spread over several tokens.
        end = READ
        while end > 1 and whole.char_end[end - 1] > whole.char_start[end]:
            end -= 1
        shown = text[: int(whole.char_end[end - 1])]
        notes.append(f"Your text has {len(whole):,} tokens; the small pictures read the first {end}. "
                     "The pages read more.")
    read = whole if shown == text else trace(model.tokenizer, shown)
    labels = [picture.label(token) for token in read]
    parts: dict[str, dict[str, Any]] = {"tokens": picture.tokens(whole, read)}
    arrays: dict[str, np.ndarray] = {}

    report(0.3, "reading it with every head")
    from components.attention import map_heads

    found = map_heads(model, read.ids, labels)
    view = heads.choose(found, [token.text for token in read])
    parts["attention"], arrays["weights"] = picture.attention(view, labels, found.layers, found.heads)

    report(0.6, "asking for the next token")
    from components.sampling import Settings, fold, next_logits, prompt

    ids = prompt(model, shown).ids
    likely = fold(next_logits(model, ids), ids, Settings())[0].probabilities
    parts["sampling"] = picture.sampling(likely, lambda one: _spell(model, one), tail(shown))

    report(0.8, "looking for passages that mean the same")
    parts["search"], arrays["passages"], vector = _search(shown, encoder, corpus, index)

    report(0.95, "placing it among the messages")
    parts["topics"], arrays["documents"], arrays["document_topics"] = _topics(vector, topics)
    parts["tokens"]["text"] = shown
    facts = {"name": model.name, "layers": found.layers, "heads": found.heads, "vocabulary": len(likely)}
    return picture.build(text, settings, facts, parts, arrays, notes=notes, stamp=stamp)


def check_length(text: str) -> None:
    """Raises ValueError, with a sentence, for a text that is empty, broken or longer than a page of a book or five."""
    check_text(text)
    if len(text) > CHARACTERS:
        raise ValueError(
            f"This text has {len(text):,} characters, and Home follows at most {CHARACTERS:,}; take a part of it, or "
            "open Tokens, which counts all of it."
        )


def _spell(model: OpenModel, token: int) -> str:
    return str(model.tokenizer.library_object.decode([token], skip_special_tokens=False))


def tail(text: str, limit: int = 16) -> str:
    """The last few words, for the line above the bars."""
    plain = re.sub(r"\s+", " ", text).strip()
    return plain if len(plain) <= limit else "… " + plain[-limit:].split(" ", 1)[-1]


def _search(
    text: str, encoder: OpenEncoder, corpus: Corpus, index: Index
) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    from components.search import encode_query, keyword_reason, rank

    with FORWARD:
        vector = encode_query(encoder, text)
    ranking = rank(index, text, "dense", picture.HITS, query_vector=vector)
    hits = []
    for hit in ranking.hits:
        spans = [(start, end) for start, end, _ in keyword_reason(index, text, hit.passage).spans]
        words, marks = picture.excerpt(corpus.texts[hit.passage], spans)
        hits.append({"passage": hit.passage, "id": corpus.ids[hit.passage], "title": corpus.titles[hit.passage],
                     "text": words, "marks": marks, "cosine": float(hit.score)})
    assert index.embeddings is not None
    part, map_ = picture.search(ranking.scores, index.embeddings, vector, hits)
    return part, map_, vector


def _topics(vector: np.ndarray, topics: TopicMap) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    from components import corpora
    from components.topics import place

    messages = corpora.bundled("messages")
    vectors = corpora.stored_vectors(messages.name, messages.texts)
    if vectors is None or len(vectors) != len(topics):
        raise ValueError("The map of the messages is older than the messages; run `python -m assets.recipes.vectors "
                         "messages` and `python -m assets.recipes.first_view topics`.")
    found = place(topics, vectors, vector)
    near = list(found.neighbours)
    part = {
        "count": len(topics),
        "names": [topic.name for topic in topics.topics],
        "short": short_names([topic.name for topic in topics.topics]),
        "topic": found.topic,
        "share": found.share,
        "place": [found.x, found.y],
        "neighbours": near,
        "cosines": list(found.similarities),
        "nearest": found.similarities[0],
        "message": messages.texts[found.neighbours[0]],
    }
    return part, topics.coordinates, topics.labels.astype(np.int16)


def short_names(names: list[str]) -> list[str]:
    """One word a topic for a small map: its first, or the next where a larger topic has that one already.

    >>> short_names(["bins, recycling, lorry", "bins, flies", "snow, ice"])
    ['bins', 'flies', 'snow']
    """
    taken: set[str] = set()
    out = []
    for name in names:
        words = name.split(", ")
        word = next((one for one in words if one not in taken), words[0])
        taken.add(word)
        out.append(word)
    return out
