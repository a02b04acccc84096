"""Pressing a button at the very moment something has appeared: work on a small model may be over a second later."""

from __future__ import annotations

from typing import Any

_PRESS = """([button, mark, count, wait]) => new Promise((done, fail) => {
  const all = (root, selector) => [...root.querySelectorAll(selector),
    ...[...root.querySelectorAll('*')].flatMap((node) => (node.shadowRoot ? all(node.shadowRoot, selector) : []))];
  const until = performance.now() + wait;
  const look = () => {
    const there = document.querySelector(button);
    const marks = there ? all(document, mark).length : 0;
    if (marks >= count) { there.click(); done(marks); }
    else if (performance.now() > until) fail(new Error(`${button} with ${count} of ${mark} did not come`));
    else requestAnimationFrame(look);
  };
  look();
})"""


def press_when(page: Any, button: str, mark: str, count: int, wait: int = 60_000) -> int:
    """Press `button` as soon as it is there together with `count` of `mark` (CSS; shadow roots are looked into).

    Returns:
        How many of `mark` there were at that moment.
    """
    found: int = page.evaluate(_PRESS, [button, mark, count, wait])
    return found
