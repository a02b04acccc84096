"""In which order the stages stand: an engine's or the reader's own, and what that changes at this very step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from components.sampling import ORDERS, Stage, Step, check_order, moved
from components.views.frame import plain
from components.views.sampling import copy
from components.views.sampling.words import percent, tokens

KEY = "sampling_order"
CUSTOM = "custom"
FIRST = "transformers"


def name_of(order: Sequence[str]) -> str:
    """The engine whose order this is, else `custom`."""
    return next((engine for engine, listed in ORDERS.items() if listed == tuple(order)), CUSTOM)


def read(said: str) -> tuple[str, ...]:
    """An order from its name, or from stage names parted by commas. Raises ValueError with a sentence."""
    if not said:
        return ()
    return ORDERS[said] if said in ORDERS else check_order(name.strip() for name in said.split(","))


def write(order: Sequence[str]) -> str:
    """The shortest text that `read` takes back; empty for the library's own order."""
    name = name_of(order)
    return "" if name == FIRST else ",".join(order) if name == CUSTOM else name


def now() -> tuple[str, ...]:
    """The order as it is set."""
    return read(st.session_state.get(KEY, ""))


def set_order(order: Sequence[str]) -> None:
    """Put the stages into this order. Raises ValueError for an unknown stage or one named twice."""
    st.session_state[KEY] = write(check_order(order))


def reset() -> None:
    """Back to the library's own order."""
    st.session_state.pop(KEY, None)


def arrive() -> list[str]:
    """Take the order from the address when the session begins, and write it there; sentences on what was forged."""
    complaints = []
    first = not st.session_state.get("sampling_order_arrived")
    st.session_state["sampling_order_arrived"] = True
    if first and KEY not in st.session_state and KEY in st.query_params:
        st.session_state[KEY] = st.query_params[KEY]
    try:
        said = st.session_state.get(KEY, "")
        if not isinstance(said, str):
            raise ValueError("The order has to be text: an engine's name, or stage names parted by commas.")
        order = now()
    except ValueError as problem:
        reset()
        order = ()
        complaints.append(plain(str(problem)))
    wanted = write(order)
    if wanted:
        if st.query_params.get(KEY) != wanted:
            st.query_params[KEY] = wanted
    elif KEY in st.query_params:
        del st.query_params[KEY]
    return complaints


def choose() -> tuple[str, ...]:
    """The box with the engines' orders; `custom` stands in it while the reader's own order holds."""
    order = now()
    name = name_of(order)
    key = "sampling_order_of"
    if st.session_state.get(key) != name:
        st.session_state[key] = name

    def picked() -> None:
        chosen = st.session_state[key]
        if chosen in ORDERS:
            set_order(ORDERS[chosen])

    st.selectbox(
        "Order of the stages", [*ORDERS, *([CUSTOM] if name == CUSTOM else [])], key=key, on_change=picked,
        format_func=lambda one: "your own" if one == CUSTOM else copy.engine(one).get("title", one),
        help=copy.info("order") + "\n\nDrag a row of the chain, or press Alt and an arrow on it, for an order of "
        "your own.",
    )
    return order


# -------------------------------------------------------------------------------------------------- what it changes


def effect(
    stages: Sequence[Stage], pending: Step, usual: Sequence[Stage], usual_pending: Step, label: Callable[[int], str],
    order: Sequence[str],
) -> dict[str, Any]:
    """What an order does to this step, compared with the library's.

    Args:
        stages, pending: under the order.
        usual, usual_pending: under the library's order, the same knobs and the same random numbers.
        label: a token's text by id.
        order: the stages' names in their order.

    Returns:
        `{"name", "says", "lacks", "notes"}` for the picture.
    """
    share = moved(stages[-1].probabilities, usual[-1].probabilities)
    if share < 1e-7:
        says = "At this step the order changes nothing: the same tokens stay with the same chances."
    else:
        one, other = stages[-1].survivors, usual[-1].survivors
        stay = (f"{tokens(one)} {'stays' if one == 1 else 'stay'} either way" if one == other else
                f"{tokens(one)} {'stays' if one == 1 else 'stay'}, in the order of transformers {other:,}")
        same = pending.id == usual_pending.id
        draws = (f"The draw gives “{label(pending.id)}” both times." if same else
                 f"The draw gives “{label(pending.id)}” and there “{label(usual_pending.id)}”.")
        says = f"At this step {stay}; {percent(share)} of the probability changes hands. {draws}"
    return {**engine(order, stages), "says": says}


def engine(order: Sequence[str], stages: Sequence[Stage]) -> dict[str, Any]:
    """Which of the stages that are on the engine lacks, and how it differs beside the order."""
    name = name_of(order)
    about = copy.engine(name)
    running = [stage.name for stage in stages[1:] if stage.on]
    if name == CUSTOM:
        absent: list[str] = []
    else:
        known = set(about.get("samplers", ()))
        absent = [one for one in running if one not in known and one != "constraint"]
    title = about.get("title", "your own order")
    lacks = ""
    if absent:
        listed = " and ".join([", ".join(absent[:-1]), absent[-1]] if len(absent) > 1 else absent)
        one = len(absent) == 1
        if name == FIRST:
            where = f"{'it stands' if one else 'they stand'} where generate() puts custom processors"
            if "mirostat" in absent:
                where = "it stands at the end" if one else where + ", mirostat at the end"
        else:
            keeps = "it keeps the place that it has" if one else "they keep the places that they have"
            where = f"{keeps} in transformers"
        lacks = f"{title} has no {listed}; here {where}."
    return {"name": name, "title": title, "says": "", "lacks": lacks, "notes": about.get("notes", "")}
