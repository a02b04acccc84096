"""Looking Glass: everything behind the pages, usable from a notebook without Streamlit."""

from __future__ import annotations

import os

# numba reads this when it is first imported, and bm25s may be the one who does. Code for a generic processor gives the
# same map of topics on every machine of one kind (components/topics/reduction.py); the loss in speed is not measurable.
os.environ.setdefault("NUMBA_CPU_NAME", "generic")
