"""Sampling: from every token there is to the one that comes next, through the library's own chain."""

from __future__ import annotations

import streamlit as st

from components.models import catalog
from components.views import frame
from components.views.sampling import knobs, last_row, page

frame.begin("sampling")

wide, narrow = st.columns([3.5, 1], gap="large", vertical_alignment="bottom")
with narrow:
    model = frame.model("sampling", [entry.id for entry in catalog.of_kind("decoder")])
with wide:
    text = frame.text("sampling", shown=page.examples(model))
page.follow_example(text)

st.session_state["sampling_whole_run"] = True
page.stage(model, text)

frame.try_this("sampling", knobs.reset)
last_row.draw(model, text)
