"""The snippets of "Three architectures", run as a reader would run them, give the panel's numbers."""

from __future__ import annotations

import numpy as np

from components.attention import SCORES, fill_gaps, map_text, rewrite
from components.models.open import open_model
from components.views.attention.snippet_architectures import snippet_crossing, snippet_gap, snippet_sides
from tests.conftest import needs
from tests.snippets.fresh import run

DATE, TEXT = "born on the third of May, 1998", "The tortoise sat under the \"old\" stairs."
VIEWS = (("cross", 1, 2), ("cross", 0, None), ("encoder", 1, 0), ("decoder", 1, 3))


@needs("gapfiller")
def test_the_snippets_give_the_panels_numbers() -> None:
    filler, teller = open_model("gapfiller"), open_model("storyteller")
    made = fill_gaps(filler, teller, TEXT)
    words = (0, 1, 4)
    codes = [snippet_crossing(DATE, *view) for view in VIEWS]
    codes += [snippet_gap(TEXT, made, at) for at in words]
    codes.append(snippet_sides(TEXT, 0.5))
    assert all(code.startswith("folder = ") and "components" not in code for code in codes)
    # The folders in the snippets are those of the project itself.
    told = run(codes, ("date", "looks_at", "most", "best", "rank", "probability", "back", "ahead"))
    seen = rewrite(open_model("datewriter"), DATE)
    for (kind, layer, head), got in zip(VIEWS, told[: len(VIEWS)], strict=True):
        weights = getattr(seen.seen, kind)[layer].weights
        mine = weights.mean(axis=0) if head is None else weights[head]
        assert got["date"] == seen.written
        assert got["looks_at"] == mine.argmax(axis=-1).tolist()
        assert np.allclose(got["most"], mine.max(axis=-1), atol=1e-4)
    for at, got in zip(words, told[len(VIEWS) : -1], strict=True):
        for name, side in (("gapfiller", made.filler), ("storyteller", made.teller)):
            assert got["rank"][name] == side.rank[at]
            assert abs(got["probability"][name] - side.probability[at]) < 1e-5
            assert np.allclose([share for _, share in got["best"][name]], side.top_probabilities[at], atol=1e-5)
    for name, model in (("gapfiller", filler), ("storyteller", teller)):
        scores = map_text(model, TEXT).scores
        for which, score in (("back", "previous"), ("ahead", "next")):
            own = scores[SCORES.index(score)]
            assert told[-1][which][name] == int((np.nan_to_num(own) >= 0.5).sum())
