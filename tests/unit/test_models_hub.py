"""Entries of the Hub, against a local server that speaks its routes: every state is one sentence."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.models import __main__ as command
from components.models import catalog, hub, places, sources
from components.models.catalog import Entry, Hub
from components.models.open import open_model, open_tokenizer
from tests.hub_server import Fault, HubServer, make_tiny_llama, wait_for

REPO = "tiny-lab/tiny-llama"
TAKEN = {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    make_tiny_llama(folder)
    return folder


@pytest.fixture
def server(master: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """The Hub, with one repository, and an entry `tiny` for it."""
    shutil.copytree(master, tmp_path / "repository")
    served = HubServer(REPO, tmp_path / "repository")
    monkeypatch.setenv("LOOKING_GLASS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_ENDPOINT", served.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))  # no token of whoever runs the tests
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(catalog.ENTRIES, "tiny", Entry("tiny", "Tiny", "decoder", 0.2, "MIT", "Tiny.", (Hub(REPO),)))
    yield served
    served.close()


def sentence(fault: Fault, server: HubServer) -> str:
    """What a fetch says under this fault; also that the picker repeats it, and that the next try succeeds."""
    server.fault = fault
    with pytest.raises(sources.FetchError) as raised:
        sources.fetch("tiny")
    text = str(raised.value)
    state = sources.state("tiny")
    assert not state.here
    assert state.unreachable
    assert state.reason == text
    assert "\n" not in text
    assert text.endswith(".")
    server.fault = None
    sources.fetch("tiny")
    assert sources.state("tiny").here
    return text


def test_download_open_and_cache_hit(server: HubServer) -> None:
    seen: list[tuple[float, str]] = []
    sources.fetch("tiny", lambda fraction, stage: seen.append((fraction, stage)))
    assert server.taken() == TAKEN  # no pickle, no code, nothing of a folder below
    assert seen[0][1] == "asking the Hub"
    assert seen[-1] == (1.0, "here")
    assert ("GET", "/cdn/model.safetensors") in server.requests  # by way of the redirect
    assert sources.state("tiny").how == "cache"
    record = json.loads(places.record_file("tiny").read_text())
    assert record["commit"] == server.commit
    assert set(record["files"]) == TAKEN
    opened = open_model("tiny")
    assert (opened.layers, opened.heads, opened.kv_heads, opened.head_dim, opened.context) == (2, 4, 2, 8, 64)
    assert opened.chat_template is not None
    assert opened.eos_ids == (0,)
    assert opened.path == sources.locate("tiny")
    asked = len(server.requests)
    sources.fetch("tiny")
    open_tokenizer("tiny")
    assert len(server.requests) == asked


def test_offline_with_the_cache(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    sources.fetch("tiny")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert sources.state("tiny").here
    assert open_model("tiny").tokenizer.library_object.encode("hi").ids


def test_offline_without_the_cache(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(sources.Unreachable, match="Hub cannot be reached; check the network"):
        sources.fetch("tiny")
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(sources.Unreachable, match="HF_HUB_OFFLINE is set"):
        sources.fetch("tiny")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    sources.fetch("tiny")
    assert sources.state("tiny").here


@pytest.mark.parametrize(("fault", "says"), [
    (Fault("status", "api", 401), "refuses access to tiny-lab/tiny-llama (401); set HF_TOKEN"),
    (Fault("status", "config.json", 401), "set HF_TOKEN"),
    (Fault("status", "api", 403, "GatedRepo"), "is gated: ask for access on its page, set HF_TOKEN"),
    (Fault("status", "api", 404, "RepoNotFound"), "(404); it was moved or deleted"),
    (Fault("status", "tokenizer.json", 404, "EntryNotFound"), "not all of its files (404)"),
    (Fault("status", "api", 429), "too many requests from this network (429); wait"),
    (Fault("status", "api", 500), "a problem of its own (500); try again later"),
    (Fault("status", "model.safetensors", 500), "a problem of its own (500)"),
    (Fault("status", "api", 503), "(503)"),
], ids=lambda value: f"{value.status}-{value.where}" if isinstance(value, Fault) else "")
def test_refusals(server: HubServer, fault: Fault, says: str) -> None:
    assert says in sentence(Fault(**vars(fault)), server)


def test_a_server_that_hangs(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "ANSWER_SECONDS", 1)
    assert "did not answer in time" in sentence(Fault("hang", "api", seconds=20), server)


def test_a_server_that_hangs_half_way(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "STALL_SECONDS", 4.0)
    assert "no answer" in sentence(Fault("slow", "model.safetensors", seconds=60), server)


def test_half_a_file_is_completed(server: HubServer) -> None:
    server.fault = Fault("half", "model.safetensors", times=1)
    sources.fetch("tiny")
    gets = [request for request in server.requests if request == ("GET", "/cdn/model.safetensors")]
    assert len(gets) == 2  # the second time from where the first broke off
    assert open_model("tiny").parameters > 0


def test_half_a_file_for_ever_is_a_sentence(server: HubServer) -> None:
    # A server that breaks off and knows no ranges gives the first half again and again.
    server.fault = Fault("half", "tokenizer.json")
    began = threading.Event()
    with pytest.raises(sources.FetchError, match=r"broke off before its end|gave no answer"):
        sources.fetch("tiny", lambda fraction, stage: began.set(),
                      cancelled=lambda: len(server.requests) > 60)
    assert not sources.state("tiny").here
    server.fault = None
    sources.fetch("tiny")
    assert sources.state("tiny").here


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_file_with_another_hash_is_thrown_away(server: HubServer, file: str) -> None:
    said = sentence(Fault("other", file), server)
    assert f"{file} of {REPO} arrived with another SHA-256 than the Hub states" in said


def test_later_downloads_are_held_to_the_first(server: HubServer, capsys: pytest.CaptureFixture[str]) -> None:
    sources.fetch("tiny")
    first = json.loads(places.record_file("tiny").read_text())
    assert sources.remove("tiny")
    assert not sources.state("tiny").here
    sources.fetch("tiny")  # the same commit, asked for by its number
    assert any(path.endswith(f"/revision/{first['commit']}") for _, path in server.requests)
    sources.remove("tiny")
    config = server.folder / "config.json"
    config.write_bytes(config.read_bytes() + b"\n")  # the same commit with other content: no honest server does that
    with pytest.raises(sources.FetchError, match="than the first download had"):
        sources.fetch("tiny")
    server.commit = "b" * 40  # the repository was rewritten
    with pytest.raises(sources.FetchError, match="remove tiny --forget"):
        sources.fetch("tiny")
    assert command.main(["remove", "tiny", "--forget"]) == 0
    capsys.readouterr()
    sources.fetch("tiny")
    assert json.loads(places.record_file("tiny").read_text())["commit"] == "b" * 40


def test_a_pinned_revision_is_asked_for(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = Entry(**{**vars(catalog.entry("tiny")), "revision": server.commit})
    monkeypatch.setitem(catalog.ENTRIES, "tiny", pinned)
    sources.fetch("tiny")
    assert ("GET", f"/api/models/{REPO}/revision/{server.commit}") in server.requests
    assert not any(path.endswith("/revision/main") for _, path in server.requests)


def test_a_moved_repository_is_followed(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.moved_from = "old-lab/tiny"
    moved = Entry(**{**vars(catalog.entry("tiny")), "sources": (Hub("old-lab/tiny"),)})
    monkeypatch.setitem(catalog.ENTRIES, "tiny", moved)
    sources.fetch("tiny")
    assert open_model("tiny").layers == 2


def test_a_tokenizer_alone(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = Entry("tiny", "Tiny", "tokenizer", 0.1, "MIT", "Tiny.", (Hub(REPO, weights=False),))
    monkeypatch.setitem(catalog.ENTRIES, "tiny", alone)
    sources.fetch("tiny")
    assert "model.safetensors" not in server.taken()
    tokenizer = open_tokenizer("tiny")
    assert tokenizer.library_object.decode(tokenizer.library_object.encode("hello").ids) == "hello"


def test_nothing_but_safetensors_is_loaded(server: HubServer) -> None:
    (server.folder / "model.safetensors").unlink()
    with pytest.raises(sources.FetchError, match="no safetensors"):
        sources.fetch("tiny")
    assert not server.taken()


def test_cancel(server: HubServer) -> None:
    server.fault = Fault("slow", "model.safetensors", seconds=30)
    with pytest.raises(sources.FetchCancelled):
        sources.fetch("tiny", cancelled=lambda: ("GET", "/cdn/model.safetensors") in server.requests)
    assert not list((places.cache() / "hub").rglob("*.incomplete"))
    assert sources.last_failure("tiny") is None
    server.fault = None
    sources.fetch("tiny")
    assert sources.state("tiny").here


def test_a_changed_file_is_not_opened(server: HubServer) -> None:
    sources.fetch("tiny")
    weights = (sources.locate("tiny") / "model.safetensors").resolve()
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.chmod(0o644)
    weights.write_bytes(bytes(content))
    with pytest.raises(ValueError, match=r"model.safetensors of tiny is not the file.*remove tiny"):
        open_model("tiny")
    weights.write_bytes(bytes(content[:100]))
    assert not sources.state("tiny").here  # half a file is not here
    sources.remove("tiny")
    sources.fetch("tiny")
    assert open_model("tiny").layers == 2


def test_two_at_once(server: HubServer) -> None:
    problems: list[BaseException] = []

    def work() -> None:
        try:
            sources.fetch("tiny")
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not problems
    assert len([r for r in server.requests if r == ("GET", "/cdn/model.safetensors")]) == 1
    assert wait_for(lambda: sources.state("tiny").here, 1)
