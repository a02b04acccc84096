"""Looking Glass: look inside a language model. The front door: page configuration and navigation, nothing else."""

from __future__ import annotations

import streamlit as st

from components.views import frame

st.set_page_config(page_title="Looking Glass", page_icon="assets/web/icon.svg", layout="wide")
st.logo("assets/web/icon.svg", size="large")
page = frame.navigation()
with frame.sentences():
    page.run()
