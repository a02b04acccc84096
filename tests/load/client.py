"""A reader without a browser: speaks Streamlit's own protocol over a websocket.

Opens a page, moves a knob by its key, waits until the script has finished, and says how long that took. Thirty of
them cost the machine next to nothing, so what is measured is the server.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect


@dataclass
class Client:
    """One reader on one page. `widgets` maps each key seen to its element id, `texts` what the page says."""

    url: str
    page: str
    query: str = ""
    socket: ClientConnection | None = None
    widgets: dict[str, str] = field(default_factory=dict)
    states: dict[str, WidgetState] = field(default_factory=dict)
    exceptions: list[str] = field(default_factory=list)
    components: dict[str, bytes] = field(default_factory=dict)
    received: int = 0

    async def open(self) -> Client:
        address = self.url.replace("http://", "ws://") + "/_stcore/stream"
        self.socket = await connect(
            address, subprotocols=["streamlit"], max_size=200_000_000, open_timeout=60, ping_timeout=None,  # type: ignore[list-item]
        )
        await self.rerun()
        return self

    async def close(self) -> None:
        if self.socket:
            await self.socket.close()

    async def rerun(self, **knobs: Any) -> float:
        """Rerun the page's script with these widget values (by key); seconds until it has finished."""
        assert self.socket is not None
        for key, value in knobs.items():
            state = WidgetState(id=self.widgets[key])
            if isinstance(value, bool):
                state.bool_value = value
            elif isinstance(value, (int, float)):
                state.double_array_value.data.append(value)
            elif isinstance(value, str):
                state.string_value = value
            else:
                raise TypeError(f"no way to send {type(value).__name__}")
            self.states[state.id] = state
        message = BackMsg()
        message.rerun_script.query_string = self.query
        message.rerun_script.page_name = "" if self.page == "home" else self.page
        message.rerun_script.widget_states.widgets.extend(self.states.values())
        start = time.perf_counter()
        await self.socket.send(message.SerializeToString())
        await self._finished()
        return time.perf_counter() - start

    async def _finished(self) -> None:
        assert self.socket is not None
        while True:
            raw = await asyncio.wait_for(self.socket.recv(), 240)
            assert isinstance(raw, bytes)
            self.received += len(raw)
            message = ForwardMsg.FromString(raw)
            kind = message.WhichOneof("type")
            if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                self._see(message.delta.new_element)
            elif kind == "script_finished" and message.script_finished in (
                ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
            ):
                return
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                raise AssertionError(f"the script ended with {message.script_finished}")

    def _see(self, element: Any) -> None:
        kind = element.WhichOneof("type")
        body = getattr(element, kind)
        if kind == "exception":
            self.exceptions.append(f"{body.type}: {body.message}")
        identity = getattr(body, "id", "") or ""
        if identity.startswith("$$ID-"):
            self.widgets[identity.split("-", 2)[2]] = identity
        if kind == "bidi_component":
            self.components[body.component_name] = bytes(body.bytes)


def run(coroutine: Any) -> Any:
    """Run it in a thread of its own: Playwright keeps an event loop running in the thread of the tests."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
