"""Topics: documents grouped by what they mean, on a map, with the words that set each group apart."""

from __future__ import annotations

import streamlit as st

from components import corpora
from components.views import frame
from components.views.topics import exports, knobs, panels, picture, work
from components.views.topics.snippet import snippet

frame.begin("topics")
st.html(picture.STYLE)
left, right = st.columns([3.2, 1], gap="medium", vertical_alignment="bottom")
with left:
    text = frame.text("topics")
with right:
    source = knobs.corpus()
with st.container(key="topics_knobs"):
    settings = knobs.draw(source)

board, corpus, document = None, None, None
with frame.sentences():
    own = knobs.own_documents() if source == "own" else ""
    if source == "own" and not own.strip():
        st.info("Paste some documents above, and they are grouped here.")
    else:
        corpus = corpora.pasted(own) if source == "own" else corpora.bundled(source)
        board = work.board(corpus, settings)
        new = None
        with frame.sentences():
            new = work.new_document(board, corpus, text)
        document = picture.draw(board, corpus, new)

with st.container(key="topics_rest"):
    if board is not None and corpus is not None:
        shown, documents = board, corpus
        frame.panels(
            "topics",
            {
                "Five stages": lambda: panels.stages(shown),
                "Outliers": lambda: panels.outliers(shown),
                "In three dimensions": lambda: panels.in_space(shown, documents, settings),
            },
        )
    frame.try_this("topics")
    if board is not None and corpus is not None:
        frame.footer(
            "topics",
            text=text,
            snippet=lambda: snippet(documents, settings),
            exports=[
                frame.Export("Documents with topics (CSV)", "topics.csv", "text/csv",
                             lambda: exports.as_csv(shown, documents)),
                frame.Export("Topics with words (JSON)", "topics.json", "application/json",
                             lambda: exports.as_json(shown, documents)),
                frame.Export("A BERTopic model (zip)", "bertopic.zip", "application/zip",
                             lambda: exports.as_bertopic(shown, documents)),
            ],
            send=("tokenizer", "attention", "sampling", "search"),
            send_text=documents.texts[document] if document is not None else text,
            send_label="Send this text to …" if document is None else "Send this document to …",
        )
