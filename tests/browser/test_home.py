"""Home in a real browser: links with the sentence, one column on a phone, the keyboard, the next token."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

from components import first_views
from components.models import sources
from components.views import frame
from tests.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

FIRST = frame.examples("home")[0]["text"]
FOCUSED = """() => {
  let node = document.activeElement;
  while (node && node.shadowRoot) node = node.shadowRoot.activeElement;
  return node ? node.getAttribute('data-key') : null;
}"""


def test_every_stage_links_to_its_page_with_the_sentence(open_page: Callable[..., Any]) -> None:
    page = open_page("home")
    links = page.locator(".walk a.open")
    assert links.count() == 5
    for index, target in enumerate(("tokenizer", "attention", "sampling", "search", "topics")):
        address = urlparse(links.nth(index).evaluate("node => node.href"))
        assert address.path == f"/{target}"
        assert parse_qs(address.query)["text"] == [FIRST]


def test_a_click_stays_inside_the_app_and_brings_the_sentence(open_page: Callable[..., Any]) -> None:
    page = open_page("home")
    page.evaluate("() => { window.stillTheSame = true; }")
    page.get_by_label("Open Search with this sentence").click()
    page.wait_for_url("**/search?**")
    settle(page)
    assert page.evaluate("() => window.stillTheSame === true"), "no reload"
    assert page.locator("textarea").first.input_value() == FIRST


def test_an_address_opened_anew_brings_the_sentence_and_the_head(open_page: Callable[..., Any]) -> None:
    page = open_page("home")
    address = page.locator(".walk a.open").nth(1).evaluate("node => node.href")
    page.goto(address)
    settle(page)
    assert page.locator("textarea").first.input_value() == FIRST
    query = parse_qs(urlparse(address).query)
    for part in ("layer", "head"):
        assert page.get_by_label(part.capitalize(), exact=True).first.input_value() == query[f"attention_{part}"][0]


def test_a_phone_has_one_column(open_page: Callable[..., Any]) -> None:
    page = open_page("home", width=400, height=850)
    boxes = [page.locator(".walk .stage").nth(index).bounding_box() for index in range(5)]
    assert len({round(box["x"]) for box in boxes}) == 1
    assert all(above["y"] + above["height"] <= below["y"] + 1 for above, below in pairwise(boxes))
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 400 for box in boxes)


def test_pictures_are_of_equal_height_on_a_wide_screen(open_page: Callable[..., Any]) -> None:
    page = open_page("home")
    tops = [page.locator(".walk .pic").nth(index).bounding_box() for index in range(5)]
    assert max(box["y"] for box in tops) - min(box["y"] for box in tops) <= 3
    assert max(box["height"] for box in tops) - min(box["height"] for box in tops) <= 3
    captions = [page.locator(".walk .caption").nth(index).bounding_box()["y"] for index in range(5)]
    assert max(captions) - min(captions) <= 3


MAP = """() => {
  const find = (root) => root.querySelector('.walk') || [...root.querySelectorAll('*')]
    .map((node) => node.shadowRoot && find(node.shadowRoot)).find(Boolean);
  const svg = find(document).querySelector('[aria-label=Topics] .pic svg');
  const paths = [...svg.querySelectorAll('path')];
  return {
    dots: paths.reduce((sum, path) => sum + path.getAttribute('d').split('M').length - 1, 0),
    marks: paths.map((path) => {
      const line = path.getAttribute('fill') === 'none';
      return line ? path.getAttribute('stroke') + path.getAttribute('stroke-linecap') : path.getAttribute('fill');
    }),
    names: [...svg.querySelectorAll('text')].map((node) => {
      const box = node.getBoundingClientRect();
      return [node.textContent, box.left, box.right, box.top + box.height * 0.25, box.bottom - box.height * 0.25];
    }),
    box: [svg.getBoundingClientRect().left, svg.getBoundingClientRect().right],
  };
}"""


@pytest.mark.parametrize("width", [1400, 400])
def test_the_little_map_holds_every_message_and_names_that_can_be_read(
    open_page: Callable[..., Any], width: int
) -> None:
    page = open_page("home", width=width)
    view = first_views.load(f"home.{sources.default_model()}")
    assert view is not None
    topics = view.header["topics"]
    drawn = page.evaluate(MAP)
    assert drawn["dots"] == topics["count"] == len(view.arrays["documents"])
    assert len(drawn["marks"]) == len(topics["names"]) + 1, "one path a topic, and one for the outliers"
    assert len(set(drawn["marks"])) == len(drawn["marks"]), "no two topics share both colour and shape"
    names = drawn["names"]
    assert "your sentence" in [name[0] for name in names]
    assert len(names) > 0.7 * len(topics["names"])
    for (one, left, right, top, bottom), (other, *box) in combinations(names, 2):
        apart = right <= box[0] + 1 or box[1] <= left + 1 or bottom <= box[2] or box[3] <= top
        assert apart, f"{one} lies over {other}"
    assert all(name[1] >= drawn["box"][0] - 4 and name[2] <= drawn["box"][1] + 4 for name in names)


def test_words_can_be_walked_with_the_keyboard(open_page: Callable[..., Any]) -> None:
    page = open_page("home")
    page.locator('[data-key="open-attention"]').focus()
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == "word-0"
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    assert page.evaluate(FOCUSED) == "word-4"
    values = page.locator(".walk .value")
    told = page.locator('[data-key="word-4"]').get_attribute("aria-label")
    assert values.count() >= 1
    assert " looks at " in told
    outline = page.locator('[data-key="word-4"]').evaluate("node => getComputedStyle(node).outlineStyle")
    assert outline != "none", "focus has to be seen"
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == "open-sampling"


def test_pressing_a_next_token_adds_it(open_page: Callable[..., Any]) -> None:
    page = open_page("home", query="home_model=storyteller")
    word = page.locator(".walk .bars .t").first.inner_text()
    page.locator('[data-key="next-0"]').click()
    page.wait_for_function(
        """length => [...document.querySelectorAll('*')]
             .some(node => node.shadowRoot?.querySelector('textarea')?.value.length > length)""",
        arg=len(FIRST),
    )
    settle(page)
    value = page.locator("textarea").first.input_value()
    assert value.startswith(FIRST)
    assert value[len(FIRST) :].strip() == word.strip("·")
    assert parse_qs(urlparse(page.url).query)["text"] == [value]


def test_the_list_of_models_opens_from_the_foot(open_page: Callable[..., Any]) -> None:
    page = open_page("home")
    more = page.locator('[data-key="fetch"]')
    if more.count() == 0:
        pytest.skip("nothing is left to fetch; `python -m components.models remove smollm2` leaves one")
    more.click()
    page.get_by_text("Here means on this server.").wait_for()
