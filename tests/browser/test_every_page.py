"""Every page in a real browser: accessible in both themes, no sideways scroll on a phone, no stranger contacted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlparse

import pytest

from tests.conftest import PAGES, Server, settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_axe_finds_nothing(open_page: Callable[..., Any], page: str, dark: bool) -> None:
    from axe_playwright_python.sync_playwright import Axe

    opened = open_page(page, dark=dark)
    result = Axe().run(
        opened, options={"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
    )
    violations = [
        (item["id"], [(node["target"], node.get("failureSummary", "")[:200]) for node in item["nodes"][:4]])
        for item in result.response["violations"]
    ]
    assert not violations, violations


@pytest.mark.parametrize("page", PAGES)
def test_a_phone_never_scrolls_sideways(open_page: Callable[..., Any], page: str) -> None:
    opened = open_page(page, width=400, height=850)
    wide = opened.evaluate(
        """() => [document.documentElement, document.querySelector('[data-testid=stMain]')]
                   .map(node => node.scrollWidth - node.clientWidth)"""
    )
    assert max(wide) <= 0, wide


def test_the_browser_contacts_nobody_else(browser: Any, server: Server) -> None:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    strangers: set[str] = set()

    def seen(request: Any) -> None:
        if not request.url.startswith(("data:", "blob:")) and urlparse(request.url).hostname != "127.0.0.1":
            strangers.add(request.url)

    page.on("request", seen)
    page.on("websocket", lambda socket: strangers.add(socket.url) if "127.0.0.1" not in socket.url else None)
    for name in PAGES:
        page.goto(server.page(name))
        settle(page)
    context.close()
    assert not strangers, strangers


@pytest.mark.parametrize("page", PAGES)
def test_html_in_a_text_stays_text(open_page: Callable[..., Any], page: str) -> None:
    text = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script> **bold**"
    opened = open_page(page, query="text=" + quote(text))
    assert opened.title() != "owned"
    box = opened.locator("textarea").first
    assert box.input_value() == text


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_reported_as_a_script_error(browser: Any, server: Server, page: str) -> None:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(server.page(page))
    settle(opened)
    context.close()
    assert not errors, errors


def test_a_page_opens_by_its_own_address_on_a_fresh_server(browser: Any, tmp_path: Any) -> None:
    """The folder `pages/` must not bring back Streamlit's old navigation when nobody has been at the front door yet."""
    from tests.conftest import serve

    with serve(tmp_path / "log.txt") as fresh:
        context = browser.new_context()
        page = context.new_page()
        page.goto(fresh.page("attention"))
        settle(page)
        page.get_by_test_id("stTopNavLink").filter(has_text="Tokens").wait_for()
        assert page.get_by_test_id("stSidebarNav").count() == 0
        assert page.get_by_role("heading", name="Attention", exact=True).count() == 1
        context.close()


def test_browser_tests_keep_to_one_worker(request: pytest.FixtureRequest) -> None:
    # Two browsers and two servers on two cores starve each other; xdist marks a grouped test by its name's end.
    grouped = bool(getattr(request.config.option, "loadgroup", False))
    assert request.node.nodeid.endswith("@browser") == grouped
