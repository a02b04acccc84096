"""The panels under the map: what each stage did, the outliers, and the map in three dimensions."""

from __future__ import annotations

import streamlit as st

from components.corpora import Corpus
from components.payload import pack
from components.topics import Settings
from components.views.component import mount
from components.views.topics import work
from components.views.topics.board import SNIPPET, Board

LIGHT = ("#0072B2", "#C08400", "#009E73", "#B8578F", "#2A86C4", "#D55E00", "#7B7300")
DARK = ("#3D9BD9", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
SYMBOLS = ("circle", "square", "diamond")
MOST_OUTLIERS = 400


def stages(board: Board) -> None:
    """Embed, neighbours, reduce, cluster, words: what went in and what came out, as five small pictures."""
    header = board.header
    facts = {
        name: header[name] for name in ("stages", "settings", "quality", "reducer", "topics", "corpus", "notes")
    }
    arrays = {name: board.arrays[name] for name in ("heat", "cosines", "xy", "labels")}
    mount("topics_panels", pack({"panel": "stages", **facts}, arrays), key="topics_stages")


def outliers(board: Board) -> None:
    """Every document without a topic, with the topic nearest to it."""
    found = board.map
    order = sorted(found.outliers.tolist(), key=lambda i: -float(found.closeness[i]))
    rows = [
        {
            "id": board.header["ids"][i],
            "text": board.header["texts"][i][: 4 * SNIPPET],
            "topic": int(found.nearest[i]),
            "cosine": round(float(found.closeness[i]), 3),
        }
        for i in order[:MOST_OUTLIERS]
    ]
    names = [topic.name for topic in found.topics]
    # How close a document in the middle of each topic's ranking is: what an outlier's cosine is to be held against.
    usual = [round(float(found.closeness[found.members(topic.id)[topic.size // 2]]), 3) for topic in found.topics]
    header = {
        "panel": "outliers", "rows": rows, "left_out": max(0, len(order) - MOST_OUTLIERS), "topics": names,
        "usual": usual, "corpus": board.header["corpus"],
    }
    mount("topics_panels", pack(header), key="topics_outliers")


def in_space(board: Board, corpus: Corpus, settings: Settings) -> None:
    """The same documents in three dimensions. Only here plotly is brought in."""
    if board.map.reducer != "umap":
        st.caption("With so few different documents there is no third dimension to show.")
        return
    points = work.in_space(corpus, settings)
    import plotly.graph_objects as go

    found = board.map
    dark = st.context.theme.type == "dark"
    colours = DARK if dark else LIGHT
    figure = go.Figure()
    for topic in [-1, *range(len(found.topics))]:
        inside = found.labels == topic
        if not inside.any():
            continue
        figure.add_trace(
            go.Scatter3d(
                x=points[inside, 0], y=points[inside, 1], z=points[inside, 2], mode="markers",
                name=found.topics[topic].name if topic >= 0 else "outliers",
                text=[text[:60] for text, hit in zip(board.header["texts"], inside.tolist(), strict=True) if hit],
                hovertemplate="%{text}<extra>%{fullData.name}</extra>",
                marker={
                    "size": 3.4 if topic >= 0 else 2.6,
                    "color": colours[topic % 7] if topic >= 0 else "#8A8880",
                    "symbol": SYMBOLS[topic // 7 % 3] if topic >= 0 else "circle-open",
                },
            )
        )
    away = {"visible": False}
    figure.update_layout(
        height=560, margin={"l": 0, "r": 0, "t": 0, "b": 0}, paper_bgcolor="rgba(0,0,0,0)",
        scene={"xaxis": away, "yaxis": away, "zaxis": away, "aspectmode": "cube",
               "camera": {"eye": {"x": 1.0, "y": 1.0, "z": 0.55}}},
        legend={"itemsizing": "constant"}, font={"color": "#ECEAE4" if dark else "#1D1C24", "size": 14},
    )
    st.caption("Drag to turn it. A third dimension separates groups that had to share ground on the flat map.")
    st.plotly_chart(
        figure, key="topics_space", theme=None,
        alt=f"{len(found)} documents in three dimensions, coloured by their {len(found.topics)} topics.",
    )
