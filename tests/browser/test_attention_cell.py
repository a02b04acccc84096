"""The panel "One cell" in a real browser: the question, the row by mouse and keys, the link, a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

QUERY = (
    "attention_panel=One+cell&attention_model=storyteller&attention_layer=2&attention_head=5"
    "&text=The+fox+saw+the+hen%2C+and+the+hen+saw+the+fox."
)
FOCUS = """() => {
  let at = document.activeElement;
  while (at.shadowRoot) at = at.shadowRoot.activeElement;
  return at.dataset.focus;
}"""


def asks(page: Any) -> str:
    return str(page.locator(".cellpanel h3").inner_text())


def test_a_cell_is_asked_about_checked_and_shared(open_page: Callable[..., Any]) -> None:
    page = open_page("attention", query=QUERY + "&attention_query=8&attention_key=7")
    page.locator(".cellpanel .check").wait_for()
    first = asks(page)
    assert first.startswith("Why does ")
    assert "token 8 looks at token 7" in page.locator(".cellpanel .top").inner_text()
    check = page.locator(".check").inner_text()
    pair = re.findall(r"Worked out here (\S+), by the model (\S+)\. The", check)[0]
    here, model = (float(part.replace("−", "-")) for part in pair)
    assert 0 < here < 1
    assert abs(here - model) <= 1e-5
    assert "The whole row agrees to" in check
    # A bar tells its two numbers, and the sum so far.
    page.locator(".products rect").first.hover()
    says = page.locator(".products .readout").inner_text()
    dimension = re.search(r"Dimension \d+: (\S+) × (\S+) = (\S+)\. The sum", says)
    assert dimension
    x, y, product = (float(part.replace("−", "-")) for part in dimension.groups())
    assert product == pytest.approx(x * y, rel=0.02)
    # Without rotary positions the sum is another one.
    page.get_by_role("button", name=re.compile("^without")).click()
    other = page.locator(".products .strong").text_content()
    assert other in page.get_by_role("button", name=re.compile("^without")).inner_text()
    page.get_by_role("button", name=re.compile("^with rotary")).click()
    # The row: another key by the keyboard at once, and in the link a moment later.
    page.locator(".softmax svg").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert "token 8 looks at token 5" in page.locator(".cellpanel .top").inner_text()
    page.wait_for_url("**attention_key=5**")
    settle(page)
    assert "token 8 looks at token 5" in page.locator(".cellpanel .top").inner_text()
    assert page.get_by_role("spinbutton", name="Key: token").input_value() == "5"
    assert page.evaluate(FOCUS) == "row"
    # And by a click on a word that adds something.
    page.locator(".length:not(.key)").first.click()
    chosen = page.locator(".length.key .place").inner_text()
    assert f"looks at token {chosen}" in page.locator(".cellpanel .top").inner_text()
    page.wait_for_url(f"**attention_key={chosen}**")
    settle(page)
    table = page.locator(".cellpanel .sr-only")
    assert "Largest products" in table.locator("caption").first.text_content()
    assert table.locator("tbody").nth(1).locator("tr").count() == 9  # the keys that token 8 sees


def test_a_phone_shows_the_steps_under_one_another(open_page: Callable[..., Any]) -> None:
    page = open_page("attention", query=QUERY, width=400, height=850, dark=True)
    page.locator(".cellpanel .check").wait_for()
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("node => node.scrollWidth <= node.clientWidth")
    steps = ("products", "scale", "softmax", "value")
    tops = [page.locator(f".cellpanel .step.{name}").bounding_box() for name in steps]
    assert [box["y"] for box in tops] == sorted(box["y"] for box in tops)
    assert all(box["x"] + box["width"] <= 400 for box in tops)
    svgs = page.locator(".cellpanel svg")
    for at in range(svgs.count()):
        box = svgs.nth(at).bounding_box()
        assert box["x"] + box["width"] <= 400
