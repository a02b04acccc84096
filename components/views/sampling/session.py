"""What one reader has written so far: plain data in the session's state, and what the buttons do to it.

The continuation that the reader sees is one path of a tree (`components.sampling.tree`): Back and `goto` move along
it, another token beside a written one becomes a branch, and nothing that was written is forgotten. Each text, model
and chat format has a tree of its own; the last three are kept, so that a reader can return to one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import streamlit as st

from components.sampling import MAX_NEW_TOKENS, Ahead, Step, tree
from components.views.sampling import moments
from components.views.sampling.moments import Begun

KEY = "sampling_written"
EARLIER = "sampling_earlier"
WANTED = "sampling_wanted"
TREES = 3
WRITING = ("next", "ten", "generate", "tick")
ACTIONS = (*WRITING, "back", "redraw", "stop", "take", "goto", "branch", "prune", "restore", "name")


def written(belongs_to: tuple[Any, ...]) -> dict[str, Any]:
    """This reader's continuation of this text; an empty one where text, model or chat format have changed."""
    kept = st.session_state.get(KEY)
    if not isinstance(kept, dict) or kept["belongs_to"] != belongs_to:
        if st.session_state.pop(WANTED, None) == belongs_to and _bring_back(belongs_to):
            found: dict[str, Any] = st.session_state[KEY]
            return found
        if isinstance(kept, dict):
            _put_aside(kept)
        kept = {"belongs_to": belongs_to, "tree": tree.new_tree(), "steps": [], "redraws": {}, "left": 0, "note": "",
                "serial": 0}
        st.session_state[KEY] = kept
    return kept


def _put_aside(kept: dict[str, Any]) -> None:
    """Keep a tree that a reader may return to; with the one in sight there are three at most."""
    kept["left"] = 0
    if len(kept["tree"]["nodes"]) > 1:
        others = [one for one in earlier() if one["belongs_to"] != kept["belongs_to"]]
        st.session_state[EARLIER] = [kept, *others][: TREES - 1]


def earlier() -> list[dict[str, Any]]:
    """The trees of other texts or models that are kept, the last one first."""
    found: list[dict[str, Any]] = st.session_state.get(EARLIER, [])
    return found


def want(belongs_to: tuple[Any, ...]) -> None:
    """Return to an earlier tree as soon as the page shows its text with its model."""
    st.session_state[WANTED] = belongs_to


def _bring_back(belongs_to: tuple[Any, ...]) -> bool:
    found = next((one for one in earlier() if one["belongs_to"] == belongs_to), None)
    if found is None:
        return False
    st.session_state[EARLIER] = [one for one in earlier() if one is not found]
    now = st.session_state.get(KEY)
    if isinstance(now, dict):
        _put_aside(now)
    st.session_state[KEY] = found
    return True


def steps_of(kept: Mapping[str, Any]) -> tuple[Step, ...]:
    """The written tokens with their records."""
    return tuple(Step(**step) for step in kept["steps"])


def redraw_of(kept: Mapping[str, Any]) -> int:
    """How often the next step was drawn again."""
    return int(kept["redraws"].get(len(kept["steps"]), 0))


def asked() -> dict[str, Any] | None:
    """What the reader has pressed; None for nothing, and for anything that no button sends."""
    value = st.session_state.pop("sampling_asked", None)
    if not isinstance(value, dict) or value.get("do") not in ACTIONS:
        return None
    return value


def ended(begun: Begun, kept: Mapping[str, Any]) -> str:
    """Why nothing more can be written; empty while something can."""
    steps = kept["steps"]
    if steps and steps[-1]["id"] in begun.ends:
        return "The model has ended its text here. Press Back to try another way."
    if len(begun.prompt.ids) + len(steps) >= begun.context:
        return f"The text fills the {begun.context:,} tokens that this model reads. Go back, or shorten the text."
    return ""


def obey(action: Mapping[str, Any], begun: Begun, kept: dict[str, Any], knobs: Mapping[str, Any]) -> None:
    """Do what a button asks. One call writes one token at most, so Stop waits for one token at most.

    Beside the plain buttons: `{"do": "take", "token": id}` goes on with that token (with `"at": n` after the first n
    new ones), `{"do": "goto", "at": n}` cuts the text back to n new tokens; `branch`, `prune`, `restore` and `name`
    (with `"name"`) are about the `"node"` of the tree. What is no such thing changes nothing, or leaves a sentence in
    `kept["note"]`.

    Raises:
        ValueError: the knobs leave nothing to draw.
    """
    do = action["do"]
    kept["serial"] = kept["serial"] + 1
    if do == "tick" and not kept["left"]:
        return  # asked for before Stop was pressed, and arrived after it
    kept["note"] = ""
    if do == "stop":
        kept["left"] = 0
        kept["note"] = f"Stopped. {_count(kept)} written, all kept."
    elif do == "back":
        tree.cut(kept["tree"], max(0, len(kept["steps"]) - 1))
    elif do == "redraw":
        place = len(kept["steps"])
        kept["redraws"][place] = min(10_000, kept["redraws"].get(place, 0) + 1)
    elif do == "ten":
        kept["left"] = 10
    elif do == "generate":
        kept["left"] = min(MAX_NEW_TOKENS, int(knobs["max_new_tokens"]))
    elif do == "next":
        kept["left"] = 1
    elif do not in WRITING:
        kept["left"] = 0
        try:
            _move(action, begun, kept, knobs)
        except ValueError as problem:
            kept["note"] = str(problem)
    _follow(kept)
    if do in WRITING and kept["left"] > 0:
        _write(begun, kept, knobs)


def _move(action: Mapping[str, Any], begun: Begun, kept: dict[str, Any], knobs: Mapping[str, Any]) -> None:
    """The presses that choose a place in the tree."""
    do, grown = action["do"], kept["tree"]
    if do == "take":
        _take(action, begun, kept, knobs)
    elif do == "goto":
        if _place(action, kept) is not None:
            tree.cut(grown, int(action["at"]))
    elif do == "branch":
        tree.go(grown, action.get("node", -1))
    elif do == "prune":
        tree.prune(grown, action.get("node", -1))
    elif do == "restore":
        tree.restore(grown, action.get("node", -1))
    elif do == "name":
        tree.rename(grown, action.get("node", -1), action.get("name"))


def _place(action: Mapping[str, Any], kept: Mapping[str, Any]) -> int | None:
    """The place that a press is about, in new tokens; None where it is none of the text's."""
    at = action.get("at")
    return at if _whole(at) and 0 <= at <= len(kept["steps"]) else None  # type: ignore[operator,return-value]


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _take(action: Mapping[str, Any], begun: Begun, kept: dict[str, Any], knobs: Mapping[str, Any]) -> None:
    """Go on with the token that the reader has chosen, here, or after the node or the place that the press names."""
    token, grown = action.get("token"), kept["tree"]
    if not _whole(token):
        return
    if "node" in action:
        before = tree.path(grown, action["node"])
    elif "at" in action:
        place = _place(action, kept)
        if place is None:
            return
        before = tree.path(grown)[:place]
    else:
        before = tree.path(grown)
    steps = [grown["nodes"][number]["step"] for number in before]
    why = ended(begun, {"steps": steps})
    if why:
        raise ValueError(why)
    made = moments.choice(begun, tuple(Step(**step) for step in steps), knobs,
                          int(kept["redraws"].get(len(steps), 0)), wanted=token)
    _put(kept, before[-1] if before else 0, made)


def _write(begun: Begun, kept: dict[str, Any], knobs: Mapping[str, Any]) -> None:
    if not ended(begun, kept):
        made = moments.choice(begun, steps_of(kept), knobs, redraw_of(kept))
        _put(kept, kept["tree"]["at"], made)
        _follow(kept)
        kept["left"] -= 1
    if ended(begun, kept):
        kept["left"] = 0


def _put(kept: dict[str, Any], before: int, made: Ahead) -> None:
    grown = kept["tree"]
    tree.go(grown, tree.grow(grown, before, asdict(made.step), chance=made.chance, offers=made.offers))
    tree.trim(grown)


def _follow(kept: dict[str, Any]) -> None:
    """The text in sight is the tree's current path."""
    kept["steps"] = tree.steps(kept["tree"])


def _count(kept: Mapping[str, Any]) -> str:
    count = len(kept["steps"])
    return f"{count} token" + ("" if count == 1 else "s")
