"""The Topics page's "Reproduce in Python": run as a reader would run it, its numbers beside the page's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from components import corpora
from components.topics import Settings, count_words, ctfidf, fit
from components.views.topics.snippet import snippet
from tests.conftest import ROOT
from tests.snippets.fresh import run

pytestmark = pytest.mark.xdist_group("topics snippets")  # they share one process

CASES = [
    (corpora.bundled("messages"), Settings()),
    (corpora.bundled("encyclopedia"), Settings(min_cluster_size=5, n_neighbors=10, random_state=3)),
]


@pytest.fixture(scope="module")
def results() -> list[dict[str, Any]]:
    """The last variables of all snippets, run in one fresh process."""
    names = ("coordinates", "labels", "weights", "terms", "sizes", "top", "outliers")
    return run([snippet(*case) for case in CASES], names)


@pytest.mark.parametrize("case", range(len(CASES)))
def test_the_map_and_its_topics_are_the_pages(results: list[dict[str, Any]], case: int) -> None:
    from sklearn.metrics import adjusted_rand_score

    corpus, settings = CASES[case]
    vectors = corpora.stored_vectors(corpus.name, corpus.texts)
    assert vectors is not None
    ours, got = fit(corpus.texts, vectors, settings), results[case]
    assert adjusted_rand_score(ours.labels, got["labels"]) == 1
    np.testing.assert_allclose(got["coordinates"], ours.coordinates, atol=1e-3)
    assert got["outliers"] == len(ours.outliers)
    assert sorted(got["sizes"], reverse=True) == [topic.size for topic in ours.topics]
    counts, terms = count_words(corpus.texts, ours.labels)
    assert got["terms"] == terms
    weights = ctfidf(counts)[1:]
    for number, row in enumerate(got["weights"]):  # HDBSCAN numbers its groups in another order
        own = int(ours.labels[got["labels"].index(number)])
        np.testing.assert_allclose(row, weights[own], atol=1e-9)
        assert abs(max(row) - ours.topics[own].words[0].weight) < 1e-9


def test_it_uses_public_libraries_alone() -> None:
    own = corpora.pasted("The lamp is out.\n\nThe bin is full.")
    for text in [snippet(*case) for case in CASES] + [snippet(own, Settings())]:
        compile(text, "snippet", "exec")
        assert "components" not in text.replace("n_components", "").replace("Principal components", "")
        assert str(ROOT) not in text
        assert "{" not in text.replace("{folder}", "").replace('r"(?u)\\b[^\\W\\d_]{2,}\\b"', "")


def test_own_documents_are_read_from_a_file_and_never_written_into_it() -> None:
    text = snippet(corpora.pasted("A secret lamp.\n\nThe bin is full."), Settings())
    assert 'open("documents.txt"' in text
    assert "secret" not in text
