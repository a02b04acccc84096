"""Every stored first view is what its page would compute now."""

from __future__ import annotations

import pytest

from assets.recipes.first_view import recipes
from components import first_views
from components.payload import unpack
from tests.conftest import PAGES, here

CASES = [(page, model) for page, recipe in recipes().items() for model in recipe.MODELS]


def test_every_page_has_a_stored_first_view() -> None:
    assert {page for page, _ in CASES} == set(PAGES)


@pytest.mark.parametrize(("page", "model"), CASES)
def test_stored_view_is_what_is_computed_now(page: str, model: str) -> None:
    if model != "minilm" and not here(model):
        pytest.skip(f"{model} is not here; `python -m components.models fetch {model}` brings it")
    recipe = recipes([page])[page]
    fresh = recipe.build(model)
    assert fresh
    for name, payload in fresh.items():
        path = first_views.FOLDER / name
        assert path.is_file(), f"{name} is missing; run `python -m assets.recipes.first_view {page}`"
        stored = path.read_bytes()
        recipe.compare(stored, payload)
        old, new = unpack(stored)[0], unpack(payload)[0]
        assert old["text"] == new["text"]
        assert old["settings"] == new["settings"]
        same = old["stamp"]["model"] == new["stamp"]["model"]
        assert same, f"{name} was made with other weights; run its recipe again"
