"""What a reader may paste that is no proper collection: each case has a defined answer, in words."""

from __future__ import annotations

import numpy as np
import pytest

from components.topics import Settings, check, fit


def vectors(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 32))


def texts(count: int) -> list[str]:
    return [f"document about thing{'abcdefghijklmnopqrstuvwxyz'[i % 26]} and more" for i in range(count)]


@pytest.fixture
def no_umap(monkeypatch: pytest.MonkeyPatch) -> None:
    """UMAP and HDBSCAN must not be asked: below ten different documents both fail in several ways."""
    from components.topics import reduction

    def never(*a: object, **k: object) -> None:
        pytest.fail("UMAP was asked")

    monkeypatch.setattr(reduction, "reduce", never)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 7, 8, 9])
def test_few_documents_are_laid_out_and_not_grouped(count: int, no_umap: None) -> None:
    found = fit(texts(count), vectors(count))
    assert found.reducer == "pca"
    assert found.topics == ()
    assert found.labels.tolist() == [-1] * count
    assert found.quality.outlier_share == 1
    assert found.quality.silhouette is None
    assert np.isfinite(found.coordinates).all()
    assert found.coordinates.shape == (count, 2)
    assert "too few to find groups" in found.notes[0]
    assert ("1 document is" in found.notes[0]) == (count == 1)


@pytest.mark.parametrize("count", [10, 11, 14, 30])
def test_ten_and_more_random_documents_are_a_result(count: int) -> None:
    found = fit(texts(count), vectors(count), Settings(min_cluster_size=5))
    assert found.reducer == "umap"
    assert np.isfinite(found.coordinates).all()
    assert len(found.labels) == count
    if count <= 15:
        assert any("n_neighbors was lowered" in note for note in found.notes)


def test_no_topic_is_a_result_with_a_sentence() -> None:
    found = fit(texts(40), vectors(40), Settings(min_cluster_size=39))
    assert found.topics == ()
    assert "smaller min_cluster_size" in found.notes[0]


def test_fifty_identical_documents_are_one_topic(no_umap: None) -> None:
    found = fit(["The lamp is out."] * 50, np.tile(vectors(1), (50, 1)))
    assert [topic.size for topic in found.topics] == [50]
    assert found.topics[0].name.startswith("lamp")
    assert np.isfinite(found.coordinates).all()
    assert not found.coordinates.any(), "all on one spot, and rounding error is not blown up"
    assert found.quality.silhouette is None
    assert "Only 1 of the 50 documents differs" in found.notes[0]


def test_two_texts_repeated_are_two_topics(no_umap: None) -> None:
    rows = vectors(2)
    found = fit(["The lamp is out."] * 20 + ["The bin is full."] * 12, rows[[0] * 20 + [1] * 12])
    assert [topic.size for topic in found.topics] == [20, 12]
    assert found.quality.silhouette == pytest.approx(1)


def test_many_duplicates_among_different_documents() -> None:
    rows = np.vstack([np.tile(vectors(1), (40, 1)), vectors(30, seed=1)])
    found = fit(["The lamp is out."] * 40 + texts(30), rows, Settings(min_cluster_size=6))
    assert np.isfinite(found.coordinates).all()
    assert len(set(found.labels[:40].tolist())) == 1, "equal documents stay together"


@pytest.mark.parametrize(
    ("documents", "rows", "says"),
    [
        ([], np.zeros((0, 3)), "There are no documents yet"),
        ("one text", np.ones((1, 3)), "put a single text into a list"),
        (["a", None, "c"], np.ones((3, 3)), "Document 2 is NoneType and not text"),
        (["a", "b", 7], np.ones((3, 3)), "Document 3 is int and not text"),
        (["a", "  \n ", "c"], np.ones((3, 3)), "Document 2 is empty"),
        (["a", "b"], np.ones((3, 3)), "2 documents and 3 vectors"),
        (["a", "b"], np.ones(3), "one row a document"),
        (["a", "b"], np.array([["x"], ["y"]]), "array of numbers"),
        (["a", "b"], np.array([[1.0, 2], [np.nan, 1]]), "vector of document 2 is not finite"),
        (["a", "b"], np.array([[np.inf, 2], [0, 1]]), "vector of document 1 is not finite"),
        (["a", "b"], np.array([[1.0, 2], [0, 0]]), "vector of document 2 is all zeros"),
        (["a"] * 10_001, np.ones((10_001, 2)), "the limit is 10,000"),
    ],
)
def test_the_door_says_what_is_wrong(documents: list[str], rows: np.ndarray, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        fit(documents, rows)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "turned",
    [
        {"min_cluster_size": 1}, {"min_cluster_size": 0}, {"min_cluster_size": -3}, {"min_cluster_size": 2.5},
        {"min_cluster_size": True}, {"n_neighbors": 1}, {"n_neighbors": 10_000}, {"random_state": -1},
        {"random_state": "7"}, {"reducer": "tsne"}, {"n_components": 0}, {"min_dist": 2}, {"min_dist": None},
        {"min_dist": float("nan")}, {"n_epochs": 0},
    ],
)  # fmt: skip
def test_settings_are_checked(turned: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(turned))) as caught:
        Settings(**turned)  # type: ignore[arg-type]
    assert "choose" in str(caught.value)


@pytest.mark.parametrize(
    "document",
    [
        "<script>alert(1)</script>", "<|endoftext|>", "\x00\x01\x02", "x", "漢字だけの文書", "a\u0300\u0301",
        "مرحبا بالعالم", "👩\u200d👩\u200d👧\u200d👦 👩🏽\u200d🚀",
    ],
)
def test_strange_texts_are_only_texts(document: str) -> None:
    found = fit([document] * 12 + texts(12), np.vstack([np.tile(vectors(1), (12, 1)), vectors(12, seed=4)]))
    assert len(found) == 24


def test_vectors_need_not_have_length_one() -> None:
    rows = vectors(6)
    assert np.allclose(np.linalg.norm(check(texts(6), rows * 1000)[1], axis=1), 1)
    assert np.array_equal(fit(texts(6), rows).coordinates, fit(texts(6), rows * 4).coordinates)


def test_pca_on_request() -> None:
    found = fit(texts(40), vectors(40), Settings(reducer="pca", min_cluster_size=5))
    assert found.reducer == "pca"
    assert found.reduced.shape == (40, 5)
