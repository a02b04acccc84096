"""The client for other engines in trouble: a sentence for each, nothing tried twice, and a key that is said nowhere."""

from __future__ import annotations

import gc
import io
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from components import remote, settings
from components.remote import Bounds, Question
from tests.conftest import free_port
from tests.imitation_server import Handler, Imitation, Play, chat, imitation, listed, tidy
from tests.unit.remote_asking import AMPLE, IMPATIENT, KEY, SHORT, ask, status, where


@pytest.fixture(scope="module")
def running() -> Iterator[Imitation]:
    with imitation() as found:
        yield found


def html(handler: Handler) -> None:
    handler.send(200, b"<!doctype html><p>Sign in", "text/html")


@pytest.mark.parametrize(("play", "says"), [
    (status(401), "wants a key, or another one"),
    (status(403), "wants a key, or another one"),
    (status(404, {"error": {"message": "The model `m` does not exist."}}), "it says: The model `m` does not exist; "),
    (status(429, Retry_After="17"), "asks to wait 17 seconds"),
    (status(429, Retry_After="1"), "asks to wait 1 second."),
    (status(429, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"), "wait a little"),
    (status(429), "wait a little"),
    (status(400, {"error": "logprobs is 50, at most 20"}), "logprobs is 50, at most 20"),
    (status(422, {"detail": [{"loc": ["body"]}]}), "does not take this question"),
    (status(500, b"Traceback (most recent call last)"), r"failed by itself \(500\)"),
    (status(503), r"failed by itself \(503\)"),
    (status(204), "means nothing here"),
    (html, "a web page instead of data"),
    (lambda handler: handler.send(200, b"<html>", "application/json"), "a web page instead of data"),
    (lambda handler: handler.send(200, b'{"choices": ['), "no JSON"),
    (lambda handler: handler.send(200, b"[" * 100_000), "no JSON"),
    (lambda handler: handler.send(200, b"\xff\xfe"), "no JSON"),
    (lambda handler: handler.send(200, []), "no answer"),
    (lambda handler: handler.send(200, {"choices": "x"}), "without choices"),
    (lambda handler: handler.send(200, {"choices": []}), "empty answer"),
    (lambda handler: handler.stream(), "empty answer"),
    (lambda handler: handler.stream({"error": {"message": "out of memory"}}), "reported an error"),
    (lambda handler: handler.stream("data: {oops\n\n"), "no JSON"),
    (lambda handler: handler.stream("data: " + "x" * 100_000), "a line of a stream that does not end"),
    (lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "not HTTP"),
    (lambda handler: None, "broke the connection off"),
])
def test_every_trouble_is_a_sentence(running: Imitation, play: Play, says: str) -> None:
    with pytest.raises(ValueError, match=says) as raised:
        ask(running, play, key=KEY)
    assert KEY not in str(raised.value)
    assert len(running.asked) == 1, "nothing is tried twice"


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["https://elsewhere.example/v1", "/v1/other", "http://169.254.169.254/"])
def test_no_redirect_is_followed(running: Imitation, code: int, target: str) -> None:
    with pytest.raises(ValueError, match=rf"another address \({code}\); no redirect is followed") as raised:
        ask(running, status(code, Location=target), key=KEY)
    assert len(running.asked) == 1
    assert "elsewhere" not in str(raised.value)


def test_a_server_that_says_the_key_back(running: Imitation) -> None:
    with pytest.raises(ValueError, match=r"Incorrect key \(key\)") as raised:
        ask(running, status(400, {"error": {"message": f"Incorrect key {KEY}"}}), key=KEY)
    assert KEY not in str(raised.value)


def test_nothing_listens() -> None:
    with pytest.raises(ValueError, match="Nothing listens at"):
        remote.ask(where(f"http://127.0.0.1:{free_port()}/v1"), Question("m", "x"))


def test_a_door_that_never_opens() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]  # a queue of one is full at once
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        try:
            with pytest.raises(ValueError, match=r"in time|too long|longer than allowed"):
                remote.ask(where(f"http://127.0.0.1:{port}/v1"), Question("m", "x"), bounds=Bounds(0.3, 0.3, 2))
        finally:
            for one in waiting:
                one.close()


def test_no_tls_where_tls_is_asked_for(running: Imitation) -> None:
    with pytest.raises(ValueError, match="no usable TLS"):
        remote.ask(where(running.address.replace("http:", "https:")), Question("m", "x"), bounds=AMPLE)


def silent(handler: Handler) -> None:
    handler.imitation.gone.wait(60)


def test_a_server_that_says_nothing(running: Imitation) -> None:
    with pytest.raises(ValueError, match="said nothing for too long"):
        ask(running, silent, bounds=IMPATIENT)
    running.gone.set()


def dripping(start: bytes, drop: bytes) -> Play:
    def play(handler: Handler) -> None:
        handler.wfile.write(start)
        while not handler.imitation.gone.wait(0.05):
            handler.wfile.write(drop)

    return play


@pytest.mark.parametrize(("start", "drop"), [
    (b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
    (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", b": keep-alive\n\n"),
    (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", b" "),
    (b"HTTP/1.1 500 Oh\r\nContent-Type: application/json\r\n\r\n", b" "),
])
def test_a_slow_drip_ends(running: Imitation, start: bytes, drop: bytes) -> None:
    begun = time.monotonic()
    with pytest.raises(ValueError, match=r"longer than allowed|failed by itself"):
        ask(running, dripping(start, drop), bounds=SHORT)
    assert time.monotonic() - begun < 20, "and not only when the patience of a single read ends"
    running.gone.set()


def flood(kind: bytes, start: bytes) -> Play:
    def play(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\n\r\n" + start)
        for _ in range(1_000):  # 100 MB
            handler.wfile.write(b"x" * 100_000)

    return play


@pytest.mark.parametrize(("kind", "start"), [(b"application/json", b'{"a": "'), (b"text/event-stream", b": ")])
def test_a_hundred_megabytes_are_left_there(running: Imitation, kind: bytes, start: bytes) -> None:
    with pytest.raises(ValueError, match=r"larger than 0.3 MB|does not end"):
        ask(running, flood(kind, start), bounds=Bounds(20, 20, 60, size=300_000, line=50_000))
    assert running.gone.wait(10), "the server is hung up on"


def test_more_tokens_than_asked_for_are_left_there(running: Imitation) -> None:
    entry = listed("a", -0.5, [("a", -0.5)])
    answer = ask(running, lambda handler: handler.stream(*[chat("a", entry)] * 200), top=1)
    assert answer.ended == "broken"
    assert len(answer.steps) < 40
    assert "more tokens than were asked for" in answer.says[0]


def broken(*, how: str) -> Play:
    def play(handler: Handler) -> None:
        entry = listed("a", -0.5, [("a", -0.5), ("b", -1.5)])
        handler.stream(chat("a", entry), chat("a", entry), done=False)
        if how == "rubbish":
            handler.event("data: {oops\n\n")
        elif how == "error":
            handler.event({"error": "gone"})
        elif how == "hang":
            handler.imitation.gone.wait(60)

    return play


@pytest.mark.parametrize(("how", "says"), [
    ("close", "its end never came"), ("rubbish", "no JSON"), ("error", "reported an error"),
    ("hang", "said nothing for too long"),
])
def test_what_came_before_a_stream_broke_is_kept(running: Imitation, how: str, says: str) -> None:
    answer = ask(running, broken(how=how), bounds=IMPATIENT if how == "hang" else AMPLE)
    running.gone.set()
    assert (answer.text, len(answer.steps), answer.ended) == ("aa", 2, "broken")
    assert says in answer.says[0]
    assert answer.says[0].endswith("What came before is kept.")


def test_a_promised_length_that_does_not_come(running: Imitation) -> None:
    def play(handler: Handler) -> None:
        handler.head(200, Content_Length="5000")
        handler.wfile.write(b'{"choices": [')

    with pytest.raises(ValueError, match="broke the connection off"):
        ask(running, play)


@pytest.mark.parametrize("play", [silent, broken(how="hang")])
def test_stop_ends_it_at_once(running: Imitation, play: Play) -> None:
    """Also while the server says nothing; not at the next token."""
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    begun = time.monotonic()
    answer = ask(running, play, bounds=Bounds(20, 30, 60), cancelled=stop.is_set)
    assert time.monotonic() - begun < 15
    running.gone.set()
    assert answer.ended == "stopped"
    assert len(answer.steps) <= 2


def test_no_thread_and_no_socket_stays(running: Imitation) -> None:
    import psutil

    for play in (tidy, status(500), broken(how="rubbish")):
        try:
            ask(running, play)
        except ValueError:
            continue
    gc.collect()
    until = time.monotonic() + 5
    port = int(running.address.split(":")[2].split("/")[0])
    while time.monotonic() < until:
        held = [one for one in psutil.Process().net_connections("tcp") if one.raddr and one.raddr.port == port]
        watches = [one for one in threading.enumerate() if one.name == "remote-watch"]
        if not held and not watches:
            return
        time.sleep(0.05)
    pytest.fail(f"{held} {watches}")


# Keys ----------------------------------------------------------------------------------------------------------------


def test_the_key_is_in_no_log_no_repr_and_no_address(running: Imitation, capfd: pytest.CaptureFixture[str]) -> None:
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    root, before = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        said = [repr(ask(running, tidy, key=KEY))]
        for play in (status(401, {"error": KEY}), status(400, {"error": KEY}), status(500), status(302),
                     lambda one: one.wfile.write(b"x")):
            with pytest.raises(ValueError) as raised:
                ask(running, play, key=KEY)
            said.append(repr(raised.value) + repr(raised.value.__cause__))
            assert KEY not in running.asked[0]["line"]
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
    environ = {"LOOKING_GLASS_REMOTE": running.address, "LOOKING_GLASS_REMOTE_KEY": KEY}
    said += [repr(settings.read(environ)), repr(where(running.address, KEY)), heard.getvalue(), *capfd.readouterr()]
    assert KEY not in json.dumps(said)


def test_the_operators_key_stands_before_the_readers(running: Imitation) -> None:
    read = settings.read({"LOOKING_GLASS_REMOTE": running.address, "LOOKING_GLASS_REMOTE_KEY": KEY})
    assert remote.server(running.address, read, key="mine").key == KEY
    bare = settings.read({"LOOKING_GLASS_REMOTE": running.address})
    assert remote.server(running.address, bare, key=" mine ").key == "mine"
    for wrong in ("two words", "line\nbreak", "sch\u00f6n"):
        with pytest.raises(ValueError, match="The key holds a sign that no key has") as raised:
            remote.server(running.address, bare, key=wrong)
        assert wrong not in str(raised.value)
