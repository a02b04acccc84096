"""The snippets of "While it writes", run as a reader would run them, give the table's numbers."""

from __future__ import annotations

import numpy as np

from components.attention import map_text, write_on
from components.models import sources
from components.models.open import open_model
from components.sampling import Settings
from components.views.attention.snippet_writing import snippet_writing
from tests.snippets.fresh import placed, run

CASES = (
    ("storyteller", "The old miller had a cat. One day the cat said to the old", 3, 0,
     Settings(temperature=0, max_new_tokens=12)),
    ("storyteller", "Naïve \"quotes\" and\nlines", 2, 5, Settings(temperature=1.2, seed=7, max_new_tokens=12)),
)


def test_snippets_give_the_rows_and_the_tokens() -> None:
    runs = [placed(snippet_writing(*case), sources.locate(case[0])) for case in CASES]
    results = run(runs, ("written", "probabilities", "looks_at", "most", "on_first"))
    for (name, text, layer, head, settings), got in zip(CASES, results, strict=True):
        model = open_model(name)
        writing = write_on(model, map_text(model, text).ids, settings)
        keys, most = writing.looks(skip_first=False)
        assert writing.ids[writing.prompt :].tolist() == got["written"]
        assert keys[layer, head].tolist() == got["looks_at"]
        for shown, told in ((writing.probability, "probabilities"), (most[layer, head], "most"),
                            (writing.sink()[layer, head], "on_first")):
            assert np.abs(shown - np.array(got[told])).max() <= 1e-4, told
