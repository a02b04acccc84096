"""The snippets of "Logit lens" and "Two sentences", run as a reader would run them, give the panels' numbers."""

from __future__ import annotations

import numpy as np

from components.attention import find_word, logit_lens, map_text, part
from components.models import sources
from components.models.open import open_model
from components.views.attention import lens, parting
from tests.snippets.fresh import placed, run

TEXT = "Once upon a time there was a"


def test_the_snippets_give_the_panels_numbers() -> None:
    heads = map_text(open_model("storyteller"), TEXT)
    pair = parting.pairs()[0]
    codes = []
    for model, code in (
        ("storyteller", lens.snippet("storyteller", heads)),
        ("minilm", parting.snippet("minilm", pair)),
        ("storyteller", parting.snippet("storyteller", pair)),
    ):
        codes.append(placed(code, sources.locate(model)))
    told = run(codes, ("ranks", "chances", "cosine", "pulls"))
    seen = logit_lens(open_model("storyteller"), heads.ids)
    assert told[0]["ranks"] == seen.answer_rank[:, -1].tolist()
    assert np.allclose(told[0]["chances"], seen.answer_probability[:, -1], atol=1e-4)
    for model, got in (("minilm", told[1]), ("storyteller", told[2])):
        opened = open_model(model)
        places = [find_word(opened.tokenizer, pair[which], pair["word"], marks=model == "minilm")
                  for which in ("first", "second")]
        found = part(opened, *places)
        assert np.allclose(got["cosine"], found.cosine[:-1], atol=1e-4)
        mine = found.pull_first[-2]
        kept = ~np.isnan(mine)
        assert np.allclose(np.array(got["pulls"])[kept], mine[kept], atol=1e-4)
