"""A conversation: turns with roles, how they become one text for the model, and an answer that can be stopped.

A model reads one text. What makes a chat of it is the format: marks around each turn, and the beginning of the
answer's turn at the end. `written` gives that text in the model's own format, in another family's, or in none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.sampling.decode import Generation, Step, decode
from components.sampling.prompt import PROMPT_BYTES, Prompt, encode, render
from components.sampling.settings import Settings
from components.sampling.stops import StopWatch, check_stops
from components.workshop import check_text

if TYPE_CHECKING:
    from components.models.open import OpenModel

ROLES = ("system", "user", "assistant")
TURNS = 60


@dataclass(frozen=True)
class Turn:
    """One turn: `role` is "system", "user" or "assistant", `text` what was said."""

    role: str
    text: str


@dataclass(frozen=True)
class Answer:
    """What a model has answered.

    Attributes:
        text: its text, cut exactly in front of a stop string; a mark that ends it is no part of it.
        generation: the tokens with their records, and why the writing ended.
        stop: the stop string that ended it, or None.
    """

    text: str
    generation: Generation
    stop: str | None

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.generation.steps

    @property
    def ended(self) -> str:
        """`stop`, else as `Generation.ended`: "end", "length", "context" or "stopped"."""
        return "stop" if self.stop is not None else self.generation.ended


def check_turns(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The turns as they may stand.

    Raises:
        ValueError: none, too many, too much text, an unknown role, an empty message of the user, two turns of the
            same side in a row, a system turn elsewhere than in front, or an end that leaves nothing to answer.
    """
    found = tuple(turns)
    if len(found) > TURNS:
        raise ValueError(f"The conversation has {len(found)} turns and the limit is {TURNS}; remove some.")
    said = [turn for turn in found if turn.role != "system"]
    if not said:
        raise ValueError("Nothing has been said yet; type a message.")
    for place, turn in enumerate(found):
        if turn.role not in ROLES:
            raise ValueError(f"{turn.role!r} is no role of a conversation; use one of {', '.join(ROLES)}.")
        if turn.role == "system" and place:
            raise ValueError("A system prompt stands in front of the conversation; move it to the beginning.")
        who = {"system": "The system prompt", "user": "A message of yours", "assistant": "An answer"}[turn.role]
        check_text(turn.text, what=who, max_bytes=PROMPT_BYTES, allow_empty=turn.role != "user")
    for place, turn in enumerate(said):
        if turn.role != ("user", "assistant")[place % 2]:
            raise ValueError("Messages and answers have to take turns, a message first; remove or add a turn.")
    if said[-1].role != "user":
        raise ValueError("The last turn is an answer already; type a message, or have the answer written again.")
    return found


def written(
    model: OpenModel, turns: Sequence[Turn], *, template: str | None = None, answer_begins: bool = True
) -> Prompt:
    """A conversation as the one text that the model reads, and as tokens.

    Args:
        model: its tokenizer makes the tokens; its own template writes the text unless `template` says otherwise.
        turns: see `check_turns`; an empty system turn leaves the template's own system prompt.
        template: another Jinja template. Marks that this model's vocabulary has not become ordinary characters.
        answer_begins: end with the beginning of the answer's turn (transformers: `add_generation_prompt`).

    Returns:
        The prompt; `start` and `stop` are where the last message lies in `text`.

    Raises:
        ValueError: turns that cannot stand, no template, a template that refuses them, too many tokens.
    """
    checked = check_turns(turns)
    messages = [{"role": turn.role, "content": turn.text} for turn in checked
                if turn.role != "system" or turn.text.strip()]
    whole = render(model, messages, template=template, answer_begins=answer_begins)
    last = checked[-1].text.strip()
    start = max(0, whole.rfind(last))
    # The model's own template writes every mark itself; elsewhere the tokenizer adds what it adds to any text.
    ids = encode(model, whole, marked=template is None)
    return Prompt(whole, ids, start, start + len(last))


def answer(
    model: OpenModel,
    prompt_ids: Sequence[int],
    settings: Settings,
    *,
    stops: Sequence[str] = (),
    on_token: Callable[[str, tuple[Step, ...]], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Answer:
    """Write an answer token by token until the model ends it, a stop string comes, or there is no more room.

    Args:
        model: an open decoder.
        prompt_ids: from `written` or `prompt`.
        settings: the knobs; `max_new_tokens` is the limit.
        stops: stop strings, see `StopWatch`.
        on_token: called after every token with the text that may be shown by then, and all steps so far.
        cancelled: asked before every token; True ends the writing, and what is written by then is the answer.

    Raises:
        ValueError: as `decode` and `check_stops`.
    """
    from components.tokenization import vocabulary

    table: Any = vocabulary(model.tokenizer)
    before = b"".join(table.piece(token) for token in prompt_ids[-400:]) if stops else b""
    watch = StopWatch(check_stops(stops), before=before)
    steps: list[Step] = []
    ends = set(model.eos_ids)

    def push(_: int, step: Step) -> None:
        steps.append(step)
        if step.id not in ends:
            watch.push(table.piece(step.id))
        if on_token is not None:
            on_token(watch.shown, tuple(steps))

    def enough() -> bool:
        return watch.stop is not None or (cancelled is not None and cancelled())

    generation = decode(model, prompt_ids, [settings], on_token=push, cancelled=enough)[0]
    return Answer(watch.text, generation, watch.stop)
