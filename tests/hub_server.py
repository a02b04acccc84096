"""A small local server that speaks the Hub's routes, and can be told to misbehave.

`GET /api/models/<repo>/revision/<revision>` lists a repository; `HEAD` and `GET` on `/<repo>/resolve/<commit>/<file>`
give a file: a small one at once with its git hash as ETag, a large one by a redirect to `/cdn/...` with its SHA-256 in
`X-Linked-Etag`, as the Hub does with LFS. A moved repository answers with a relative redirect.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LARGE = 10_000  # bytes from which a file is stored with LFS


@dataclass
class Fault:
    """A misbehaviour: `kind` is "status", "hang", "half", "other" or "slow".

    Attributes:
        where: "api", or the name of a file; "" for everything.
        status: the HTTP status to answer with, for "status".
        code: the Hub's `X-Error-Code`, such as "GatedRepo".
        seconds: how long to hang or to be slow.
        times: how often; -1 for ever.
    """

    kind: str
    where: str = ""
    status: int = 0
    code: str = ""
    seconds: float = 30.0
    times: int = -1


@dataclass
class HubServer:
    """Serves one repository out of a folder until `close` is called."""

    repo: str
    folder: Path
    commit: str = "a" * 40
    fault: Fault | None = None
    moved_from: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with contextlib.suppress(OSError):  # whoever asked gave up waiting
                    hub.answer(self, body=True)

            def do_HEAD(self) -> None:
                with contextlib.suppress(OSError):
                    hub.answer(self, body=False)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        # Another host than the Hub's own, as with the real one: the library treats the two differently.
        self.cdn = f"http://localhost:{self.server.server_port}/cdn"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening and let hanging answers go."""
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def files(self) -> dict[str, bytes]:
        """Every file of the repository by its path."""
        return {str(path.relative_to(self.folder)): path.read_bytes()
                for path in sorted(self.folder.rglob("*")) if path.is_file()}

    def taken(self) -> set[str]:
        """The names of the files that were downloaded."""
        return {path.split("/resolve/")[1].split("/", 1)[1] for method, path in self.requests if "/resolve/" in path}

    def answer(self, handler: http.server.BaseHTTPRequestHandler, *, body: bool) -> None:
        """Answer one request."""
        path = handler.path.split("?")[0]
        self.requests.append((handler.command, path))
        if self.moved_from and self.moved_from in path:
            target = handler.path.replace(self.moved_from, self.repo)
            self.send(handler, 307, b"", {"Location": target}, body=body)
        elif path.startswith("/api/models/"):
            if not self.misbehave(handler, "api", b"", body=body):
                self.list(handler, path, body=body)
        elif path.startswith("/cdn/"):
            name = path.removeprefix("/cdn/")
            content = self.files()[name]
            if not self.misbehave(handler, name, content, body=body):
                self.send_file(handler, content, {}, body=body)
        elif path.startswith(f"/{self.repo}/resolve/"):
            self.resolve(handler, path.split("/resolve/")[1], body=body)
        else:
            self.send(handler, 404, b"", {"X-Error-Code": "RepoNotFound"}, body=body)

    def list(self, handler: http.server.BaseHTTPRequestHandler, path: str, *, body: bool) -> None:
        """The repository's commit and files."""
        repo, _, revision = path.removeprefix("/api/models/").partition("/revision/")
        if repo != self.repo:
            self.send(handler, 404, b"", {"X-Error-Code": "RepoNotFound"}, body=body)
        elif revision not in ("main", self.commit):
            self.send(handler, 404, b"", {"X-Error-Code": "RevisionNotFound"}, body=body)
        else:
            siblings = [{"rfilename": name, "size": len(content), "blobId": git_hash(content),
                         **({"lfs": {"sha256": sha256(content), "size": len(content), "pointerSize": 130}}
                            if len(content) > LARGE else {})} for name, content in self.files().items()]
            text = json.dumps({"_id": "0", "id": self.repo, "modelId": self.repo, "sha": self.commit, "private": False,
                               "gated": False, "disabled": False, "downloads": 0, "likes": 0, "tags": [],
                               "siblings": siblings}).encode()
            self.send(handler, 200, text, {"Content-Type": "application/json"}, body=body)

    def resolve(self, handler: http.server.BaseHTTPRequestHandler, rest: str, *, body: bool) -> None:
        """One file: itself when it is small, else the way to it."""
        revision, _, name = rest.partition("/")
        content = self.files().get(name)
        facts = {"X-Repo-Commit": self.commit}
        if revision not in ("main", self.commit):
            self.send(handler, 404, b"", {"X-Error-Code": "RevisionNotFound"}, body=body)
        elif content is None:
            self.send(handler, 404, b"", {"X-Error-Code": "EntryNotFound", **facts}, body=body)
        elif len(content) > LARGE:
            self.send(handler, 302, b"", {**facts, "Location": f"{self.cdn}/{name}",
                                          "X-Linked-Etag": f'"{sha256(content)}"',
                                          "X-Linked-Size": str(len(content))}, body=body)
        elif not self.misbehave(handler, name, content, body=body):
            self.send_file(handler, content, {**facts, "ETag": f'"{git_hash(content)}"'}, body=body)

    def misbehave(self, handler: http.server.BaseHTTPRequestHandler, where: str, content: bytes, *, body: bool) -> bool:
        """Whether a fault was played in place of an answer."""
        fault = self.fault
        if fault is None or fault.where not in ("", where) or fault.times == 0:
            return False
        if fault.kind in ("half", "other", "slow") and not body:
            return False
        fault.times -= 1
        if fault.kind == "status":
            self.send(handler, fault.status, b'{"error": "no"}', {"X-Error-Code": fault.code} if fault.code else {},
                      body=body)
        elif fault.kind == "hang":
            self.released.wait(fault.seconds)
        elif fault.kind == "half":
            self.head(handler, 200, len(content), {})
            handler.wfile.write(content[:len(content) // 2])
            handler.wfile.flush()
            handler.close_connection = True
        elif fault.kind == "other":
            self.send_file(handler, bytes(len(content)), {}, body=True)
        elif fault.kind == "slow":
            self.head(handler, 200, len(content), {})
            handler.wfile.write(content[:len(content) // 2])
            handler.wfile.flush()
            self.released.wait(fault.seconds)
            handler.wfile.write(content[len(content) // 2:])
        return True

    def send_file(self, handler: http.server.BaseHTTPRequestHandler, content: bytes, headers: dict[str, str], *,
                  body: bool) -> None:
        """A file, or the part of it that `Range` asks for."""
        asked = handler.headers.get("Range", "")
        if asked.startswith("bytes=") and body:
            start = int(asked.removeprefix("bytes=").split("-")[0])
            span = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
            self.send(handler, 206, content[start:], {**headers, **span}, body=True)
        else:
            self.send(handler, 200, content, headers, body=body)

    def send(self, handler: http.server.BaseHTTPRequestHandler, status: int, content: bytes, headers: dict[str, str],
             *, body: bool) -> None:
        """Status, headers and, unless it was HEAD, the content."""
        self.head(handler, status, len(content), headers)
        if body:
            handler.wfile.write(content)

    def head(self, handler: http.server.BaseHTTPRequestHandler, status: int, length: int,
             headers: dict[str, str]) -> None:
        """Status and headers."""
        handler.send_response(status)
        for key, value in {"Content-Length": str(length), "Accept-Ranges": "bytes", **headers}.items():
            handler.send_header(key, value)
        handler.end_headers()


def sha256(content: bytes) -> str:
    """As LFS names a file."""
    return hashlib.sha256(content).hexdigest()


def git_hash(content: bytes) -> str:
    """As git names a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def make_tiny_llama(folder: Path, seed: int = 0) -> None:
    """A random Llama of two layers with a byte-level tokenizer, and files that nobody should take."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={"<end>": 0, **{letter: i + 1 for i, letter in enumerate(alphabet)}},
                                     merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<end>"])
    torch.manual_seed(seed)
    config = LlamaConfig(vocab_size=257, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
                         num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64, bos_token_id=0,
                         eos_token_id=0, tie_word_embeddings=True)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<end>",
        "chat_template": "{% for message in messages %}{{ message['content'] }}<end>{% endfor %}"}))
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "modeling_tiny.py").write_text("raise RuntimeError('code of a repository was run')\n")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "config.json").write_text("{}")
    (folder / "README.md").write_text("# Tiny\n")


def wait_for(condition: Any, seconds: float = 30.0) -> bool:
    """Whether a condition came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False
