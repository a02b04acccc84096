"""Which servers may be asked: one form for every address, an exact comparison, and numbers that were checked."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as few
from hypothesis import strategies as st

from components import addresses, remote, settings
from components.addresses import Address
from components.remote import Question, Server
from tests.imitation_server import imitation


@pytest.mark.parametrize(("text", "url"), [
    ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
    (" HTTPS://API.Example.com.:443/v1/ ", "https://api.example.com/v1"),
    ("http://localhost", "http://localhost"),
    ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
    ("https://xn--bcher-kva.example/a/b", "https://xn--bcher-kva.example/a/b"),
    ("http://1.2.3.4.", "http://1.2.3.4"),
])
def test_one_form(text: str, url: str) -> None:
    found = addresses.parse(text)
    assert found.url == url
    assert addresses.parse(found.url) == found


@pytest.mark.parametrize(("text", "says"), [
    ("", "is empty"), ("ftp://a/v1", "http:// or https://"), ("127.0.0.1:8080", "http:// or https://"),
    ("//a/v1", "http:// or https://"), ("file:///etc/passwd", "http:// or https://"),
    ("http://user:pass@a/v1", "before @"), ("http://127.0.0.1:8080@evil.example/v1", "before @"),
    ("http://b\u00fccher.example", "xn--"), ("http://\uff11\uff12\uff17.0.0.1", "xn--"),
    ("http://a\u3002example", "xn--"),
    ("http://a b/", "a space"), ("http://a\\@b/", "a backslash"), ("http://a\t/", "a space"),
    ("http://a\n.b/", "a space"),
    ("http://2130706433/", "four decimal numbers"), ("http://0x7f000001/", "four decimal numbers"),
    ("http://0177.0.0.1/", "four decimal numbers"), ("http://127.1/", "four decimal numbers"),
    ("http://127.0.0.0x1/", "four decimal numbers"), ("http://1.2.3.4.5/", "four decimal numbers"),
    ("http://[::1%25eth0]/", "no IPv6"), ("http://[fe80::1%eth0]/", "no IPv6"),
    ("http://[1.2.3.4]/", "IPv6|cannot be read"),
    ("http://[::1/", "cannot be read"), ("http://:80/", "names no host"), ("http:///v1", "names no host"),
    ("http://a:0/", "port"), ("http://a:99999/", "port"), ("http://a:/", "port"), ("http://a:8o/", "port"),
    ("http://a/v1/../admin", "path"), ("http://a/%2e%2e/x", "path"), ("http://a//v1", "path"),
    ("http://a/v1;%0a", "path"),
    ("http://a/v1?key=x", r"\? or #"), ("http://a/v1#x", r"\? or #"), ("http://a/v1?", r"\? or #"),
    ("http://-a/", "no name and no IP"), ("http://a..b/", "no name and no IP"),
    ("http://" + "a" * 300, "no name and no IP"),
])
def test_what_can_be_read_in_two_ways_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as raised:
        addresses.parse(text)
    assert "pass" not in str(raised.value).replace("password", "")


LISTED = [addresses.parse(text) for text in ("http://127.0.0.1:8080/v1", "https://api.example.com/openai")]


@pytest.mark.parametrize(("text", "may"), [
    ("http://127.0.0.1:8080/v1", True), ("http://127.0.0.1:8080/v1/", True), ("http://127.0.0.1:8080/v1/x", True),
    ("HTTPS://API.EXAMPLE.COM:443/openai", True), ("https://api.example.com./openai/v1", True),
    ("http://127.0.0.1:8080", False), ("http://127.0.0.1:8080/v10", False), ("http://127.0.0.1:8080/V1", False),
    ("http://127.0.0.1:8081/v1", False), ("https://127.0.0.1:8080/v1", False), ("http://127.0.0.1/v1", False),
    ("http://127.0.0.2:8080/v1", False), ("http://localhost:8080/v1", False), ("http://[::1]:8080/v1", False),
    ("http://api.example.com/openai", False), ("https://api.example.com.evil.example/openai", False),
    ("https://evil-api.example.com/openai", False), ("https://api.example.com:8443/openai", False),
])
def test_the_list_is_compared_part_by_part(text: str, may: bool) -> None:
    assert addresses.allowed(addresses.parse(text), LISTED) is may


@few(max_examples=200, deadline=None, derandomize=True)
@given(st.text(alphabet="htps:/.@#?[]%\\ab01127xé\u3002-_\n ", max_size=24))
def test_any_text_is_an_address_or_a_sentence(text: str) -> None:
    try:
        found = addresses.parse("http://" + text)
    except ValueError as problem:
        said = str(problem)
    else:
        said = "."
        assert addresses.parse(found.url) == found
    assert said.endswith(".")


def leading(*numbers: str) -> addresses.Resolver:
    def resolver(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
                for one in numbers]

    return resolver


FAR = addresses.parse("https://api.example.com/v1")
NEAR = addresses.parse("http://localhost:8080/v1")


@pytest.mark.parametrize(("address", "numbers", "private", "says"), [
    (FAR, ["93.184.215.14"], False, None),
    (FAR, ["2606:2800:21f:cb07:6820:80da:af6b:8b2c"], False, None),
    (NEAR, ["127.0.0.1", "::1"], False, None),
    (FAR, ["10.1.2.3"], True, None), (FAR, ["127.0.0.1"], True, None), (FAR, ["fd00::1"], True, None),
    (FAR, ["10.1.2.3"], False, "private network"), (FAR, ["172.16.0.1"], False, "private network"),
    (FAR, ["192.168.1.1"], False, "private network"), (FAR, ["100.64.0.1"], False, "private network"),
    (FAR, ["fd00::1"], False, "private network"), (FAR, ["::ffff:10.0.0.1"], False, "private network"),
    (FAR, ["2002:0a00:0001::1"], False, "private network"), (FAR, ["64:ff9b::a00:1"], False, "private network"),
    (NEAR, ["10.0.0.1"], False, "private network"),
    (FAR, ["93.184.215.14", "10.1.2.3"], False, "private network"),
    (FAR, ["127.0.0.1"], False, "leads back to this machine"), (FAR, ["::1"], False, "leads back to this machine"),
    (FAR, ["::ffff:127.0.0.1"], False, "leads back to this machine"),
    (FAR, ["169.254.169.254"], True, "never asked"), (FAR, ["fe80::1"], True, "never asked"),
    (FAR, ["0.0.0.0"], True, "never asked"), (FAR, ["::"], True, "never asked"),
    (FAR, ["224.0.0.1"], True, "never asked"),
    (FAR, [], False, "can be found"),
])
def test_where_a_name_may_lead(address: Address, numbers: list[str], private: bool, says: str | None) -> None:
    if says is None:
        assert addresses.resolve(address, private=private, resolver=leading(*numbers)) == tuple(numbers)
        return
    with pytest.raises(ValueError, match=says):
        addresses.resolve(address, private=private, resolver=leading(*numbers))


def test_an_unknown_name_is_a_sentence() -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror("Name or service not known")

    with pytest.raises(ValueError, match=r"No server named api.example.com can be found"):
        addresses.resolve(FAR, private=False, resolver=unknown)


def test_a_name_is_resolved_once_and_the_checked_number_is_connected_to() -> None:
    """DNS rebinding: a second question would get another answer; there is none."""
    asked = []

    def turning(host: str, port: int, **more: Any) -> Any:
        asked.append(host)
        return leading("127.0.0.1" if len(asked) == 1 else "10.0.0.1")(host, port)

    with imitation() as server:
        port = int(server.address.split(":")[2].split("/")[0])
        base = Address("http", "engine.example", port, "/v1")
        answer = remote.ask(Server(base, private=True, resolver=turning), Question("m", "x", chat=True))
        assert answer.text == " one twoé"
        assert asked == ["engine.example"]
        assert server.asked[0]["headers"]["Host"] == f"engine.example:{port}"
        with pytest.raises(ValueError, match="leads back to this machine"):
            remote.ask(Server(base, resolver=leading("127.0.0.1")), Question("m", "x"))
        assert len(server.asked) == 1


def test_the_next_address_of_a_name_is_tried() -> None:
    with imitation() as server:
        port = int(server.address.split(":")[2].split("/")[0])
        base = Address("http", "localhost", port, "/v1")
        where = Server(base, resolver=leading("127.0.0.7", "127.0.0.1"))  # nothing listens at the first
        assert remote.ask(where, Question("m", "x", chat=True)).steps


def test_a_key_is_not_sent_in_the_clear_into_the_internet() -> None:
    where = Server(addresses.parse("http://api.example.com/v1"), "sk-1", resolver=leading("93.184.215.14"))
    with pytest.raises(ValueError, match="without encryption"):
        remote.ask(where, Question("m", "x"))


@pytest.mark.parametrize(("address", "says"), [
    ("http://127.0.0.1:9999/v1", "is not on the list"), ("http://a@127.0.0.1:8080/v1", "before @"),
    ("http://127.0.0.1:8080/../v1", "path"), ("", "is empty"),
])
def test_only_listed_servers_are_asked(address: str, says: str) -> None:
    read = settings.read({"LOOKING_GLASS_REMOTE": "http://127.0.0.1:8080/v1"})
    with pytest.raises(ValueError, match=says):
        remote.server(address, read)
    assert remote.server("http://127.0.0.1:8080/v1", read).base == LISTED[0]
    with pytest.raises(ValueError, match="No other engine may be asked"):
        remote.server("http://127.0.0.1:8080/v1", settings.read({}))


def test_v1_is_added_where_it_is_missing() -> None:
    for base, path in (("http://a", "/v1/models"), ("http://a/v1", "/v1/models"), ("http://a/b", "/b/v1/models")):
        assert Server(addresses.parse(base)).target("models") == path


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with imitation() as server:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        monkeypatch.delenv("no_proxy", raising=False)
        assert remote.ask(Server(addresses.parse(server.address)), Question("m", "x", chat=True)).steps


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl, which is not installed")
def test_a_certificate_has_to_fit_the_name(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=engine.example",
                    "-addext", "subjectAltName=DNS:engine.example"], check=True, capture_output=True)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=str(certificate))
    body = b'{"choices": [{"text": "hello", "finish_reason": "stop"}]}'

    def serve(listening: socket.socket) -> None:
        while True:
            try:
                taken, _ = listening.accept()
            except OSError:
                return
            try:
                with serving.wrap_socket(taken, server_side=True) as talk:
                    while not talk.recv(65_536).endswith(b"}"):
                        pass  # the head, then the body
                    talk.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                                 + str(len(body)).encode() + b"\r\n\r\n" + body)
            except OSError:
                continue

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        port = listening.getsockname()[1]

        def asking(host: str, tls: ssl.SSLContext | None) -> str:
            where = Server(Address("https", host, port, "/v1"), "sk-1", True, leading("127.0.0.1"), tls)
            return remote.ask(where, Question("m", "x", top=0)).text

        assert asking("engine.example", trusting) == "hello"
        with pytest.raises(ValueError, match="could not prove that it is who it says: self"):
            asking("engine.example", None)
        with pytest.raises(ValueError, match=r"could not prove that it is who it says: Hostname mismatch"):
            asking("other.example", trusting)
