"""One request to one allowed server: a checked connection, a bounded answer, and a sentence for all that goes wrong.

The connection is made to a number that was checked, not to a name that could meanwhile lead elsewhere; TLS still
proves the name. No redirect is followed, no proxy is used, nothing is tried twice, nothing is logged.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from components import addresses
from components.addresses import Address

LOOK_EVERY = 0.05  # seconds between two looks at whether the reader still waits


@dataclass(frozen=True)
class Bounds:
    """How long and how much at most.

    Attributes:
        connect_s: until the connection stands.
        read_s: between two pieces of an answer; a large model on a slow machine needs some time for its first token.
        total_s: for the whole answer, so that a server that drips ends too.
        size: bytes of the whole answer.
        line: bytes of one line of a stream.
    """

    connect_s: float = 5.0
    read_s: float = 60.0
    total_s: float = 300.0
    size: int = 20_000_000
    line: int = 2_000_000


BOUNDS = Bounds()


@dataclass(frozen=True)
class Server:
    """Whom to ask, with what is needed for it. The key appears in no `repr`, sentence or log.

    Attributes:
        base: its address, from the allow-list.
        key: sent as a bearer token; empty for none.
        private: whether addresses in private networks may be reached.
        resolver: in place of `socket.getaddrinfo`.
        tls: in place of the system's certificates.
    """

    base: Address
    key: str = ""
    private: bool = False
    resolver: addresses.Resolver | None = None
    tls: ssl.SSLContext | None = None

    def __repr__(self) -> str:
        return f"Server({self.base.url})"

    def target(self, endpoint: str) -> str:
        """The path of an endpoint such as `chat/completions`; `/v1` is added where the base address lacks it."""
        path = self.base.path if self.base.path.endswith("/v1") else f"{self.base.path}/v1"
        return f"{path}/{endpoint}"


class Stopped(Exception):
    """The reader has stopped waiting."""


class Watch(threading.Thread):
    """Ends a connection from outside once the reader stops or the time is over, also in the middle of a read."""

    def __init__(self, cancelled: Callable[[], bool], seconds: float) -> None:
        super().__init__(daemon=True, name="remote-watch")
        self.cancelled, self.deadline = cancelled, time.monotonic() + seconds
        self.stopped = self.late = False
        self.connection: HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            # A finished head takes the socket out of the connection, so it is noted while it is there.
            found = self.connection.sock if self.connection is not None else None
            self._socket = found or self._socket
            self.stopped = self.stopped or self.cancelled()
            self.late = self.late or time.monotonic() > self.deadline
            if (self.stopped or self.late) and self._socket is not None:
                # The plain socket's own call: an encrypted one's would take away what the reading thread uses.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def note(self, connection: HTTPConnection) -> None:
        self.connection, self._socket = connection, connection.sock

    def end(self) -> None:
        self._over.set()

    def check(self) -> None:
        if self.stopped or self.cancelled():
            self.stopped = True
            raise Stopped
        if self.late or time.monotonic() > self.deadline:
            self.late = True
            raise ValueError("The answer took longer than allowed; ask for fewer tokens, or look at the server.")


def _connect(server: Server, bounds: Bounds, watch: Watch) -> HTTPConnection:
    base = server.base
    numbers = addresses.resolve(base, private=server.private, resolver=server.resolver)
    trouble: Exception | None = None
    for number in numbers:
        if server.key and base.scheme == "http" and addresses.public(number):
            raise ValueError(f"{base.authority} is asked without encryption, so the key could be read on the way; use "
                             "an https:// address.")
        watch.check()
        connection: HTTPConnection
        if base.scheme == "https":
            connection = HTTPSConnection(number, base.port, timeout=bounds.connect_s, server_hostname=base.host,
                                         ssl_context=server.tls or ssl.create_default_context())
        else:
            connection = HTTPConnection(number, base.port, timeout=bounds.connect_s)
        watch.connection = connection
        try:
            connection.connect()
            peer = str(connection.sock.getpeername()[0])
            if peer != number:
                raise ValueError(f"{base.host} led to {peer}, which was not the address that was checked.")
        except (HTTPError, OSError) as problem:
            connection.close()
            trouble = problem
            continue
        watch.note(connection)
        connection.timeout = bounds.read_s
        return connection
    watch.check()
    raise ValueError(_unreached(base, trouble)) from None


def _unreached(base: Address, trouble: Exception | None) -> str:
    causes: list[BaseException] = []
    one: BaseException | None = trouble
    while one is not None and one not in causes:
        causes.append(one)
        one = one.__cause__ or one.__context__
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (f"{base.authority} could not prove that it is who it says: {cause.verify_message}. Use a server "
                    "with a valid certificate for this name.")
        if isinstance(cause, ssl.SSLError):
            return f"{base.authority} speaks no usable TLS; check https:// against http:// and the port."
        if isinstance(cause, ConnectionRefusedError):
            return f"Nothing listens at {base.authority}; start the server, or check the port."
        if isinstance(cause, TimeoutError):
            return f"{base.authority} did not answer the door in time; check that the server runs and can be reached."
    return f"{base.authority} could not be reached; check that the server runs and can be reached from here."


@contextlib.contextmanager
def open_answer(
    server: Server, method: str, endpoint: str, body: dict[str, Any] | None = None, *, bounds: Bounds = BOUNDS,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Answering]:
    """Send one request and read its answer inside the block. The connection ends with the block.

    Raises:
        ValueError: a sentence on what went wrong up to the answer's head.
        Stopped: `cancelled()` came true.
    """
    watch = Watch(cancelled, bounds.total_s)
    watch.start()
    connection = response = None
    try:
        connection = _connect(server, bounds, watch)
        headers = {"Host": server.base.authority, "Accept": "text/event-stream, application/json",
                   "Accept-Encoding": "identity", "User-Agent": "looking-glass", "Connection": "close"}
        if server.key:
            headers["Authorization"] = f"Bearer {server.key}"
        raw = None
        if body is not None:
            raw = json.dumps(body, ensure_ascii=True, allow_nan=False).encode("ascii")
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, server.target(endpoint), body=raw, headers=headers, preload_content=False,
                               decode_content=False)
            response = connection.getresponse()
        except (HTTPError, OSError, ValueError) as problem:
            watch.check()
            raise ValueError(_cut(server.base, problem)) from None
        except Exception:  # http.client's own family: a head that is no HTTP
            watch.check()
            raise ValueError(f"{server.base.authority} answered with something that is not HTTP; check the "
                             "port.") from None
        yield Answering(server, response, bounds, watch)
    finally:
        watch.end()
        for one in (response, connection):
            if one is not None:
                one.close()


def _cut(base: Address, problem: Exception) -> str:
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
                raise ValueError(_cut(self.base, problem)) from None
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
