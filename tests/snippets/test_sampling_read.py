"""The snippets of "Read a text" and "Chat", run as a reader would run them, give the panels' numbers."""

from __future__ import annotations

from typing import Any

import pytest

from components import sampling
from components.models import sources
from components.models.open import open_model
from components.sampling import Settings, Turn
from components.views.sampling.snippet_chat import snippet_chat
from components.views.sampling.snippet_read import snippet_read
from tests.conftest import here
from tests.snippets.fresh import placed, run

TEXT = "Once an \"old\" king,\nnaïve and kind, had a daughter who counted every star above the mill."
TURNS = (Turn("user", "What is the capital of France?"),)
READ: list[tuple[str, dict[str, Any]]] = [("storyteller", {}), ("storyteller", {"window": 6, "with_begin": True})]
CHAT: list[tuple[str, list[str]]] = [("smollm2", []), ("smollm2", [" is", "zzz"])]


@pytest.fixture(scope="module")
def results() -> list[dict[str, Any]]:
    asks = [(name, snippet_read(name, TEXT, **case)) for name, case in READ]
    if here("smollm2"):
        asks += [(name, snippet_chat(name, TURNS, Settings(max_new_tokens=10), stops)) for name, stops in CHAT]
    return run([placed(code, sources.locate(name)) for name, code in asks],
               ("surprises", "ranks", "perplexity", "bits_per_byte", "answer", "new", "prompt"))


@pytest.mark.parametrize("place", range(len(READ)))
def test_reading(results: list[dict[str, Any]], place: int) -> None:
    name, case = READ[place]
    found, got = sampling.score_text(open_model(name), TEXT, **case), results[place]
    scored = found.scored
    assert got["surprises"] == pytest.approx(found.surprises[scored].tolist(), abs=5e-4)
    assert sum(a == b for a, b in zip(got["ranks"], found.ranks[scored].tolist(), strict=True)) >= found.count - 1
    assert got["perplexity"] == pytest.approx(found.perplexity, rel=1e-3)
    assert got["bits_per_byte"] == pytest.approx(found.bits_per_byte, rel=1e-3)


@pytest.mark.skipif(not here("smollm2"), reason="smollm2 is not here; `python -m components.models fetch smollm2`")
def test_answering(results: list[dict[str, Any]]) -> None:
    model = open_model("smollm2")
    prompt = sampling.written(model, TURNS)
    for (_, stops), got in zip(CHAT, results[len(READ) :], strict=True):
        found = sampling.answer(model, prompt.ids, Settings(temperature=0, max_new_tokens=10), stops=stops)
        assert got["prompt"] == prompt.text
        assert got["new"] == [step.id for step in found.steps]
        assert got["answer"] == found.text
        assert found.ended == ("stop" if stops else "end")
