"""For the processes that work on a reader's text or file: they give way to others, and their memory has a bound."""

from __future__ import annotations

import contextlib
import os
import sys


def be_modest(megabytes: int) -> None:
    """Give way to the readers' other work, and use no more memory than was allowed. Called by a process of its own."""
    if sys.platform == "win32":
        return
    import resource

    os.nice(5)
    with contextlib.suppress(ValueError, OSError):  # macOS bounds no memory; the clock still runs
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
