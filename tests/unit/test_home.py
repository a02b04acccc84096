"""Home's picture: which head is shown, what is cut and said, and that every number is the domains' own."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest

from components import corpora
from components.attention import SCORES, HeadMap, capture
from components.payload import unpack
from components.views.home import export, heads, page, picture, stages


def head_map(weights: np.ndarray, pieces: tuple[str, ...]) -> HeadMap:
    """A map of [layer, head, query, key] weights, with the rest left empty."""
    n = weights.shape[-1]
    rows, columns = np.tril_indices(n)
    return HeadMap(
        ids=np.arange(n, dtype=np.int32), pieces=pieces, special=np.zeros(n, np.uint8),
        words=np.arange(n + 1, dtype=np.int32), kv_heads=1, causal=True, windows=np.zeros(weights.shape[0], np.int32),
        edges=np.arange(n + 1, dtype=np.int32), thumbs=np.zeros((*weights.shape[:2], 1), np.uint8),
        scores=np.zeros((len(SCORES), *weights.shape[:2]), np.float32),
        weights=weights[..., rows, columns].astype(np.float16), norms=np.zeros((*weights.shape[:2], n), np.float32),
        next_ids=np.zeros(0, np.int32), next_pieces=(), next_probabilities=np.zeros(0, np.float32),
    )


def resting(layers: int, count: int, n: int) -> np.ndarray:
    """Heads that rest on the first token."""
    weights = np.zeros((layers, count, n, n), np.float32)
    weights[..., 0] = 1.0
    return weights


def look(weights: np.ndarray, layer: int, head: int, query: int, key: int, share: float) -> None:
    weights[layer, head, query, key] = share
    weights[layer, head, query, 0] -= share


WORDS = ("The", " old", " tortoise", " walked", " slowly", " down", " to", " the")


def test_the_head_whose_words_look_at_one_word_is_chosen() -> None:
    weights = resting(3, 2, len(WORDS))
    look(weights, 0, 1, 6, 2, 0.95)
    for query, share in ((4, 0.9), (5, 0.8), (6, 0.7)):
        look(weights, 2, 0, query, 3, share)
    view = heads.choose(head_map(weights, WORDS), WORDS)
    assert (view.layer, view.head) == (2, 0)
    assert view.hub == 3
    assert view.lookers == (4, 5, 6)
    assert (view.start, view.stop) == (0, 8)
    np.testing.assert_allclose(view.weights, weights[2, 0], atol=1e-3)


def test_neither_the_first_token_nor_a_short_word_nor_itself_is_looked_at() -> None:
    weights = resting(1, 3, len(WORDS))
    for query in (4, 5, 6, 7):
        look(weights, 0, 0, query, 1, 0.99)  # " old" has three letters
        look(weights, 0, 1, query, query, 0.99)
    look(weights, 0, 2, 7, 3, 0.4)
    view = heads.choose(head_map(weights, WORDS), WORDS)
    assert (view.head, view.hub, view.lookers) == (2, 3, (7,))


def test_where_nothing_is_firm_the_strongest_look_is_shown() -> None:
    weights = resting(2, 1, len(WORDS))
    look(weights, 1, 0, 5, 3, 0.12)
    view = heads.choose(head_map(weights, WORDS), WORDS)
    assert (view.layer, view.hub, view.lookers) == (1, 3, (5,))


@pytest.mark.parametrize("pieces", [("Hi",), ("!", "?"), ("a", ".")])
def test_a_text_too_short_to_look_back_in_has_no_hub(pieces: tuple[str, ...]) -> None:
    view = heads.choose(head_map(resting(2, 2, len(pieces)), pieces), pieces)
    assert view.hub is None
    assert view.lookers == ()
    assert view.weights.shape == (len(pieces), len(pieces))


def test_of_a_long_text_the_stretch_around_the_look_is_drawn() -> None:
    pieces = tuple(f" word{letter}" for letter in "abcdefghijklmnopqrstuvwxyzabcdefghijklmn")
    weights = resting(1, 1, len(pieces))
    look(weights, 0, 0, 33, 25, 0.8)
    view = heads.choose(head_map(weights, pieces), pieces)
    assert view.hub == 25
    assert view.lookers == (33,)
    assert view.stop - view.start == heads.ROWS
    assert view.start <= 25
    assert view.stop > 33
    assert view.weights[33 - view.start, 25 - view.start] == pytest.approx(0.8, abs=1e-3)


def test_an_excerpt_begins_where_words_are_shared_and_marks_them() -> None:
    text = "The keeper of a light has to climb many stairs every single night, and then there is a lamp to be lit."
    at = text.index("lamp")
    shown, marks = picture.excerpt(text, [(at, at + 4)], limit=40)
    assert shown.startswith("… ")
    assert [shown[start:stop] for start, stop in marks] == ["lamp"]
    plain, none = picture.excerpt(text, [], limit=40)
    assert plain == "The keeper of a light has to climb many …"
    assert none == []
    assert picture.excerpt("Short.", []) == ("Short.", [])


def test_marks_count_as_the_browser_does() -> None:
    shown, marks = picture.excerpt("🐢 lamp", [(2, 6)])
    assert shown.encode("utf-16-le")[2 * marks[0][0] : 2 * marks[0][1]].decode("utf-16-le") == "lamp"


def test_distance_on_the_little_map_is_one_minus_the_cosine() -> None:
    random = np.random.default_rng(1)
    vectors = random.normal(size=(40, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    query = vectors[7]
    cosine = vectors @ query
    part, places = picture.search(cosine, vectors, query, [])
    assert part["count"] == 40
    np.testing.assert_allclose(np.linalg.norm(places, axis=1), 1 - cosine, atol=1e-6)
    assert np.linalg.norm(places[7]) < 1e-6


@pytest.mark.parametrize(("place", "topic", "said"), [
    ((0.0, 0.0), 0, "It falls among “bin, lorry”; nearest cosine 0.41."),
    ((2.0, 0.0), 0, "It leans towards “bin, lorry”; nearest cosine 0.41."),
    ((4.0, 0.0), 0, "It leans towards “bin, lorry”; nearest cosine 0.41."),
    ((2.0, 0.0), -1, "It belongs to none of them; nearest cosine 0.41."),
])
def test_the_caption_says_among_only_where_the_ring_lies_in_the_cloud(
    place: tuple[float, float], topic: int, said: str
) -> None:
    """Three clouds on a line: the topic's own at 0, outliers at 2, another topic at 4."""
    spread = np.random.default_rng(2).normal(scale=0.1, size=(60, 2)).astype(np.float32)
    documents = spread + np.repeat([[0.0, 0.0], [2.0, 0.0], [4.0, 0.0]], 20, axis=0).astype(np.float32)
    labels = np.repeat([0, -1, 1], 20).astype(np.int16)
    part = {"count": 60, "names": ["bin, lorry", "snow, ice"], "topic": topic, "place": list(place), "nearest": 0.41}
    assert picture._topics(part, documents, labels) == f"60 messages, 2 topics. {said}"


def test_short_names_do_not_repeat() -> None:
    assert stages.short_names(["bins, lorry", "bins, flies", "snow", "snow"]) == ["bins", "flies", "snow", "snow"]


def test_the_tail_is_whole_words() -> None:
    assert stages.tail("Hello there") == "Hello there"
    assert stages.tail("walked slowly\ndown to   the") == "… down to the"


def test_links_carry_the_sentence_and_stay_short() -> None:
    assert page.link("search", "a b&c=ä?#", {}) == "search?text=a%20b%26c%3D%C3%A4%3F%23"
    assert page.link("attention", "x", {"attention_layer": "3"}) == "attention?text=x&attention_layer=3"
    assert page.link("topics", "x" * 5_000, {}) == "topics"
    assert page.link("attention", "x" * 5_000, {"attention_head": "1"}) == "attention?attention_head=1"


@pytest.mark.parametrize("text", ["", "  \n", "x" * (stages.CHARACTERS + 1)])
def test_what_cannot_be_followed_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"(empty|characters).*[;.]"):
        stages.check_length(text)


# ----------------------------------------------------------------------------------------------------- with real models


@cache
def _opened() -> dict[str, Any]:
    from components.models.open import open_encoder, open_model
    from components.search import build_index
    from components.topics import shipped

    corpus = corpora.bundled("encyclopedia")
    index = build_index(corpus.texts, None, embeddings=corpora.stored_vectors(corpus.name, corpus.texts))
    return {"model": open_model("storyteller"), "encoder": open_encoder(), "corpus": corpus, "index": index,
            "topics": shipped()}


def _follow(text: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    return unpack(stages.follow(text, **_opened(), settings={}))


def test_every_number_is_the_domains_own() -> None:
    from components.search import rank
    from components.tokenization import trace
    from components.topics import place

    text = "Who will mend the little bridge before the river rises again?"
    header, arrays = _follow(text)
    opened = _opened()
    model, encoder = opened["model"], opened["encoder"]
    traced = trace(model.tokenizer, text)
    assert [chip["id"] for chip in header["tokens"]["chips"]] == traced.ids.tolist()
    seen = capture(model, traced.ids)
    shown = header["attention"]
    full = seen.layers[shown["layer"]].weights[shown["head"]]
    drawn = slice(shown["start"], shown["start"] + len(shown["words"]))
    np.testing.assert_allclose(arrays["weights"], full[drawn, drawn], atol=6e-4)
    assert seen.logits is not None
    exact = np.exp(seen.logits[-1].astype(np.float64) - seen.logits[-1].max())
    exact /= exact.sum()
    for bar in header["sampling"]["top"]:
        assert bar["p"] == pytest.approx(exact[bar["id"]], abs=1e-4)
    assert header["sampling"]["rest"] + sum(bar["p"] for bar in header["sampling"]["top"]) == pytest.approx(1, abs=1e-6)
    assert header["sampling"]["others"] + len(header["sampling"]["top"]) == model.vocab_size
    vector = encoder.encode([text])[0]
    ranking = rank(opened["index"], text, "dense", 3, query_vector=vector)
    assert [hit["passage"] for hit in header["search"]["hits"]] == [hit.passage for hit in ranking]
    np.testing.assert_allclose(np.linalg.norm(arrays["passages"], axis=1), 1 - ranking.scores, atol=1e-4)
    messages = corpora.bundled("messages")
    placed = place(opened["topics"], corpora.stored_vectors(messages.name, messages.texts), vector)
    assert header["topics"]["topic"] == placed.topic
    assert header["topics"]["place"] == pytest.approx([placed.x, placed.y], abs=1e-4)
    whole = json.loads(export.as_json(stages.follow(text, **opened, settings={})))
    assert whole["search"]["nearest"][0]["cosine"] == pytest.approx(float(ranking.hits[0].score), abs=1e-5)


def test_a_long_text_is_counted_whole_and_read_in_part() -> None:
    text = "The mill by the river stood still that year, and nobody knew why. " * 30
    header, _ = _follow(text)
    assert header["tokens"]["total"] > stages.READ >= header["tokens"]["read"] - 3
    assert text.startswith(header["tokens"]["text"])
    assert f"{header['tokens']['total']:,} tokens" in header["notes"][0]
    assert len(header["attention"]["words"]) == heads.ROWS


@pytest.mark.parametrize(
    "text",
    ["a", "\x00\x07", "<script>alert(1)</script>", "<|endoftext|>", "👩‍👩‍👧‍👦", "שלום", "…", "Größe 雨", "𝔄" * 210],
)
def test_awkward_texts_have_a_picture(text: str) -> None:
    header, arrays = _follow(text)
    assert header["text"] == text
    assert header["tokens"]["total"] >= 1
    n = len(header["attention"]["words"])
    assert arrays["weights"].shape == (n, n)
    assert all(header[part]["caption"] for part in ("tokens", "attention", "sampling", "search", "topics"))


def test_a_piece_of_a_character_shows_its_bytes() -> None:
    header, _ = _follow("雨")
    kinds = {chip["kind"] for chip in header["tokens"]["chips"]}
    if kinds == {"fragment"}:
        assert " ".join(chip["text"] for chip in header["tokens"]["chips"]) == "E9 9B A8"
        assert "piece of a character" in header["tokens"]["caption"]
    else:
        assert "".join(chip["text"] for chip in header["tokens"]["chips"]) == "雨"
