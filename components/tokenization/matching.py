"""A reader's regular expression over many short texts, bounded in time and memory.

The `regex` package has a clock for a match, but compiling has none, and neither has a bound on memory. So the pattern
runs in a process of its own (`pattern_child.py`) that is ended when its time is over.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

#: Characters of a pattern; seconds for all texts together; megabytes of the process.
LONGEST_PATTERN, SECONDS, MEGABYTES = 200, 2.0, 400
#: Seconds more for the process to begin, on a busy machine.
_GRACE = 4.0
_CHILD = Path(__file__).with_name("pattern_child.py")


def matching(pattern: str, texts: Sequence[str], *, seconds: float = SECONDS) -> NDArray[np.bool_]:
    """In which texts the pattern is found: bool [text].

    Args:
        pattern: in the syntax of the `regex` package, at most 200 characters; `^` and `$` are the ends of a text.
        seconds: for all texts together.

    Raises:
        ValueError: the pattern is too long, is none, takes too long, or needs too much memory.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"The regular expression has {len(pattern)} characters, and the limit is {LONGEST_PATTERN}; "
                         "shorten it.")
    raw = [text.encode("utf-8") for text in texts]
    head = {"pattern": pattern, "seconds": seconds, "megabytes": MEGABYTES, "lengths": [len(one) for one in raw]}
    try:
        child = subprocess.run([sys.executable, "-I", str(_CHILD)], capture_output=True, timeout=seconds + _GRACE,
                               input=json.dumps(head).encode() + b"\n" + b"".join(raw), check=False)
    except subprocess.TimeoutExpired:
        raise ValueError(_too_long(seconds, "It had not even been read to its end")) from None
    if child.returncode or not child.stdout:
        raise ValueError("This regular expression needs too much memory or time; use smaller numbers of repeats.")
    line, _, found = child.stdout.partition(b"\n")
    said = json.loads(line)
    if said["error"] == "time":
        raise ValueError(_too_long(seconds, f"It had read {said['done']:,} of {said['count']:,} entries"))
    if said["error"] == "memory":
        raise ValueError("This regular expression needs too much memory; use smaller numbers of repeats.")
    if said["error"]:
        raise ValueError(f"This is no regular expression ({said['error'].removeprefix('pattern:')}); "
                         "put a backslash before signs that are meant as they stand.")
    return np.frombuffer(found, np.uint8).astype(np.bool_)


def _too_long(seconds: float, far: str) -> str:
    return (f"This regular expression takes too long: {far} after {seconds:g} seconds; make it simpler, for example "
            "without a repeat inside a repeat.")
