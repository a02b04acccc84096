"""What a browser saw before a test failed: its console, its failed requests and uploads, and the page's own words.

A picture that never came says little; whether an upload was answered, a script still ran or an error was shown says
where to look.
"""

from __future__ import annotations

import time
from typing import Any

_STATE = """() => {
  const words = name => [...document.querySelectorAll(`[data-testid=${name}]`)].map(found => found.innerText);
  const app = document.querySelector('[data-testid=stApp]');
  return {script: app?.dataset.testScriptState, connection: app?.dataset.testConnectionState,
          alerts: words('stAlert'), uploaders: words('stFileUploader'), progress: words('stProgress'),
          stale: document.querySelectorAll('[data-stale=true]').length};
}"""


class Witness:
    """Listens to one Playwright page from its first request on."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.begun = time.monotonic()
        self.seen: list[str] = []
        page.on("pageerror", lambda error: self._note(f"error: {error}"))
        page.on("console", lambda line: self._note(f"console: {line.text}") if line.type == "error" else None)
        page.on("requestfailed", lambda asked: self._note(f"failed: {asked.method} {asked.url} {asked.failure}"))
        page.on("response", self._answered)

    def _note(self, line: str) -> None:
        self.seen.append(f"{time.monotonic() - self.begun:7.2f} s  {line[:400]}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400 or response.request.method not in ("GET", "HEAD"):
            self._note(f"{response.status} {response.request.method} {response.url}")

    def tell(self) -> str:
        """The page's state now, then the last 40 things that were noted."""
        try:
            state = "\n".join(f"{name}: {value}" for name, value in self.page.evaluate(_STATE).items())
        except Exception as error:  # the page may be gone; what was seen before is still worth telling
            state = f"no state: {error}"
        now = f"{time.monotonic() - self.begun:7.2f} s  now"
        return "\n".join([self.page.url, state, *self.seen[-40:], now])
