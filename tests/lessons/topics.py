"""What the lessons of the Topics page claim, checked with a margin on the citizens' messages."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from typing import Any

import numpy as np

from components import corpora
from components.topics import Coordinates, Placement, Settings, TopicMap, check, fit, lay_out, place
from tests.conftest import ROOT


@functools.cache
def _messages() -> tuple[tuple[str, ...], np.ndarray]:
    corpus = corpora.bundled("messages")
    vectors = corpora.stored_vectors(corpus.name, corpus.texts)
    assert vectors is not None
    return corpus.texts, vectors


@functools.cache
def _layout(n_neighbors: int, random_state: int) -> Coordinates:
    """UMAP's half, seconds long: one for all sizes of topics."""
    texts, vectors = _messages()
    return lay_out(check(texts, vectors)[1], Settings(n_neighbors=n_neighbors, random_state=random_state))


@functools.cache
def _map(**turned: int) -> TopicMap:
    settings = Settings(**turned)
    return fit(*_messages(), settings, coordinates=_layout(settings.n_neighbors, settings.random_state))


@functools.cache
def _lessons() -> dict[str, Any]:
    read = json.loads((ROOT / "assets" / "lessons" / "topics.json").read_text("utf-8"))
    return {lesson["id"]: lesson for lesson in read["lessons"]}


def _turned(name: str) -> dict[str, int]:
    setup = _lessons()[name]["setup"]
    assert setup["topics_corpus"] == "messages"
    return {key.removeprefix("topics_"): value for key, value in setup.items() if key != "topics_corpus"}


def _placed(text: str) -> Placement:
    vector = corpora.stored_vectors("questions", [text])
    assert vector is not None, "run `python -m assets.recipes.vectors questions`"
    return place(_map(), _messages()[1], vector[0])


def _topic(word: str, found: TopicMap | None = None) -> int:
    return next(topic.id for topic in (found or _map()).topics if word in [w.term for w in topic.words[:3]])


def _weight(found: Placement, topic: int) -> float:
    """The share of the weight that documents of one topic have."""
    return float(np.array(found.weights)[_map().labels[list(found.neighbours)] == topic].sum())


def _clouds_around(found: Placement, count: int = 12) -> np.ndarray:
    """The topics of the documents that stand nearest on the map."""
    away = np.linalg.norm(_map().coordinates - [found.x, found.y], axis=1)
    return _map().labels[np.argsort(away)[:count]]


def _texts(found: Placement, count: int) -> list[str]:
    return [_messages()[0][i].lower() for i in found.neighbours[:count]]


def lesson_raise_the_bar() -> None:
    usual, high = _map(), _map(**_turned("raise-the-bar"))
    assert (usual.settings.min_cluster_size, high.settings.min_cluster_size) == (12, 20)
    assert abs(len(usual.topics) - 18) <= 1
    assert abs(len(usual.outliers) - 433) <= 25
    assert abs(len(high.topics) - 12) <= 1
    assert abs(len(high.outliers) - 504) <= 30
    assert np.array_equal(usual.coordinates, high.coordinates), "the map has not moved"
    for word in ("bus", "playground", "moth", "fair"):
        was = usual.labels == _topic(word)
        assert (high.labels[was] < 0).mean() > 0.8, f"the topic of {word} has lost its name"
        assert (was.sum() > 20) == (word in ("moth", "fair"))
    for one, other in (("snow", "pothole"), ("permit", "tax")):
        first, second = (high.labels[usual.labels == _topic(word)] for word in (one, other))
        assert (first >= 0).mean() > 0.7
        first, second = (np.bincount(labels + 1)[1:].argmax() for labels in (first, second))
        assert first == second, f"{one} and {other} have merged"
    lost, joined = ([t for t in usual.topics if t.size < 40 and gone(t.id, high)] for gone in (_left_out, _absorbed))
    assert (len(lost), len(joined)) == (4, 2), "most of the small ones became outliers"


def _left_out(topic: int, high: TopicMap) -> bool:
    return bool((high.labels[_map().labels == topic] < 0).mean() > 0.8)


def _absorbed(topic: int, high: TopicMap) -> bool:
    """Most of it stands in a topic most of which comes from another one."""
    now = high.labels[_map().labels == topic]
    if (now < 0).mean() > 0.5:
        return False
    into = np.bincount(now[now >= 0]).argmax()
    before = _map().labels[high.labels == into]
    return int(np.bincount(before[before >= 0]).argmax()) != topic


def lesson_one_step_too_far() -> None:
    corpus = corpora.bundled("encyclopedia")
    vectors = corpora.stored_vectors(corpus.name, corpus.texts)
    assert vectors is not None
    turned = {key: value for key, value in _lessons()["one-step-too-far"]["setup"].items() if key != "topics_corpus"}
    settings = Settings(**{key.removeprefix("topics_"): value for key, value in turned.items()})
    layout = lay_out(check(corpus.texts, vectors)[1], settings)
    before, here, after = (
        fit(corpus.texts, vectors, replace(settings, min_cluster_size=size), coordinates=layout)
        for size in (15, 16, 17)
    )
    assert settings.min_cluster_size == 16
    assert abs(len(before.topics) - 10) <= 1
    words = {word.term for topic in before.topics for word in topic.words[:4]}
    assert {"disease", "moon", "play"} <= words
    assert abs(len(after.topics) - 9) <= 1
    assert len(here.topics) == 2
    assert len(corpus) == 651
    assert abs(here.topics[0].size - 578) <= 15
    assert abs(here.topics[1].size - 18) <= 1
    subjects = [corpus.meta[i]["subject"] for i in here.members(1)]
    assert subjects.count("Music") >= 0.7 * len(subjects)


def lesson_another_seed() -> None:
    from sklearn.metrics import adjusted_rand_score

    usual, other = _map(), _map(**_turned("another-seed"))
    both = (usual.labels >= 0) & (other.labels >= 0)
    assert both.mean() > 0.55
    assert abs(adjusted_rand_score(usual.labels[both], other.labels[both]) - 0.99) < 0.03
    assert abs(adjusted_rand_score(usual.labels, other.labels) - 0.75) < 0.06
    span = float(np.ptp(usual.coordinates, axis=0).max())
    moved = np.linalg.norm(usual.coordinates - other.coordinates, axis=1) / span
    assert moved.mean() > 0.15, "the clouds move"
    assert 0.4 < moved[usual.labels == _topic("noise")].mean() < 0.65, "noise at night crosses half the map"


def lesson_one_neighbour() -> None:
    from sklearn.metrics import adjusted_rand_score

    usual, few = _map(), _map(**_turned("one-neighbour"))
    assert usual.quality.kept is not None
    assert few.quality.kept is not None
    assert abs(usual.quality.kept - 0.27) < 0.02
    assert abs(few.quality.kept - 0.19) < 0.02
    assert abs(len(usual.topics) - 18) <= 1
    assert abs(len(few.topics) - 34) <= 3
    both = (usual.labels >= 0) & (few.labels >= 0)
    assert abs(adjusted_rand_score(usual.labels[both], few.labels[both]) - 0.32) < 0.06
    before = [np.bincount(old[old >= 0]) for old in (usual.labels[few.labels == t.id] for t in few.topics)]
    mixed = [counts for counts in before if counts.sum() and counts.max() < 0.7 * counts.sum()]
    assert len(mixed) >= 10, "many mix messages of several old topics"
    whole = [counts for counts in before if counts.sum() >= 9 and counts.max() == counts.sum()]
    assert whole, "and something of the old ones is left"
    assert {word.term for word in few.topics[0].words[:3]} >= {"fireworks", "library"}
    assert (before[0] > 0).sum() == 6


def lesson_two_subjects() -> None:
    found = _placed(_lessons()["two-subjects"]["text"])
    weight = {word: _weight(found, _topic(word)) for word in ("playground", "bin")}
    assert abs(weight["bin"] - 0.37) < 0.05
    assert abs(weight["playground"] - 0.34) < 0.05
    first, _, third = _texts(found, 3)
    assert "gate of the toddler playground" in first
    assert "litter bins" in third
    assert (_clouds_around(found) < 0).mean() > 0.6, "most of what is around it has no topic"
    # On the way: the detour over this place is hardly longer than the straight line between the two centres.
    here = np.array([found.x, found.y])
    ends = [np.array(_map().topics[_topic(word)].centre) for word in ("playground", "bin")]
    away = [float(np.linalg.norm(here - end)) for end in ends]
    straight = float(np.linalg.norm(ends[0] - ends[1]))
    assert sum(away) < 1.4 * straight
    assert min(away) > 0.2 * straight


def lesson_green_parrot() -> None:
    found = _placed(_lessons()["green-parrot"]["text"])
    texts = _messages()[0]
    assert len(texts) == 1_257
    assert [i for i, text in enumerate(texts) if "parrot" in text.lower()] == [found.neighbours[0]]
    assert "car alarm" in texts[found.neighbours[0]]
    assert _map().labels[found.neighbours[0]] < 0
    assert found.topic == -1
    assert abs(found.similarities[0] - 0.59) < 0.02
    assert abs(found.similarities[1] - 0.39) < 0.02
    assert abs(found.weights[0] - 0.89) < 0.03
    other = _map().coordinates[found.neighbours[0]]
    across = float(np.ptp(_map().coordinates, axis=0).max())
    assert np.linalg.norm(other - [found.x, found.y]) < 0.05 * across, "beside the other parrot"


def lesson_nearest_is_not_near() -> None:
    found = _placed(_lessons()["nearest-is-not-near"]["text"])
    for word, text in zip(("flour lorry", "farm shop", "small bakery"), _texts(found, 3), strict=True):
        assert word in text
    around = _clouds_around(found)
    assert {_topic("dog"), _topic("moth")} <= set(around.tolist())
    three = _map().coordinates[list(found.neighbours[:3])]
    spread = [np.linalg.norm(three[i] - three[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert min(spread) > 0.1 * float(np.ptp(_map().coordinates, axis=0).max()), "they lie far apart"
    assert abs(found.similarities[0] - 0.36) < 0.02
    examples = json.loads((corpora.FOLDER / "examples.json").read_text("utf-8"))["topics"]
    others = [_placed(item["text"]).similarities[0] for item in examples]
    assert len(others) == 6
    assert min(others) >= 0.485
