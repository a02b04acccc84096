"""A conversation in the format of a model: its chat template rendered, with what a user wrote kept apart from the rest.

Templates are Jinja, as models publish them (`chat_template.jinja`), run in Jinja's sandbox with the settings of
transformers' renderer (`transformers.utils.chat_template_utils`), which this module does not import: it would bring
torch along.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

ROLES = ("system", "user", "assistant")
MOST_MESSAGES = 40
MOST_CHARACTERS = 20_000

# Private-use characters that no conversation holds: they mark where a message's own words begin and end, and where a
# template asks for a part to be encoded by itself.
_BEGIN, _END, BREAK = "\ue100", "\ue101", "\ue102"
_ROLE = re.compile(r"\s*(\w+)\s*:\s?(.*)", re.DOTALL)


@dataclass(frozen=True)
class Message:
    """One turn: `role` is one of `ROLES`."""

    role: str
    content: str


@dataclass(frozen=True)
class Rendered:
    """A conversation as one text.

    Attributes:
        text: what the model reads.
        contents: for each message that stands in it, where its own words begin and end, in characters.
        breaks: characters at which the text is encoded in parts.
    """

    text: str
    contents: tuple[tuple[int, int], ...]
    breaks: tuple[int, ...]


def conversation(text: str) -> tuple[Message, ...]:
    """Lines such as `user: What is her name?` as messages; a line without a role goes on with the message before.

    Raises:
        ValueError: nothing there, the first line has no role, an unknown role, or too much of it.

    >>> conversation("user: Hello\\nthere\\nassistant: Good day")
    (Message(role='user', content='Hello\\nthere'), Message(role='assistant', content='Good day'))
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"The conversation has {len(text):,} characters and may have {MOST_CHARACTERS:,}; shorten it.")
    found: list[Message] = []
    for line in text.splitlines():
        named = _ROLE.fullmatch(line)
        role = named[1].lower() if named else ""
        if named and role in ROLES:
            found.append(Message(role, named[2]))
        elif found:
            found[-1] = Message(found[-1].role, f"{found[-1].content}\n{line}")
        elif line.strip():
            raise ValueError(f"The first line says {line.strip()[:40]!r} and nobody who says it; "
                             "begin it with system:, user: or assistant:.")
    if not found:
        raise ValueError("There is no conversation yet; write a line such as user: Hello.")
    if len(found) > MOST_MESSAGES:
        raise ValueError(f"The conversation has {len(found)} messages and may have {MOST_MESSAGES}; shorten it.")
    return tuple(Message(one.role, one.content.strip()) for one in found)


def render(
    template: str, messages: Sequence[Message], *, answer: bool = True, bos: str = "", eos: str = ""
) -> Rendered:
    """Run a chat template.

    Args:
        template: Jinja source.
        messages: from `conversation`.
        answer: whether the opening of the next answer is added (`add_generation_prompt`).
        bos, eos: the texts of those tokens, for templates that ask for them.

    Raises:
        ValueError: the template is broken, does something the sandbox forbids, or refuses this conversation (some
            allow no system message, or want user and assistant in turn); its own words are quoted.
    """
    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse(words: str) -> None:
        raise TemplateError(words)

    settings = {"trim_blocks": True, "lstrip_blocks": True, "extensions": ["jinja2.ext.loopcontrols"]}
    environment = ImmutableSandboxedEnvironment(**settings)  # type: ignore[arg-type]
    environment.globals["raise_exception"] = refuse
    listed = [{"role": one.role, "content": f"{_BEGIN}{_clean(one.content)}{_END}"} for one in messages]
    try:
        out = environment.from_string(template).render(
            messages=listed, add_generation_prompt=answer, bos_token=bos, eos_token=eos, tools=None
        )
    except (TemplateError, TypeError, ValueError, RecursionError) as problem:
        said = re.sub("[\ue100-\ue102]", "", str(problem)).splitlines()
        raise ValueError(f"The chat template refuses this conversation ({said[0] if said else 'no reason given'}); "
                         "change the order or the roles of its messages.") from problem
    return _unmarked(out)


def _clean(text: str) -> str:
    return re.sub("[\ue100-\ue102]", "", text)


def _unmarked(out: str) -> Rendered:
    """Take the marks out of a rendered text and note where they stood."""
    text: list[str] = []
    length = 0
    contents: list[tuple[int, int]] = []
    breaks: list[int] = []
    begun: int | None = None
    for part in re.split("([\ue100-\ue102])", out):
        if part == _BEGIN:
            begun = length
        elif part == _END:
            contents.append((begun if begun is not None else length, length))
            begun = None
        elif part == BREAK:
            breaks.append(length)
        else:
            text.append(part)
            length += len(part)
    return Rendered("".join(text), tuple(contents), tuple(breaks))
