"""From a reader's text to the model's tokens: as it stands, or wrapped in the model's chat template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.workshop import check_text

if TYPE_CHECKING:
    from components.models.open import OpenModel

PROMPT_BYTES = 200_000
# A page's own limit below large contexts: on two cores a longer prompt keeps everybody waiting.
PROMPT_TOKENS = 2_048


@dataclass(frozen=True)
class Prompt:
    """What the model reads.

    Attributes:
        text: the whole text given to the tokenizer, template included.
        ids: its tokens.
        start, stop: where the reader's own words lie in `text`, in characters.
    """

    text: str
    ids: tuple[int, ...]
    start: int
    stop: int


def render(
    model: OpenModel, messages: Sequence[dict[str, str]], *, template: str | None = None, answer_begins: bool = True
) -> str:
    """The messages as the model's own chat template writes them, up to the place where its answer begins.

    Args:
        model: an open model that has a template.
        messages: `{"role": "system" | "user" | "assistant", "content": text}` in order.
        template: another Jinja template in its place.
        answer_begins: end with the beginning of the answer's turn (transformers: `add_generation_prompt`).

    Raises:
        ValueError: the model has no template, or the template refuses the messages.

    Source: transformers' own renderer, the one behind `apply_chat_template`.
    """
    template = model.chat_template if template is None else template
    if template is None:
        raise ValueError("This model was never taught a chat format; switch chat off, or choose a chat model.")
    from jinja2 import TemplateError
    from transformers.utils.chat_template_utils import render_jinja_template

    special: dict[str, Any] = _special_texts(model)
    try:
        rendered: Any = render_jinja_template(
            conversations=[list(messages)],
            chat_template=template,
            add_generation_prompt=answer_begins,
            **special,
        )
    except TemplateError as problem:
        raise ValueError(f"The chat template refuses this conversation ({problem}); change the messages.") from problem
    return str(rendered[0][0])


def _special_texts(model: OpenModel) -> dict[str, str]:
    """The special tokens that templates ask for by name."""
    library: Any = model.tokenizer.library_object
    ids = {"bos_token": model.bos_id, "eos_token": model.eos_ids[0] if model.eos_ids else None}
    return {name: library.id_to_token(token) or "" for name, token in ids.items() if token is not None}


def prompt(model: OpenModel, text: str, *, chat: bool = False, system: str = "") -> Prompt:
    """The tokens to go on from.

    Args:
        model: an open decoder; its own tokenizer is used, with the special tokens it adds by itself.
        text: the reader's text; with `chat` the user's message.
        chat: wrap it in the model's chat template.
        system: a system prompt for the template; empty leaves the template's own.

    Raises:
        ValueError: empty or unusable text, more tokens than the model or this page reads, no template.
    """
    check_text(text, max_bytes=PROMPT_BYTES)
    if chat:
        messages = [{"role": "system", "content": system}] if system.strip() else []
        whole = render(model, [*messages, {"role": "user", "content": text}])
        # Templates may trim the message, so its place is looked for and not computed.
        start = max(0, whole.rfind(text.strip()))
        stop = start + len(text.strip())
    else:
        whole, start, stop = text, 0, len(text)
    ids = encode(model, whole, marked=chat)
    return Prompt(whole, ids, start, stop)


def encode(model: OpenModel, whole: str, *, marked: bool = False) -> tuple[int, ...]:
    """A whole prompt as tokens.

    Args:
        model: its own tokenizer is used.
        whole: the text, template included.
        marked: a template has written every special token itself, so the tokenizer must not add its own once more.

    Raises:
        ValueError: no token, or more than the model or this page reads.
    """
    ids = tuple(model.tokenizer.library_object.encode(whole, add_special_tokens=not marked).ids)
    most = min(model.context - 1, PROMPT_TOKENS)
    if len(ids) > most:
        why = f"this model reads {model.context:,}" if most < PROMPT_TOKENS else f"this page reads {most:,}"
        raise ValueError(f"The text has {len(ids):,} tokens and {why}, room for the next one included; shorten it.")
    if not ids:
        raise ValueError("The tokenizer made no token of this text; type a word.")
    return ids
