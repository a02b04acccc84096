"""Tokens: the same text in two to four tokenizers, byte by byte."""

from __future__ import annotations

import streamlit as st

from components import first_views
from components.payload import annotate
from components.views import frame
from components.views.component import mount
from components.views.tokenizer import (
    bring,
    cutting,
    export,
    languages,
    payload,
    pipeline,
    replay,
    specials,
    training,
    vocabulary,
    work,
)
from components.views.tokenizer.snippet import snippet

frame.begin("tokenizer")
text = frame.text("tokenizer", live=True, rows=4, mono=True)
bring.settle()
chosen = work.choose()
left, right = chosen[0], chosen[-1] if len(chosen) < 2 else chosen[1]

picture = payload.empty()
above = st.container()
view = work.options()
with above, frame.sentences():
    stored = first_views.find("tokenizer", work.stored_name(chosen), text, {"left": left, "right": right})
    if stored:
        picture = stored.payload
    elif text:
        picture = payload.columns([work.traced(name, text) for name in chosen], work.others(text, *chosen),
                                  titles=work.titles(chosen))
    mount("tokenizer", annotate(picture, view=view), key="tokenizer_chips")


def every_tokenizer() -> None:
    """Counts in every vocabulary that is here."""
    if not text:
        st.caption("Type a sentence, or press an example.")
        return

    def choose() -> None:
        chosen = (st.session_state.get("tokenizer_every") or {}).get("choose")
        if chosen in work.here():
            st.session_state["tokenizer_right"] = chosen

    bars = work.every(text, chosen)
    mount("tokenizer_bars", bars, key="tokenizer_every", triggers=("choose",), callbacks={"choose": choose})


def ids_and_bytes() -> None:
    """The tokens of one column as a table, drawn from the picture's own numbers."""
    mount("tokenizer_table", picture, key="tokenizer_rows")


frame.panels("tokenizer", {
    "Ids and bytes": ids_and_bytes,
    "Replay the algorithm": lambda: replay.draw(text, chosen),
    "Inside, step by step": lambda: pipeline.draw(text, chosen),
    "Every tokenizer here": every_tokenizer,
    "Vocabulary": lambda: vocabulary.draw(chosen),
    "Special tokens": lambda: specials.draw(text, chosen),
    "Train your own": training.draw,
    "What a language costs": lambda: languages.draw(chosen),
    "Cut at N": lambda: cutting.draw(text, chosen),
    "Bring your own": lambda: bring.draw(text, chosen),
})
frame.try_this("tokenizer")


def traces() -> list[work.TokenTrace]:
    return [work.traced(name, text) for name in chosen]


named = work.titles(chosen)
frame.footer(
    "tokenizer",
    text=text,
    snippet=lambda: snippet(text, *chosen),
    exports=[
        frame.Export("CSV, one row a token", "tokens.csv", "text/csv", lambda: export.as_csv(traces(), named)),
        frame.Export("JSON", "tokens.json", "application/json", lambda: export.as_json(traces(), named)),
        frame.Export("HTML, the chips", "tokens.html", "text/html", lambda: export.as_html(traces(), named)),
        frame.Export("PNG, the chips", "tokens.png", "image/png", lambda: b"", button=export.png_button),
    ] if text else [],
)
