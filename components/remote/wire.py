"""One request to one allowed server: a checked connection, a bounded answer, and a sentence for all that goes wrong.

The connection is made to a number that was checked, not to a name that could meanwhile lead elsewhere; TLS still
proves the name. No redirect is followed, no proxy is used, nothing is tried twice, nothing is logged.
"""

from __future__ import annotations

import contextlib
import json
import ssl
from collections.abc import Callable, Iterator
from http.client import HTTPException
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from components import addresses
from components.addresses import Address
from components.remote.limits import BOUNDS, Bounds, Server, Watch
from components.remote.reply import Answering, cut_off


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
            raise ValueError(cut_off(server.base, problem)) from None
        except HTTPException:  # a head that is no HTTP
            watch.check()
            raise ValueError(f"{server.base.authority} answered with something that is not HTTP; check the "
                             "port.") from None
        yield Answering(server, response, bounds, watch)
    finally:
        watch.end()
        for one in (response, connection):
            if one is not None:
                one.close()
