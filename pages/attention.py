"""Attention: every head of a real model on the reader's own text, and one head large."""

from __future__ import annotations

import streamlit as st

from components.views import frame
from components.views.attention import (
    ablation,
    architectures,
    birth,
    cell,
    export,
    lens,
    lowrank,
    panels,
    parting,
    picture,
    scoreboard,
    shapes,
    walk,
    writing,
)
from components.views.attention.snippet import snippet

PAGE = picture.PAGE

frame.begin(PAGE)
text = frame.text(PAGE)

heads = None
with frame.sentences():
    with st.container(key="attention_stage"):
        name = picture.knobs()
        # A place of its own for progress, so that the picture before it stays while the next is computed.
        with st.container(key="attention_work"):
            heads = picture.read(name, text)
        layer, head = picture.draw(heads, name, text)
        st.caption(picture.says(name, heads))

hide_first = bool(st.session_state.get("attention_hide_first", True))
if heads is not None:
    frame.panels(
        PAGE,
        {
            "One head": lambda: panels.one_head(heads, layer, head, name, text, hide_first=hide_first),
            "One cell": lambda: cell.draw(heads, name, layer, head),
            "Turn heads off": lambda: ablation.draw(heads, name, text, layer, head),
            "Inside, step by step": lambda: walk.draw(heads, name, text, layer, head),
            "Logit lens": lambda: lens.draw(name, heads),
            "Two sentences": parting.draw,
            "Three architectures": lambda: architectures.draw(text),
            "While it writes": lambda: writing.draw(heads, name, text, layer, head, hide_first=hide_first),
            "How a head is born": birth.draw,
            "Shapes and memory": lambda: shapes.draw(name),
            "Low rank": lambda: lowrank.draw(heads, name, text),
            "Who does what": lambda: panels.by_score(heads, name, text),
            "Tokens": lambda: panels.tokens(heads),
        },
    )
frame.try_this(PAGE)
if heads is not None:
    frame.footer(
        PAGE,
        text=text,
        snippet=lambda: snippet(name, text, layer, head),
        exports=export.files(
            heads, name, text, picture.current_look(heads, name, (layer, head)),
            lambda: scoreboard.columns(heads, name, scoreboard.effect_of(name, text)),
        ),
    )
