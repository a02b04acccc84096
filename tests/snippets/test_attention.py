"""The Attention page's snippets, run as a reader would run them, give the picture's numbers."""

from __future__ import annotations

import numpy as np

from components.attention import SCORES, map_text
from components.models import sources
from components.models.open import open_model
from components.views.attention.snippet import snippet
from tests.snippets.fresh import placed, run

LAMP = "The green lamp hung over the narrow door. Years went by, and still the green lamp hung over the narrow"
CASES = (
    ("smollm2", LAMP, 18, 6),
    ("smollm2", "The tortoise who lived under the stairs had never told anyone her name.", 13, 8),
    ("storyteller", LAMP, 2, 5),
    ("storyteller", "Naïve 👩‍👩‍👧 \"quotes\" and\nlines, <|endoftext|>", 5, 7),
    ("storyteller", "a", 0, 0),
    ("minilm", LAMP, 2, 9),
    ("gapfiller", "The tortoise walked down to the[MASK] and drank.", 1, 2),
)


def test_snippets_of_the_page_give_its_numbers() -> None:
    """All of them in one fresh process; only the line that names the folder is changed."""
    cases = [case for case in CASES if sources.state(case[0]).here]
    assert len(cases) >= 3, "storyteller ships with the app"
    runs = [placed(snippet(model, *rest), sources.locate(model)) for model, *rest in cases]
    results = run(runs, ("previous", "first", "induction", "following", "entropy", "looks_at", "next_token", "weights"))
    for (model, text, layer, head), got in zip(cases, results, strict=True):
        heads = map_text(open_model(model), text)
        assert np.abs(heads.matrix(layer, head) - np.array(got["weights"])).max() <= 6e-4, (model, text)
        for name, score in (("previous", "previous"), ("first", "first"), ("induction", "induction"),
                            ("following", "next"), ("entropy", "entropy")):
            if name not in got:
                continue
            shown = float(heads.scores[SCORES.index(score), layer, head])
            told = float("nan") if got[name] is None else got[name]
            assert np.isclose(shown, told, atol=1e-4, equal_nan=True), (model, text, name)
        key, weight = got["looks_at"][0]
        assert abs(float(heads.matrix(layer, head)[-1, key]) - weight) <= 1.1e-3
        assert got.get("next_token") == (heads.next_pieces[0] if heads.causal else None)


def test_a_snippet_names_its_folder_and_uses_public_libraries_alone() -> None:
    for model, line in (
        ("smollm2", 'folder = "smollm2"  # python -m components.models fetch smollm2 --to smollm2'),
        ("storyteller", 'folder = "assets/models/storyteller"'),
    ):
        code = snippet(model, "a", 1, 2)
        assert code.split("\n")[0] == line
        assert "components" not in code.split("\n", 1)[1]
        assert "streamlit" not in code


def test_a_snippet_holds_any_text() -> None:
    for text in ("'''\"\"\"\\", "\x00\r\n\u2028x", "{braces} {{twice}}", "🐢\n" * 3):
        code = snippet("storyteller", text, 0, 0)
        line = next(part for part in code.split("\n") if part.startswith("text = "))
        space: dict[str, object] = {}
        exec(line, space)
        assert space["text"] == text
