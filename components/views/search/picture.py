"""The Search picture on the page, and which passage the reader follows."""

from __future__ import annotations

import streamlit as st

from components.payload import pack
from components.views.component import mount
from components.views.search.board import Board

STATE = "search_follow"


def _chosen(key: str) -> None:
    """A component says "board:passage"; it is checked against the board when the page draws."""
    value = (st.session_state.get(key) or {}).get("follow")
    if isinstance(value, str):
        st.session_state[STATE] = value


def followed(board: Board) -> int | None:
    """The passage the reader follows on this board: chosen here, linked to in the address, else the most telling."""
    said = st.session_state.get(STATE)
    if isinstance(said, str):
        name, _, number = said.partition(":")
        if name == board.header["id"] and number.isdecimal() and int(number) < board.header["count"]:
            return int(number)
    linked = st.query_params.get(STATE)
    if linked in board.header["ids"]:
        return int(board.header["ids"].index(linked))
    return board.default


def _link(board: Board, passage: int | None) -> None:
    """Keep the followed passage in the address where it is not the one that a fresh visit would follow."""
    wanted = None if passage is None or passage == board.default else board.header["ids"][passage]
    if wanted is None:
        if STATE in st.query_params:
            del st.query_params[STATE]
    elif st.query_params.get(STATE) != wanted:
        st.query_params[STATE] = wanted


def draw(board: Board, passage: int | None) -> None:
    """The columns, the lines and the reading card, with one passage followed."""
    payload = board.payload
    if passage != board.default:
        payload = pack({**board.header, "followed": passage}, board.arrays)
    _link(board, passage)
    component(board, "search", payload)


def component(board: Board, name: str, payload: bytes) -> None:
    """One of the page's browser components; a click in any of them follows a passage."""
    key = f"{name}_view"
    mount(name, payload, key=key, triggers=("follow",), callbacks={"follow": lambda: _chosen(key)})
