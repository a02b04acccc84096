"""Search: one question, ranked by words, by meaning and by both, and the reason for every rank."""

from __future__ import annotations

import streamlit as st

from components import corpora
from components.views import frame
from components.views.search import board as boards
from components.views.search import exports, knobs, panels, picture, work
from components.views.search.snippet import snippet

frame.begin("search")
question = frame.text("search")

left, right = st.columns([3.6, 1], gap="large")
with right:
    source = knobs.corpus()
    settings = knobs.draw(source)

with left:
    # Three places that stay where they are, so that work in between never takes the picture's place.
    own, working, shown = st.container(), st.container(), st.container()
with own:
    pasted = knobs.passages() if source == "pasted" else ""

board, corpus, passage = boards.blank("This could not be searched."), None, None
with working, frame.sentences():
    if source == "pasted" and not pasted.strip():
        board = boards.blank("Paste some passages above, and they are ranked here.")
    elif not question.strip():
        board = boards.blank("Type a question, or press an example.")
    else:
        corpus = corpora.pasted(pasted) if source == "pasted" else corpora.bundled(source)
        board = work.search(question, corpus, settings)
        passage = picture.followed(board)
        if passage is not None and str(passage) not in board.header["passages"]:
            board = work.search(question, corpus, settings, also=(passage,))
with shown:
    picture.draw(board, passage)

if corpus is not None and board.header["count"]:
    found = corpus
    frame.panels(
        "search",
        {
            "Why this hit": lambda: panels.why(board, found, passage),
            "All passages": lambda: panels.scores(board, passage),
        },
    )
frame.try_this("search")
if corpus is not None and board.header["count"]:
    files = [
        frame.Export("All ranks (CSV)", "search.csv", "text/csv", lambda: exports.as_csv(board, corpus)),
        frame.Export("Top ten with reasons (JSON)", "search.json", "application/json",
                     lambda: exports.as_json(board, corpus)),
    ]
    if corpus.name == "pasted":
        files.append(frame.Export("Passages (text)", "passages.txt", "text/plain", lambda: exports.passages(corpus)))
    frame.footer(
        "search",
        text=question,
        snippet=lambda: snippet(question, corpus.name, corpus.texts, settings),
        exports=files,
        send=("tokenizer", "attention", "sampling", "topics"),
        send_text=corpus.texts[passage] if passage is not None else question,
        send_label="Send this passage to …",
    )
