"""Work in a process of its own that is ended when nobody waits for it, or when it takes too long.

Nothing else can stop a library in the middle. What is worked on goes through a pipe and is never on disk.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import IO, Any

from components.models import places
from components.models.processes import end

Said = dict[str, Any]
_POLL = 0.05


def run_apart(
    module: str,
    head: Mapping[str, Any],
    raw: bytes,
    check_wanted: Callable[[], None],
    *,
    seconds: float,
    too_long: str,
    hear: Callable[[Said], None] = lambda said: None,
    overhear: Callable[[bytes], Said | None] | None = None,
    stay: bool = False,
) -> Said:
    """Run `python -m module` and return all that it said: of each key the newest value.

    Args:
        module: it reads one line of JSON and then the bytes, and writes JSON objects, one a line. Other lines are
            passed over, and so is one that was cut off by the process's end.
        head: that line; the number of bytes is added as `length`.
        raw: the bytes.
        check_wanted: called many times a second; when it raises, the process is ended and the exception goes on.
        seconds: how long it may take.
        too_long: the sentence where it takes longer.
        hear: told each object as it comes.
        overhear: makes an object, or None, of each bite of the standard error, which is thrown away without it.
        stay: keep the pipe open when all is sent, so that the process can tell by its closing that it is alone.

    Raises:
        ValueError: `too_long`.
    """
    child = subprocess.Popen([sys.executable, "-m", module], cwd=places.ROOT, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE if overhear else subprocess.DEVNULL,
                             start_new_session=True)
    assert child.stdin
    assert child.stdout
    said: queue.SimpleQueue[Said] = queue.SimpleQueue()
    first = json.dumps({**head, "length": len(raw)}).encode() + b"\n"
    writer = threading.Thread(target=_write, args=(child.stdin, first + raw, stay), daemon=True)
    readers = [threading.Thread(target=_listen, args=(child.stdout, said), daemon=True)]
    if overhear and child.stderr:
        readers.append(threading.Thread(target=_overhear, args=(child.stderr, overhear, said), daemon=True))
    began = time.monotonic()
    every: Said = {}
    try:
        for thread in (writer, *readers):
            thread.start()
        # The process is over for us once its ends are closed and all that it said is read.
        while any(thread.is_alive() for thread in readers) or not said.empty():
            check_wanted()
            if time.monotonic() - began > seconds:
                raise ValueError(too_long)
            try:
                heard = said.get(timeout=_POLL)
            except queue.Empty:
                continue
            every.update(heard)
            hear(heard)
    finally:
        end(child)
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream:
                with contextlib.suppress(OSError):  # unsent bytes for a process that was ended
                    stream.close()
    return every


def _write(stream: IO[bytes], raw: bytes, stay: bool) -> None:
    with contextlib.suppress(OSError):  # it was ended before it had read all
        stream.write(raw)
        stream.flush()
        if not stay:
            stream.close()


def _listen(stream: IO[bytes], said: queue.SimpleQueue[Said]) -> None:
    for line in stream:
        with contextlib.suppress(ValueError):  # a line that was cut off by the end of the process
            found = json.loads(line)
            if isinstance(found, dict):
                said.put(found)


def _overhear(stream: IO[bytes], what: Callable[[bytes], Said | None], said: queue.SimpleQueue[Said]) -> None:
    while bite := stream.read1(1 << 16):  # type: ignore[attr-defined]
        if found := what(bite):
            said.put(found)
