"""The snippets of "Search strategies", run as a reader would run them, give the panel's texts and scores."""

from __future__ import annotations

import numpy as np

from components.models import sources
from components.models.open import open_model
from components.sampling import Settings, beam_search, prompt_lookup
from components.views.sampling.snippet_strategies import snippet_strategies
from components.views.sampling.strategies import end_tokens
from components.views.sampling.strategies_ask import Ask
from tests.snippets.fresh import placed, run

TEXT = "The old miller had a cat.\nOne day the 'cat' said to the"
GREEDY = Settings(do_sample=False, repetition_penalty=1.1)
DRAWN = Settings(temperature=0.9, top_k=40, top_p=0.95, min_p=0.01, repetition_penalty=1.05, seed=6)
CASES = (
    Ask("storyteller", TEXT, False, "", "beam", GREEDY, 7, 3, 0.4, "never", "stop"),
    Ask("storyteller", TEXT, False, "", "beam_sample", DRAWN, 7, 4, -0.5, True, "mark"),
    Ask("storyteller", TEXT, False, "", "greedy", GREEDY, 7, ends="stop"),
    Ask("storyteller", TEXT, False, "", "lookup", Settings(do_sample=False), 16, num_tokens=6),
    Ask("storyteller", TEXT, False, "", "lookup", DRAWN, 16, num_tokens=6, max_ngram=1),
)


def test_snippets_give_the_texts_and_the_scores() -> None:
    runs = [placed(snippet_strategies(ask), sources.locate(ask.model)) for ask in CASES]
    results = run(runs, ("written", "scores", "came_from", "log_p", "forwards", "accepted"))
    model = open_model("storyteller")
    prompt = list(model.tokenizer.library_object.encode(TEXT).ids)
    for ask, got in zip(CASES, results, strict=True):
        if ask.way == "lookup":
            made = prompt_lookup(model, prompt, max_new_tokens=16, num_tokens=ask.num_tokens, max_ngram=ask.max_ngram,
                                 settings=ask.settings)
            assert (list(made.ids), made.forwards) == (got["written"], got["forwards"])
            assert got.get("accepted", made.accepted) == made.accepted
            continue
        found = beam_search(
            model, prompt, num_beams=ask.num_beams, max_new_tokens=ask.max_new_tokens, settings=ask.settings,
            length_penalty=ask.length_penalty, early_stopping=ask.early_stopping, do_sample=ask.way == "beam_sample",
            seed=ask.settings.seed, ends=end_tokens(model, ask.ends),
        )
        for one, written in zip(found.hypotheses, got["written"], strict=True):
            assert list(one.ids) == written[: len(one.ids)]
        if ask.way == "greedy":
            assert abs(sum(got["log_p"]) - found.hypotheses[0].raw) < 1e-3
        else:
            np.testing.assert_allclose([one.score for one in found.hypotheses], got["scores"], atol=1e-4)
            assert [list(one.beams) for one in found.hypotheses] == [
                [place for place in row if place >= 0] for row in got["came_from"]]
