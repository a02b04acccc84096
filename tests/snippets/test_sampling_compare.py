"""The comparison's "Reproduce in Python" writes the panel's texts by the library's own `generate`."""

from __future__ import annotations

import pytest

from components import sampling
from components.models import sources
from components.models.open import open_model
from components.sampling import Settings
from components.views.sampling.compare_settings import Prompted
from components.views.sampling.snippet_compare import snippet_compare
from tests.snippets.fresh import placed, run

TEXT = "The old lighthouse keeper climbed the stairs because"
SETTINGS = [
    Settings(temperature=0, max_new_tokens=12),
    Settings(temperature=0, repetition_penalty=1.3, max_new_tokens=12),
    Settings(temperature=0.8, top_k=50, top_p=0.9, min_p=0.05, max_new_tokens=12),
    Settings(temperature=1.5, seed=4, no_repeat_ngram_size=2, max_new_tokens=12),
    Settings(typical_p=0.9, top_h=0.8, sequence_bias=(((40,), 2.0),), max_new_tokens=12),
]


def test_generate_writes_the_same_texts() -> None:
    prompted = Prompted("storyteller", TEXT, False, "")
    without = Settings(xtc_probability=0.5, max_new_tokens=12)
    code = snippet_compare(prompted, [*SETTINGS, without])
    assert code.startswith('folder = "assets/models/storyteller"\n')
    assert "# 1 of the page's settings" in code
    (got,) = run([placed(code, sources.locate("storyteller"))], ("written", "surprises", "texts"))
    opened = open_model("storyteller")
    made = sampling.decode(opened, sampling.prompt(opened, TEXT).ids, SETTINGS, noise="gumbel")
    assert got["written"] == [list(one.ids) for one in made]
    for one, surprise in zip(made, got["surprises"], strict=True):
        assert sampling.measure(one, "").surprise == pytest.approx(surprise, abs=1e-3)


def test_what_generate_lacks_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="transformers lacks"):
        snippet_compare(Prompted("storyteller", TEXT, False, ""), [Settings(mirostat=2)])


def test_a_chat_prompt_goes_through_the_template() -> None:
    code = snippet_compare(Prompted("smollm2", "It's 'so'.", True, "Be brief."), [Settings()])
    assert code.startswith('folder = "smollm2"  # python -m components.models fetch smollm2 --to smollm2\n')
    assert "apply_chat_template" in code
    compile(code, "snippet", "exec")
