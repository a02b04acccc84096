"""Training in a process of its own: the same result, ended in the middle, and every way it can fail as a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import asdict
from typing import Any

import psutil
import pytest

from components import corpora
from components.models import places
from components.tokenization import Recipe, train, train_apart, training_process
from components.workshop import Cancelled

TEXT = "\n".join(corpora.bundled("encyclopedia").texts)[:60_000]


def nothing(*_: Any) -> None:
    """Hears and says nothing."""


def test_the_process_gives_what_training_here_gives() -> None:
    told: list[tuple[float | None, str]] = []
    one = train_apart(Recipe("bpe", 700), TEXT, lambda share, stage: told.append((share, stage)), nothing)
    here = train(Recipe("bpe", 700), TEXT)
    assert (one.file, one.points, one.first, one.last, one.note) == (
        here.file, here.points, here.first, here.last, here.note)
    shares = [share for share, _ in told if share is not None]
    assert shares[0] == 0
    assert shares[-1] == 1
    # The library's own count of merges is held below: a text this small may be learnt before the first is told.


@pytest.mark.parametrize(("recipe", "length", "middle"), [
    (Recipe("bpe", 30_000), 4_000_000, "learning, "),  # the library's own count: its training is under way
    (Recipe("unigram", 300), 190_000, "learning"),
])
def test_cancel_ends_the_process_in_the_middle(recipe: Recipe, length: int, middle: str) -> None:
    """The text is long enough to be at it for seconds; the process is gone when the exception arrives."""
    learning, seen = threading.Event(), set()

    def report(share: float | None, stage: str) -> None:
        if stage.startswith(middle):
            seen.update(_children())
            learning.set()

    def wanted() -> None:
        if learning.is_set():
            raise Cancelled("nobody waits")

    text = ("\n".join(corpora.bundled("messages").texts) * 20)[:length]
    with pytest.raises(Cancelled):
        train_apart(recipe, text, report, wanted)
    assert len(seen) == 1, "it was at work"
    assert not _children(), "a process is left behind"


def _children() -> set[int]:
    return {one.pid for one in psutil.Process().children() if "training_child" in " ".join(one.cmdline())}


def test_what_is_wrong_comes_back_as_a_sentence() -> None:
    with pytest.raises(ValueError, match="Nothing of this text is left"):
        train_apart(Recipe("wordpiece"), "\1\2\3" * 100, nothing, nothing)


def test_a_training_that_takes_too_long_is_ended() -> None:
    with pytest.raises(ValueError, match=r"took more than 0\.01 seconds and was ended; give it less text"):
        train_apart(Recipe("bpe"), TEXT, nothing, nothing, seconds=0.01)
    assert not _children()


def test_a_training_without_memory_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_process, "MEGABYTES", 60)  # less than the libraries alone need
    with pytest.raises(ValueError, match=r"memory.*give it less text or a smaller vocabulary"):
        train_apart(Recipe("bpe"), TEXT, nothing, nothing)


def test_a_process_that_dies_is_a_sentence() -> None:
    """As when the system ends it for want of memory."""
    def report(share: float | None, stage: str) -> None:
        for child in _children():
            psutil.Process(child).kill()

    with pytest.raises(ValueError, match="ended before it was done, perhaps for want of memory; give it less text"):
        train_apart(Recipe("bpe"), TEXT, report, nothing)


def test_the_process_leaves_when_the_one_that_started_it_is_gone() -> None:
    """As when the server is killed: the pipe closes, and nobody would ever read the result."""
    child = subprocess.Popen([sys.executable, "-m", "components.tokenization.training_child"], cwd=places.ROOT,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    raw = TEXT.encode()
    head = {"recipe": asdict(Recipe("bpe", 700)), "length": len(raw), "megabytes": 3_000}
    assert child.stdin is not None
    child.stdin.write(json.dumps(head).encode() + b"\n" + raw)
    child.stdin.close()
    assert child.wait(30) == 3
