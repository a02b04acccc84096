"""Entries of the Hugging Face Hub: downloaded by huggingface_hub in a process of its own, then held to what came first.

Only safetensors, JSON and tokenizer files at the top of a repository are taken. Every file is checked against the hash
that the Hub states for it; commit and SHA-256 of the first download are recorded, and a later download has to match
them, even after the files were removed.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from components.models import fetching, places
from components.models.catalog import Entry, Hub
from components.models.sources import FetchCancelled, FetchError, Progress

#: Nothing moved for this long: the server hangs. Longer than the library's own waits for one answer.
STALL_SECONDS = 60.0
ANSWER_SECONDS = 15


def fetch(entry: Entry, source: Hub, partial: Path, progress: Progress, cancelled: Callable[[], bool]) -> None:
    """Download an entry from the Hub and record its commit and hashes; see `sources.fetch`.

    Raises:
        FetchError: one sentence.
    """
    record = places.read_json(places.record_file(entry.id)) or {}
    commit = record.get("commit") if record.get("repo") == source.repo else None
    folder = places.cache() / "hub" / ("models--" + source.repo.replace("/", "--"))
    _drop_incomplete(folder)
    reports = fetching.Reports(partial / "hub.log", progress)
    request = {"repo": source.repo, "revision": commit or entry.revision or "main", "weights": source.weights,
               "cache": str(places.cache() / "hub"), "expected": record.get("files") if commit else None,
               "seconds": ANSWER_SECONDS}
    seconds = str(ANSWER_SECONDS)
    environment = {"HF_HUB_DOWNLOAD_TIMEOUT": seconds, "HF_HUB_ETAG_TIMEOUT": seconds, **os.environ,
                   "HF_HUB_DISABLE_XET": "1",  # plain HTTP: one way to test, and progress that can be seen
                   "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
                   "HF_HUB_DISABLE_SYMLINKS_WARNING": "1"}

    def watch() -> int:
        seen = reports.watch()
        size = fetching.folder_size(folder)
        if total := reports.facts.get("total"):
            progress(0.95 * min(size / total, 1.0), f"downloading {size / 1e6:.0f} of {total / 1e6:.0f} MB")
        return seen + size

    progress(0.0, "asking the Hub")
    try:
        code, output = fetching.run([sys.executable, "-m", "components.models.hub", json.dumps(request)], environment,
                                    reports.path, watch, cancelled, stall=STALL_SECONDS)
    except FetchCancelled:
        _drop_incomplete(folder)
        raise
    if code != 0:
        problem = reports.problem(output, f"{entry.title} could not be downloaded from the Hub")
        raise type(problem)(str(problem).replace("NAME", entry.id))
    if not reports.facts.get("files"):
        raise FetchError(f"{entry.title} was not downloaded whole; try again.")
    _write_record(entry.id, {"repo": source.repo, "commit": reports.facts["commit"], "files": reports.facts["files"]})


def _write_record(name: str, record: dict[str, Any]) -> None:
    path = places.record_file(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(record, indent=1), "utf-8")
    os.replace(temporary, path)


def _drop_incomplete(folder: Path) -> None:
    """huggingface_hub never takes up again what a killed process left behind."""
    for path in folder.glob("blobs/*.incomplete"):
        path.unlink(missing_ok=True)


# In the child process ------------------------------------------------------------------------------------------------

def main(arguments: list[str]) -> int:
    """Download what the JSON object in the argument asks for; report in JSON lines."""
    request = json.loads(arguments[0])
    try:
        _report(download(request))
    except Wrong as problem:
        _report({"error": str(problem), "sentence": True})
        return 1
    except Exception as problem:  # whatever a library raises becomes a sentence for the one who waits
        _report(explain(problem, request["repo"]))
        return 1
    return 0


class Wrong(ValueError):
    """What arrived is not what was stated; the message is a sentence."""


def download(request: dict[str, Any]) -> dict[str, Any]:
    """Download the allowed files of one commit.

    Returns:
        `commit`, and `files`: name -> `size` and `sha256`.

    Raises:
        Wrong: a file differs from its hash, or the repository has nothing that may be loaded.
    """
    from huggingface_hub import HfApi, hf_hub_download

    repo, expected = request["repo"], request["expected"]
    info = HfApi().model_info(repo, revision=request["revision"], files_metadata=True, timeout=request["seconds"])
    patterns = (*places.WEIGHT_FILES, *places.TEXT_FILES) if request["weights"] else places.TEXT_FILES
    wanted = [one for one in info.siblings or [] if any(fnmatch.fnmatch(one.rfilename, p) for p in patterns)
              and "/" not in one.rfilename]
    names = {one.rfilename for one in wanted}
    if "tokenizer.json" not in names or (request["weights"] and not any(n.endswith(".safetensors") for n in names)):
        raise Wrong(f"The repository {repo} has no safetensors and tokenizer.json any more; nothing else is loaded.")
    _report({"total": sum(one.size or 0 for one in wanted)})
    files: dict[str, Any] = {}
    for one in sorted(wanted, key=lambda one: one.size or 0):
        path = Path(hf_hub_download(repo, one.rfilename, revision=info.sha, cache_dir=request["cache"],
                                    etag_timeout=request["seconds"]))
        facts = {"size": path.stat().st_size, "sha256": _digest(path, hashlib.sha256())}
        stated_lfs = one.lfs.sha256 if one.lfs else None
        git = hashlib.sha1(f"blob {facts['size']}\0".encode(), usedforsecurity=False)
        if ((stated_lfs and stated_lfs != facts["sha256"])
                or (not stated_lfs and one.blob_id and one.blob_id != _digest(path, git))
                or (expected and expected.get(one.rfilename) != facts)):
            path.resolve().unlink()
            path.unlink(missing_ok=True)
            was = "the Hub states" if not expected else "the first download had"
            raise Wrong(f"{one.rfilename} of {repo} arrived with another SHA-256 than {was}, so it was thrown away; "
                        "try again, and if it stays so, do not use it.")
        files[one.rfilename] = facts
    return {"commit": info.sha, "files": files}


def explain(problem: BaseException, repo: str) -> dict[str, Any]:
    """An error of huggingface_hub, or of the network below it, as a sentence; NAME stands for the catalog id."""
    chain = list(_chain(problem))
    status = next((one.response.status_code for one in chain if hasattr(one, "response") and one.response is not None),
                  None)
    kinds = {kind.__name__ for one in chain for kind in type(one).__mro__}
    if "OfflineModeIsEnabled" in kinds:
        return _unreachable("HF_HUB_OFFLINE is set, so the Hub is not asked; unset it and try again.")
    if "GatedRepoError" in kinds:
        return _sentence(f"{repo} is gated: ask for access on its page, set HF_TOKEN to your own token, and try again.")
    if "RevisionNotFoundError" in kinds:
        return _sentence(f"The recorded commit of {repo} is no longer on the Hub; "
                         "`python -m components.models remove NAME --forget` and then fetch takes the present one.")
    if status in (401, 403):
        return _sentence(f"The Hub refuses access to {repo} ({status}); set HF_TOKEN to a token that may read it, or "
                         "unset a token that is no longer valid, and try again.")
    if status == 404:
        return _sentence(f"The Hub has no {repo}, or not all of its files (404); it was moved or deleted.")
    if status == 429:
        return _unreachable("The Hub had too many requests from this network (429); wait some minutes and try again.")
    if status is not None and status >= 500:
        return _unreachable(f"The Hub has a problem of its own ({status}); try again later.")
    if "TimeoutException" in kinds or "TimeoutError" in kinds:
        return _unreachable("The Hub did not answer in time; try again later.")
    full = next((one.errno for one in chain if isinstance(one, OSError) and isinstance(one.errno, int)
                 and type(one) in (OSError, PermissionError)), None)
    if "RemoteProtocolError" in kinds or any("Consistency check failed" in str(one) for one in chain):
        return _unreachable(f"The download of {repo} broke off before its end, and was thrown away; try again.")
    if "TransportError" in kinds or "ConnectionError" in kinds:
        return _unreachable("The Hugging Face Hub cannot be reached; check the network, or HF_ENDPOINT, and try again.")
    if full is not None:
        return {"error": str(problem), "errno": full}
    return {"error": f"{type(problem).__name__}: {str(problem).splitlines()[0] if str(problem) else ''}"}


def _chain(problem: BaseException | None) -> Iterator[BaseException]:
    while problem is not None:
        yield problem
        problem = problem.__cause__ or problem.__context__


def _sentence(text: str) -> dict[str, Any]:
    return {"error": text, "sentence": True}


def _unreachable(text: str) -> dict[str, Any]:
    return {"error": text, "unreachable": True}


def _digest(path: Path, digest: Any) -> str:
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return str(digest.hexdigest())


def _report(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
