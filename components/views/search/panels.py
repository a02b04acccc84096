"""The panels under the Search picture: why a passage was found, and all passages by both scores."""

from __future__ import annotations

from components.corpora import Corpus
from components.payload import pack
from components.views.search import work
from components.views.search.board import Board
from components.views.search.picture import component


def why(board: Board, corpus: Corpus, passage: int | None) -> None:
    """The sums behind the scores, word by word, for the best keyword hits and the followed passage."""
    near = [] if passage is None else work.nearest(corpus, passage)
    header = {**board.header, "followed": passage, "nearest": [[i, round(cosine, 5)] for i, cosine in near]}
    component(board, "search_why", pack(header, board.arrays))


def scores(board: Board, passage: int | None) -> None:
    """Every passage as a point (keyword score, cosine) and as a row."""
    header = {key: value for key, value in board.header.items() if key != "passages"}
    component(board, "search_scores", pack({**header, "followed": passage}, board.arrays))
