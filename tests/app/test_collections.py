"""The pickers of Search and Topics name the shipped collections in plain words, with counts that are so."""

from __future__ import annotations

import re

import pytest

from components import corpora
from components.views.collections import NAMES
from tests.conftest import app_test


@pytest.mark.parametrize("name", list(corpora.BUNDLED))
def test_counts_are_true(name: str) -> None:
    said = int(re.match(r"[\d,]+", NAMES[name])[0].replace(",", ""))
    have = len(corpora.bundled(name))
    assert said <= have < said + 100, f"{NAMES[name]}, and there are {have:,}"


@pytest.mark.parametrize(("page", "other"), [("search", "messages"), ("topics", "encyclopedia")])
def test_an_address_takes_the_name_or_the_words(page: str, other: str) -> None:
    key = f"{page}_corpus"
    for words in (other, NAMES[other]):
        test = app_test(page, **{key: words})
        assert test.selectbox(key=key).value == other
        assert not test.exception
