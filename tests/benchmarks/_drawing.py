"""Two pictures in one browser: this project's component outside Streamlit, and BertViz's head view."""

from __future__ import annotations

import functools
import http.server
import subprocess
import tarfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from tests.benchmarks.parts import say
from tests.conftest import chromium

# What BertViz asks for, and where it lies in the packages of the same name.
SCRIPTS = {
    "require.min.js": ("requirejs@2.3.6", "package/require.js"),
    "d3.min.js": ("d3@5.7.0", "package/dist/d3.min.js"),
    "jquery.min.js": ("jquery@2.1.0", "package/dist/jquery.min.js"),
}
THEME = """--st-background-color:#FCFBF8;--st-secondary-background-color:#F3F0E9;--st-text-color:#1D1C24;
--st-primary-color:#1F5FA8;--st-border-color:#D9D5CB;--st-font:sans-serif;--st-code-font:monospace;"""
START = "<!doctype html><button id=go>Draw</button><iframe id=view width=1360 height=900></iframe>"
# Click, load, draw: the clock runs from the click until the finished picture has been painted.
CLICK = """([address, lines]) => new Promise(resolve => {
  const view = document.getElementById('view');
  document.getElementById('go').onclick = () => {
    const start = performance.now();
    view.src = address;
    const look = () => {
      const there = view.contentWindow;
      const ready = lines ? view.contentDocument?.querySelectorAll('svg line').length === lines : there?.drawn === true;
      if (!ready) return setTimeout(look, lines ? 25 : 1);
      there.requestAnimationFrame(() => there.requestAnimationFrame(() => resolve(performance.now() - start)));
    };
    setTimeout(look, 1);
  };
  document.getElementById('go').click();
})"""
# From the pointer's move to the paint that shows it: the frame after the handlers, and a task after that frame.
WATCH = """() => {
  window.hovers = [];
  document.addEventListener('pointermove', event => {
    const start = event.timeStamp;
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => window.hovers.push(performance.now() - start);
      channel.port2.postMessage(0);
    });
  }, true);
}"""
NODES = """() => {
  let count = 0;
  const walk = root => root.querySelectorAll('*').forEach(node => {
    count++;
    if (node.shadowRoot) walk(node.shadowRoot);
  });
  walk(document);
  return count;
}"""


def host(css: str) -> str:
    """A page that draws this project's component without Streamlit."""
    return f"""<!doctype html><meta charset=utf-8><style>body{{margin:0;background:#FCFBF8;color:#1D1C24}}
#host{{display:block;width:1320px;{THEME}}}</style><div id=host></div><template id=css>{css}</template>
<script type=module>
import draw from './ours.mjs';
const root = document.getElementById('host').attachShadow({{mode: 'open'}});
const style = document.createElement('style');
style.textContent = document.getElementById('css').innerHTML;
root.append(style);
const data = new Uint8Array(await (await fetch('payload.bin')).arrayBuffer());
draw({{parentElement: root, data, setStateValue() {{}}, setTriggerValue() {{}}}});
window.drawn = true;
</script>"""


def bertviz_page(weights: Sequence[Any], words: Sequence[str], folder: Path) -> int:
    """Write BertViz's head view as a page and its scripts beside it; returns the bytes of what BertViz made."""
    from bertviz import head_view

    for name, (package, inside) in SCRIPTS.items():
        subprocess.run(["npm", "pack", package, "--silent"], cwd=folder, check=True, capture_output=True)
        archive = next(folder.glob(f"{package.split('@')[0]}-*.tgz"))
        with tarfile.open(archive) as packed:
            member = packed.extractfile(inside)
            assert member is not None, inside
            (folder / name).write_bytes(member.read())
    made = head_view(weights, list(words), html_action="return", layer=5).data
    page = "<!doctype html><meta charset=utf-8>" + made
    (folder / "bertviz.html").write_text(page, "utf-8")
    return len(made.encode("utf-8"))


class _Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map: ClassVar[dict[str, str]] = {".html": "text/html", ".mjs": "text/javascript"}

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: a line a request would drown the figures."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def draw(folder: Path, *, lines: int, ours: int = 7, theirs: int = 2) -> dict[str, Any]:
    """Both pictures from click to paint, each in a fresh page of one browser, ours around theirs."""
    from playwright.sync_api import sync_playwright

    (folder / "start.html").write_text(START, "utf-8")
    seconds: dict[str, list[float]] = {"ours": [], "bertviz": []}
    with served(folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )

        def opened() -> Any:
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.set_default_timeout(900_000)
            page.route("**/cdnjs.cloudflare.com/**", lambda route: route.fulfill(
                path=str(folder / route.request.url.rsplit("/", 1)[-1]), content_type="text/javascript"))
            page.goto(f"{address}/start.html")
            return page

        def timed(name: str, wanted: int) -> Any:
            page = opened()
            seconds[name].append(page.evaluate(CLICK, [f"{name}.html", wanted]) / 1000)
            say(f"  {name}: {seconds[name][-1]:.3f} s")
            return page

        for _ in range(ours // 2):
            timed("ours", 0).close()
        for turn in range(theirs):
            page = timed("bertviz", lines)
            if turn == theirs - 1:
                bertviz_hover = hover(page, "#view", "svg", places=3)
                bertviz_nodes = page.frames[1].evaluate(NODES)
            page.close()
        for _ in range(ours - ours // 2):
            timed("ours", 0).close()
        page = opened()
        page.evaluate(CLICK, ["ours.html", 0])
        moves = hover(page, "#view", ".matrix", places=30)
        nodes = page.frames[1].evaluate(NODES)
        browser.close()
    moves.sort()
    return {
        "seconds": seconds,
        "hover_ms": round(moves[len(moves) // 2], 1),
        "hover_ms_worst": round(moves[-1], 1),
        "bertviz_hover_ms": round(sorted(bertviz_hover)[len(bertviz_hover) // 2], 1),
        "nodes": nodes,
        "bertviz_nodes": bertviz_nodes,
    }


def hover(page: Any, frame: str, target: str, *, places: int) -> list[float]:
    """Milliseconds from a pointer's move to the paint that shows it, at places along the target's diagonal."""
    inside = page.frames[1]
    inside.evaluate(WATCH)
    box = page.frame_locator(frame).locator(target).first.bounding_box()
    assert box is not None
    for place in range(places):
        share = 0.2 + 0.6 * place / places
        page.mouse.move(box["x"] + box["width"] * share * 0.6, box["y"] + min(box["height"], 850) * share)
        inside.wait_for_function("count => window.hovers.length >= count", arg=place + 1)
        page.wait_for_timeout(60)
    return [float(one) for one in inside.evaluate("window.hovers")]
