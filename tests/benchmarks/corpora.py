"""How good the shipped texts are: how single, how hard to search, how well their subjects part."""

from __future__ import annotations

import statistics
import sys
from typing import Any

import numpy as np

from assets.recipes.pool import METHODS, first_ten
from components import corpora
from components.search import judged_share, ndcg
from tests import likeness

SEEDS = range(10)


def singleness() -> dict[str, dict[str, Any]]:
    """For each collection the worst of what `tests/unit/test_texts_are_single.py` holds."""
    questions = {one.id: one.text for one in corpora.questions()}
    texts = {name: dict(zip(c.ids, c.texts, strict=True)) for name, c in
             ((name, corpora.bundled(name)) for name in corpora.BUNDLED)} | {"queries": questions}
    out = {}
    for name, listed in texts.items():
        vectors = corpora.stored_vectors("questions" if name == "queries" else name, list(listed.values()))
        if vectors is None:
            raise ValueError("Vectors are missing or older than their texts; run `python -m assets.recipes.vectors`.")
        out[name] = {
            "worst_jaccard": likeness.worst_jaccard(listed),
            "worst_cosine": likeness.worst_cosine(vectors, list(listed)),
            "most_used_opening": likeness.openings(listed),
            "most_used_five_words": likeness.phrases(listed),
            "distinct_trigrams": round(likeness.distinct_trigrams(listed), 4),
        }
    return out


def retrieval() -> dict[str, Any]:
    """nDCG@10 of each method, whole and by kind of question, and how much of the first ten was judged."""
    asked = corpora.questions()
    vectors = corpora.stored_vectors("questions", [one.text for one in asked])
    if vectors is None:
        raise ValueError("Vectors are missing or older than their texts; run `python -m assets.recipes.vectors`.")
    ids = corpora.bundled("encyclopedia").ids
    scores: dict[str, dict[str, list[float]]] = {}
    judged: list[float] = []
    best: dict[str, dict[str, list[float]]] = {"answerable": {}, "unanswerable": {}}
    beaten: dict[str, list[str]] = {"keyword misses": [], "meaning misses": [], "both miss": []}
    library = 0.0
    for question, vector in zip(asked, vectors, strict=True):
        hits = first_ten(question.text, vector)
        judged += [judged_share([name for name, _ in hits[method]], question.grades) for method in METHODS]
        group = "unanswerable" if question.kind == "unanswerable" else "answerable"
        for method in METHODS:
            best[group].setdefault(method, []).append(hits[method][0][1] if hits[method] else 0.0)
        if group == "unanswerable":
            continue
        found = {m: ndcg([name for name, _ in hits[m]], question.grades) for m in METHODS}
        for method, score in found.items():
            scores.setdefault(question.kind, {}).setdefault(method, []).append(score)
        low = [found["bm25"] < 0.3, found["dense"] < 0.3]
        where = {(True, True): "both miss", (True, False): "keyword misses", (False, True): "meaning misses"}
        if tuple(low) in where:
            beaten[where[low[0], low[1]]].append(question.id)
        library = max(library, abs(found["dense"] - peer(ids, hits["dense"], question)))
    kinds = {kind: {m: round(statistics.mean(by[m]), 3) for m in METHODS} | {"questions": len(by["bm25"])}
             for kind, by in scores.items()}
    whole = {m: round(statistics.mean(s for by in scores.values() for s in by[m]), 4) for m in METHODS}
    return {
        "whole": whole, "kinds": kinds, "judged10": round(statistics.mean(judged), 4),
        "below_0.3": {name: len(listed) for name, listed in beaten.items()}, "both_miss": beaten["both miss"],
        "largest_difference_from_scikit_learn": library,
        "best_score": {group: {m: [round(float(q), 3) for q in np.quantile(v, [0, 0.25, 0.5, 0.75, 1])]
                               for m, v in by.items()} for group, by in best.items()},
    }


def peer(ids: tuple[str, ...], hits: list[tuple[str, float]], question: corpora.Question) -> float:
    """scikit-learn's nDCG@10 of the same list, with its places as scores so that there are no ties."""
    from sklearn.metrics import ndcg_score

    place = {name: 100.0 - at for at, (name, _) in enumerate(hits)}
    truth = [[question.grades.get(name, 0) for name in ids]]
    return float(ndcg_score(truth, [[place.get(name, 0.0) for name in ids]], k=10))


def clusters() -> dict[str, float]:
    """k-means with the true number of categories on the messages' vectors: mean NMI and ARI of ten seeds.

    Messages that belong nowhere are left out: no cluster is right for them.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    corpus = corpora.bundled("messages")
    vectors = corpora.stored_vectors(corpus.name, corpus.texts)
    if vectors is None:
        raise ValueError("Vectors are missing or older than their texts; run `python -m assets.recipes.vectors`.")
    truth = np.array(list(corpora.categories().values()))
    inside = truth != "none"
    count = len(set(truth[inside]))
    nmi, ari = [], []
    for seed in SEEDS:
        print(f"k-means, seed {seed}", file=sys.stderr, flush=True)
        found = KMeans(count, n_init=4, random_state=seed).fit_predict(vectors[inside])
        nmi.append(normalized_mutual_info_score(truth[inside], found))
        ari.append(adjusted_rand_score(truth[inside], found))
    return {"nmi_kmeans": round(statistics.mean(nmi), 4), "ari_kmeans": round(statistics.mean(ari), 4),
            "categories": count, "messages_that_belong_nowhere": int((~inside).sum())}


def measure() -> dict[str, Any]:
    single, found, grouped, sentences = singleness(), retrieval(), clusters(), corpora.parallel()
    return {
        "passages": len(corpora.bundled("encyclopedia")),
        "queries": len(corpora.questions()),
        "messages": len(corpora.bundled("messages")),
        "languages": len({one.language for one in sentences}),
        "scripts": len({one.script for one in sentences}),
        "worst_jaccard": round(max(one["worst_jaccard"][0][0] for one in single.values()), 4),
        "worst_cosine": round(max(one["worst_cosine"][0][0] for one in single.values()), 4),
        "distinct_trigrams": min(one["distinct_trigrams"] for one in single.values()),
        **{f"ndcg10_{method}": found["whole"][method] for method in METHODS},
        "judged10": found["judged10"],
        **grouped,
        "ndcg10_by_kind": found["kinds"],
        "retrieval": {name: value for name, value in found.items() if name not in ("whole", "kinds", "judged10")},
        "singleness": single,
    }
