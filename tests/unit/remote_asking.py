"""Asking the imitation of another engine, with bounds that a busy machine never meets by chance."""

from __future__ import annotations

from typing import Any

from components import remote, settings
from components.remote import Bounds, Question, RemoteAnswer
from tests.imitation_server import Imitation, Play

KEY = "sk-very-secret-0123456789"
# Long enough that a busy machine never meets a limit that is not the test's own.
AMPLE = Bounds(connect_s=20, read_s=20, total_s=60, size=300_000, line=50_000)
IMPATIENT = Bounds(connect_s=20, read_s=0.3, total_s=60)  # with a server that says nothing more
SHORT = Bounds(connect_s=20, read_s=20, total_s=0.7)  # with a server that drips



def where(address: str, key: str = "") -> remote.Server:
    environ = {"LOOKING_GLASS_REMOTE": address, **({"LOOKING_GLASS_REMOTE_KEY": key} if key else {})}
    return remote.server(address, settings.read(environ))


def ask(server: Imitation, play: Play, *, chat_: bool = True, top: int = 2, key: str = "", bounds: Bounds = AMPLE,
        **more: Any) -> RemoteAnswer:
    server.play = play
    server.asked.clear()
    server.gone.clear()
    return remote.ask(where(server.address, key), Question("m", "Count", chat=chat_, top=top), bounds=bounds, **more)


def status(code: int, body: Any = None, **headers: str) -> Play:
    return lambda handler: handler.send(code, body if body is not None else {}, **headers)
