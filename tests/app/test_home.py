"""Home without a browser: the stored first view, a sentence of one's own, another model, trouble, the way on."""

from __future__ import annotations

from typing import Any

import pytest

from components import first_views
from components.models import sources
from components.payload import unpack
from components.views import frame
from tests.conftest import app_test

OWN = "The miller asked the river for a little more water."


def walk(element: Any) -> Any:
    yield element
    for child in getattr(element, "children", {}).values():
        yield from walk(child)


def drawn(test: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and arrays of the picture on the page."""
    found = [
        element.proto
        for part in test.main.children.values()
        for element in walk(part)
        if getattr(element, "type", "") == "bidi_component" and element.proto.component_name.endswith("_home")
    ]
    assert len(found) == 1
    return unpack(found[0].bytes)


@pytest.fixture
def home() -> Any:
    return app_test("home")


def test_opens_on_the_stored_first_view(home: Any) -> None:
    header, arrays = drawn(home)
    stored = first_views.load(f"home.{sources.default_model()}")
    assert stored is not None
    assert header["text"] == frame.examples("home")[0]["text"] == stored.header["text"]
    for part in ("tokens", "attention", "sampling", "search", "topics"):
        assert header[part] == stored.header[part]
    assert (arrays["weights"] == stored.arrays["weights"]).all()
    assert not header["old"]
    assert any(item["name"] == "MiniLM" for item in header["here"])


def test_a_sentence_of_ones_own_goes_through_all_five(home: Any) -> None:
    home.session_state["home_model"] = "storyteller"
    home.session_state["home_text"] = OWN
    home.run()
    assert not home.exception
    assert not home.warning, [item.value for item in home.warning]
    header, _ = drawn(home)
    assert header["text"] == OWN
    assert header["model"]["name"] == "storyteller"
    assert header["chosen"] == "storyteller"
    for target, link in header["links"].items():
        assert link.startswith(f"{target}?text=The%20miller%20asked")
    if sources.default_model() != "storyteller":
        assert "attention_model=storyteller" in header["links"]["attention"]
        assert "storyteller" in home.query_params["home_model"]
    look = header["attention"]
    assert f"attention_layer={look['layer']}&attention_head={look['head']}" in header["links"]["attention"]


def test_trouble_keeps_the_old_picture_and_the_text(home: Any) -> None:
    before, _ = drawn(home)
    home.session_state["home_text"] = "   "
    home.run()
    assert len(home.warning) == 1
    after, _ = drawn(home)
    assert after["old"]
    assert after["search"] == before["search"]
    long = "x" * 20_001
    home.session_state["home_text"] = long
    home.run()
    assert len(home.warning) == 1
    assert home.session_state["home_text"] == long
    assert drawn(home)[0]["old"]
    home.session_state["home_text"] = frame.examples("home")[0]["text"]
    home.run()
    assert not home.warning
    assert not drawn(home)[0]["old"]


@pytest.mark.parametrize("forged", ["../../etc/passwd", "minilm", "bert", ""])
def test_a_forged_model_in_the_address_is_ignored(forged: str) -> None:
    test = app_test("home", home_model=forged)
    header, _ = drawn(test)
    assert header["chosen"] == sources.default_model()


def test_the_address_can_name_the_model() -> None:
    header, _ = drawn(app_test("home", home_model="storyteller"))
    assert header["model"]["name"] == "storyteller"


def test_every_listed_model_is_here(home: Any) -> None:
    header, _ = drawn(home)
    assert {item["id"] for item in header["models"]} <= {state.name for state in sources.states() if state.here}
    assert header["fetchable"] == sources.counts()[1]
