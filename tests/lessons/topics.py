"""What the lessons of the Topics page claim, checked with a margin on the citizens' messages."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from typing import Any

import numpy as np

from components import corpora
from components.topics import Placement, Settings, TopicMap, check, fit, lay_out, place
from tests.conftest import ROOT


@functools.cache
def _messages() -> tuple[tuple[str, ...], np.ndarray]:
    corpus = corpora.bundled("messages")
    vectors = corpora.stored_vectors(corpus.name, corpus.texts)
    assert vectors is not None
    return corpus.texts, vectors


@functools.cache
def _map(**turned: int) -> TopicMap:
    return fit(*_messages(), Settings(**turned))


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


def _topic(word: str) -> int:
    return next(topic.id for topic in _map().topics if word in [w.term for w in topic.words[:3]])


def lesson_raise_the_bar() -> None:
    usual, high = _map(), _map(**_turned("raise-the-bar"))
    assert high.settings.min_cluster_size == 16
    assert abs(len(usual.topics) - 14) <= 1
    assert abs(len(usual.outliers) - 48) <= 12
    assert abs(len(high.topics) - 6) <= 1
    assert abs(len(high.outliers) - 134) <= 20
    assert np.array_equal(usual.coordinates, high.coordinates), "the map has not moved"
    for word in ("library", "rats"):
        was = usual.labels == _topic(word)
        assert (high.labels[was] < 0).mean() > 0.8, f"the topic of {word} has lost its name"
    for one, other in (("lamp", "painted"), ("pothole", "water")):
        first, second = (high.labels[usual.labels == _topic(word)] for word in (one, other))
        first, second = (np.bincount(labels + 1)[1:].argmax() for labels in (first, second))
        assert first == second, f"{one} and {other} have merged"


def lesson_one_step_too_far() -> None:
    corpus = corpora.bundled("encyclopedia")
    vectors = corpora.stored_vectors(corpus.name, corpus.texts)
    assert vectors is not None
    turned = {key: value for key, value in _lessons()["one-step-too-far"]["setup"].items() if key != "topics_corpus"}
    settings = Settings(**{key.removeprefix("topics_"): value for key, value in turned.items()})
    layout = lay_out(check(corpus.texts, vectors)[1], settings)
    small, between, large = (
        fit(corpus.texts, vectors, replace(settings, min_cluster_size=size), coordinates=layout) for size in (3, 4, 5)
    )
    assert settings.min_cluster_size == 5
    assert abs(len(small.topics) - 22) <= 3
    words = {word.term for topic in small.topics for word in topic.words[:4]}
    assert {"bridge", "bread", "chess"} <= words
    assert abs(len(between.topics) - 12) <= 2
    assert [topic.size for topic in large.topics] == [218, 8]
    subjects = {corpus.meta[i]["subject"] for i in large.members(1)}
    assert subjects == {"Music"}


def lesson_another_seed() -> None:
    from sklearn.metrics import adjusted_rand_score

    usual, other = _map(), _map(**_turned("another-seed"))
    both = (usual.labels >= 0) & (other.labels >= 0)
    assert both.mean() > 0.7
    assert abs(adjusted_rand_score(usual.labels[both], other.labels[both]) - 0.98) < 0.05
    assert abs(adjusted_rand_score(usual.labels, other.labels) - 0.81) < 0.1
    assert np.linalg.norm(usual.coordinates - other.coordinates, axis=1).mean() > 1, "the map looks like another one"


def lesson_one_neighbour() -> None:
    usual, few = _map(), _map(**_turned("one-neighbour"))
    assert usual.quality.kept is not None
    assert few.quality.kept is not None
    assert abs(usual.quality.kept - 0.43) < 0.03
    assert abs(few.quality.kept - 0.25) < 0.05
    assert abs(len(few.topics) - 18) <= 3
    assert len(few.outliers) > 1.7 * len(usual.outliers)
    assert abs(len(few.outliers) - 115) <= 25


def lesson_two_subjects() -> None:
    found = _placed(_lessons()["two-subjects"]["text"])
    labels = _map().labels[list(found.neighbours)]
    weight = {word: float(np.array(found.weights)[labels == _topic(word)].sum()) for word in ("playground", "bin")}
    assert found.topic == _topic("playground")
    assert abs(weight["playground"] - 0.54) < 0.06
    assert abs(weight["bin"] - 0.35) < 0.06
    assert [int(label) for label in labels[:3]] == [_topic("playground")] * 2 + [_topic("bin")]
    # On the way: the detour over this place is hardly longer than the straight line between the two centres.
    here = np.array([found.x, found.y])
    ends = [np.array(_map().topics[_topic(word)].centre) for word in ("playground", "bin")]
    away = [float(np.linalg.norm(here - end)) for end in ends]
    straight = float(np.linalg.norm(ends[0] - ends[1]))
    assert sum(away) < 1.4 * straight
    assert min(away) > 0.2 * straight


def lesson_green_parrot() -> None:
    found = _placed(_lessons()["green-parrot"]["text"])
    assert found.topic == _topic("rats")
    assert abs(found.similarities[0] - 0.38) < 0.02
    examples = json.loads((corpora.FOLDER / "examples.json").read_text("utf-8"))["topics"]
    others = [_placed(item["text"]).similarities[0] for item in examples if item["id"] != "lost-parrot"]
    assert len(others) == 5
    assert min(others) > found.similarities[0] + 0.08
    assert min(others) >= 0.485
