"""How alike texts are: what betrays a collection written from a template. Words are lower-cased `\\w+`."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def ngrams(text: str, n: int) -> list[tuple[str, ...]]:
    listed = words(text)
    return [tuple(listed[at : at + n]) for at in range(len(listed) - n + 1)]


def worst_jaccard(texts: Mapping[str, str], top: int = 3) -> list[tuple[float, str, str]]:
    """The pairs that share most of their word 5-grams: `(shared / in either, id, id)`, worst first."""
    sets = {name: set(ngrams(text, 5)) for name, text in texts.items()}
    having: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, grams in sets.items():
        for gram in grams:
            having[gram].append(name)
    shared: Counter[tuple[str, str]] = Counter()
    for names in having.values():
        shared.update((one, other) for at, one in enumerate(names) for other in names[at + 1 :])
    scored = [(count / len(sets[one] | sets[other]), one, other) for (one, other), count in shared.items()]
    return sorted(scored, reverse=True)[:top] or [(0.0, "", "")]


def worst_cosine(vectors: np.ndarray, names: Sequence[str], top: int = 3) -> list[tuple[float, str, str]]:
    """The nearest pairs among unit vectors `[text, dimension]`: `(cosine, id, id)`, nearest first."""
    cosine = np.triu(vectors @ vectors.T, 1) - 2 * np.tri(len(vectors), dtype=np.float32)
    found = []
    for flat in np.argsort(cosine, axis=None)[::-1][:top]:
        one, other = divmod(int(flat), len(names))
        found.append((float(cosine[one, other]), names[one], names[other]))
    return found


def openings(texts: Mapping[str, str], n: int = 4, top: int = 3) -> list[tuple[int, str]]:
    """The first n words that most texts share: `(texts, words)`. A shorter text opens with all it has."""
    return [(count, " ".join(opening)) for opening, count in
            Counter(tuple(words(text)[:n]) for text in texts.values()).most_common(top)]


def phrases(texts: Mapping[str, str], n: int = 5, top: int = 3) -> list[tuple[int, str]]:
    """The word n-grams in most texts: `(texts, words)`."""
    counted = Counter(gram for text in texts.values() for gram in set(ngrams(text, n)))
    return [(count, " ".join(gram)) for gram, count in counted.most_common(top)]


def distinct_trigrams(texts: Mapping[str, str]) -> float:
    """Distinct word trigrams over all word trigrams."""
    every = [gram for text in texts.values() for gram in ngrams(text, 3)]
    return len(set(every)) / len(every)
