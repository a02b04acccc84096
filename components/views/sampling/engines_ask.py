"""What the panel "Other engines" asks: the page's knobs under each engine's own names, and what cannot be sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from components.remote import Question
from components.sampling import REPLAYED, Settings
from components.views.frame import ASSETS

MAX_TOKENS, MAX_TOP = 64, 50


@cache
def words() -> dict[str, Any]:
    """The panel's copy, the engines and what they take: `assets/copy/sampling_engines.json`."""
    found: dict[str, Any] = json.loads((ASSETS / "copy" / "sampling_engines.json").read_text("utf-8"))
    return found


@dataclass(frozen=True)
class Ask:
    """One question to one engine. The key is no part of it, since this is kept and compared.

    Attributes:
        address: base URL on the allow-list.
        engine: a name among the engines in the copy.
        remote_model: the model id there; empty for the first that the server names.
        local: catalog id of the page's model, which is set beside it.
        settings: the page's knobs.
    """

    address: str
    engine: str
    remote_model: str
    local: str
    text: str
    chat: bool
    system: str
    max_tokens: int
    top: int
    settings: Settings

    def question(self, model: str) -> Question:
        """What goes to the server, for the model id that was settled on."""
        return Question(model, self.text, self.chat, self.system if self.chat else "", self.max_tokens, self.top,
                        extras(self.engine, self.settings))


@dataclass(frozen=True)
class Knob:
    """What becomes of one of the page's knobs: `sent` under a name of the engine's, or not, and why."""

    name: str
    value: Any
    sent: str = ""
    why: str = ""


def engine_at(port: int) -> str:
    """The engine that usually listens at a port."""
    return next((name for name, one in words()["engines"].items() if one.get("port") == port), "other")


def knobs(engine: str, settings: Settings) -> list[Knob]:
    """The main knobs, sent also where they are neutral since servers have defaults of their own; others where on."""
    takes, neutral, found = words()["engines"][engine]["takes"], Settings(), []
    main = words()["main"]
    on = [field.name for field in fields(Settings)
          if field.name not in (*main, "order", "max_new_tokens", "do_sample")
          and getattr(settings, field.name) != getattr(neutral, field.name)]
    for name in (*main, *on):
        value = getattr(settings, name)
        if name in words()["by_ids"]:
            found.append(Knob(name, value, why=words()["left_out"]["by_ids"]))
        elif name in takes:
            found.append(Knob(name, value, sent=takes[name]))
        elif name not in main or value != getattr(neutral, name):
            found.append(Knob(name, value, why=words()["left_out"]["absent"]))
    return found


def extras(engine: str, settings: Settings) -> dict[str, Any]:
    """The fields of the request's body that carry the knobs."""
    found = {knob.sent: knob.value for knob in knobs(engine, settings) if knob.sent}
    wraps = words()["engines"][engine].get("wraps")
    if not wraps:
        return found
    outside = {"seed": found.pop("seed")}
    if settings.greedy:
        inside: dict[str, Any] = {"do_sample": False, "repetition_penalty": found["repetition_penalty"]}
    else:
        # The library takes a min_p of 0 for one that is on.
        inside = {"do_sample": True, **{name: value for name, value in found.items() if name != "min_p" or value}}
    return {**outside, wraps: json.dumps(inside)}


def not_replayed(settings: Settings) -> list[tuple[str, str]]:
    """Knobs that are on and that the list of the likeliest tokens cannot show, each with the reason."""
    why, neutral = words()["not_replayed"], Settings()
    passed = (*REPLAYED, "order", "max_new_tokens", "do_sample", "seed", *words()["by_ids"])
    helpers = ("dry_base", "dry_allowed_length", "dry_penalty_last_n", "xtc_threshold", "mirostat_tau", "mirostat_eta",
               "dynatemp_exponent", "smoothing_curve", "penalty_last_n", "watermark_bias", "remove_invalid_values",
               "renormalize_logits")
    return [(field.name, why.get(field.name, why[""])) for field in fields(Settings)
            if field.name not in (*passed, *helpers)
            and getattr(settings, field.name) != getattr(neutral, field.name)]
