"""The claims of Home's lessons, each held against the model it names, with a margin."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components import corpora
from components.models import sources

LESSONS = Path(__file__).resolve().parents[2] / "assets" / "lessons" / "home.json"


def _text(lesson: str) -> str:
    every = json.loads(LESSONS.read_text("utf-8"))["lessons"]
    return str(next(item["text"] for item in every if item["id"] == lesson))


def _here(model: str) -> None:
    if not sources.state(model).here:
        pytest.skip(f"{model} is not here; run `python -m components.models fetch {model}`")


@cache
def _encoder() -> Any:
    from components.models.open import open_encoder

    return open_encoder()


def _vector(text: str) -> np.ndarray:
    found: np.ndarray = _encoder().encode([text])[0]
    return found


def lesson_four_words_how_many_tokens() -> None:
    from components.models.open import open_tokenizer
    from components.tokenization import trace

    _here("smollm2")
    tokens = list(trace(open_tokenizer("smollm2"), _text("four-words-how-many-tokens")))
    assert [token.text for token in tokens] == ["Light", " light", " L", "IGHT", " lighthouse"]
    assert [tokens[at].id for at in (0, 1, 4)] == [21553, 1420, 33059]


def lesson_sure_of_itself() -> None:
    from components.models.open import open_model
    from components.sampling import Settings, fold, next_logits, prompt

    _here("smollm2")
    model = open_model("smollm2")

    def likeliest(text: str) -> tuple[str, float, int]:
        ids = prompt(model, text).ids
        chances = fold(next_logits(model, ids), ids, Settings())[0].probabilities
        best = int(chances.argmax())
        return model.tokenizer.library_object.decode([best]), float(chances[best]), len(chances)

    word, share, size = likeliest(_text("sure-of-itself"))
    assert word == " Paris"
    assert share == pytest.approx(0.773, abs=0.02)
    assert size - 1 == 49_151
    examples = json.loads((corpora.FOLDER / "examples.json").read_text("utf-8"))["home"]
    tortoise = next(item["text"] for item in examples if item["id"] == "tortoise-rain")
    word, share, _ = likeliest(tortoise)
    assert word == " bottom"
    assert share == pytest.approx(0.143, abs=0.02)


def lesson_never_named() -> None:
    corpus = corpora.bundled("encyclopedia")
    vectors = corpora.stored_vectors(corpus.name, corpus.texts)
    assert vectors is not None
    cosine = vectors @ _vector(_text("never-named"))
    order = np.argsort(-cosine)
    assert [corpus.titles[at] for at in order[:2]] == ["Mercury, the metal", "Manganese"]
    assert 0.47 < cosine[order[0]] < 0.5
    assert cosine[order[1]] == pytest.approx(0.34, abs=0.008)
    assert len(order) == 651
    assert list(order).index(corpus.titles.index("Mercury, the planet")) + 1 == pytest.approx(180, abs=10)
    passage = corpus.texts[corpus.titles.index("Manganese")]
    assert "metal" in passage


def _placed(text: str) -> tuple[Any, Any, list[str]]:
    from components.topics import place, shipped

    map_ = shipped()
    messages = corpora.bundled("messages")
    vectors = corpora.stored_vectors(messages.name, messages.texts)
    assert map_ is not None
    assert vectors is not None
    return map_, place(map_, vectors, _vector(text)), messages.texts


def lesson_one_parrot() -> None:
    map_, found, messages = _placed(_text("one-parrot"))
    assert len(messages) == 1_257
    birds = [at for at, text in enumerate(messages) if re.search("parrot|budgie|cockatoo|macaw", text, re.IGNORECASE)]
    assert birds == [found.neighbours[0]], "the only parrot is the nearest message"
    assert messages[birds[0]].startswith("neibour keeps a parrot")
    assert "it does a car alarm. 5am" in messages[birds[0]]
    assert found.similarities[0] == pytest.approx(0.58, abs=0.01)
    assert found.similarities[1] == pytest.approx(0.35, abs=0.01)
    assert map_.labels[birds[0]] == -1
    assert found.topic == -1
    assert found.share > 0.8
    away = np.linalg.norm(map_.coordinates - np.array([found.x, found.y]), axis=1)
    beside = min(map_.topics, key=lambda topic: float(away[map_.labels == topic.id].min()))
    assert beside.name == "noise, night, music"
    assert map_.settings.min_cluster_size == 12
    assert min(topic.size for topic in map_.topics) >= 12


def lesson_a_place_for_everything() -> None:
    map_, found, messages = _placed(_text("a-place-for-everything"))
    about = [text for text in messages if re.search(r"\bmoon", text, re.IGNORECASE)]
    assert all("its like the moon" in text for text in about), "of the moon a road is said to be like it, no more"
    assert found.topic >= 0
    assert map_.topics[found.topic].name == "lamp, light, dark"
    assert found.share > 0.6
    assert found.similarities[0] == pytest.approx(0.37, abs=0.008)
    _, bin_, _ = _placed("My bin was not emptied again this week.")
    assert bin_.similarities[0] == pytest.approx(0.71, abs=0.01)
    assert map_.topics[bin_.topic].name.startswith("bin, ")
