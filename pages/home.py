"""Home: one sentence goes through all five stages, each a small picture that links to its page."""

from __future__ import annotations

from components.views import frame
from components.views.home import page

frame.begin("home")
text = frame.text("home")
model = page.model()

with frame.sentences():
    page.follow(text, model)
page.draw()
frame.try_this("home")
page.footer()
