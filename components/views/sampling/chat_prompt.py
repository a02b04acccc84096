"""What the panel Chat shows of a prompt and of an answer: tokens with their labels, and how a writing ended."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from components.models import catalog, loaders, sources
from components.sampling import Answer, Step, Turn
from components.tokenization import Message, vocabulary
from components.tokenization import render as rendered
from components.views import frame
from components.views.sampling.labels import SPECIAL_TOKEN, Labels


@cache
def copy() -> dict[str, Any]:
    """Formats, ready prompts and their verdicts, from assets/copy/sampling_chat.json."""
    found: dict[str, Any] = json.loads((frame.ASSETS / "copy" / "sampling_chat.json").read_text("utf-8"))
    return found


@cache
def families() -> dict[str, str]:
    """The chat templates of other families by id, from assets/copy/chat_formats.json."""
    every = json.loads((frame.ASSETS / "copy" / "chat_formats.json").read_text("utf-8"))
    return {one["id"]: one["template"] for one in every if one["template"]}


def template_of(item: dict[str, Any]) -> str | None:
    """The template of a format in the copy; None for the model's own."""
    if "from" in item:
        return families()[item["from"]]
    found: str | None = item["template"]
    return found


def own_template(model: str) -> str | None:
    """A model's chat template, without opening the model where its folder holds it as a file."""
    if not catalog.entry(model).has_chat_template:
        return None
    file = sources.find(model).path / "chat_template.jinja"
    return file.read_text("utf-8") if file.is_file() else loaders.model(model).chat_template


def chat_models() -> list[str]:
    """The models here that were taught to answer."""
    return [one.id for one in catalog.of_kind("decoder") if one.has_chat_template and sources.state(one.id).here]


def template_for(model: str) -> str | None:
    """How a conversation is written for a model: by its own template (None), or for one without as plain lines."""
    if catalog.entry(model).has_chat_template:
        return None
    found: str = copy()["continuing"]["template"]
    return found


def labels(model: str) -> Labels:
    """The labels of a model's tokens; its tokenizer is enough."""
    return Labels(vocabulary(loaders.tokenizer(model)))


def spelled(
    model: str, turns: Sequence[Turn], *, template: str | None = None, answer_begins: bool = True
) -> list[dict[str, Any]]:
    """The tokens that `sampling.written` gives for these turns, each with its label and whose words it is part of
    ("user", "assistant", "system", or "" for what the format adds). No model is opened for it."""
    source = own_template(model) if template is None else template
    said = [turn for turn in turns if turn.role != "system" or turn.text.strip()]
    out = rendered(source or "", [Message(turn.role, turn.text) for turn in said], answer=answer_begins)
    encoded = loaders.tokenizer(model).library_object.encode(out.text, add_special_tokens=template is not None)
    named, found = labels(model), []
    spans = list(zip(out.contents, said, strict=False))
    for token, (start, end) in zip(encoded.ids, encoded.offsets, strict=True):
        # A token across an edge, such as a word with the space in front of it, belongs where its middle lies.
        whose = next((turn.role for (first, last), turn in spans if first <= (start + end) / 2 < last), "")
        found.append({**named.label(token), "w": whose})
    return found


def typed_marks(tokens: Sequence[dict[str, Any]]) -> int:
    """How many marks of the format stand in somebody's own words, where they were typed."""
    return sum(1 for token in tokens if token["w"] and token["k"] == SPECIAL_TOKEN)


def recorded(model: str, steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Written tokens with their label, surprise in nats, probability as the model gave it, and rank."""
    named = labels(model)
    return [{**named.label(step.id), "s": round(step.surprise, 4), "p": step.raw, "r": step.rank} for step in steps]


def ending(model: str, found: Answer, context: int, *, again: bool = True) -> str:
    """Why an answer ended where it did, as a sentence."""
    return says_ended(found.ended, stop=found.stop, count=len(found.steps), context=context,
                      chats=catalog.entry(model).has_chat_template, again=again)


def says_ended(ended: str, *, stop: str | None, count: int, context: int, chats: bool, again: bool = True) -> str:
    """One sentence on an end, see `Answer.ended`; `again`: whether the reader can raise the limit."""
    if ended == "stop":
        shown = (stop or "").replace("\n", "↵")
        return f"Ended by the stop string “{shown}”, in front of which the text is cut."
    return {
        "end": "The model ended its turn by itself." if chats else "The model ended its text by itself.",
        "length": f"Cut off at the limit of {count} tokens"
                  + ("; raise it and write the answer again for more." if again else "."),
        "context": f"It broke off in the middle: the conversation and this answer fill the {context:,} tokens that the "
                   "model reads. Remove an earlier turn and write it again.",
        "stopped": "Stopped by you; what was written is kept.",
    }[ended]
