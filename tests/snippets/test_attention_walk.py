"""The snippets of "Inside, step by step", run as a reader would run them, give the stations' numbers."""

from __future__ import annotations

import numpy as np

from components.attention import walk
from components.models import sources
from components.models.open import open_model
from components.views.attention.snippet_walk import snippet_walk
from tests.snippets.fresh import placed, run

CASES = (
    ("storyteller", "The old miller had a cat. One day the cat said to the old", 9, 3, 1, True),
    ("storyteller", "a", 0, 0, 7, True),
    ("minilm", "A novel idea, written down in a novel.", 3, 2, 5, False),
)


def test_snippets_give_the_stations_numbers() -> None:
    """All of them in one fresh process; only the line that names the folder is changed."""
    runs = [placed(snippet_walk(name, *rest, causal=causal), sources.locate(name)) for name, *rest, causal in CASES]
    results = run(runs, ("rms", "weights", "likeliest", "row", "query", "scores", "scaled", "brought", "opened",
                         "weight_difference"))
    for (name, text, position, layer, head, causal), got in zip(CASES, results, strict=True):
        model = open_model(name)
        ids = model.tokenizer.library_object.encode(text, add_special_tokens=not causal).ids
        walked = walk(model, ids, position, layer, head)
        numbers = {one.name: one.arrays for one in walked.stations}
        shown = [(walked.station("norm").facts["rms"], got["rms"]), (numbers["softmax"]["weights"], got["weights"])]
        if "scores" in got:
            assert got["weight_difference"] <= 1e-5
            assert got["opened"] == walked.station("feed").facts["opened"]
            shown += [(numbers["embedding"]["row"], got["row"]), (numbers["rotary"]["q_turned"], got["query"]),
                      (numbers["scores"]["dots"], got["scores"]), (numbers["scale"]["scaled"], got["scaled"]),
                      (numbers["values"]["sum"], got["brought"]),
                      (numbers["logits"]["probabilities"], [share for _, share in got["likeliest"]])]
        for ours, theirs in shown:
            largest = max(1e-6, float(np.abs(theirs).max()))
            assert np.abs(np.asarray(ours) - np.asarray(theirs)).max() <= 1e-3 * largest, (name, text)
