"""An answer under way: its pieces, lines and JSON within bounds, and a sentence for every status but 200."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError

from components.addresses import Address
from components.remote.limits import Bounds, Server, Watch


def cut_off(base: Address, problem: Exception) -> str:
    if isinstance(problem, TimeoutError) or "timed out" in str(problem).lower():
        return (f"{base.authority} took the question and then said nothing for too long; a large model may still be "
                "loading, so try again, or ask for less.")
    return f"{base.authority} broke the connection off; look at the server, and ask again."


class Answering:
    """An answer under way: its head is here, its body comes in pieces."""

    def __init__(self, server: Server, response: HTTPResponse, bounds: Bounds, watch: Watch) -> None:
        self.base, self._server, self._response = server.base, server, response
        self._bounds, self._watch = bounds, watch
        self._taken = 0
        self.status = int(response.status)
        self.kind = str(response.headers.get("Content-Type", "")).split(";")[0].strip().lower()

    def header(self, name: str) -> str:
        return str(self._response.headers.get(name, ""))

    def pieces(self) -> Iterator[bytes]:
        """The body as it arrives.

        Raises:
            ValueError: it breaks off, takes too long, or is larger than allowed.
            Stopped: the reader has stopped waiting.
        """
        while True:
            self._watch.check()
            try:
                piece = self._response.read1(65_536)
            except (HTTPError, OSError, ValueError) as problem:
                self._watch.check()
                raise ValueError(cut_off(self.base, problem)) from None
            self._watch.check()
            if not piece:
                return
            self._taken += len(piece)
            if self._taken > self._bounds.size:
                raise ValueError(f"The answer of {self.base.authority} is larger than "
                                 f"{self._bounds.size / 1e6:.3g} MB and was left there; ask for less.")
            yield piece

    def whole(self) -> bytes:
        return b"".join(self.pieces())

    def lines(self) -> Iterator[bytes]:
        """The lines of a stream, without their ends; a last line without an end counts."""
        rest = b""
        for piece in self.pieces():
            rest += piece
            *found, rest = rest.replace(b"\r\n", b"\n").split(b"\n")
            yield from found
            if len(rest) > self._bounds.line:
                raise ValueError(f"{self.base.authority} sent a line of a stream that does not end; it was left there.")
        if rest:
            yield rest

    def json(self) -> Any:
        """The whole body as JSON.

        Raises:
            ValueError: HTML, or no JSON.
        """
        return self.parse(self.whole())

    def parse(self, raw: bytes) -> Any:
        """One piece of JSON. `NaN` and `Infinity`, which are no JSON but are sent, come through as floats."""
        if self.kind == "text/html" or raw.lstrip()[:1] == b"<":
            raise ValueError(f"{self.base.authority} answered with a web page instead of data; the address may lack "
                             "/v1, or a login page stands in front.")
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            raise ValueError(f"{self.base.authority} answered with something that is no JSON; check that it is an "
                             "OpenAI-compatible server.") from None

    def refuse(self) -> None:
        """Raise the sentence of every status but 200."""
        status, who = self.status, self.base.authority
        if status == 200:
            return
        if 300 <= status < 400:
            raise ValueError(f"{who} sends the question on to another address ({status}); no redirect is followed, not "
                             "even on the same host. List the final address.")
        if status in (401, 403):
            raise ValueError(f"{who} wants a key, or another one ({status}).")
        if status == 429:
            raise ValueError(f"{who} has too much to do (429); {_wait(self.header('Retry-After'))}.")
        said = self._said()
        if status == 404:
            raise ValueError(f"{who} knows no such model or no such endpoint (404){said}; check the model id and that "
                             "the address ends in /v1.")
        if status in (400, 413, 415, 422):
            raise ValueError(f"{who} does not take this question ({status}){said}; choose the engine that it is, or "
                             "change what is sent.")
        if status >= 500:
            raise ValueError(f"{who} failed by itself ({status}); look at that server's log, then ask again.")
        raise ValueError(f"{who} answered with status {status}, which means nothing here; check the address.")

    def _said(self) -> str:
        """The server's own words on what is wrong, short, free of the key."""
        try:
            raw = b"".join(piece for piece, _ in zip(self.pieces(), range(4), strict=False))[:16_000]
            found = json.loads(raw)
        except (ValueError, RecursionError):
            return ""
        for name in ("error", "message", "detail"):
            while isinstance(found, dict) and name in found:
                found = found[name]
        if not isinstance(found, str) or not found.strip():
            return ""
        words = " ".join("".join(sign if sign.isprintable() else " " for sign in found).split())
        if self._server.key:
            words = words.replace(self._server.key, "(key)")
        return f", it says: {words[:200].rstrip('.')}"


def _wait(header: str) -> str:
    if header.isascii() and header.isdigit() and 0 < int(header[:6]) < 86_400:
        seconds = int(header[:6])
        return f"it asks to wait {seconds} second" + ("" if seconds == 1 else "s")
    return "wait a little, then ask again"
