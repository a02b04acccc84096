"""Training in a process of its own, which is ended when nobody waits for it any more.

Nothing else can stop the library in the middle of a training. The text goes through a pipe and is never on disk.
"""

from __future__ import annotations

import contextlib
import json
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import IO, Any

from components.models import places
from components.models.fetching import end
from components.tokenization.training import Recipe, Report, Trained, check

SECONDS, MEGABYTES = 300.0, 3_000
"""A training that takes longer, or more memory, is ended with a sentence."""
_POLL = 0.05
_PROGRESS = re.compile(rb'"current":(\d+),"total":(\d+)\}\s*$')


def train_apart(recipe: Recipe, text: str, report: Report, check_wanted: Callable[[], None], *,
                seconds: float = SECONDS) -> Trained:
    """Train as `training.train` does, in a process of its own.

    Args:
        report: told the share that is done (None where it cannot be told) and the stage.
        check_wanted: called many times a second; when it raises, the process is ended and the exception goes on.
        seconds: how long the training may take.

    Raises:
        ValueError: as `training.train`, and when the time or the memory was not enough.
    """
    recipe = check(recipe, text)
    raw = text.encode("utf-8")
    head = {"recipe": asdict(recipe), "length": len(raw), "megabytes": MEGABYTES}
    child = subprocess.Popen([sys.executable, "-m", "components.tokenization.training_child"], cwd=places.ROOT,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             start_new_session=True)
    said: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threads = [threading.Thread(target=work, args=arguments, daemon=True) for work, arguments in (
        (_write, (child.stdin, json.dumps(head).encode() + b"\n" + raw)), (_listen, (child.stdout, said)),
        (_overhear, (child.stderr, said)))]
    began = time.monotonic()
    last: dict[str, Any] = {}
    report(0.0, "starting")
    try:
        for thread in threads:
            thread.start()
        # The process is over for us once both of its ends are closed and all that it said is read.
        while any(thread.is_alive() for thread in threads[1:]) or not said.empty():
            check_wanted()
            if time.monotonic() - began > seconds:
                raise ValueError(f"This training took more than {seconds:g} seconds and was ended; give it less "
                                 "text, or choose a pre-tokeniser that cuts the text.")
            try:
                heard = said.get(timeout=_POLL)
            except queue.Empty:
                continue
            last.update(heard)
            if "stage" in heard:
                report(heard["fraction"], heard["stage"])
    finally:
        end(child)
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream:
                with contextlib.suppress(OSError):  # unsent text of a process that was ended
                    stream.close()
    if "trained" in last:
        return Trained.from_json(json.dumps(last["trained"]))
    raise ValueError(str(last.get("error") or "The training ended before it was done, perhaps for want of memory; "
                         "give it less text or a smaller vocabulary."))


def _write(stream: IO[bytes], raw: bytes) -> None:
    # The stream stays open: the process takes its closing for the sign that it is alone.
    with contextlib.suppress(OSError):  # it was ended before it had read all
        stream.write(raw)
        stream.flush()


def _listen(stream: IO[bytes], said: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in stream:
        with contextlib.suppress(ValueError):  # a line that was cut off by the end of the process
            found = json.loads(line)
            if isinstance(found, dict):
                said.put(found)


def _overhear(stream: IO[bytes], said: queue.SimpleQueue[dict[str, Any]]) -> None:
    """The library's own progress, thousands of lines of it: the newest one in each bite is enough."""
    while bite := stream.read1(1 << 16):  # type: ignore[attr-defined]
        if found := _PROGRESS.search(bite):
            done, total = int(found[1]), max(1, int(found[2]))
            if total > 1 and b'"Compute merges"' in bite[-200:]:
                said.put({"fraction": 0.2 + 0.4 * min(1.0, done / total),
                          "stage": f"learning, {done:,} of {total:,} entries"})
