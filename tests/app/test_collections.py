"""The pickers of Search and Topics name the shipped collections in plain words, with counts that are so."""

from __future__ import annotations

import re

import pytest

from components import corpora
from components.views.collections import NAMES


@pytest.mark.parametrize("name", list(corpora.BUNDLED))
def test_counts_are_true(name: str) -> None:
    said = int(re.match(r"[\d,]+", NAMES[name])[0].replace(",", ""))
    have = len(corpora.bundled(name))
    assert said <= have < said + 100, f"{NAMES[name]}, and there are {have:,}"
