"""What an OpenAI-compatible server says, read with distrust: tokens, their log-probabilities, and what got lost.

Two shapes are read. The chat list (`logprobs.content`) names each token with its bytes; llama.cpp sends it for
completions too, and adds the id. The older completions shape keys the likeliest tokens by their text, so that two
tokens with one text (two halves of a character are both `\\ufffd`) overwrite each other: the list has holes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

MAX_TOP = 100
NEVER = -9_000.0  # vLLM writes -9999 for minus infinity
SLACK = 1e-3  # rounded log-probabilities may add up to a little more than 1
TEXT = 4_096  # characters of one token's text


class Candidate(NamedTuple):
    """One of the likeliest tokens. `bytes` and `id` only where the server sends them."""

    text: str
    bytes: bytes | None
    id: int | None
    logprob: float


@dataclass(frozen=True)
class RemoteStep:
    """One token of an answer, or one piece of text where the server tells no tokens.

    Attributes:
        text: as the server writes it.
        bytes: its bytes, None where neither sent nor certain from the text.
        id: in that model's own vocabulary, None where not sent.
        logprob: natural logarithm of its probability, None where not given; minus infinity is 0.
        top: the likeliest tokens, falling; empty where none are given.
        unseen: 1 minus the sum over `top`, at least 0: the probability of everything else together.
        whole: False where the list lost tokens on its way, so that "everything else" may hold likelier ones too.
    """

    text: str
    bytes: bytes | None = None
    id: int | None = None
    logprob: float | None = None
    top: tuple[Candidate, ...] = ()
    unseen: float = 1.0
    whole: bool = True

    @property
    def chosen(self) -> int | None:
        """Where the written token stands in `top`, None where it does not."""
        for place, one in enumerate(self.top):
            if self.id is not None and one.id is not None:
                if one.id == self.id:
                    return place
            elif one.bytes == self.bytes and (self.bytes is not None or one.text == self.text):
                return place
        return None


def certain_bytes(text: str) -> bytes | None:
    """A token's bytes by its text, None where a replacement sign hides them."""
    return None if "\ufffd" in text or not text else text.encode("utf-8", "replace")


def logprob(value: Any) -> float | None:
    """A natural log-probability, None where the value cannot be one. Rounding above 0 is taken for 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    if math.isnan(number) or number > SLACK:
        return None
    return -math.inf if number < NEVER else min(0.0, number)


def _bytes(value: Any) -> bytes | None:
    if not isinstance(value, list) or len(value) > TEXT:
        return None
    if any(isinstance(one, bool) or not isinstance(one, int) or not 0 <= one < 256 for one in value):
        return None
    return bytes(value)


def _id(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10_000_000 else None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return value[:TEXT].encode("utf-8", "replace").decode("utf-8")


class Reader:
    """Collects the tokens of one answer, from a stream's chunks or from a whole body."""

    def __init__(self, asked: int) -> None:
        """`asked`: how many of the likeliest tokens were asked for at each step."""
        self.asked = asked
        self.steps: list[RemoteStep] = []
        self.text = ""
        self.finish = ""
        self.model = ""
        self.used: dict[str, int] = {}
        self.rubbish = 0
        self._keyed = False
        self._behind: int | None = 0  # bytes of the text that the steps so far account for

    def take(self, said: Any) -> list[RemoteStep]:
        """Take in a chunk or a whole body; returns the steps that it brought.

        Raises:
            ValueError: it reports an error, or has no shape that is known.
        """
        if not isinstance(said, dict):
            raise ValueError("The server sent something that is no answer; check that it is OpenAI-compatible.")
        if said.get("error"):
            raise ValueError("The server reported an error in the middle of its answer; look at its log.")
        self._note(said)
        choices = said.get("choices")
        if not isinstance(choices, list) or not all(isinstance(one, dict) for one in choices):
            raise ValueError("The server sent an answer without choices; check that it is OpenAI-compatible.")
        if not choices:
            return []  # the last chunk may hold the counts alone
        choice = choices[0]
        if isinstance(choice.get("finish_reason"), str):
            self.finish = choice["finish_reason"]
        written = self._written(choice)
        self.text += written
        found = list(self._steps(choice.get("logprobs")))
        if not found and written:
            found = [RemoteStep(written, certain_bytes(written))]
        if found and "message" not in choice:
            found = self._untold(found) + found
        self.steps += found
        return found

    def _untold(self, found: list[RemoteStep]) -> list[RemoteStep]:
        """A step for bytes of the text that no token accounts for: an engine that holds back a token ending inside a
        character (llama.cpp does) sends its text with the next one, and its probabilities never."""
        sizes = [None if step.bytes is None else len(step.bytes) for step in found]
        if self._behind is None or any(size is None for size in sizes):
            self._behind = None
            return []
        whole = self.text.encode("utf-8")
        start = len(whole) - sum(size or 0 for size in sizes)
        lost = whole[self._behind : start] if start > self._behind else b""
        self._behind += len(lost) + sum(size or 0 for size in sizes)
        return [RemoteStep(lost.decode("utf-8", "replace"), lost)] if lost else []

    def _note(self, said: Mapping[str, Any]) -> None:
        if isinstance(said.get("model"), str):
            self.model = _text(said["model"])[:200]
        usage = said.get("usage")
        if isinstance(usage, dict):
            self.used = {name: count for name, count in usage.items() if _id(count) is not None}

    @staticmethod
    def _written(choice: Mapping[str, Any]) -> str:
        part = choice.get("delta") or choice.get("message")
        if isinstance(part, dict):
            # What a reasoning model thinks aloud comes under a name of its own; it was written all the same.
            return "".join(_text_of(part.get(name)) for name in ("reasoning_content", "content"))
        return _text_of(choice.get("text"))

    def _steps(self, given: Any) -> Iterator[RemoteStep]:
        if not isinstance(given, dict):
            return
        if isinstance(given.get("content"), list):
            for entry in given["content"]:
                if isinstance(entry, dict):
                    yield self._listed(entry)
        elif isinstance(given.get("tokens"), list):
            yield from self._keyed_by_text(given)

    def _listed(self, entry: Mapping[str, Any]) -> RemoteStep:
        """One entry of the chat list."""
        text = _text(entry.get("token"))
        sent = _bytes(entry.get("bytes"))
        raw = entry.get("top_logprobs")
        top = []
        for one in raw if isinstance(raw, list) else ():
            if not isinstance(one, dict) or (chance := logprob(one.get("logprob"))) is None:
                return self._rubbish(text, sent, _id(entry.get("id")))
            words, its = _text(one.get("token")), _bytes(one.get("bytes"))
            top.append(Candidate(words, certain_bytes(words) if its is None else its, _id(one.get("id")), chance))
        token = _id(entry.get("id"))
        for one in top:
            # llama.cpp holds back a token that ends inside a character and tells its bytes as part of the next one.
            if token is not None and one.id == token and sent and one.bytes and sent.endswith(one.bytes):
                sent = one.bytes
        return self._made(text, sent, token, entry.get("logprob"), top)

    def _keyed_by_text(self, given: Mapping[str, Any]) -> Iterator[RemoteStep]:
        """The older shape: parallel lists, and a mapping from text to log-probability for each step."""
        self._keyed = True
        tokens, chances, tops = (given.get(name) for name in ("tokens", "token_logprobs", "top_logprobs"))
        chances = chances if isinstance(chances, list) else []
        tops = tops if isinstance(tops, list) else []
        for place, token in enumerate(tokens or ()):
            text = _text(token)
            keyed = tops[place] if place < len(tops) and isinstance(tops[place], dict) else {}
            top = [Candidate(_text(words), certain_bytes(_text(words)), None, chance)
                   for words, raw in keyed.items() if (chance := logprob(raw)) is not None]
            if len(top) < len(keyed):
                yield self._rubbish(text, None, None)
            else:
                yield self._made(text, None, None, chances[place] if place < len(chances) else None, top)

    def _made(
        self, text: str, sent: bytes | None, token: int | None, chance: Any, top: list[Candidate]
    ) -> RemoteStep:
        own = logprob(chance)
        # Some servers add the written token to the likeliest ones: what was asked for is the list.
        top.sort(key=lambda one: -one.logprob)
        top = top[: self.asked]
        seen = math.fsum(math.exp(one.logprob) for one in top)
        if seen > 1 + SLACK or (own is None and chance is not None):
            return self._rubbish(text, sent, token)
        names = [one.bytes if one.bytes is not None else one.text for one in top]
        # Without ids or bytes, equal names or a sign that stands for lost bytes mean that tokens may have fallen out.
        whole = not self._keyed or not any(not one.text or one.bytes is None for one in top)
        whole = whole and (len(set(names)) == len(names) or all(one.id is not None for one in top))
        return RemoteStep(text, certain_bytes(text) if sent is None else sent, token, own, tuple(top),
                          max(0.0, 1.0 - seen), whole)

    def _rubbish(self, text: str, sent: bytes | None, token: int | None) -> RemoteStep:
        self.rubbish += 1
        return RemoteStep(text, certain_bytes(text) if sent is None else sent, token)

    def settled(self) -> tuple[RemoteStep, ...]:
        """All steps; a list shorter than its neighbours' counts as one that lost tokens."""
        most = max((len(step.top) for step in self.steps), default=0)
        return tuple(
            replace(step, whole=False) if self._keyed and step.top and len(step.top) < most else step
            for step in self.steps
        )

    def notes(self) -> list[str]:
        """What a reader has to know about these numbers, as sentences."""
        found = []
        steps = self.settled()
        given = [step for step in steps if step.top or step.logprob is not None]
        if self.rubbish:
            found.append(f"The probabilities of {_count(self.rubbish)} of {len(steps)} tokens cannot be right (not a "
                         "number, above 1, or adding up to more than 1), so they are left out.")
        elif steps and self.asked and not given:
            found.append("This engine gives no probabilities: it answered with text alone, though they were asked for.")
        elif given and len(given) < len(steps):
            found.append(f"{_count(len(steps) - len(given))} of {len(steps)} tokens came without probabilities; some "
                         "engines hold back a token that ends inside a character.")
        lost = sum(not step.whole for step in given)
        if lost:
            found.append(f"On {_count(lost)} of {len(steps)} tokens the list lost entries: it names tokens by their "
                         "text, and tokens with the same text overwrite each other. Nothing is replayed there; a chat "
                         "question brings bytes with it.")
        short = max((len(step.top) for step in given), default=0)
        if 0 < short < self.asked:
            found.append(f"{self.asked} of the likeliest tokens were asked for, {short} at most are sent.")
        full = [step for step in given if step.top and step.unseen < 1e-6 and len(step.top) < 1_000]
        if len(full) >= 3 and len(full) == len(given):
            found.append("At every token the list adds up to 1: these look like chances after the engine's own "
                         "samplers, not the model's own.")
        return found


def _count(number: int) -> str:
    return f"{number:,}"


def _text_of(value: Any) -> str:
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""
