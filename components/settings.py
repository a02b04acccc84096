"""What an operator sets: environment variables named `LOOKING_GLASS_...`, read and checked in one place.

Every variable has a safe default, so an empty environment is a valid one. A value that cannot be used is a
`ValueError` whose sentence says what is wrong and what to write instead.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from components import addresses
from components.addresses import Address

PREFIX = "LOOKING_GLASS_"
NAMES = ("CACHE", "MODEL", "FETCH", "MEMORY_MB", "REMOTE", "REMOTE_KEY", "PRIVATE_RANGES")
SECRET = ("REMOTE_KEY",)  # told to nobody, only whether they are set


@dataclass(frozen=True)
class Remote:
    """A server that readers may ask. `key` is never shown: not in `repr`, a sentence, a log or a browser.

    Attributes:
        base: its address.
        model: the model id to ask for; empty for whatever the reader or the server names.
        key: sent as `Authorization: Bearer ...`; empty for none.
    """

    base: Address
    model: str = ""
    key: str = field(default="", repr=False)


@dataclass(frozen=True)
class Settings:
    """The operator's choices.

    Attributes:
        cache: folder for fetched and converted models (it need not exist yet).
        model: what the pages open on: `"auto"`, or the catalog id of a model that writes text.
        fetch: whether readers may start downloads from the picker.
        memory_mb: resident memory in megabytes above which no further model is loaded; None for no limit.
        remote: servers that readers may ask, see `components.remote`.
        private_ranges: whether such servers may lie in private networks; this very machine always may.
    """

    cache: Path
    model: str = "auto"
    fetch: bool = True
    memory_mb: int | None = None
    remote: tuple[Remote, ...] = ()
    private_ranges: bool = False


def default_cache(environ: Mapping[str, str] = os.environ) -> Path:
    """The platform's user cache folder for this app."""
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        xdg = environ.get("XDG_CACHE_HOME", "")
        base = Path(xdg) if os.path.isabs(xdg) else Path.home() / ".cache"
    return base / "looking-glass"


def read(environ: Mapping[str, str]) -> Settings:
    """Read the settings out of `environ`; a missing or empty variable takes its default.

    Raises:
        ValueError: a sentence that names the variable, its value and what may stand there.
    """
    def text(name: str) -> str:
        return environ.get(PREFIX + name, "").strip()

    return Settings(
        cache=_cache(text("CACHE"), environ),
        model=_model(text("MODEL")),
        fetch=_switch("FETCH", text("FETCH"), default=True),
        memory_mb=_megabytes("MEMORY_MB", text("MEMORY_MB")),
        remote=_remote(text("REMOTE"), text("REMOTE_KEY")),
        private_ranges=_switch("PRIVATE_RANGES", text("PRIVATE_RANGES"), default=False),
    )


def get() -> Settings:
    """The settings of this process's environment as it is now (the same object while nothing changed)."""
    # Only these variables decide the result, so they are the key of the cache.
    names = [*(PREFIX + name for name in NAMES), "XDG_CACHE_HOME", "LOCALAPPDATA"]
    return _read_cached(tuple((name, os.environ[name]) for name in names if name in os.environ))


@functools.lru_cache(maxsize=8)
def _read_cached(items: tuple[tuple[str, str], ...]) -> Settings:
    return read(dict(items))


def describe() -> list[dict[str, str]]:
    """One row a setting for `doctor` and the README: `name`, `values`, `default`, `meaning`, `now`."""
    rows = [
        {"name": "CACHE", "values": "a folder", "default": "the user's cache folder, `looking-glass`",
         "meaning": "where fetched and converted models are kept"},
        {"name": "MODEL", "values": "`auto`, `storyteller`, `smollm2`, a catalog id", "default": "`auto`",
         "meaning": "what the pages open on; `auto` is SmolLM2 where it is here, else storyteller"},
        {"name": "FETCH", "values": "`on`, `off`", "default": "`on`",
         "meaning": "whether readers may start downloads from the picker"},
        {"name": "MEMORY_MB", "values": "a number", "default": "none",
         "meaning": "above this much resident memory no further model is loaded, with the reason"},
        {"name": "REMOTE", "values": "base URLs with commas between, each with `#model-id` if you like",
         "default": "none", "meaning": "servers that readers may ask on the page Sampling, and no others"},
        {"name": "REMOTE_KEY", "values": "a key for each of them in the same order, `none` for one without",
         "default": "none", "meaning": "sent to that server alone, shown to nobody"},
        {"name": "PRIVATE_RANGES", "values": "`on`, `off`", "default": "`off`",
         "meaning": "whether those servers may lie in private networks; this very machine always may"},
    ]
    for row in rows:
        now = os.environ.get(PREFIX + row["name"], "")
        hidden = row["name"] in SECRET or "@" in now  # someone may have put a password into an address
        row["now"] = ("(set)" if hidden else now) if now else "(default)"
        row["name"] = PREFIX + row["name"]
    return rows


def _cache(value: str, environ: Mapping[str, str]) -> Path:
    if not value:
        return default_cache(environ)
    folder = Path(value).expanduser()
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{PREFIX}CACHE is {value!r}, which is a file; name a folder, or leave it empty.")
    return folder.absolute()


def _model(value: str) -> str:
    if value in ("", "auto"):
        return "auto"
    from components.models import catalog  # the catalog is data only, and needed for this check alone

    choices = [entry.id for entry in catalog.of_kind("decoder")]
    if value not in choices:
        raise ValueError(f"{PREFIX}MODEL is {value!r}, which is no model that writes text; "
                         f"use auto or one of {', '.join(choices)}.")
    return value


def _switch(name: str, value: str, *, default: bool) -> bool:
    if not value:
        return default
    if value.lower() not in ("on", "off"):
        raise ValueError(f"{PREFIX}{name} is {value!r}; write on or off.")
    return value.lower() == "on"


def _megabytes(name: str, value: str) -> int | None:
    if not value:
        return None
    if not (value.isascii() and value.isdigit()) or int(value) == 0:
        raise ValueError(f"{PREFIX}{name} is {value!r}; write a whole number of megabytes above 0, such as 2000.")
    return int(value)


def _remote(value: str, keys: str) -> tuple[Remote, ...]:
    """The listed servers. No sentence repeats what stands before an @ or in REMOTE_KEY: it may be a secret."""
    listed = [item for item in value.replace(",", " ").split() if item]
    given = [item for item in keys.replace(",", " ").split() if item]
    # A key for one server must never reach another, so none is shared or guessed.
    if len(given) not in (0, len(listed)):
        raise ValueError(f"{PREFIX}REMOTE_KEY holds {len(given)} keys for {len(listed)} addresses in {PREFIX}REMOTE; "
                         "write one for each, in the same order, and none for an address without.")
    found = []
    for place, item in enumerate(listed):
        base, _, model = item.partition("#")
        key = given[place] if given else ""
        key = "" if key.lower() == "none" else key
        if not key.isascii() or not key.isprintable():
            raise ValueError(f"{PREFIX}REMOTE_KEY holds a key with a sign that no key has; copy it again.")
        try:
            found.append(Remote(addresses.parse(base), model, key))
        except ValueError as problem:
            shown = f"Entry {place + 1}" if "@" in item else repr(item)
            raise ValueError(f"{PREFIX}REMOTE: {shown} cannot be used. {problem}") from None
    if len({remote.base for remote in found}) < len(found):
        raise ValueError(f"{PREFIX}REMOTE names the same address twice; list each once.")
    return tuple(found)
