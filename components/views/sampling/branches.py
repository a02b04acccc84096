"""The panel "Branches": everything that was written from this text, as a tree that can be walked, cut and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components.models import catalog, loaders
from components.payload import pack
from components.sampling import Ahead, Step, look_ahead, tree
from components.views import frame
from components.views.component import mount
from components.views.footer import reproduce
from components.views.running import Running
from components.views.sampling import moments, session
from components.views.sampling.labels import Labels
from components.views.sampling.moments import Begun
from components.views.sampling.picture import settings_of
from components.views.sampling.snippet_branches import snippet_branches
from components.workshop import Job

KEY = "sampling_branches"
COLOURS = ("surprise", "probability", "rank")
ENDS = 40
NODES = 900
OFFERS = 5
MOST_AHEAD = 40
_AGAIN = f"{KEY}_again"
Told = tuple[tuple[Ahead, ...], ...]


class Looking(Running):
    """Branches being written on; what is there when the reader presses Stop stays."""

    def stop(self, sentence: str | None = None) -> None:
        run = self.run
        if run is not None and self.partial is not None:
            st.session_state[f"{KEY}_stopped"] = (run.ask, self.partial)
        super().stop(sentence)


def draw(model: str, said: dict[str, Any], text: str) -> None:
    """Controls, the tree, the snippet."""
    belongs_to = (model, text, said["chat"], said["system"])
    kept = session.written(belongs_to)
    begun = moments.begin(model, text, said)
    looking = Looking(KEY, doing="Writing the branches on")
    for ended in (st.session_state.pop(f"{KEY}_stopped", None), looking.settle()):
        if ended is not None:
            _take_in(*ended)
    if st.session_state.pop(_AGAIN, False):
        st.rerun()  # the whole page: its text or its model is another one
    colour, count = _controls(begun, kept, said, looking)
    if looking.says:
        frame.trouble(looking.says)
    _note_offers(begun, kept, said)
    named = moments.labels(model)
    if looking.run is None:
        _mount(payload(kept["tree"], begun.prompt.ids, named, colour=colour, note=_note(begun, kept)))
    else:
        looking.follow(
            lambda: _mount(payload(_with(kept, looking), begun.prompt.ids, named, colour=colour, running=True)),
            stopped="Stopped. What was written of the branches stays.",
        )
    with st.container(horizontal=True, key=f"{KEY}_below", gap="small"):
        reproduce(KEY, lambda: snippet_branches(
            model, text, settings_of(said), count, written=[step["id"] for step in kept["steps"]], chat=said["chat"],
            system=said["system"]), "Reproduce these branches")


def _mount(data: bytes) -> None:
    mount(KEY, data, key=KEY, triggers=("act",), callbacks={"act": _pressed})


def _pressed() -> None:
    st.session_state["sampling_asked"] = (st.session_state.get(KEY) or {}).get("act")


def _controls(begun: Begun, kept: dict[str, Any], said: dict[str, Any], looking: Looking) -> tuple[str, int]:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=f"{KEY}_controls"):
        colour = st.selectbox(
            "Colour of a token", COLOURS, key=f"{KEY}_colour", bind="query-params", width=160,
            help="Its surprise by the model's own distribution, its chance after the chain, or its rank.",
        )
        count = st.number_input(
            "Tokens of a branch", 2, MOST_AHEAD, 12, 1, key=f"{KEY}_tokens", bind="query-params", width=150,
            help="How far each branch is written on, its first token included.",
        )
        if st.button(
            "Write the likeliest on", key=f"{KEY}_ahead", type="primary",
            disabled=looking.run is not None or bool(session.ended(begun, kept)),
            help="Each of the likeliest next tokens goes on with its likeliest tokens: one batch, nothing drawn.",
        ):
            _start(looking, begun, kept, said, int(count))
        _edit(begun, kept, said)
        _earlier()
    return str(colour), int(count)


# ------------------------------------------------------------------------------------------------------ writing ahead


def _start(looking: Looking, begun: Begun, kept: dict[str, Any], said: dict[str, Any], count: int) -> None:
    """Write each of the likeliest next tokens on, in the background."""
    steps = session.steps_of(kept)
    firsts = [one[0] for one in moments.choice(begun, steps, said, session.redraw_of(kept)).offers]
    settings = settings_of(said)
    kept["left"] = 0

    def work(job: Job, tell: Any) -> Told:
        job.report(None, "reading the text")

        def hear(so_far: Told) -> None:
            tell(so_far)
            job.report(max(map(len, so_far)) / count, f"token {max(map(len, so_far))} of {count}")

        return look_ahead(loaders.model(begun.model), begun.prompt.ids, steps, firsts, settings, count, tell=hear,
                          cancelled=job.cancelled)

    looking.start((kept["belongs_to"], kept["tree"]["at"]), work)


def _take_in(ask: tuple[tuple[Any, ...], int], branches: Told) -> None:
    """Hang finished branches into the tree that they were asked for, wherever the reader has gone since."""
    now = st.session_state.get(session.KEY)
    for kept in ([now] if isinstance(now, dict) else []) + session.earlier():
        if kept["belongs_to"] == ask[0] and ask[1] in kept["tree"]["nodes"]:
            hang(kept["tree"], ask[1], branches)
            tree.trim(kept["tree"])
            return


def hang(grown: tree.Tree, number: int, branches: Told) -> None:
    """Write branches into a tree, after one of its nodes."""
    for branch in branches:
        at = number
        for one in branch:
            there = tree.child(grown, at, one.step.id)
            if there is None:
                there = tree.grow(grown, at, asdict(one.step), chance=one.chance, offers=one.offers)
            grown["nodes"][there]["pruned"] = False  # what the reader wrote there keeps its own record
            at = there


def _with(kept: Mapping[str, Any], looking: Looking) -> tree.Tree:
    """The tree with what is being written, as it will be."""
    grown = kept["tree"]
    copied = {**grown, "nodes": {number: dict(node) for number, node in grown["nodes"].items()}}
    run, partial = looking.run, looking.partial
    if run is not None and partial and run.ask[0] == kept["belongs_to"] and run.ask[1] in copied["nodes"]:
        hang(copied, run.ask[1], partial)
    return copied


def _note_offers(begun: Begun, kept: dict[str, Any], said: dict[str, Any]) -> None:
    """What may come at the end of the text in sight, under the knobs as they are now."""
    here = kept["tree"]["nodes"][kept["tree"]["at"]]
    here["offers"] = []
    if not session.ended(begun, kept):
        made = moments.choice(begun, session.steps_of(kept), said, session.redraw_of(kept))
        here["offers"] = [list(one) for one in made.offers]


def _note(begun: Begun, kept: dict[str, Any]) -> str:
    return session.ended(begun, kept).replace("Press Back", "Press a word before it")


# ------------------------------------------------------------------------------------------- another text, other trees


def _edit(begun: Begun, kept: dict[str, Any], said: dict[str, Any]) -> None:
    """Prompt and continuation in one box; what is sent from it is the page's text."""
    with st.popover("Edit the text", key=f"{KEY}_edit", on_change="rerun") as box:
        if not box.open:
            return
        text = kept["belongs_to"][1]
        if said["chat"]:
            st.caption("In the chat format this is your message. The model's answer is not part of it.")
            whole = text
        else:
            st.caption("Change it anywhere. The model reads on from the first changed token; what stands before it "
                       "is still in its key-value cache. These branches are kept under Earlier trees.")
            whole = text + moments.labels(begun.model).text([step["id"] for step in kept["steps"]])
        box_key = f"{KEY}_text_{abs(hash(whole))}"
        st.text_area("Text with its continuation", whole, key=box_key, height=180)
        st.button("Go on from this text", key=f"{KEY}_send", type="primary", on_click=_send, args=(box_key,))


def _send(box_key: str) -> None:
    edited = st.session_state.get(box_key)
    if isinstance(edited, str) and edited.strip():
        frame.set_text("sampling", edited)
        st.session_state[_AGAIN] = True


def _earlier() -> None:
    """The trees of the texts and models before this one."""
    if not session.earlier():
        return
    with st.popover("Earlier trees", key=f"{KEY}_earlier", on_change="rerun") as box:
        if not box.open:
            return
        st.caption("Each text and model has its own tree. The last two before this one are kept.")
        for place, one in enumerate(session.earlier()):
            model, text, *_ = one["belongs_to"]
            ends = len(tree.leaves(one["tree"]))
            short = text if len(text) <= 60 else text[:57] + "…"
            st.button(
                frame.plain(f"{short} ({catalog.entry(model).title}, {ends} branch{'' if ends == 1 else 'es'})"),
                key=f"{KEY}_return_{place}", type="tertiary", on_click=_return_to, args=(one["belongs_to"],),
            )


def _return_to(belongs_to: tuple[Any, ...]) -> None:
    model, text, chat, system = belongs_to
    session.want(belongs_to)
    st.session_state["sampling_model"] = model
    st.session_state["sampling_chat"] = chat
    if chat:
        st.session_state["sampling_system_kept"] = system
    frame.set_text("sampling", text)
    st.session_state["sampling_seen"] = text  # an example's own chat format must not come along
    st.session_state[_AGAIN] = True


# ------------------------------------------------------------------------------------------------ what the browser gets


def in_view(grown: tree.Tree) -> tuple[list[int], int]:
    """The nodes that are drawn, and how many branches are not: the text in sight and the latest ends always are."""
    ends = tree.leaves(grown)
    latest = sorted(ends, reverse=True)[:ENDS]
    wanted = {0, *tree.path(grown)}
    left_out = len(ends) - len(latest)
    for end in latest:
        whole = set(tree.path(grown, end))
        if len(wanted | whole) > NODES:
            left_out += 1
        else:
            wanted |= whole
    return [number for number in tree.shown(grown) if number in wanted], left_out


def _last_word(prompt: Sequence[int], named: Labels) -> str:
    """The word that the text ends with, which may be several tokens; the last token where it is no word's."""
    last = str(named.label(prompt[-1])["t"])
    if not last.strip() or named.label(prompt[-1])["k"]:
        return last
    return next(reversed(named.text(prompt[-8:]).split()), last)


def payload(
    grown: tree.Tree, prompt: Sequence[int], named: Labels, *, colour: str = "surprise", running: bool = False,
    note: str = "",
) -> bytes:
    """The browser's buffer. Arrays by node: `number`, `up`, `token`, `numbers` [node, 4] (chance after the chain, as
    the model gave it, surprise in nats, rank) and `offer` [node, 5] with `offer_chance`, -1 where there is none."""
    drawn, left_out = in_view(grown)
    nodes = [grown["nodes"][number] for number in drawn]
    offer = np.full((len(nodes), OFFERS), -1, dtype=np.int32)
    offer_chance = np.zeros((len(nodes), OFFERS), dtype=np.float32)
    numbers = np.zeros((len(nodes), 4), dtype=np.float32)
    for row, node in enumerate(nodes):
        for place, (token, now, _) in enumerate(node["offers"][:OFFERS]):
            offer[row, place], offer_chance[row, place] = int(token), now
        if node["step"] is not None:
            step = Step(**node["step"])
            numbers[row] = (node["chance"], step.raw, step.surprise, step.rank)
    tokens = [prompt[-1] if node["step"] is None else node["step"]["id"] for node in nodes]
    pruned = [number for number, node in grown["nodes"].items() if node["pruned"]]
    used = {*tokens, *offer[offer >= 0].tolist(), *(grown["nodes"][number]["step"]["id"] for number in pruned)}
    header = {
        "root": {**named.label(prompt[-1]), "t": _last_word(prompt, named)},
        "labels": {str(token): named.label(token) for token in sorted(used)},
        "at": grown["at"],
        "names": {str(number): node["name"] for number, node in zip(drawn, nodes, strict=True) if node["name"]},
        "pruned": [{"node": number, "token": grown["nodes"][number]["step"]["id"],
                    "name": grown["nodes"][number]["name"]} for number in pruned[-12:]],
        "left_out": left_out,
        "colour": colour if colour in COLOURS else COLOURS[0],
        "running": running,
        "note": note,
        "written": len(tree.path(grown)),
    }
    arrays: dict[str, NDArray[Any]] = {
        "number": np.array(drawn, dtype=np.int32),
        "up": np.array([node["up"] for node in nodes], dtype=np.int32),
        "token": np.array(tokens, dtype=np.int32),
        "numbers": numbers,
        "offer": offer,
        "offer_chance": offer_chance,
    }
    return pack(header, arrays)
