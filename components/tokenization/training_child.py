"""The other end of `training_process.py`: trains one tokenizer in a process that may be ended at any moment.

In: one line of JSON (the recipe, and the text's length in bytes), then the text; the pipe stays open as long as
somebody waits. Out, one JSON object a line: `fraction` and `stage`; in the end `trained`, or `error`, a sentence. The
library's own progress goes to the standard error. Nothing is written to disk.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any, BinaryIO

from components.tokenization.modest import be_modest


def main() -> int:
    """Train what is asked for on the standard input."""
    source = sys.stdin.buffer
    asked = json.loads(source.readline())
    text = source.read(asked["length"]).decode("utf-8")
    threading.Thread(target=_leave_when_alone, args=(source,), daemon=True).start()
    be_modest(asked["megabytes"])
    from components.tokenization.training import Recipe, train

    def say(**what: Any) -> None:
        print(json.dumps(what), flush=True)

    try:
        done = train(Recipe(**asked["recipe"]), text, lambda share, stage: say(fraction=share, stage=stage), speak=True)
    except ValueError as problem:
        say(error=str(problem))
        return 1
    except MemoryError:
        say(error="This training needs more memory than it may use; give it less text or a smaller vocabulary.")
        return 1
    print('{"trained": ' + done.as_json() + "}", flush=True)
    return 0


def _leave_when_alone(source: BinaryIO) -> None:
    """End this process when the one that started it is gone: then its end of the pipe is closed."""
    source.read(1)
    os._exit(3)


if __name__ == "__main__":
    sys.exit(main())
