"""Whom to ask and how long at most, and the watch that ends a connection from outside."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from urllib3.connection import HTTPConnection

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
