"""The snippet of "Train your own", run as a reader would run it, gives the panel's numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from components import corpora
from components.tokenization import Recipe, train, training
from components.views.tokenizer.training_snippet import snippet
from tests.conftest import ROOT
from tests.snippets.fresh import run


@pytest.mark.parametrize(("recipe", "source", "near"), [
    (Recipe("bpe", 900), "encyclopedia", 0),
    (Recipe("bpe", 700, "gpt4", "nfc"), "messages", 0),
    (Recipe("bpe", 700, "none"), "own", 0),
    (Recipe("wordpiece", 900), "messages", 0.01),
    (Recipe("wordpiece", 2_500, "spaces", "lowercase"), "parallel", 0.01),
    (Recipe("unigram", 700), "encyclopedia", 0.001),
])
def test_the_snippet_gives_the_panels_numbers(recipe: Recipe, source: str, near: float, tmp_path: Path) -> None:
    texts = {"encyclopedia": list(corpora.bundled("encyclopedia").texts), "own": [],
             "messages": list(corpora.bundled("messages").texts),
             "parallel": [one.text for one in corpora.parallel()]}[source]
    text = "\n".join(training.even_sample(texts, training.MAX_BYTES[recipe.algorithm]))
    if source == "own":
        text = "\r\n".join(corpora.bundled("messages").texts[:200]) + "\n"
        (tmp_path / "my_text.txt").write_bytes(text.encode())
    one = train(recipe, text)
    code = snippet(one, source, texts).replace('"assets/corpora', f'"{ROOT}/assets/corpora')
    (got,) = run([code], ("size", "bytes_per_token"), cwd=tmp_path)
    assert got["size"] == one.size
    assert got["bytes_per_token"] == pytest.approx(one.points[-1].held, rel=near or 1e-12)
    assert (tmp_path / "tokenizer.json").is_file()
