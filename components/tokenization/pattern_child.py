"""The other end of `matching.py`: a regular expression over many short texts, in a process that may be ended.

A pattern can run for ever, and it can also ask for all the memory of the machine while it is compiled
(`a{4000000000}`). So it runs here, under a limit of memory and a clock, and this file imports as little as it can.

In: one line of JSON (pattern, seconds, megabytes, lengths), then the texts in UTF-8, one after the other. Out: one
line of JSON (`error`, `done`, `count`), then a byte a text, 1 where it matches.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time


def main() -> None:
    source, out = sys.stdin.buffer, sys.stdout.buffer
    asked = json.loads(source.readline())
    raw = source.read()
    import regex

    if sys.platform != "win32":
        import resource

        limit = asked["megabytes"] << 20
        seconds = int(asked["seconds"]) + 2
        for kind, most in ((resource.RLIMIT_AS, limit), (resource.RLIMIT_CPU, seconds)):
            with contextlib.suppress(ValueError, OSError):  # macOS bounds no memory; the clock still runs
                resource.setrlimit(kind, (most, most))
    end = time.monotonic() + asked["seconds"]
    found = bytearray(len(asked["lengths"]))
    done, error = 0, ""
    try:
        search = regex.compile(asked["pattern"]).search
        start = 0
        for done, length in enumerate(asked["lengths"]):
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            found[done] = search(raw[start:start + length].decode(), timeout=left) is not None
            start += length
    except regex.error as problem:
        error = f"pattern:{problem.msg}"
    except TimeoutError:
        error = "time"
    except (MemoryError, RecursionError, OverflowError):
        error = "memory"
    out.write(json.dumps({"error": error, "done": done, "count": len(found)}).encode() + b"\n" + found)


if __name__ == "__main__":
    main()
