"""The panel "Turn heads off": what the model says without some of its heads, what chance would do, and a full sweep."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from components import caching
from components.attention import Ablation, Attribution, Control, HeadMap, control, passes, spell
from components.attention.ablation import compare
from components.attention.restart import begin
from components.models import catalog, loaders
from components.views import address, frame
from components.views.attention import sweeping
from components.views.attention.ablation_payload import payload
from components.views.attention.snippet_ablation import snippet_ablation
from components.views.component import mount
from components.views.footer import reproduce
from components.workshop import Job

KEY = "attention_ablation"
SCOPES = {"head": "this head", "layer": "this layer", "picked": "hand-picked"}
HOWS = dict(zip(sweeping.HOWS, ("zero", "its mean"), strict=True))
_PICKED = f"{KEY}_heads"
Head = tuple[int, int]


@dataclass(frozen=True)
class Result:
    """What the left half of the panel shows.

    Attributes:
        ablation, control: see `components.attention`.
        pieces: the texts of the tokens that are listed, by id.
        forward, loss: seconds of one forward pass, and of one loss on the text, measured now: for the estimate.
        elsewhere: the other text.
    """

    ablation: Ablation
    control: Control
    pieces: dict[int, str]
    forward: float
    loss: float
    elsewhere: str


# The panel ----------------------------------------------------------------------------------------------------------


def draw(heads: HeadMap, name: str, text: str, layer: int, head: int) -> None:
    """Knobs, the comparison with its control, the sweep, and the snippet."""
    scope, how, typed, loss = _knobs(heads)
    target = _target(name, typed) if heads.causal else None
    chosen = _chosen(heads, scope, layer, head)
    result = _compared(heads, name, chosen, how, target) if chosen else None
    ask = sweeping.Ask(name, text, tuple(heads.ids.tolist()), how, target, loss)
    under_way = sweeping.go_on(ask)
    found = sweeping.kept(ask)
    direct: Attribution | None = caching.peek(sweeping.DIRECT, (name, text, target)) if found else None
    view = {
        "model": catalog.entry(name).title,
        "scope": scope,
        "off": [list(one) for one in chosen],
        "how": how,
        "running": under_way,
        "loss": loss,
        "passes": round(passes(heads.layers, heads.heads)),
    }
    mount(
        KEY, payload(heads, view, result, found, direct), key=KEY, state=("picked",), triggers=("sweep",),
        callbacks={"picked": _picked, "sweep": sweeping.asked},
    )
    sweeping.follow()
    if result is not None and heads.causal:
        reproduce(KEY, lambda: snippet_ablation(name, heads.ids.tolist(), chosen, how, target))


def _knobs(heads: HeadMap) -> tuple[str, str, str, bool]:
    address.accept_ids([f"{KEY}_scope"], list(SCOPES), SCOPES.__getitem__)
    address.accept_ids([f"{KEY}_how"], list(HOWS), HOWS.__getitem__)
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{KEY}_knobs", gap="small"):
        scope = st.segmented_control(
            "Turn off", list(SCOPES), default="head", required=True, format_func=SCOPES.__getitem__,
            key=f"{KEY}_scope", bind="query-params",
            help="The chosen head, its whole layer, or heads that you pick in the grid below.",
        )
        how = st.segmented_control(
            "Set to", list(HOWS), default="zero", required=True, format_func=HOWS.__getitem__, key=f"{KEY}_how",
            bind="query-params",
            help="Zero takes away all that a head gives. Its mean, over the tokens of this text, leaves what it gives "
            "everywhere alike and takes away what differs from token to token. The two disagree.",
        )
        if not heads.causal:
            return str(scope), str(how), "", False
        typed = st.text_input(
            "Target token", key=f"{KEY}_target", bind="query-params", width=190, max_chars=60,
            placeholder=_shown(heads.next_pieces[0]) if heads.next_pieces else "",
            help="The next token whose chance is watched. Empty: the one that the model itself finds likeliest. "
            "A word is read with the space before it.",
        )
        loss = st.toggle(
            "Sweep the loss too", key=f"{KEY}_loss", bind="query-params",
            help="Also measures, for each head, how much harder the whole text becomes to predict. "
            "This needs the prediction at every token and takes longer.",
        )
    return str(scope), str(how), str(typed or ""), bool(loss)


def _shown(piece: str) -> str:
    return piece.strip() or repr(piece)


def _target(name: str, typed: str) -> int | None:
    """The token that a reader typed: as it stands, or with a space before it. None where nothing was typed.

    Raises ValueError where it is not one token of the vocabulary.
    """
    if not typed.strip():
        return None
    library = loaders.tokenizer(name).library_object
    ways = [typed] if typed.startswith(" ") else [f" {typed}", typed]
    read = [library.encode(way, add_special_tokens=False).ids for way in ways]
    for ids in read:
        if len(ids) == 1:
            return int(ids[0])
    count = min(len(ids) for ids in read)
    raise ValueError(
        f"“{typed.strip()}” is {count} tokens to this model, and a target is one; type a shorter or more common word."
    )


# Which heads --------------------------------------------------------------------------------------------------------


def _chosen(heads: HeadMap, scope: str, layer: int, head: int) -> tuple[Head, ...]:
    if scope == "head":
        return ((layer, head),)
    if scope == "layer":
        return tuple((layer, one) for one in range(heads.heads))
    picked = st.session_state.get(_PICKED)
    linked = st.query_params.get(_PICKED, "")
    if picked is None and linked:
        picked = [(int(one), int(other)) for one, other in re.findall(r"(\d{1,4})\.(\d{1,4})", linked[:4000])]
    picked = picked or []
    real = [one for one in picked if one[0] < heads.layers and one[1] < heads.heads]
    unique = sorted(set(real))
    if len(real) < len(picked):
        frame.trouble("The link names heads that this model has not; they are left out.")
    if len(unique) < len(real):
        twice = next(one for one in real if real.count(one) > 1)
        frame.trouble(f"Layer {twice[0]}, head {twice[1]} is named twice, and a head is turned off once.")
    if not picked and not linked:
        unique = [(layer, head)]
    _keep_picked(unique)
    return tuple(unique)


def _keep_picked(picked: Sequence[Head]) -> None:
    st.session_state[_PICKED] = list(picked)
    now = "_".join(f"{layer}.{head}" for layer, head in picked) or "none"
    if st.query_params.get(_PICKED) != now:
        st.query_params[_PICKED] = now


def _picked() -> None:
    """The browser tells what was clicked: a head, a layer, or the whole hand-picked set."""
    said = (st.session_state.get(KEY) or {}).get("picked") or {}
    heads = said.get("heads")
    if not isinstance(heads, list) or len(heads) > 4000:
        return
    named = [
        (int(one[0]), int(one[1])) for one in heads
        if isinstance(one, list) and len(one) == 2 and all(isinstance(part, int) and part >= 0 for part in one)
    ]
    if said.get("scope") == "picked":
        st.session_state[_PICKED] = named
        st.query_params[_PICKED] = "_".join(f"{layer}.{head}" for layer, head in named) or "none"
    elif named:
        st.session_state["attention_layer"], st.session_state["attention_head"] = named[0]


# The comparison -----------------------------------------------------------------------------------------------------


def _elsewhere(ids: Sequence[int], name: str) -> tuple[str, list[int]]:
    """A bundled text that is not the reader's, and its ids."""
    library = loaders.tokenizer(name).library_object
    for one in reversed(frame.examples("attention")):
        found = library.encode(one["text"], add_special_tokens=False).ids
        if found != list(ids):
            return str(one["text"]), [int(token) for token in found]
    raise ValueError("There is no other text to compare with; change a word of yours.")


def _compared(heads: HeadMap, name: str, chosen: tuple[Head, ...], how: str, target: int | None) -> Result:
    ids = tuple(heads.ids.tolist())

    def work(job: Job) -> Result:
        job.report(None, "opening the model" if not loaders.loaded(name) else "with and without")
        opened = loaders.model(name)
        job.report(0.1, "with and without")
        start = begin(opened, ids)
        made = compare(start, chosen, how, target)
        timed = time.perf_counter()
        start.go_on(0, start.streams[0])
        forward = time.perf_counter() - timed
        timed = time.perf_counter()
        start.loss(start.streams[-1][0])
        loss = time.perf_counter() - timed
        del start
        job.report(0.4, "random heads, and another text")
        other, other_ids = _elsewhere(ids, name)
        beside = control(opened, ids, chosen, how, made.target, elsewhere=other_ids, check=job.check)
        listed = made.top(5) if made.log_before is not None else []
        if made.target is not None and made.target not in listed:
            listed.append(made.target)
        pieces = dict(zip(listed, spell(opened.tokenizer, listed), strict=True))
        return Result(made, beside, pieces, forward, loss, other)

    return frame.compute(KEY, (name, ids, chosen, how, target), work, label="Turning heads off")
