"""Asking: which models a server has, and one question with its answer token by token."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.addresses import Address, allowed
from components.remote.answer import MAX_TOP, Reader, RemoteStep
from components.remote.limits import BOUNDS, Bounds, Server, Stopped
from components.remote.reply import Answering
from components.remote.wire import open_answer
from components.settings import Settings
from components.workshop import check_text

MAX_TOKENS = 512
TEXT_BYTES = 100_000
MODELS_SHOWN = 200
SPARE = 8  # tokens that a server may send beyond those asked for


@dataclass(frozen=True)
class ModelThere:
    """A model that a server names. `vocabulary` is its number of tokens, None where not told (llama.cpp tells)."""

    id: str
    vocabulary: int | None = None


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        model: the model id, as the server knows it.
        text: the prompt, or the reader's message.
        chat: whether it goes to `chat/completions` (the server's own template) or to `completions` (as it is).
        system: the system prompt of a chat; empty for none.
        max_tokens: 1 to 512.
        top: how many of the likeliest tokens to ask for at each step, 0 to 100.
        extras: further fields of the request's body, such as `{"temperature": 0.8}`.
        stream: whether the answer shall come token by token.
    """

    model: str
    text: str
    chat: bool = False
    system: str = ""
    max_tokens: int = 24
    top: int = 10
    extras: Mapping[str, Any] = field(default_factory=dict)
    stream: bool = True

    def __post_init__(self) -> None:
        check_text(self.text, what="The prompt", max_bytes=TEXT_BYTES)
        check_text(self.system, what="The system prompt", max_bytes=TEXT_BYTES, allow_empty=True)
        check_text(self.model, what="The model id", max_bytes=1_000, allow_empty=True)
        for name, value, low, high in (("max_tokens", self.max_tokens, 1, MAX_TOKENS), ("top", self.top, 0, MAX_TOP)):
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ValueError(f"{name} is {value!r}; use a whole number from {low} to {high}.")

    def body(self) -> tuple[str, dict[str, Any]]:
        """Endpoint and request body, as the `openai` client would send them."""
        body: dict[str, Any] = {"model": self.model, "max_tokens": self.max_tokens, "stream": self.stream,
                                **self.extras}
        if not self.chat:
            return "completions", {**body, "prompt": self.text, **({"logprobs": self.top} if self.top else {})}
        messages = [{"role": "user", "content": self.text}]
        if self.system.strip():
            messages.insert(0, {"role": "system", "content": self.system})
        wanted = {"logprobs": True, "top_logprobs": self.top} if self.top else {}
        return "chat/completions", {**body, "messages": messages, **wanted}


@dataclass(frozen=True)
class RemoteAnswer:
    """What came back.

    Attributes:
        text: as the server wrote it.
        steps: its tokens.
        ended: `"stop"` by itself, `"length"` after as many tokens as asked for, `"broken"` in the middle, `"stopped"`
            by the reader.
        says: what to know about it, as sentences.
        model: the model that answered, by the server's word.
        prompt_tokens: as that model counts them, None where not told.
        seconds: until the first token, and in all.
    """

    text: str
    steps: tuple[RemoteStep, ...]
    ended: str
    says: tuple[str, ...] = ()
    model: str = ""
    prompt_tokens: int | None = None
    seconds: tuple[float, float] = (0.0, 0.0)


def server(address: str, settings: Settings, *, key: str = "") -> Server:
    """The allowed server at an address, with the operator's key for it, or else the reader's.

    Raises:
        ValueError: no server may be asked, or not this one.
    """
    from components import addresses

    if not settings.remote:
        raise ValueError("No other engine may be asked from here; whoever runs this app can allow some with "
                         "LOOKING_GLASS_REMOTE.")
    asked = addresses.parse(address)
    for remote in settings.remote:
        if allowed(asked, [remote.base]):
            own = remote.key or key.strip()
            if not own.isascii() or not own.isprintable() or " " in own:
                raise ValueError("The key holds a sign that no key has; copy it again.")
            return Server(asked, own, settings.private_ranges)
    raise ValueError(f"{_short(asked)} is not on the list of servers that may be asked from here; choose one of "
                     f"{', '.join(remote.base.url for remote in settings.remote)}.")


def _short(address: Address) -> str:
    return address.url if len(address.url) <= 200 else address.url[:200] + "…"


def models(
    where: Server, *, bounds: Bounds = BOUNDS, cancelled: Callable[[], bool] = lambda: False
) -> tuple[ModelThere, ...]:
    """The models that a server names.

    Raises:
        ValueError: it names none, or cannot be asked. Some servers can answer and still fail here.
    """
    with open_answer(where, "GET", "models", bounds=bounds, cancelled=cancelled) as answer:
        answer.refuse()
        said = answer.json()
    listed = said.get("data") if isinstance(said, dict) else None
    found = []
    for entry in listed[:MODELS_SHOWN] if isinstance(listed, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("id"), str) and 0 < len(entry["id"]) <= 300:
            meta = entry.get("meta")
            size = meta.get("n_vocab") if isinstance(meta, dict) else None
            known = isinstance(size, int) and not isinstance(size, bool) and 0 < size < 10_000_000
            found.append(ModelThere(entry["id"], size if known else None))
    if not found:
        raise ValueError(f"{where.base.authority} names no models; write the model id yourself.")
    return tuple(found)


def ask(
    where: Server, question: Question, *, on_step: Callable[[RemoteAnswer], None] = lambda answer: None,
    cancelled: Callable[[], bool] = lambda: False, bounds: Bounds = BOUNDS,
) -> RemoteAnswer:
    """Ask one question.

    Args:
        where: an allowed server, from `server`.
        question: what to ask.
        on_step: told what there is so far, after every piece of a stream.
        cancelled: whether the reader has stopped waiting; looked at many times a second, also while nothing comes.
        bounds: how long and how much at most.

    Returns:
        the answer. Once a first token is here nothing is lost: what came before a stream broke is kept, and said.

    Raises:
        ValueError: a sentence on why there is no answer at all.
    """
    endpoint, body = question.body()
    reader = Reader(question.top)
    begun = time.monotonic()
    first = 0.0
    trouble, stopped, done = "", False, False

    def so_far(ended: str = "") -> RemoteAnswer:
        return RemoteAnswer(reader.text, reader.settled(), ended, (), reader.model,
                            reader.used.get("prompt_tokens"), (first, time.monotonic() - begun))

    try:
        with open_answer(where, "POST", endpoint, body, bounds=bounds, cancelled=cancelled) as answer:
            answer.refuse()
            for said in _said(answer):
                if reader.take(said):
                    first = first or time.monotonic() - begun
                    on_step(so_far())
                if len(reader.steps) > question.max_tokens + SPARE:
                    trouble = "The server sent more tokens than were asked for; the rest was left there."
                    break
            else:
                done = True
    except Stopped:
        stopped = True
    except ValueError as problem:
        if not reader.steps:
            raise
        trouble = f"{problem} What came before is kept."
    if done and not reader.finish:
        if not reader.steps:
            raise ValueError(f"{where.base.authority} sent an empty answer; check the model id.")
        trouble = "The answer stops in the middle: its end never came. What came before is kept."
    # "stop", "length", or another reason of the server's own, such as a filter
    ended = "stopped" if stopped else "broken" if trouble else "length" if reader.finish == "length" else "stop"
    answer_ = so_far(ended)
    notes = reader.notes()
    if done and not reader.steps:
        notes.append("The model ended its text at once, without a token to show.")
    return RemoteAnswer(answer_.text, answer_.steps, ended, tuple([trouble] if trouble else []) + tuple(notes),
                        answer_.model, answer_.prompt_tokens, answer_.seconds)


def _said(answer: Answering) -> Iterator[Any]:
    """Every piece of JSON of an answer: the data of each event of a stream, or the whole body."""
    if answer.kind != "text/event-stream":
        yield answer.json()
        return
    data: list[bytes] = []
    for line in answer.lines():
        if line.startswith(b"data:"):
            data.append(line[5:].strip())
            continue
        if line.strip() or not data:
            continue  # a comment, another field, or an empty line too many
        whole, data = b"\n".join(data), []
        if whole == b"[DONE]":
            return
        yield answer.parse(whole)
    if data and b"\n".join(data) != b"[DONE]":
        yield answer.parse(b"\n".join(data))
