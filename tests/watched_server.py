"""`streamlit run`, with one addition: on SIGUSR1 it writes the names of all imported modules to a file.

python tests/watched_server.py FILE app.py --server.port ...
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType

from streamlit.web import cli

if __name__ == "__main__":
    target = Path(sys.argv.pop(1))

    def write(number: int, frame: FrameType | None) -> None:
        part = target.with_suffix(".part")
        part.write_text("\n".join(sorted(sys.modules)), "utf-8")
        part.replace(target)

    signal.signal(signal.SIGUSR1, write)
    sys.argv = ["streamlit", "run", *sys.argv[1:]]
    sys.exit(cli.main())
