"""What the browser is given by the panels of Tokens, under AppTest."""

from __future__ import annotations

from typing import Any

from components.payload import unpack
from tests.app.test_tokenizer import app_test


def opened(panel: str, text: str, **query: str) -> Any:
    """The page with one of its panels open."""
    return app_test("tokenizer", tokenizer_panel=panel, text=text, **query)


def picture(test: Any, component: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and arrays that the one picture of this component was mounted with."""
    found = [node for node in test.get("bidi_component") if component in node.proto.id]
    assert len(found) == 1
    return unpack(found[0].proto.bytes)
