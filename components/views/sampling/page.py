"""The page's middle: the text so far with the knobs, the picture, and the panels below, redrawn on their own at each
press."""

from __future__ import annotations

from functools import cache
from typing import Any

import streamlit as st
from numpy.typing import NDArray

from components import first_views
from components.models import catalog, loaders
from components.sampling import STAGES
from components.views import frame
from components.views.component import WEB, mount
from components.views.sampling import follow, knobs, moments, more, orders, panels, session
from components.views.sampling.picture import settings_of, split

TEXT, PICTURE = "sampling_so_far", "sampling_picture"
RANKED = "sampling_ranked"


@cache
def _css() -> str:
    return f"<style>{(WEB / 'sampling_page.css').read_text('utf-8')}</style>"


def _pressed(key: str) -> None:
    st.session_state["sampling_asked"] = (st.session_state.get(key) or {}).get("act")


def _asked(key: str) -> None:
    """What is asked beside writing: another order, a token to look for or to follow, the ranks of the prompt."""
    ask = (st.session_state.get(key) or {}).get("ask")
    if not isinstance(ask, dict) or follow.obey(ask):
        return
    if ask.get("do") == "ranks":
        st.session_state[RANKED] = True
    wanted = ask.get("names")
    if ask.get("do") == "order" and isinstance(wanted, list):
        # What only a model's own generation config asks for cannot be moved: Settings do not know its name.
        orders.set_order(list(dict.fromkeys(name for name in wanted if name in STAGES)))


@st.fragment
def stage(model: str, text: str) -> None:
    """Draw text, knobs, picture and panels; what they show now is noted for the page's last row."""
    st.html(_css())
    with st.container(key="sampling_stage"):
        left, right = st.columns([1, 2.55], gap="large")
        with left:
            so_far = st.container(key="sampling_text_box")
            with st.container(key="sampling_knobs"):
                said = knobs.draw(catalog.entry(model).has_chat_template)
        with right:
            box = st.container(key="sampling_picture_box")
            with st.container(key="sampling_more"):
                more.draw(moments.speller(model) if loaders.loaded(model) else None)
    drawn: tuple[dict[str, Any], dict[str, NDArray[Any]]] | None = None
    with box, frame.sentences():
        said = {**said, **_further(model, text, said)}
        drawn = _picture(model, text, said)
        texts, picture = split(*drawn)
        mount("sampling", picture, key=PICTURE, triggers=("act", "ask"),
              callbacks={"act": lambda: _pressed(PICTURE), "ask": lambda: _asked(PICTURE)})
        with so_far:
            mount("sampling_text", texts, key=TEXT, triggers=("act", "ask"),
                  callbacks={"act": lambda: _pressed(TEXT), "ask": lambda: _asked(TEXT)})
    st.session_state["sampling_now"] = {"model": model, "text": text, "said": said, "drawn": drawn is not None}
    if drawn is not None:
        frame.panels("sampling", panels.every(model, said, *drawn))
    # The last row stands outside this fragment: where a reader has its code open, it has to follow.
    alone = not st.session_state.pop("sampling_whole_run", False)
    if alone and st.session_state.get("sampling_reproduce"):
        st.rerun()


def _further(model: str, text: str, said: dict[str, Any]) -> dict[str, Any]:
    """The further knobs as settings. What is typed about tokens is read by the model's own tokenizer."""
    if not more.asks_for_tokens():
        return more.resolve(None)
    moments.begin(model, text, said)  # in the background, with its progress: it opens the model
    return more.resolve(moments.speller(model))


def _picture(model: str, text: str, said: dict[str, Any]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Header and arrays of the picture, after whatever the reader has pressed. Raises ValueError sentences."""
    kept = session.written((model, text, said["chat"], said["system"]))
    action = session.asked()
    followed, ranked = follow.now(), bool(st.session_state.get(RANKED))
    stored = first_views.find("sampling", model, text, knobs.shown(said))
    quiet = action is None and not kept["steps"] and not kept["redraws"]
    if stored is not None and quiet and not (followed or ranked or st.session_state.get(follow.FOUND)):
        return stored.header, stored.arrays
    settings_of(said)  # forged knobs are a sentence before anything is computed
    begun = moments.begin(model, text, said)
    if action is not None:
        session.obey(action, begun, kept, said)
    steps, redraw = session.steps_of(kept), session.redraw_of(kept)
    header, arrays = moments.picture(begun, text, steps, knobs.shown(said), redraw, follow=followed, ranked=ranked)
    end = session.ended(begun, kept)
    looked = follow.found(model, moments.labels(model), moments.gave(begun, steps))
    return (
        {**header, "running": kept["left"] > 0, "note": end or kept["note"], "ended": bool(end),
         "serial": kept["serial"], **({"found": looked} if looked else {})},
        arrays,
    )


def examples(model: str) -> list[dict[str, Any]]:
    """The examples that suit a model: questions only where it was taught to answer."""
    chats = catalog.entry(model).has_chat_template
    return [item for item in frame.examples("sampling") if chats or not item.get("chat")]


def follow_example(text: str) -> None:
    """A pressed example brings its chat format along; a link and a typed text leave the switch as it is."""
    before = st.session_state.get("sampling_seen")
    st.session_state["sampling_seen"] = text
    example = frame.example("sampling")
    if before not in (None, text) and example is not None:
        st.session_state["sampling_chat"] = bool(example.get("chat"))
