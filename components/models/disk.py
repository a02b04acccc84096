"""The disk of the cache: its free space, what a folder takes, moving into place, and its errors as sentences."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

from components.models import places
from components.models.sources import FetchError


def folder_size(folder: Path) -> int:
    """Bytes of all files below a folder that may be changing meanwhile."""
    total = 0
    for path, _, files in os.walk(folder):
        for file in files:
            with contextlib.suppress(OSError):  # moved away between listing and asking
                total += os.lstat(os.path.join(path, file)).st_size  # a link is no second copy
    return total


def check_space(needed: int) -> None:
    """Raise a FetchError where the cache's disk has fewer than `needed` bytes free."""
    free = shutil.disk_usage(places.cache()).free
    if free < needed:
        raise FetchError(f"The disk of {places.cache()} has {free / 1e6:.0f} MB free and this needs about "
                         f"{needed / 1e6:.0f} MB for a while; make room, or set LOOKING_GLASS_CACHE to another disk.")


def disk_sentence(problem: OSError) -> str:
    """An error of the file system as a sentence."""
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return (f"The disk of {places.cache()} is full; make room, or set LOOKING_GLASS_CACHE to another disk, "
                "and try again.")
    return (f"The cache folder {places.cache()} cannot be written ({problem.strerror or problem}); "
            "set LOOKING_GLASS_CACHE to a folder of your own.")


def move(source: Path, target: Path) -> None:
    """Put a finished file or folder in its place, over an incomplete one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir():
        shutil.rmtree(target)
    os.replace(source, target)
