"""Every further knob, in groups that draw their widgets only while they are open.

A widget that is not drawn loses its value and its place in the address. So the values live in the session's state
under `sampling_<name>`, whether or not their group is open; the widgets have keys of their own and write into them,
and the address is written here. What a knob is and which range it has is data, see `copy`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import streamlit as st

from components.sampling import Settings
from components.views.frame import plain
from components.views.sampling import copy
from components.views.sampling.spelled import Speller, explain

# Fields that a reader fills with text: name -> (label, placeholder, what it is for the eye).
TEXTS: dict[str, tuple[str, str]] = {
    "bias_tokens": ("`sequence_bias` on tokens, one a line", '" sea": 2.5\n262: -4'),
    "bias_words": ("`sequence_bias` on words, one a line", "sea: 2.5\nstorm: -3"),
    "banned_words": ("`bad_words_ids` words that may not come, one a line", "night"),
    "suppress_tokens": ("`suppress_tokens` tokens that never come", '" the", 17'),
    "begin_suppress_tokens": ("`begin_suppress_tokens` not as the first", '" he"'),
    "dry_breakers": ("`dry_breakers` where passages end, one a line", "\\n"),
    "forced_bos_token_id": ("`forced_bos_token_id` what must come second", ""),
    "forced_eos_token_id": ("`forced_eos_token_id` what must come last", ""),
    "negative_prompt": ("Negative prompt: what to move away from", "The keeper was happy."),
}
# Two numbers for the one knob `exponential_decay_length_penalty`.
DECAY = {"decay_start": 30, "decay_factor": 1.0}
BREAKERS = '\\n\n:\n"\n*'
# Field of a reader -> the knob whose copy it has.
SAID_BY = {
    "bias_tokens": "sequence_bias", "bias_words": "sequence_bias", "banned_words": "bad_words_ids",
    "negative_prompt": "negative_prompt_ids", "decay_start": "exponential_decay_length_penalty",
    "decay_factor": "exponential_decay_length_penalty",
}
IN_PLACE_OF = {
    "sequence_bias": ("bias_tokens", "bias_words"), "bad_words_ids": ("banned_words",),
    "negative_prompt_ids": ("negative_prompt",),
    "exponential_decay_length_penalty": ("decay_factor", "decay_start"),
}
# A knob that means something only while another is on.
NEEDS = {
    "xtc_threshold": "xtc_probability", "dynatemp_exponent": "dynatemp_range", "smoothing_curve": "smoothing_factor",
    "dry_base": "dry_multiplier", "dry_allowed_length": "dry_multiplier", "dry_penalty_last_n": "dry_multiplier",
    "dry_breakers": "dry_multiplier", "negative_prompt": "guidance_scale", "watermark_bias": "watermark",
    "mirostat_tau": "mirostat", "mirostat_eta": "mirostat", "decay_start": "decay_factor",
    "penalty_last_n": "presence_penalty",
}
ELSEWHERE = frozenset({"seed", "order", "top_k", "top_p", "min_p", "temperature", "repetition_penalty",
                       "max_new_tokens"})
CHOICES: dict[str, dict[Any, str]] = {
    "mirostat": {0: "off", 1: "version 1", 2: "version 2"},
    "watermark": {"": "off", "greenlist": "green list", "synthid": "SynthID"},
}
TEXT_LENGTH = 2_000
LINKED = 500  # characters of a field that still go into the address
_FIELDS = {field.name: field.default for field in fields(Settings)}


def groups() -> list[tuple[dict[str, Any], tuple[str, ...]]]:
    """The groups of the data file, each with its fields in order."""
    found = []
    for group in copy.knobs_file()["groups"]:
        names: list[str] = []
        for name, entry in copy.knobs_file()["knobs"].items():
            if entry["group"] == group["id"] and name not in ELSEWHERE:
                names += IN_PLACE_OF.get(name, (name,))
        if names:
            found.append((group, tuple(names)))
    return found


def names() -> tuple[str, ...]:
    """All fields of all groups."""
    return tuple(name for _, group in groups() for name in group)


def default(name: str) -> Any:
    """Where a field stands when nothing is set."""
    if name == "dry_breakers":
        return BREAKERS
    if name in TEXTS:
        return ""
    return DECAY[name] if name in DECAY else _FIELDS[name]


def now(name: str) -> Any:
    """What a field says."""
    return st.session_state.get(f"sampling_{name}", default(name))


def on(name: str) -> bool:
    """Whether a field is set and means something."""
    other = NEEDS.get(name)
    if name == "penalty_last_n":
        return now(name) != default(name) and (on("presence_penalty") or on("frequency_penalty"))
    return bool(now(name) != default(name)) and (other is None or on(other))


def reset() -> None:
    """All fields back, and the address with them."""
    for name in names():
        st.session_state.pop(f"sampling_{name}", None)


# ------------------------------------------------------------------------------------------------------- the address


def _read(name: str, raw: str) -> Any:
    """A value of the address as the field's own kind. Raises ValueError with a sentence."""
    usual = default(name)
    if name in TEXTS:
        return raw[:TEXT_LENGTH]
    if isinstance(usual, bool):
        if raw.lower() not in ("true", "false"):
            raise ValueError(f"{name} in the address is {raw[:40]!r} and has to be true or false; it was left out.")
        return raw.lower() == "true"
    if isinstance(usual, str):
        return raw
    try:
        return int(raw) if isinstance(usual, int) else float(raw)
    except ValueError:
        raise ValueError(f"{name} in the address is {raw[:40]!r} and has to be a number; it was left out.") from None


def check(name: str, value: Any) -> None:
    """Raises ValueError with the domain's sentence for a value that its knob cannot have."""
    if name in TEXTS:
        if not isinstance(value, str):
            raise ValueError(f"{name} has to be text, not {value!r}; type it anew.")
    elif name == "decay_factor":
        Settings(exponential_decay_length_penalty=(0, value))
    elif name == "decay_start":
        Settings(exponential_decay_length_penalty=(value, 1.0))
    else:
        Settings.of({name: value})


def arrive() -> list[str]:
    """Take in what the address says when the session begins, drop what is forged, and write the address.

    Returns:
        A sentence for each value that was left out.
    """
    complaints = []
    first = not st.session_state.get("sampling_arrived")
    st.session_state["sampling_arrived"] = True
    for name in names():
        key = f"sampling_{name}"
        try:
            if first and key not in st.session_state and key in st.query_params:
                st.session_state[key] = _read(name, st.query_params[key])
            if key in st.session_state:
                check(name, st.session_state[key])
        except ValueError as problem:
            st.session_state.pop(key, None)
            said = str(problem)
            complaints.append(plain(said if "left out" in said else f"{said} It was left out."))
        _write(name)
    return complaints


def _write(name: str) -> None:
    key, value = f"sampling_{name}", now(name)
    wanted = None if value == default(name) else str(value).lower() if isinstance(value, bool) else str(value)
    if wanted is None or len(wanted) > LINKED:
        if key in st.query_params:
            del st.query_params[key]
    elif st.query_params.get(key) != wanted:
        st.query_params[key] = wanted


# ------------------------------------------------------------------------------------------------------- the widgets


def draw(speller: Speller | None) -> None:
    """The groups in one row, and the widgets of the opened one under it in three columns.

    `speller` (where the model is open) says what the typed words are to it.
    """
    every = {group["id"]: (group, members) for group, members in groups()}
    counts = {name: sum(on(one) for one in members if one not in NEEDS) for name, (_, members) in every.items()}
    chosen = st.pills(
        "More knobs", list(every), key="sampling_group",
        format_func=lambda name: every[name][0]["title"] + (f" · {counts[name]} on" if counts[name] else ""),
        help="Everything that transformers has, and what other engines have beside it. Each group opens below.",
    )
    if chosen in every:
        group, members = every[chosen]
        st.caption(group["sentence"])
        for start in range(0, len(members), 3):
            for column, name in zip(st.columns(3, gap="medium"), members[start : start + 3], strict=False):
                with column:
                    _widget(name, speller)


def _set(name: str) -> None:
    value = st.session_state[f"sampling_set_{name}"]
    st.session_state[f"sampling_{name}"] = default(name) if value is None else value


def _widget(name: str, speller: Speller | None) -> None:
    key, value = f"sampling_set_{name}", now(name)
    if st.session_state.get(key) != value or key not in st.session_state:
        st.session_state[key] = value
    knob = SAID_BY.get(name, name)
    need = NEEDS.get(name)
    idle = need is not None and not on(need) and not (name == "penalty_last_n" and on("frequency_penalty"))
    shared: dict[str, Any] = {"key": key, "on_change": _set, "args": (name,), "help": copy.info(knob),
                              "disabled": idle}
    if name in TEXTS:
        label, sample = TEXTS[name]
        if name in ("forced_bos_token_id", "forced_eos_token_id"):
            st.text_input(label, max_chars=80, placeholder='" The", or an id', **shared)
        else:
            st.text_area(label, height=86, max_chars=TEXT_LENGTH, placeholder=sample, **shared)
        if len(value) > LINKED:
            st.caption("This is too long for a link: Share leaves it out.")
        if speller is not None and value.strip() and name in ("bias_words", "banned_words"):
            st.caption(plain(" ".join(_explained(value, name == "bias_words", speller))))
        return
    label = copy.label(knob)
    if name == "decay_start":
        st.number_input("… from so many new tokens on", 0, 512, step=1, **shared)
    elif name in CHOICES:
        st.selectbox(label, list(CHOICES[name]), format_func=CHOICES[name].__getitem__, **shared)
    elif isinstance(default(name), bool):
        st.toggle(label, **shared)
    else:
        _number(name, knob, label, value, shared)


def _number(name: str, knob: str, label: str, value: Any, shared: dict[str, Any]) -> None:
    entry = copy.about(knob)
    whole = isinstance(default(name), int)
    kind = int if whole else float
    low, high, step = (kind(entry[part]) for part in ("low", "high", "step"))
    # A link may go further than the slider does.
    low, high = min(low, value, default(name)), max(high, value, default(name))
    if whole and high > 100:
        st.number_input(label, low, high, step=step, **shared)
    else:
        st.slider(label, low, high, step=step, format="%.4f" if not whole and step < 0.01 else None, **shared)


def _explained(text: str, weighted: bool, speller: Speller) -> list[str]:
    words = [line.rpartition(":")[0] if weighted else line for line in text.split("\n")]
    return [explain(word, speller.encode) for word in words if word.strip()][:3]


# ---------------------------------------------------------------------------------------------------------- settings


def asks_for_tokens() -> bool:
    """Whether anything is set that only the model's tokenizer can read."""
    return any(on(name) for name in TEXTS) or on("dry_multiplier")


def resolve(speller: Speller | None) -> dict[str, Any]:
    """What is on, under the names of `Settings`.

    Args:
        speller: the model's tokenizer; needed where `asks_for_tokens`.

    Raises:
        ValueError: a line that cannot be read, in a sentence.
    """
    found = {name: now(name) for name in names() if name not in TEXTS and name not in DECAY and on(name)}
    if on("decay_factor"):
        found["exponential_decay_length_penalty"] = (int(now("decay_start")), float(now("decay_factor")))
    if speller is None:
        return found
    return found | spelled({name: now(name) for name in TEXTS if on(name)}, speller, dry=on("dry_multiplier"))


def spelled(texts: Mapping[str, str], speller: Speller, *, dry: bool) -> dict[str, Any]:
    """The fields of text as `Settings` take them; empty ones are left out."""
    found: dict[str, Any] = {
        "sequence_bias": speller.biases(texts.get("bias_tokens", ""), texts.get("bias_words", "")),
        "bad_words_ids": speller.words(texts.get("banned_words", "")),
        "suppress_tokens": speller.tokens(texts.get("suppress_tokens", ""), "suppress_tokens"),
        "begin_suppress_tokens": speller.tokens(texts.get("begin_suppress_tokens", ""), "begin_suppress_tokens"),
        "dry_breakers": speller.breakers(texts.get("dry_breakers", BREAKERS)) if dry else (),
        "negative_prompt_ids": tuple(speller.encode(texts.get("negative_prompt", ""))),
    }
    for name in ("forced_bos_token_id", "forced_eos_token_id"):
        ids = speller.tokens(texts.get(name, ""), name)
        if len(ids) > 1:
            raise ValueError(f"{name} names {len(ids)} tokens and can force one; leave one of them.")
        if ids:
            found[name] = ids[0]
    return {name: value for name, value in found.items() if value != ()}
