"""A local imitation of an OpenAI-compatible server, for all that a real one does only on a bad day."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Play = Callable[["Handler"], None]


@dataclass
class Imitation:
    """A running imitation: set `play` to decide what it does next; `asked` holds what it was asked."""

    address: str
    play: Play
    asked: list[dict[str, Any]] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    """One request; the helpers are what a `play` is written with."""

    protocol_version = "HTTP/1.1"
    imitation: Imitation
    body: dict[str, Any]

    def log_message(self, format: str, *args: Any) -> None:
        """Tests are quiet."""

    def _any(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.body = json.loads(raw) if raw else {}
        self.imitation.asked.append({"path": self.path, "headers": dict(self.headers), "body": self.body,
                                     "line": self.requestline})
        self.close_connection = True
        try:
            self.imitation.play(self)
        except (BrokenPipeError, ConnectionResetError):
            self.imitation.gone.set()

    do_GET = do_POST = _any

    def head(self, status: int, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def send(self, status: int, body: Any, kind: str = "application/json", **headers: str) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.head(status, kind, Content_Length=str(len(raw)), **headers)
        self.wfile.write(raw)

    def stream(self, *chunks: Any, done: bool = True) -> None:
        """Server-sent events; a str is sent as it is."""
        self.head(200, "text/event-stream", Connection="close")
        for chunk in chunks:
            self.event(chunk)
        if done:
            self.event("data: [DONE]\n\n")

    def event(self, chunk: Any) -> None:
        self.wfile.write((chunk if isinstance(chunk, str) else f"data: {json.dumps(chunk)}\n\n").encode())
        self.wfile.flush()


def listed(text: str, logprob: Any, top: list[tuple[str, Any]], *, sent: bool = True) -> dict[str, Any]:
    """An entry of the chat list; `sent` with its bytes."""
    def one(word: str, value: Any) -> dict[str, Any]:
        return {"token": word, "logprob": value, **({"bytes": list(word.encode())} if sent else {})}

    return {**one(text, logprob), "top_logprobs": [one(word, value) for word, value in top]}


def chat(text: str | None, *entries: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    """A chunk of a chat's stream."""
    logprobs = {"logprobs": {"content": list(entries)}} if entries else {}
    return {"model": "imitation", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish,
                                               **logprobs}]}


def keyed(tokens: list[str], chances: list[Any], tops: list[Any], finish: str | None = "stop") -> dict[str, Any]:
    """A body of the older completions shape."""
    return {"choices": [{"index": 0, "text": "".join(tokens), "finish_reason": finish,
                         "logprobs": {"tokens": tokens, "token_logprobs": chances, "top_logprobs": tops}}]}


def tidy(handler: Handler) -> None:
    """A well-behaved answer of three tokens, for either endpoint, and a list of models."""
    if handler.path.endswith("/models"):
        handler.send(200, {"data": [{"id": "imitation"}, {"id": "other"}]})
        return
    entries = [listed(" one", -0.5, [(" one", -0.5), (" two", -1.5)]),
               listed(" two", -1.2, [(" one", -0.7), (" two", -1.2)]),
               listed("é", -0.1, [("é", -0.1), (".", -4.0)])]
    if handler.path.endswith("/chat/completions"):
        handler.stream(chat(None), *(chat(entry["token"], entry) for entry in entries), chat(None, finish="stop"))
    else:
        handler.stream(*({"choices": [{"text": entry["token"], "logprobs": {"content": [entry]}}]}
                         for entry in entries), {"choices": [{"text": "", "finish_reason": "length"}]})


@contextmanager
def imitation(play: Play = tidy) -> Iterator[Imitation]:
    """A server on a free port of this machine, ended with the block."""
    found = Imitation("", play)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Its", (Handler,), {"imitation": found}))
    server.daemon_threads = True
    found.address = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
